"""Values that cannot be read: each plugin's own line behind the reason."""

from __future__ import annotations

import io

import pytest

from lab_helpers.router.config.config_text import Configuration
from lab_helpers.router.core.log import Level, Sink
from lab_helpers.router.core.service import Section, Service
from lab_helpers.router.engine.built_parts import InitError
from lab_helpers.router.engine.engine import Engine


@pytest.mark.parametrize(
    ("pairs", "lines"),
    [
        ([("name", "rewrite_tag"), ("rule", "$log x y")], ["expects 4 values (only 3 were found)"]),
        (
            [("name", "parser"), ("reserve_data", "maybe")],
            ["invalid value for boolean property", "[filter:parser:parser.0] configuration error"],
        ),
        (
            [("name", "throttle"), ("print_status", "maybe")],
            ["invalid value for boolean property", "[filter:throttle:throttle.0] unable to load configuration"],
        ),
    ],
)
def test_own_line(pairs: list[tuple[str, str]], lines: list[str]) -> None:
    """Some plugins of the real one add a line of their own, some do not."""
    text = io.StringIO()
    sections = [Section("input", [("name", "dummy")]), Section("filter", [*pairs, ("match", "*")])]
    engine = Engine(Configuration(sections=sections), Service(sink=Sink(Level.ERROR, text)))
    with pytest.raises(InitError):
        engine.build()
    engine.close()
    said = text.getvalue().splitlines()
    assert len(said) == len(lines) + 2  # and that the filter, then the engine failed
    assert all(part in line for part, line in zip(lines, said, strict=False))

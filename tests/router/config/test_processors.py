"""`processors` of an input (YAML): steps on its records before any filter."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.router.config.processors import CONTENT_MODIFIER
from lab_helpers.router.core.options import parse
from lab_helpers.router.plugin import FilterContext, PluginInitError
from lab_helpers.router.records.record import Record
from tests.router.plugins.bench import Bench, pairs_of
from tests.router.test_program import run

BODY = {"k": "v", "log": "x 12", "n": "5", "b": "true"}


def changed(lines: str, body: dict[str, Any]) -> dict[Any, Any]:
    """Return the body after content_modifier with these options."""
    bench = Bench()
    context = FilterContext(
        "p", bench.service.sink and _log(bench), bench.service, {}, emit=lambda _tag, _records: None, loop=bench.loop
    )
    step = CONTENT_MODIFIER.create(parse(CONTENT_MODIFIER.options, pairs_of(lines)), context)
    records = step.filter("t", [Record(1, dict(body))])
    bench.loop.close()
    return dict(records[0].body)


def _log(bench: Bench) -> Any:
    from lab_helpers.router.core.log import ComponentLog

    return ComponentLog(bench.service.sink)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("action insert\nkey a\nvalue z", [("k", "v"), ("log", "x 12"), ("n", "5"), ("b", "true"), ("a", "z")]),
        ("action insert\nkey k\nvalue z", list(BODY.items())),
        ("action upsert\nkey k\nvalue z", [("log", "x 12"), ("n", "5"), ("b", "true"), ("k", "z")]),
        ("action delete\nkey k", [("log", "x 12"), ("n", "5"), ("b", "true")]),
        ("action rename\nkey k\nvalue kk", [("kk", "v"), ("log", "x 12"), ("n", "5"), ("b", "true")]),
        ("action convert\nkey n\nconverted_type int", [("k", "v"), ("log", "x 12"), ("b", "true"), ("n", 5)]),
        ("action convert\nkey b\nconverted_type boolean", [("k", "v"), ("log", "x 12"), ("n", "5"), ("b", True)]),
        ("action extract\nkey log\npattern (?<d>\\d+)", [*BODY.items(), ("d", "12")]),
        ("action extract\nkey log\npattern (?<d>zz)", list(BODY.items())),
        ("action delete\nkey none", list(BODY.items())),
    ],
)
def test_content_modifier(lines: str, expected: list[tuple[str, Any]]) -> None:
    """Each action, with the place the key gets; as 4.2.8 did beside it."""
    assert list(changed(lines, BODY).items()) == expected


@pytest.mark.parametrize(
    "lines", ["action hash\nkey k", "key k", "action insert\nvalue x", "action extract\nkey k\npattern ("]
)
def test_content_modifier_refuses(lines: str) -> None:
    """An action that is not modelled, no key, an expression that does not compile."""
    with pytest.raises(PluginInitError):
        changed(lines, BODY)


def routed(folder: Path, processors: str, place: str = "inputs") -> subprocess.CompletedProcess[str]:
    """Run the router over a file of one line with these processors, until the file's end."""
    (folder / "x.log").write_text("x 12\n")
    steps = f"\n      processors: {{logs: [{processors}]}}"
    (folder / "a.yaml").write_text(
        f"pipeline:\n  inputs:\n    - name: tail\n      path: {folder}/x.log\n      read_from_head: true\n"
        f"      exit_on_eof: true{steps if place == 'inputs' else ''}\n  outputs:\n    - name: stdout\n"
        f"      match: '*'\n      format: json_lines\n      json_date_key: false{steps if place == 'outputs' else ''}\n"
    )
    return run("-c", str(folder / "a.yaml"))


def test_steps_run_in_order(tmp_path: Path) -> None:
    """Processors and filters, one after the other, on what the input takes."""
    steps = "{name: content_modifier, action: insert, key: a, value: b}, {name: modify, rename: a c}"
    assert routed(tmp_path, steps).stdout == '{"log":"x 12","c":"b"}\n'


def test_what_is_unknown_is_refused(tmp_path: Path) -> None:
    """In the reference's words, with its exit code."""
    done = routed(tmp_path, "{name: bogus}")
    assert done.returncode == 1
    assert "error creating processor 'bogus': plugin doesn't exist" in done.stderr


def test_processors_of_outputs_are_refused(tmp_path: Path) -> None:
    """They would be left out silently else."""
    done = routed(tmp_path, "{name: grep, regex: log x}", "outputs")
    assert done.returncode == 1
    assert "processors of inputs only" in done.stderr

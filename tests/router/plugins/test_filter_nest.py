"""The nest filter."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.router.plugin import PluginInitError
from tests.router.plugins.bench import Bench

RECORD = {"a_x": 1, "b": 2, "a_y": 3, "n": {"k": "v", "b": "inner"}}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("Operation nest\nWildcard a_*\nNest_under m", [("b", 2), ("n", RECORD["n"]), ("m", {"a_x": 1, "a_y": 3})]),
        (
            "Operation nest\nWildcard a_x\nWildcard b\nNest_under m\nRemove_prefix a_",
            [("a_y", 3), ("n", RECORD["n"]), ("m", {"x": 1, "b": 2})],
        ),
        ("Operation nest\nWildcard zz*\nNest_under m", list(RECORD.items())),
        ("Operation lift\nNested_under n", [("a_x", 1), ("a_y", 3), ("k", "v"), ("b", "inner")]),
        (
            "Operation lift\nNested_under n\nAdd_prefix n_",
            [("a_x", 1), ("b", 2), ("a_y", 3), ("n_k", "v"), ("n_b", "inner")],
        ),
        ("Operation lift\nNested_under zz", list(RECORD.items())),
    ],
)
def test_nest_and_lift(bench: Bench, lines: str, expected: list[Any]) -> None:
    """Keys go behind the others, in their order; a lifted key replaces one of its name."""
    (body,) = bench.filtered(f"Name nest\n{lines}", dict(RECORD))
    assert list(body.items()) == expected


def test_lift_of_a_string_warns(bench: Bench) -> None:
    """A value that is no map stays, with a warning per record."""
    bodies = bench.filtered("Name nest\nOperation lift\nNested_under log", {"log": "x"}, {"log": "y"})
    assert bodies == [{"log": "x"}, {"log": "y"}]
    line = "[ warn] [filter:nest:nest.0] Value of key 'log' is not a map. Will not attempt to lift from here"
    assert bench.log == [line, line]


def test_without_an_operation_keys_are_nested(bench: Bench) -> None:
    """`nest` is what the reference does when nobody says."""
    assert bench.filtered("Name nest\nWildcard a*\nNest_under n", {"a1": 1, "b": 2}) == [{"b": 2, "n": {"a1": 1}}]


def test_without_a_key_to_nest_under_the_record_stays_as_it_is(bench: Bench) -> None:
    """And an error line says so for each record."""
    assert bench.filtered("Name nest\nOperation nest\nWildcard a*", {"a1": 1, "b": 2}) == [{"a1": 1, "b": 2}]
    assert bench.log == ["[error] [filter:nest:nest.0] Log event encoder error : 0"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("Operation fold", "has invalid value 'fold'"),
        ("Operation nest\nAdd_prefix a\nRemove_prefix b", "Add_prefix and Remove_prefix are exclusive"),
    ],
)
def test_refusals(bench: Bench, lines: str, message: str) -> None:
    """What the real one refuses is refused with its words."""
    with pytest.raises(PluginInitError, match=message):
        bench.filtered(f"Name nest\n{lines}")

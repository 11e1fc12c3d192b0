"""The modify filter."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.router.plugin import PluginInitError
from tests.router.plugins.bench import Bench

RECORD = {"a": "one", "b": 2, "log": "x", "n": {"k": "v"}}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("Set a two", {"b": 2, "log": "x", "n": {"k": "v"}, "a": "two"}),
        ("Set c 5", {**RECORD, "c": "5"}),
        ('Set c "two words"', {**RECORD, "c": "two words"}),
        ("Set c 'two words'", {**RECORD, "c": "two words"}),
        ("Add a changed", RECORD),
        ("Remove b", {"a": "one", "log": "x", "n": {"k": "v"}}),
        ("Remove_wildcard l", {"a": "one", "b": 2, "n": {"k": "v"}}),
        ("Remove_regex ^[ab]$", {"log": "x", "n": {"k": "v"}}),
        ("Rename a c", {"c": "one", "b": 2, "log": "x", "n": {"k": "v"}}),
        ("Rename a b", RECORD),
        ("Rename zz b", RECORD),
        ("Hard_Rename b log", {"a": "one", "log": 2, "n": {"k": "v"}}),
        ("Copy a a2", {"a": "one", "a2": "one", "b": 2, "log": "x", "n": {"k": "v"}}),
        ("Copy a b", RECORD),
        ("Hard_copy b a", {"b": 2, "a": 2, "log": "x", "n": {"k": "v"}}),
        ("Move_To_Start n", {"n": {"k": "v"}, "a": "one", "b": 2, "log": "x"}),
        ("Move_To_End a", {"b": 2, "log": "x", "n": {"k": "v"}, "a": "one"}),
        ("Set a two words", RECORD),  # three words: it renames `a` to `words` in Fluent Bit, see below
    ],
)
def test_rules(bench: Bench, rules: str, expected: dict[str, Any]) -> None:
    """Each rule gives the keys in Fluent Bit's order."""
    if rules == "Set a two words":
        expected = {"words": "one", "b": 2, "log": "x", "n": {"k": "v"}}
    (body,) = bench.filtered(f"Name modify\n{rules}", dict(RECORD))
    assert list(body.items()) == list(expected.items())


def test_rules_run_in_order(bench: Bench) -> None:
    """Each rule works on what the one before left."""
    (body,) = bench.filtered("Name modify\nRename a b2\nSet b2 changed\nRemove b\nAdd b again", dict(RECORD))
    assert list(body.items()) == [("log", "x"), ("n", {"k": "v"}), ("b2", "changed"), ("b", "again")]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("Key_Exists a", True),
        ("Key_Exists $n['k']", True),
        ("Key_Exists zz", False),
        ("Key_Does_Not_Exist zz", True),
        ("A_Key_Matches ^l", True),
        ("No_Key_Matches ^l", False),
        ("Key_Value_Equals a one", True),
        ("Key_Value_Equals $n['k'] v", True),
        ("Key_Value_Equals b 2", False),  # a number never equals
        ("Key_Value_Does_Not_Equal b 2", True),
        ("Key_Value_Does_Not_Equal zz 2", False),
        ("Key_Value_Matches a ^o", True),
        ("Key_Value_Matches t ^true$", True),
        ("Key_Value_Does_Not_Match a ^o", False),
        ("Matching_Keys_Have_Matching_Values ^a one", True),
        ("Matching_Keys_Have_Matching_Values ^zz one", True),
        ("Matching_Keys_Do_Not_Have_Matching_Values ^a two", True),
    ],
)
def test_conditions(bench: Bench, condition: str, holds: bool) -> None:
    """A condition decides whether the rules run."""
    (body,) = bench.filtered(f"Name modify\nCondition {condition}\nSet hit yes", {**RECORD, "t": True})
    assert ("hit" in body) is holds


@pytest.mark.parametrize(("value", "holds"), [(-1.5, True), ("error", False), ([1], False), ({"k": 1}, False)])
def test_an_index_into_a_plain_value_is_that_value(bench: Bench, value: Any, holds: bool) -> None:
    """`$l[0]` of what is no array means the value itself; an element of an array is never found, as in 5.1.1."""
    lines = "Name modify\nCondition Key_value_does_not_equal $l[0] error\nSet hit yes"
    (body,) = bench.filtered(lines, {"l": value})
    assert ("hit" in body) is holds


def test_all_conditions_must_hold(bench: Bench) -> None:
    """Two conditions are an AND."""
    lines = "Name modify\nCondition Key_Exists a\nCondition Key_Exists zz\nSet hit yes"
    assert bench.filtered(lines, dict(RECORD)) == [RECORD]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("Set a", "Invalid operation set : a in configuration"),
        ("Remove a b", "Invalid operation remove : a b in configuration"),
        ("Set a b c d", "Invalid config for set"),
        ('Set a "open', "Invalid config for set"),
        ("Set a [b", r"Unable to create regex\(val\) from \[b"),
        ("Condition Key_Is_Nice a", "Invalid config for condition : Key_Is_Nice a"),
        ("Condition Key_Value_Matches a", "Unable to create regex for condition"),
        ("Condition Key_Exists $a[", "record accessor"),
    ],
)
def test_refusals(bench: Bench, lines: str, message: str) -> None:
    """What the real one refuses is refused with its words."""
    with pytest.raises(PluginInitError, match=message):
        bench.filtered(f"Name modify\n{lines}")


def test_windows_path_is_a_value(bench: Bench) -> None:
    """A value need not be a Python expression: Ruby takes any escaped letter."""
    assert bench.filtered("Name modify\nSet path C:\\Users", {}) == [{"path": "C:\\Users"}]

"""The expect filter."""

from __future__ import annotations

import pytest

from lab_helpers.router.plugin import PluginInitError
from tests.router.plugins.bench import Bench

ERROR = "[error] [filter:expect:expect.0] exception on rule "


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("Key_Exists $log", ""),
        ("Key_Exists $zz", "#0 'key_exists', key '$zz' not found"),
        ("Key_Not_Exists $log", "#0 'key_not_exists', key '$log' exists"),
        ("Key_Val_Is_Null $none", ""),
        ("Key_Val_Is_Null $log", "#0 'key_val_is_null', key '$log' contains a value type 'string'"),
        ("Key_Val_Is_Null $n", "#0 'key_val_is_null', key '$n' contains a value type 'integer'"),
        ("Key_Val_Is_Not_Null $none", "#0 'key_val_is_not_null', key '$none' contains a value type 'null'"),
        ("Key_Val_Eq $log x", ""),
        ("Key_Val_Eq $n 7", ""),
        ("Key_Val_Eq $log y", "#0 'key_val_eq', key value 'x' is different than expected: 'y'"),
        ("Action warn\nKey_Exists $zz", "#1 'key_exists', key '$zz' not found"),
    ],
)
def test_rules(bench: Bench, rule: str, complaint: str) -> None:
    """A failed rule is an error with the record, and a warning; the record goes on."""
    body = {"log": "x", "n": 1, "none": None}
    assert bench.filtered(f"Name expect\n{rule}", dict(body)) == [body]
    expected = [f"{ERROR}{complaint}. Record content:", '{"log":"x","n":1,"none":null}'] if complaint else []
    warned = ["[ warn] [filter:expect:expect.0] expect check failed"] if complaint else []
    assert "\n".join(bench.log).replace("content:{", "content:\n{").splitlines() == expected + warned


def test_result_key_comes_first(bench: Bench) -> None:
    """With action result_key each record carries its own verdict as its first key."""
    lines = "Name expect\nAction result_key\nResult_Key ok\nKey_Exists log"
    bodies = bench.filtered(lines, {"log": "x"}, {"zz": 1})
    assert [list(body.items()) for body in bodies] == [[("ok", True), ("log", "x")], [("ok", False), ("zz", 1)]]


def test_exit_ends_the_router(bench: Bench) -> None:
    """Action exit ends with status 255 and stops checking."""
    bench.filtered("Name expect\nAction exit\nKey_Exists zz", {"log": "x"}, {"log": "y"})
    assert bench.exits == [255]
    assert sum("exception" in line for line in bench.log) == 1


def test_refuses_unknown_action(bench: Bench) -> None:
    """The action is one of three words."""
    with pytest.raises(PluginInitError, match="unexpected 'action' value 'shout'"):
        bench.filtered("Name expect\nAction shout")


def test_a_list_is_as_good_as_missing(bench: Bench) -> None:
    """The reference's accessors carry no lists: it says so, and the key is not found; below a map it says nothing."""
    body = {"l": [1], "m": {"l": [1]}}
    bench.filtered("Name expect\nKey_Exists $l", dict(body))
    assert "[error] [ra key] cannot process key value" in bench.log[0]
    assert f"{ERROR}#0 'key_exists', key '$l' not found" in bench.log[1]
    bench.filtered("Name expect\nKey_Exists $m['l']", dict(body))
    assert sum("cannot process key value" in line for line in bench.log) == 1
    assert sum("not found" in line for line in bench.log) == 2

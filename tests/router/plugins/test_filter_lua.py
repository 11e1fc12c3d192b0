"""The lua filter: signatures, return codes, values both ways. Compared with a real 5.1.1."""

from __future__ import annotations

import sys
from typing import Any

import msgpack
import pytest

from lab_helpers.router.plugin import PluginInitError, PluginKind
from lab_helpers.router.records.record import NS, Record
from tests.router.plugins.bench import Bench

TASK_ID = """function f(tag, ts, r)
  local a = r["ecs_task_arn"]
  if a == nil then return 0, ts, r end
  r["task_id"] = string.match(a, "([^/]+)$")
  return 1, ts, r
end"""


def _run(code: str, body: dict[str, Any], **options: str) -> list[Record]:
    lines = {"call": "f", "code": " ".join(code.split()), **options}
    made = Bench().build(PluginKind.FILTER, "lua", "\n".join(f"{key} {value}" for key, value in lines.items()))
    found = made.filter("a.b", [Record(5 * NS + 250_000_000, body)])
    return list(found)


def test_a_key_is_made_of_another() -> None:
    """Return code 1: time and record are taken; 0: the record stays as it came."""
    (record,) = _run(TASK_ID, {"ecs_task_arn": "arn:aws:ecs:x:1:task/c/abc"})
    assert record.body["task_id"] == "abc"
    assert _run(TASK_ID, {"x": 1}) == [Record(5 * NS + 250_000_000, {"x": 1})]


def test_records_are_dropped_and_split() -> None:
    """-1 drops; a list of tables becomes that many records."""
    assert _run("function f(t, s, r) return -1, 0, 0 end", {"x": 1}) == []
    code = "function f(t, s, r) return 2, 0, {{log=r.log}, {log=t}} end"
    assert [each.body for each in _run(code, {"log": "日本"})] == [{"log": "日本"}, {"log": "a.b"}]


@pytest.mark.parametrize(("code", "time_ns"), [(1, 7 * NS), (2, 5 * NS + 250_000_000)])
def test_which_code_takes_the_time(code: int, time_ns: int) -> None:
    """1 does, 2 does not."""
    (record,) = _run(f"function f(t, s, r) return {code}, 7, r end", {"x": 1})
    assert record.time_ns == time_ns


def test_time_may_be_a_table() -> None:
    """Without the loss of a floating-point number."""
    code = "function f(t, s, r) s.nsec = s.nsec + 1 return 1, s, r end"
    (record,) = _run(code, {"x": 1}, time_as_table="on")
    assert record.time_ns == 5 * NS + 250_000_001


def test_values_go_through_lua_and_back() -> None:
    """Whole numbers are integers, lists stay lists, empty tables are maps; null is gone."""
    body = {"n": 1, "f": 1.5, "w": 2.0, "l": [1, "x"], "t": True, "m": {"e": {}}, "z": None}
    (record,) = _run("function f(t, s, r) return 2, s, r end", body)
    assert record.body == {"n": 1, "f": 1.5, "w": 2, "l": [1, "x"], "t": True, "m": {"e": {}}}


def test_what_lua_numbers_and_tables_cannot_hold_comes_back() -> None:
    """Integers beyond 64 bits with a sign become the least of them; floats beyond stay; an empty list stays a list."""
    body = {"u": 2**64 - 1, "f": 1e20, "l": [], "m": {"l": []}, "n": -(2**63), "nan": float("inf")}
    (record,) = _run("function f(t, s, r) return 2, s, r end", body)
    assert record.body == {**body, "u": -(2**63)}
    assert msgpack.packb(record.body)


@pytest.mark.parametrize("code", ["if r.n == 2 then error('x') end return 1, s, r", "return 1, s, r.n < 2 and r or 5"])
def test_a_failure_keeps_all_records_of_the_batch(code: str) -> None:
    """Also those before it: an error in the function, or a result that is no record."""
    made = Bench().build(PluginKind.FILTER, "lua", f"call f\ncode function f(t, s, r) r.n = r.n + 0.5 {code} end")
    records = [Record(NS, {"n": number}) for number in (1, 1.5)]
    assert made.filter("a", records) is None
    assert records == [Record(NS, {"n": 1}), Record(NS, {"n": 1.5})]


def test_values_that_a_function_does_not_return_are_nil() -> None:
    """Without a code the record stays; a function of one argument is called with three."""
    assert [each.body for each in _run("function f(a) end", {"x": 1})] == [{"x": 1}]
    assert [each.body for each in _run("function f(t, s, r) return 1, s, {} end", {"x": 1})] == [{}]


def test_a_function_of_five_arguments_returns_four_values() -> None:
    """The group's attributes and the record's metadata come before the record; both are empty here."""
    code = "function f(t, s, g, m, r) r.y = next(g) == nil and next(m) == nil return 2, s, m, r end"
    assert [each.body for each in _run(code, {"x": 1})] == [{"x": 1, "y": True}]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("code x = 1", "function f is not found"),
        ("code function", r"\[luajit\] error loading buffer: .*fluentbit.lua.*<name>"),
        ("code error('x')", r"\[luajit\] invalid lua content, error=2: .*: x$"),
        ("script gone.lua", "cannot access script"),
        ("type_int_key x", "no script path defined"),
    ],
)
def test_what_is_refused(bench: Bench, lines: str, why: str) -> None:
    """At the start, with Fluent Bit's words."""
    with pytest.raises(PluginInitError, match=why):
        bench.build(PluginKind.FILTER, "lua", f"call f\n{lines}")


def test_without_its_package_it_says_which_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core of an installation has no Lua: one sentence, with what to install."""
    monkeypatch.setitem(sys.modules, "lupa", None)
    with pytest.raises(PluginInitError, match=r"lupa, which is not installed: pip install 'firelens-lab\[lua\]'"):
        _run("function f(t, s, r) return 0, 0, r end", {"x": 1})

"""Odd records through every filter: nothing crashes, nothing hangs, and a good neighbour arrives as it was."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.service import Section
from lab_helpers.router.multiline.multiline import find_parser
from lab_helpers.router.multiline.multiline_merge import Merger
from lab_helpers.router.parsing.parser import NoMatchError, build_parser
from lab_helpers.router.plugin import PluginKind
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.json_text import dumps
from lab_helpers.router.records.record import Record, decode, encode
from tests.router.fuzz.bounds import bodies, bounded, texts
from tests.router.plugins.bench import Bench

GOOD = {"good": "neighbour", "n": 1}
PARSERS = """[PARSER]
    Name json
    Format json
    Time_Key time
    Time_Format %Y-%m-%dT%H:%M:%S.%L%z
"""
# filters whose options leave the good neighbour alone
FILTERS = [
    "modify\nSet x y\nRename lo log\nHard_copy a log\nRemove_regex ^partial\nCondition Key_Does_Not_Exist good",
    "nest\nOperation nest\nWildcard a*\nNest_under n2",
    "nest\nOperation lift\nNested_under a\nAdd_prefix a.",
    "parser\nKey_Name log\nParser json",
    "multiline\nBuffer off\nmultiline.parser java,docker\nmultiline.key_content log",
    "multiline\nMode partial_message\nmultiline.key_content log",
    "rewrite_tag\nRule $log ^(.) new.$1.$a.$TAG[1] true",
    "expect\nKey_Val_Eq $log x\nKey_Val_Is_Null $a",
    "throttle\nRate 1000\nWindow 5",
    "grep\nExclude log ^drop",
    "record_modifier\nRemove_key lo\nRemove_key a*",
]


def run(bench: Bench, lines: str, records: list[Record]) -> list[Record]:
    name, _, rest = lines.partition("\n")
    step = bench.build(PluginKind.FILTER, name, "Match x\n" + rest)
    batch = Batch(records=records)
    step.filter_batch("app.web", batch)
    return batch.records()


@pytest.mark.parametrize("lines", FILTERS, ids=lambda lines: lines.partition("\n")[0])
@bounded(12)
@given(before=st.lists(bodies(), max_size=3), behind=st.lists(bodies(), max_size=3))
def test_neighbour_survives_every_filter(lines: str, before: list[Any], behind: list[Any]) -> None:
    """Whatever comes before and behind it, the good record leaves each filter as it entered."""
    bench = Bench()
    bench.add_parsers(PARSERS)
    records = [Record(at, body) for at, body in enumerate([*before, copy.deepcopy(GOOD), *behind])]
    left = run(bench, lines, records)
    assert [record.body for record in left].count(GOOD) == 1 + [*before, *behind].count(GOOD)
    bench.loop.close()


@bounded(40)
@given(st.lists(bodies(), max_size=4))
def test_records_survive_packing_and_json(found: list[Any]) -> None:
    """What is packed is what comes out; each JSON text is one line."""
    records = [Record(at, body) for at, body in enumerate(found)]
    assert decode(encode(records)) == records
    for body in found:
        assert b"\n" not in dumps(body, True)


PARSER_SETTINGS = [
    "Format json\nTime_Key time\nTime_Format %d/%b/%Y:%H:%M:%S %z\nDecode_Field json log",
    "Format logfmt\nTypes a:integer b:bool\nTime_Format %s",
    "Format ltsv\nTime_Format %Y-%m-%d\nTime_Strict off",
    "Format regex\nRegex ^(?<time>[^ ]*) (?<log>.*)$\nTime_Format %H:%M\nDecode_Field_As escaped_utf8 log do_next\n"
    "Decode_Field json log",
]


@pytest.mark.parametrize("settings", PARSER_SETTINGS, ids=lambda text: text.split()[1])
@bounded(40)
@given(st.one_of(texts(40), st.text('{}[]":,=\\ \t\nabc0123456789.-+/eEu', max_size=40)))
def test_parsers_take_any_text(settings: str, text: str) -> None:
    """A parser makes a body of a text, or says that it does not fit; nothing else."""
    bench = Bench()
    pairs = [(key, value) for key, _, value in (line.partition(" ") for line in f"Name p\n{settings}".splitlines())]
    parser = build_parser(Section("parser", pairs), ComponentLog(bench.service.sink))
    try:
        parsed = parser.parse(text)
    except NoMatchError:
        parsed = None
    assert parsed is None or isinstance(parsed.body, dict)
    bench.loop.close()


ENDS_A_TRACEBACK = ("ValueError: no", "panic: x", "a.rb:1:in `f'")  # what the rule takes for an exception's name


def _without_repeats(lines: list[str]) -> list[str]:
    return [line for before, line in pairwise(["", *lines]) if line not in ENDS_A_TRACEBACK or line != before]


@pytest.mark.parametrize("name", ["java", "python", "go", "ruby"])
@bounded(25)
@given(st.lists(st.sampled_from([
    "an Error: x", "\tat a.b(C.java:1)", "Caused by: y", "", "plain", "Traceback (most recent call last):",
    '  File "a.py", line 1', "    f()", "ValueError: no", "panic: x", "goroutine 1 [running]:", "main.f()", "\t/a.go:1",
    "a.rb:1:in `f'", "\tfrom a.rb:2:in `g'", "created by x", "\udcff",
]), max_size=12))  # fmt: skip
def test_multiline_loses_no_line(name: str, lines: list[str]) -> None:
    """Joined or not, the messages hold every line with text, in its order.

    The line that ends a Python traceback comes once more behind it, as in 5.1.1 (seen with it).
    """
    bench = Bench()
    log = ComponentLog(bench.service.sink)
    found: list[str] = []
    merger = Merger([find_parser(name, bench.service, log)], lambda _s, one: found.append(one.body["log"]), log, "log")
    for line in lines:
        merger.append("s", Record(1, {"log": line}))
    merger.flush()
    got = [line for text in found for line in text.split("\n") if line]
    expected = [line for line in lines if line]
    if name == "python":
        got, expected = _without_repeats(got), _without_repeats(expected)
    assert got == expected
    bench.loop.close()

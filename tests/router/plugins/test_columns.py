"""What is done to many records at once is what is done to each: searching, parsing, filters, packing and JSON."""

from __future__ import annotations

import copy
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.regexp import compile_pattern
from lab_helpers.router.core.service import Section
from lab_helpers.router.parsing.parser import NoMatchError, Parsed, Parser, build_parser
from lab_helpers.router.parsing.parser_columns import are_plain, parse_all
from lab_helpers.router.plugin import PluginKind
from lab_helpers.router.plugins import filter_parser
from lab_helpers.router.records import batch as batch_module
from lab_helpers.router.records.accessor import Path
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.record import Record, encode
from tests.router.fuzz.bounds import bodies, bounded
from tests.router.plugins.bench import Bench, pairs_of

APACHE = (
    r'Regex ^(?<host>[^ ]*) (?<user>[^ ]*) \[(?<time>[^\]]*)\](?: "(?<path>[^"]*)")?(?: (?<code>\d*))?(?: (?<n>\S+))?$'
    "\nTypes code:integer n:float\nTime_Key time\nTime_Format %d/%b/%Y:%H:%M:%S %z"
)
SETTINGS = [
    APACHE,
    APACHE + "\nTime_Keep on",
    APACHE.replace("Time_Format", "Time_Zone UTC\nTime_Format").replace(" %z", ""),
    "Regex (?<a>x)?(?<time>.*)\nTypes a:integer time:integer\nTime_Format %s",
    "Regex ^(?<a>a*)(b)?(?<c>.*)$\nTypes a:hex c:text",
]
HOSTS = st.sampled_from(["", "1.2.3.4", "日本", "\udcff", "-"])
TIMES = st.sampled_from([
    "", "07/Nov/2021:09:14:02 +0000", "07/Nov/2021:09:14:02", "01/Jan/1970:00:00:00 +0000",
    "31/Dec/1969:23:59:59 +0000", "soon", "x" * 70,
])  # fmt: skip
ENDS = st.sampled_from(["", ' "/a"', ' ""', ' "/a" 200', ' "/a" 99999999999999999999 1.5', ' "/a\nb" 5', " x y", "\n"])
TEXTS = st.builds(lambda *parts: "{} - [{}]{}".format(*parts), HOSTS, TIMES, ENDS) | st.sampled_from(
    ["", "x5", "aab", "5"]
)


def _parser(bench: Bench, lines: str) -> Parser:
    return build_parser(Section("parser", pairs_of("Name p\nFormat regex\n" + lines)), ComponentLog(bench.service.sink))


def _parse(parser: Parser, text: str) -> Parsed | None:
    try:
        return parser.parse(text)
    except NoMatchError:
        return None


@pytest.mark.parametrize("lines", SETTINGS)
@bounded(40)
@given(st.lists(TEXTS, max_size=5))
def test_parsing_at_once_is_parsing_one_by_one(lines: str, texts: list[str]) -> None:
    """Keys in their order, types, times; and what tells something is left to the careful way."""
    bench = Bench()
    parser = _parser(bench, lines)
    assert are_plain(parser)
    assert parser.pattern is not None
    found = parse_all(parser, parser.pattern.rows(texts))
    assert not bench.log
    for text, parsed in zip(texts, found, strict=True):
        if parsed is not None:
            careful = parser.parse(text)
            assert (list(parsed.body.items()), parsed.time_ns) == (list(careful.body.items()), careful.time_ns)
            assert list(map(type, parsed.body.values())) == list(map(type, careful.body.values()))
    assert not bench.log
    bench.loop.close()


def test_usual_lines_are_parsed_at_once(bench: Bench) -> None:
    """With and without what is optional, so that the speed is not lost unnoticed."""
    head = "1.2.3.4 - [07/Nov/2021:09:14:02 +0000]"
    parser = _parser(bench, APACHE)
    assert parser.pattern is not None
    found = parse_all(parser, parser.pattern.rows([head + ' "/a" 200', head, head + ' "" 5 1.5', "no"]))
    assert [parsed and parsed.body.get("code", "") for parsed in found] == [200, "", 5, None]


@pytest.mark.parametrize(
    "lines",
    [
        APACHE.replace("n:float", "n:bool"),
        "Regex (?<a>x)(?<a>y)",
        "Regex (x)",
        "Regex (?<a>x)\nSkip_Empty_Values off",
        "Regex (?<a>x)\nDecode_Field_As json a",
    ],
)
def test_parsers_that_are_not_plain(bench: Bench, lines: str) -> None:
    """A warning for each record, a key of two groups, no key, empty values, decoders: never at once."""
    assert not are_plain(_parser(bench, lines))


@given(st.lists(st.text("ab\n7", max_size=4), max_size=5), st.sampled_from(["^a", "b$", "7$", "^$", "/a.b/m"]))
@settings(max_examples=60, deadline=None)
def test_searching_all_is_searching_each(texts: list[str], pattern: str) -> None:
    """Also where one of them has several lines."""
    compiled = compile_pattern(pattern)
    each = [compiled.search(text) for text in texts]
    assert [one and one.span() for one in compiled.search_all(texts)] == [one and one.span() for one in each]


FILTERS = [
    "grep\nExclude log x",
    "grep\nRegex log ^[^b]\nExclude ecs_cluster d\nExclude n 1",
    "grep\nLogical_Op or\nRegex log x\nRegex $k['log'] .",
    "parser\nKey_Name log\nParser p\nReserve_Data on",
    "parser\nKey_Name log\nParser p\nReserve_Data on\nPreserve_Key on",
    "parser\nKey_Name log\nParser p\nPreserve_Key on",
    "parser\nKey_Name $k['log']\nParser p\nReserve_Data on",
    "parser\nKey_Name log\nParser p\nParser json\nReserve_Data on",
    "parser\nKey_Name ecs_cluster\nParser p\nReserve_Data on",
    "parser\nKey_Name log\nParser clash\nReserve_Data on",
    "rewrite_tag\nRule $log x$ new.$TAG.$ecs_cluster false\nRule $log ^b copied.$log true\nRule $ecs_cluster d c false",
]
PARSERS = f"""[PARSER]
    Name p
    Format regex
{"".join(f"    {line}{chr(10)}" for line in APACHE.splitlines())}
[PARSER]
    Name json
    Format json

[PARSER]
    Name clash
    Format regex
    Regex (?<n>[ab])(?<ecs_cluster>[ab])
"""
APPENDED = (("ecs_cluster", "demo"), ("n", "1"))
LINES = TEXTS | st.sampled_from(["bx", "x", "ab", '{"n":3,"ecs_cluster":"own"}'])
FITTING = st.builds("1.2.3.{} - [07/Nov/2021:09:14:02 +0000]{}".format, st.integers(0, 9), st.sampled_from([
    "", ' "/a"', ' "/a x" 200', ' "/日本" 404 1.5', ' "" 7 1e3',
]))  # fmt: skip
RECORDS = st.lists(
    st.fixed_dictionaries({}, optional={
        "log": LINES | st.sampled_from([5, b"ab", None]), "n": st.just(7), "k": st.fixed_dictionaries({"log": LINES}),
        "host": st.just("kept"), "ecs_cluster": st.just("old"),
    }),
    max_size=5,
) | st.lists(LINES.map(lambda text: {"n": "7", "log": text, "source": "stdout"}), max_size=5) \
  | st.lists(LINES.map(lambda text: {"host": "kept", "log": text}), max_size=5) \
  | st.lists(FITTING.map(lambda text: {"n": "7", "log": text, "source": "stdout"}), max_size=12)  # fmt: skip


def _run(lines: str, batch: Batch) -> tuple[Any, ...]:
    """Return what is left, what was emitted and what was logged; keys in their order."""
    bench = Bench()
    bench.add_parsers(PARSERS)
    name, _, rest = lines.partition("\n")
    bench.build(PluginKind.FILTER, name, "Match x\n" + rest).filter_batch("app.web", batch)
    left = [(time_ns, list(body.items())) for time_ns, body in batch.records()]
    emitted = [(tag, record.time_ns, list(record.body.items())) for tag, record in bench.emitted]
    bench.loop.close()
    return left, emitted, bench.log


@pytest.mark.parametrize("lines", FILTERS)
@bounded(40)
@given(RECORDS)
def test_filters_do_to_all_what_they_do_to_each(lines: str, found: list[dict[str, Any]]) -> None:
    """As bytes with what is appended still waiting, or record by record, without what parses at once."""
    records = [Record(at * 10**9, body) for at, body in enumerate(found)]
    with patch.object(batch_module, "FEW", 1):
        waiting = Batch(raw=encode(records), count=len(records), appended=APPENDED)
    at_once = _run(lines, waiting)
    each: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    with patch.object(filter_parser, "are_plain", lambda _parser: False):
        for record in records:
            batch = Batch(records=[copy.deepcopy(record)], appended=APPENDED)
            batch.records()
            for all_found, one in zip(each, _run(lines, batch), strict=True):
                all_found += one
    assert at_once[0] == each[0]
    assert sorted(map(repr, at_once[1])) == sorted(map(repr, each[1]))
    assert [line for line in at_once[2] if "[filter:" not in line] == [
        line for line in each[2] if "[filter:" not in line
    ]


@pytest.mark.parametrize("escapes", [True, False])
@bounded(20)
@given(st.lists(st.lists(bodies(), max_size=3), max_size=3))
def test_made_records_are_in_a_chunk_what_their_entries_are(escapes: bool, batches: list[list[Any]]) -> None:
    """The same JSON, records and size, before and after a retry has made it free what was written."""
    made, raw = Chunk("t", "in", escapes), Chunk("t", "in", escapes)
    for number, found in enumerate(batches):
        records = [Record(at * 10**9 + number, body) for at, body in enumerate(found)]
        appended = APPENDED[: number % 2 * 2]
        made.add(Batch(records=records, appended=appended))
        raw.add(Batch(raw=encode(records), count=len(records), appended=appended))
    for _ in range(2):
        assert made.json_lines() == raw.json_lines()
        assert made.lines().times_ms == raw.lines().times_ms
        assert repr(made.records()) == repr(raw.records())
        made.forget_decoded()
    assert (made.size_bytes, made.count, made.unreadable) == (raw.size_bytes, raw.count, raw.unreadable)


def test_a_batch_keeps_its_bytes_until_a_record_is_changed() -> None:
    """A grep that drops nothing costs no packing, and the chunk's entries are those that came."""
    raw = encode([Record(1, {"log": "a"}), Record(2, {"log": "b"})])
    batch = Batch(raw=raw, count=2)
    assert batch.texts(Path("log")) == ["a", "b"]
    batch.keep([True, True])
    assert batch.packed() is raw
    assert batch.made() is None
    batch.keep([True, False])
    assert batch.made() == ([1], [{"log": "a"}])
    assert batch.packed() == encode([Record(1, {"log": "a"})])


def test_appended_keys_are_there_once() -> None:
    """The last value, at its last place, as in a record."""
    batch = Batch(records=[Record(1, {})])
    batch.append_to_all([("a", "1"), ("b", "2"), ("a", "3")])
    assert batch.appended == (("b", "2"), ("a", "3"))


def test_records_that_are_alike_are_taken_apart(bench: Bench) -> None:
    """What they share stands once, behind what was parsed, so that the speed is not lost unnoticed."""
    bench.add_parsers(PARSERS)
    line = "1.2.3.4 - [07/Nov/2021:09:14:02 +0000]"
    records = [Record(at, {"source": "stdout", "log": line, "id": "x"}) for at in range(batch_module.FEW)]
    batch = Batch(raw=encode(records), count=len(records), appended=APPENDED[:1])
    bench.build(PluginKind.FILTER, "grep", "Exclude log ELB").filter_batch("t", batch)
    bench.build(PluginKind.FILTER, "parser", "Key_Name log\nParser p\nReserve_Data on").filter_batch("t", batch)
    assert batch.table is not None
    assert batch.appended == (("source", "stdout"), ("id", "x"), ("ecs_cluster", "demo"))
    assert batch.made() == ([1_636_276_442 * 10**9] * len(records), [{"host": "1.2.3.4", "user": "-"}] * len(records))

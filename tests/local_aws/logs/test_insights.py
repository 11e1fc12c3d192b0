"""Insights queries over rows."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.logs.insights.functions import Moment
from lab_helpers.local_aws.logs.insights.query import discovered, parse

START = 1_795_343_400_000  # 2026-11-22 10:30:00 UTC
MINUTE = 60_000
LINE = '10.0.11.{n} - - [22/Nov/2026:10:30:00 +0000] "GET /{path} HTTP/1.1" {status} {size}'


def _event(index: int, message: str) -> dict[str, Any]:
    base = {"@timestamp": Moment(START + index * 30_000), "@message": message, "@logStream": f"s{index % 2}"}
    return {**discovered(message), **base, "@ptr": str(index)}


LINES = [("", 200, 45), ("a", 404, 196), ("", 200, 45), ("b", 500, 20), ("", 200, 45)]
ROWS = [_event(i, LINE.format(n=i, path=p, status=s, size=b)) for i, (p, s, b) in enumerate(LINES)][::-1]
PARSE = r'parse @message /^(?<ip>\S+) .* "(?<verb>\S+) (?<path>\S+) [^"]*" (?<status>\d+) (?<size>\d+)$/'
JSON_ROWS = [
    _event(i, f'{{"log": "GET {i}", "status": {200 + i}, "ecs": {{"task": "t{i % 2}", "ids": [7, {i}]}}}}')
    for i in range(4)
][::-1]


def run(query: str, rows: list[dict[str, Any]] | None = None, limit: int = 10_000) -> list[dict[str, str]]:
    """Run a query; rows as {field: value}, without the pointer."""
    results, _ = parse(query).run(ROWS if rows is None else rows, limit)
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in results]


def test_fields_are_shown_newest_first() -> None:
    """Times are shown in UTC with milliseconds; every row has its pointer."""
    results, matched = parse("fields @timestamp, @logStream | limit 1").run(ROWS)
    assert results == [
        [
            {"field": "@timestamp", "value": "2026-11-22 10:32:00.000"},
            {"field": "@logStream", "value": "s0"},
            {"field": "@ptr", "value": "4"},
        ]
    ]
    assert matched == 5


def test_without_fields_time_and_message_are_shown() -> None:
    """A query that only filters shows what the console shows."""
    assert [list(row) for row in run("filter @logStream = 's1'")] == [["@timestamp", "@message"]] * 2


def test_filter_by_parsed_values() -> None:
    """Values out of a regular expression compare as numbers where they are numbers."""
    query = f"{PARSE} | filter status >= 400 and path like /^.[ab]$/ | sort status asc | display status, path"
    assert run(query) == [{"status": "404", "path": "/a"}, {"status": "500", "path": "/b"}]


def test_parse_by_wildcards() -> None:
    """Each * of a glob is a field; the last takes the rest."""
    query = """parse '* - - [*] "* * *" * *' as ip, at, verb, path, protocol, status, size
    | stats sum(size) as total, avg(size), max(status) by verb"""
    with pytest.raises(AwsError, match="unexpected symbol found"):
        parse("parse '*' as")
    assert run(query.replace("parse '", "parse @message '")) == [
        {"verb": "GET", "total": "351", "avg(size)": "70.2", "max(status)": "500"}
    ]
    assert run(query)[0]["total"] == "351"


def test_stats_by_time() -> None:
    """bin() makes groups of time, which sort like times."""
    assert run("stats count(*) as n by bin(1m) | sort bin(1m) asc") == [
        {"bin(1m)": "2026-11-22 10:30:00.000", "n": "2"},
        {"bin(1m)": "2026-11-22 10:31:00.000", "n": "2"},
        {"bin(1m)": "2026-11-22 10:32:00.000", "n": "1"},
    ]


def test_stats_by_two_fields_sorted_by_the_aggregate() -> None:
    """A column without an alias has its text as name, and may be sorted by it."""
    query = f"{PARSE} | stats count(*) by status, verb | sort count(*) desc, status desc | limit 2"
    assert run(query) == [
        {"status": "200", "verb": "GET", "count(*)": "3"},
        {"status": "500", "verb": "GET", "count(*)": "1"},
    ]


def test_stats_of_nothing_counts_nothing() -> None:
    """Without groups there is one row, even of no events."""
    assert run("filter @message like 'nowhere' | stats count(*) as n, avg(x) as a") == [{"n": "0"}]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("count(*)", "5"),
        ("count(absent)", "0"),
        ("count_distinct(status)", "3"),
        ("min(size)", "20"),
        ("pct(size, 50)", "45"),
        ("pct(size, 95)", "196"),
        ("median(size)", "45"),
        ("stddev(size)", "63.6409"),
        ("sum(size) / count(*)", "70.2"),
        ("latest(status)", "200"),
        ("earliest(path)", "/"),
        ("max(@timestamp)", "2026-11-22 10:32:00.000"),
        ("sum(strcontains(@message, 'HTTP'))", "5"),
    ],
)
def test_aggregates(aggregate: str, expected: str) -> None:
    """Each aggregate over all five lines."""
    assert run(f"{PARSE} | stats {aggregate} as x") == [{"x": expected}]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("status + 1", "204"),
        ("-status * 2", "-406"),
        ("2 ^ 3 ^ 2", "512"),
        ("status / 0", None),
        ("strlen(log)", "5"),
        ("toupper(ecs.task)", "T1"),
        ("concat(log, '!')", "GET 3!"),
        ("substr(log, 4, 1)", "3"),
        ("replace(log, 'GET', 'got')", "got 3"),
        ("coalesce(absent, status)", "203"),
        ("ispresent(absent)", "0"),
        ("ecs.ids.0", "7"),
        ("datefloor(@timestamp, 1h)", "2026-11-22 10:00:00.000"),
        ("dateceil(@timestamp, 1h)", "2026-11-22 11:00:00.000"),
        ("tomillis(@timestamp)", "1795343490000"),
        ("status > 202", "1"),
        ("strlen(absent)", None),
    ],
)
def test_functions(expression: str, expected: str | None) -> None:
    """Functions of a JSON event's fields, nested ones included; of what is missing there is no value."""
    row = run(f"fields {expression} as x | sort @timestamp desc | limit 1", JSON_ROWS)[0]
    assert row.get("x") == expected


@pytest.mark.parametrize(
    ("condition", "statuses"),
    [
        ("status = 201", ["201"]),
        ("status != 201 and absent != 1", []),
        ("status in [200, 203]", ["203", "200"]),
        ("status not in [200, 203]", ["202", "201"]),
        ("not (status < 202 or log = 'GET 3')", ["202"]),
        ("log =~ /[12]$/", ["202", "201"]),
        ("log not like 'GET 1'", ["203", "202", "200"]),
        ("ecs.task = 't1' and ispresent(`ecs.task`)", ["203", "201"]),
    ],
)
def test_conditions(condition: str, statuses: list[str]) -> None:
    """Conditions, in the order of the events; with what is missing nothing compares."""
    assert [row["status"] for row in run(f"fields status | filter {condition}", JSON_ROWS)] == statuses


def test_dedup_keeps_the_first() -> None:
    """One row for each value, the newest as rows are sorted."""
    assert [row["status"] for row in run("fields status | dedup ecs.task", JSON_ROWS)] == ["203", "202"]


def test_missing_values_sort_last_both_ways() -> None:
    """Rows without the field come after the others."""
    rows = [_event(0, '{"a": 1}'), _event(1, "{}"), _event(2, '{"a": 10}'), _event(3, '{"a": 9}')]
    assert [row.get("a") for row in run("fields a | sort a asc", rows)] == ["1", "9", "10", None]
    assert [row.get("a") for row in run("fields a | sort a desc", rows)] == ["10", "9", "1", None]


def test_comments_and_line_breaks() -> None:
    """A # begins a comment to the end of its line."""
    assert len(run("fields @message # what\n| limit 2 # only two")) == 2


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "empty"),
        ("frobnicate x", "unexpected symbol found frobnicate .the local AWS knows dedup, display"),
        ("fields @message | diff", "unexpected symbol found diff"),
        ("fields a b", "unexpected symbol found b at line 1 and position 10"),
        ("filter status = ", "unexpected symbol found end of query"),
        ("filter jsonParse(a) = 1", "function jsonparse is not supported by the local AWS"),
        ("filter count(*) > 1", "function count is not allowed here"),
        ("stats a by b", "no aggregate"),
        ("stats count(*) by bin(status)", "a period such as 5m"),
        ("parse @message /(/", "invalid regular expression"),
        ("parse @message /a(b)/", "named groups"),
        ("parse @message '* *' as one", "2 wildcards, but 1 names"),
        ("limit 0", "from 1 to 10000"),
        ("limit many", "from 1 to 10000"),
        ("filter a like 5", "unexpected symbol found 5"),
        ("fields 'unfinished", "unexpected symbol found '"),
    ],
)
def test_malformed_queries_are_refused_by_name(query: str, problem: str) -> None:
    """What is not understood is named, with its place."""
    with pytest.raises(AwsError, match=problem) as caught:
        run(query)
    assert caught.value.code == "MalformedQueryException"
    assert "queryCompileError" in caught.value.extra


def test_parsed_fields_are_shown() -> None:
    """Case F10: what parse took out is in the rows, behind time and message; a row that does not fit lacks it."""
    rows = [_event(0, "10.0.11.9 - - [now] GET /"), _event(1, "no such form")]
    found = run('parse @message "* - - [*] *" as ip, t, rest', rows)
    assert [list(row) for row in found] == [["@timestamp", "@message", "ip", "t", "rest"], ["@timestamp", "@message"]]
    assert (found[0]["ip"], found[0]["t"], found[0]["rest"]) == ("10.0.11.9", "now", "GET /")
    assert list(run('parse @message "* - *" as ip, rest | display ip', rows)[0]) == ["ip"]
    assert list(run('fields @logStream | parse @message "* - *" as ip, rest', rows)[0]) == ["@logStream", "ip", "rest"]


def test_stats_by_time_and_field() -> None:
    """Several groups: a bin of time, and a field."""
    found = run(f"{PARSE} | stats count(*) as n, max(size) as most by bin(1m), status | sort bin(1m), status")
    assert [(row["bin(1m)"][11:16], row["status"], row["n"], row["most"]) for row in found] == [
        ("10:30", "200", "1", "45"), ("10:30", "404", "1", "196"), ("10:31", "200", "1", "45"),
        ("10:31", "500", "1", "20"), ("10:32", "200", "1", "45"),
    ]  # fmt: skip


def test_patterns_of_messages() -> None:
    """What differs becomes tokens, named by their kind; the most frequent pattern is first."""
    found = run("pattern @message")
    assert found[0]["@pattern"].startswith('<IPAddress-1> - - [<Time-1>] "GET ')
    assert sum(int(row["@sampleCount"]) for row in found) == len(LINES)
    words = [_event(n, f"[error] task {name} was stopped after {n} s") for n, name in enumerate(("a1", "b2", "c3"))]
    (row,) = run("pattern @message | sort @sampleCount desc", words)
    assert row == {
        "@pattern": "[error] task <Token-1> was stopped after <Number-1> s", "@ratio": "1", "@sampleCount": "3",
        "@severityLabel": "ERROR",
    }  # fmt: skip

"""Queries: what is selected and by which condition. The answers are those of a real 5.1.1 to the same records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab_helpers.router.records.record import Record
from lab_helpers.router.streams.processor import _selected
from lab_helpers.router.streams.sql import NotModelledError, SqlError, parse

A: dict[str, Any] = {
    "status": 503, "uri": "/b", "n": 1.5, "s": "404 x", "nest": {"a": {"b": 7}, "c": "t"}, "f": True, "g": False,
    "z": None, "neg": -3, "list": [1],
}  # fmt: skip
B: dict[str, Any] = {"status": 200, "uri": "/healthcheck", "n": 0.1, "s": "", "nest": "text"}
C: dict[str, Any] = {"status": "404", "uri": "it's", "n": 2}
NS = 1_796_043_039_168_760_593


def answers(query: str) -> list[Mapping[Any, Any]]:
    """What a query makes of the three records."""
    records = [Record(NS, dict(body)) for body in (A, B, C)]
    return [made.body for made in _selected(parse(query), "in.0", records)]


@pytest.mark.parametrize(
    ("condition", "taken"),
    [
        ("status >= 200", "ABC"), ("status >= 200 AND uri <> '/healthcheck'", "AC"), ("uri != '/b'", "BC"),
        ("status > 400 and status < 600", "AC"), ("uri = '/b'", "A"), ("status = 503.0", "A"), ("status = '404'", "C"),
        ("z IS NULL", "A"), ("z IS NOT NULL", "BC"), ("missing IS NULL", ""), ("missing IS NOT NULL", "ABC"),
        ("f", "A"), ("g", ""), ("neg", ""), ("f = true", "A"), ("g = false", "A"), ("list", ""), ("list = 1", ""),
        ("s = 404", "A"), ("s > 403", "A"), ("s = ''", "B"), ("n = 1.5", "A"), ("n = 0.1", ""), ("n >= 2", "C"),
        ("nest['a']['b'] = 7", "A"), ("nest['c'] = 't'", "A"), ("nest['c'] = 'text'", "B"), ("nest['x'] = 1", ""),
        ("nest", "AB"), ("nest['a']", "AB"), ("uri < '/c'", "A"), ("uri > '/'", "ABC"), ("uri <= '/bb'", "A"),
        ("@record.contains(z)", "A"), ("@record.contains(missing)", ""), ("@record.contains(nest['a']['b'])", "AB"),
        ("@record.time() > 1.0", "ABC"), ("1", "ABC"), ("0", ""), ("-1", ""), ("'x'", "ABC"), ("true", "ABC"),
        ("uri = 'it''s'", "C"), ("NOT missing", "ABC"), ("NOT NOT status = 503", "A"),
        ("NOT uri = '/b' AND status = 200", "ABC"), ("uri = '/b' AND status = 1 OR status = 503", "A"),
        ("(uri = '/c' AND status = 1) OR status = 503", "A"), ("uri = '/c' AND status = 1 OR status = 503", ""),
        ("status <> 503 OR status <> 200", "ABC"),
    ],
)  # fmt: skip
def test_conditions(condition: str, taken: str) -> None:
    """Types, NULL, what is not there, and how words bind."""
    names = {id_: name for name, id_ in (("A", "/b"), ("B", "/healthcheck"), ("C", "it's"))}
    made = answers(f"SELECT * FROM TAG:'in.*' WHERE {condition};")
    assert "".join(names[body["uri"]] for body in made) == taken


@pytest.mark.parametrize(
    ("keys", "made"),
    [
        ("status", [{"status": 503}, {"status": 200}, {"status": "404"}]),
        ("status, uri AS u", [{"status": 503, "u": "/b"}, {"status": 200, "u": "/healthcheck"},
                              {"status": "404", "u": "it's"}]),
        ("RECORD_TAG()", [{"RECORD_TAG()": "in.0"}] * 3),
        ("record_tag() as t, nest['c']", [{"t": "in.0", "nest['c']": "t"}, {"t": "in.0", "nest['c']": "text"},
                                         {"t": "in.0"}]),
        ("nest['a'] AS x", [{"x": {"b": 7}}, {"x": "text"}]),
        ("missing", []),
        ("*, uri AS again", [{**body, "again": body["uri"]} for body in (A, B, C)]),
        ("RECORD_TIME() AS at", [{"at": 1796043039.1687605}] * 3),
    ],
)  # fmt: skip
def test_keys(keys: str, made: list[dict[str, Any]]) -> None:
    """Aliases, what lies below, functions; a record without any of the keys makes none."""
    assert answers(f"SELECT {keys} FROM STREAM:x;") == made


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("CREATE STREAM a AS SELECT FROM x;", "syntax error, unexpected FROM"),
        ("CREATE STREAM second AS SELECT * FROM STREAM:x;", "syntax error, unexpected SECOND"),
        ("select 1;", "syntax error, unexpected INTEGER"),
        ("SELECT * FROM TAG:'x'", "syntax error, unexpected end of file"),
        ("SELECT a FROM TAG:'x' WHERE a < b;", "syntax error, unexpected IDENTIFIER"),
        ("SELECT a, * FROM TAG:'x';", ""),
    ],
)
def test_what_is_no_query(query: str, words: str) -> None:
    """In the reference's words, as far as they say what was met."""
    with pytest.raises(SqlError) as error:
        parse(query)
    assert str(error.value) == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT COUNT(*) FROM TAG:'x';", "aggregate functions"),
        ("SELECT a FROM TAG:'x' GROUP BY a;", "GROUP BY"),
        ("SELECT a FROM TAG:'x' WINDOW TUMBLING (5 SECOND);", "windows"),
        ("CREATE SNAPSHOT s AS SELECT * FROM TAG:'x' LIMIT 5;", "snapshots"),
    ],
)
def test_what_is_not_modelled_says_so(query: str, words: str) -> None:
    """A query that the reference would run is not called wrong."""
    with pytest.raises(NotModelledError, match=words):
        parse(query)


def test_what_a_query_makes() -> None:
    """The stream, its properties, the source."""
    query = parse("create stream web with (tag='w.1', routable='no') as select * from tag:'*-firelens-*';")
    assert (query.stream, query.properties, query.source, query.is_tag) == (
        "web", {"tag": "w.1", "routable": "no"}, "*-firelens-*", True,
    )  # fmt: skip

"""Queries: what is selected and by which condition. The answers are those of a real 5.1.1 to the same records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab_helpers.router.records.record import Record
from lab_helpers.router.streams.processor import _selected
from lab_helpers.router.streams.sql import NotModelledError, SqlError, parse
from tests.router.streams.cases import CONDITIONS, KEYS, NS, RECORDS


def answers(query: str) -> list[Mapping[Any, Any]]:
    """What a query makes of the three records."""
    records = [Record(NS, dict(body)) for body in RECORDS]
    return [made.body for made in _selected(parse(query), "in.0", records)]


@pytest.mark.parametrize(("condition", "taken"), CONDITIONS)
def test_conditions(condition: str, taken: str) -> None:
    """Types, NULL, what is not there, and how words bind."""
    names = {id_: name for name, id_ in (("A", "/b"), ("B", "/healthcheck"), ("C", "it's"))}
    made = answers(f"SELECT * FROM TAG:'in.*' WHERE {condition};")
    assert "".join(names[body["uri"]] for body in made) == taken


@pytest.mark.parametrize(("keys", "made"), KEYS)
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

"""A table's records are the same as they are one by one: bodies, JSON, sizes, and what is left of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.router.records.accessor import Path
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.record import Record, encode
from lab_helpers.router.records.table import Column, Table

KEYS = ("host", "path", "code", "took", 'k"')
PLAIN = st.text("abc /.-", min_size=1, max_size=40)
ODD = PLAIN | st.sampled_from(['"', "\\", "\n", "\x7f", "\x00", "日本", "\udcff", "x" * 300, '","path":"'])
NUMBERS = st.sampled_from([0, 7, 200, -1, 2**63 - 1, -(2**63), 2**64 - 1])
FLOATS = st.sampled_from([0.0, -0.0, 1.5, 1e300, float("inf"), 0.1])
APPENDED = (("ecs_cluster", "demo"), ("source", "stdout"))


@st.composite
def tables(draw: Any, texts: st.SearchStrategy[str] = ODD) -> Table:
    """Draw a table: texts, integers and floats under some keys, the first without gaps."""
    count = draw(st.integers(0, 12))
    columns: dict[str, Column] = {}
    for key in KEYS[: draw(st.integers(1, len(KEYS)))]:
        values = draw(st.sampled_from([texts, texts, NUMBERS, FLOATS]))
        has_gaps = bool(columns) and draw(st.booleans())
        column = draw(st.lists(values | st.none() if has_gaps else values, min_size=count, max_size=count))
        columns[key] = Column(column, values is texts, has_gaps)
    times_ns = draw(st.lists(st.integers(0, 2**32 * 10**9 - 1), min_size=count, max_size=count))
    return Table(times_ns, columns)


def _records(table: Table) -> list[Record]:
    """Say once more, and simply, which records a table holds."""
    rows = [
        {key: column.values[at] for key, column in table.columns.items() if column.values[at] is not None}
        for at in range(len(table.times_ns))
    ]
    return list(map(Record, table.times_ns, rows))


def _batch(table: Table, appended: tuple[tuple[str, str], ...] = ()) -> Batch:
    batch = Batch(appended=appended)
    batch.tabulate(table)
    return batch


@pytest.mark.parametrize("escapes", [True, False])
@pytest.mark.parametrize("texts", [PLAIN, ODD], ids=["plain", "odd"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_table_is_in_a_chunk_what_its_records_are(escapes: bool, texts: Any, data: st.DataObject) -> None:
    """JSON, times, records and size, before and after a retry has made it free what was written."""
    tabulated, decoded = Chunk("t", "in", escapes), Chunk("t", "in", escapes)
    for table in data.draw(st.lists(tables(texts), max_size=3)):
        for appended in ((), APPENDED, (("host", "own"),)):
            records = _records(table)
            tabulated.add(_batch(table, appended))
            decoded.add(Batch(raw=encode(records), count=len(records), appended=appended))
    for _ in range(2):
        assert tabulated.json_lines() == decoded.json_lines()
        assert tabulated.lines().times_ms == decoded.lines().times_ms
        assert repr(tabulated.records()) == repr(decoded.records())
        tabulated.forget_decoded()
    assert (tabulated.size_bytes, tabulated.count) == (decoded.size_bytes, decoded.count)


STEPS: list[Callable[[Batch], Any]] = [
    lambda batch: batch.keep([at % 3 > 0 for at in range(batch.count)]),
    lambda batch: batch.texts(Path("path")),
    lambda batch: batch.texts(Path("code", ("x",))),
    lambda batch: batch.append_to_all([("took", "long")]),
    lambda batch: batch.texts(Path("took")),
    lambda batch: batch.packed(),
    lambda batch: batch.picked(range(0, batch.count, 2)).records(),
    lambda batch: [batch.copy_of(at) for at in range(batch.count)],
]


@given(tables(), st.lists(st.sampled_from(STEPS), max_size=5))
@settings(max_examples=150, deadline=None)
def test_a_batch_does_to_a_table_what_it_does_to_records(table: Table, steps: list[Callable[[Batch], Any]]) -> None:
    """What is told on the way, and what is left at the end."""
    tabulated, decoded = _batch(table, APPENDED), Batch(records=_records(table), appended=APPENDED)
    for step in steps:
        assert repr(step(tabulated)) == repr(step(decoded))
        assert tabulated.count == decoded.count
    assert repr(tabulated.records()) == repr(decoded.records())


@given(tables(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_emitter_hears_at_least_what_records_take(table: Table, is_table: bool) -> None:
    """What is said to be the most is no less than the records with what is appended."""
    batch = _batch(table, APPENDED) if is_table else Batch(records=_records(table), appended=APPENDED)
    most = batch.most_bytes() + 11 * batch.count
    assert most >= len(encode(batch.records()))


def test_plain_values_are_written_at_once() -> None:
    """So that the speed is not lost unnoticed; where a value has to be escaped, the careful way writes."""
    table = Table([0, 1], {"a": Column(["x", "y"], True), "n": Column([1, None], False, True), "b": Column("zz", True)})
    lines = table.lines(APPENDED[:1], True)
    assert lines is not None
    assert lines.complete() == [
        b'{"a":"x","n":1,"b":"z","ecs_cluster":"demo"}',
        b'{"a":"y","b":"z","ecs_cluster":"demo"}',
    ]
    assert Table([0], {"a": Column(['"'], True)}).lines((), True) is None
    assert Table([0], {"a": Column(["é"], True)}).lines((), True) is None
    assert Table([0], {"a": Column(["x"], True)}).lines((("a", "y"),), True) is None

"""Records kept as a column for each key: what a parser makes of many lines of one form.

Their JSON and their size are made column by column; as bodies they are the same records, one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any, NamedTuple, cast

import msgpack
import orjson

from lab_helpers.router.records.json_text import dumps
from lab_helpers.router.records.lines import JOINT, Lines
from lab_helpers.router.records.record import array_head_bytes, packable
from lab_helpers.router.records.uniform import BLOCK_RECORDS

Body = dict[Any, Any]
MOST_KEYS = 15
# more make the head of a record's map longer


class Column(NamedTuple):
    """Of each record the value under one key, None where it has not the key: all texts, or all numbers of one type."""

    values: Sequence[Any]
    is_text: bool
    has_gaps: bool = False

    def kept(self, stays: Sequence[bool]) -> Column:
        """Return the values for which this is True."""
        return self._replace(values=list(compress(self.values, stays)))

    def picked(self, places: Sequence[int]) -> Column:
        """Return the values at these places."""
        return self._replace(values=[self.values[at] for at in places])

    def gaps(self) -> int:
        """Return how many records have not the key."""
        return self.values.count(None) if self.has_gaps else 0

    def shown(self) -> Sequence[str | None]:
        """Return texts as they are, and the JSON of what is none."""
        if self.is_text:
            return self.values
        if set(map(type, self.values)) == {int}:
            return list(map(str, self.values))
        return [None if value is None else dumps(value).decode() for value in self.values]


class Table:
    """Records as times in nanoseconds and columns in the order of the keys, at most MOST_KEYS; all have the first key.

    Values are texts, integers or floats. Nothing in a table is ever changed.
    """

    __slots__ = ("columns", "times_ns")

    def __init__(self, times_ns: list[int], columns: dict[str, Column]) -> None:
        self.times_ns, self.columns = times_ns, columns

    def bodies(self) -> list[Body]:
        """Return the records' bodies."""
        return _bodies(list(self.columns), [column.values for column in self.columns.values()])

    def texts(self, key: str) -> list[str | None]:
        """Return the text under the key in each record, None where it is none."""
        column = self.columns.get(key)
        return [*column.values] if column is not None and column.is_text else [None] * len(self.times_ns)

    def kept(self, stays: Sequence[bool]) -> Table:
        """Return the records for which this is True."""
        columns = {key: column.kept(stays) for key, column in self.columns.items()}
        return Table(list(compress(self.times_ns, stays)), columns)

    def picked(self, places: Sequence[int]) -> Table:
        """Return the records at these places."""
        columns = {key: column.picked(places) for key, column in self.columns.items()}
        return Table([self.times_ns[at] for at in places], columns)

    def packed(self) -> PackedTable:
        """Return the bodies as bytes."""
        columns, size_bytes = list[bytes](), len(self.times_ns)  # a map's head is one
        for key, column in self.columns.items():
            packed, gaps = _pack(column.values), column.gaps()
            columns.append(packed)
            size_bytes += len(packed) - array_head_bytes(packed) - gaps + (len(column.values) - gaps) * len(_pack(key))
        return PackedTable(tuple(self.columns), columns, size_bytes)

    def lines(self, appended: Sequence[tuple[str, str]], escape_unicode: bool) -> Lines | None:
        """Return the records' JSON, each with the appended pairs; None where something in it needs a closer look."""
        if any(key in self.columns for key, _ in appended):
            return None
        parts: list[bytes] = []
        for at in range(0, len(self.times_ns), BLOCK_RECORDS):
            written = _written(self._block(at), escape_unicode)
            if written is None:
                return None
            parts += written
        suffix = b"," + dumps(dict(appended), escape_unicode)[1:] if appended else b"}"
        return Lines([time_ns // 1_000_000 for time_ns in self.times_ns], parts, b"{", suffix)

    def _block(self, at: int) -> dict[str, Column]:
        end = at + BLOCK_RECORDS
        if not at and end >= len(self.times_ns):
            return self.columns
        return {key: column._replace(values=column.values[at:end]) for key, column in self.columns.items()}


class PackedTable(NamedTuple):
    """A table's bodies, column by column as msgpack; `size_bytes` is what they take as maps."""

    keys: tuple[str, ...]
    columns: list[bytes]
    size_bytes: int

    def bodies(self) -> list[Body]:
        """Return the records' bodies."""
        columns = [msgpack.unpackb(column, unicode_errors="surrogateescape") for column in self.columns]
        return _bodies(self.keys, columns)


def _bodies(keys: Sequence[str], columns: Sequence[Sequence[Any]]) -> list[Body]:
    bodies = [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]
    for key, column in zip(keys, columns, strict=True):
        for at, value in enumerate(column) if None in column else ():
            if value is None:
                del bodies[at][key]
    return bodies


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, unicode_errors="surrogateescape", default=packable)
    return packed


def _written(columns: dict[str, Column], escape_unicode: bool) -> list[bytes] | None:
    """Return the inside of each record's JSON; None where a value has to be escaped.

    All is written as one text. What is escaped in that, once more, are the quotes that were put there, if nothing else.
    """
    seams, filled, escapes = [""], list[Sequence[str]](), 0
    count = 0
    for key, column in columns.items():
        opening, closing = "," * bool(filled) + dumps(key).decode() + ":", ""
        if column.is_text:
            opening, closing = opening + '"', '"'
        values, count = column.shown(), len(column.values)
        escapes += _escapes(opening + closing) * (count - column.gaps())
        if column.has_gaps:
            filled.append(["" if value is None else opening + value + closing for value in values])
            seams.append("")
        else:
            seams[-1] += opening
            filled.append(cast(Sequence[str], values))
            seams.append(closing)
    text = _woven(seams, filled, count)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return None
    if (escape_unicode and len(data) != len(text)) or len(orjson.dumps(text)) != len(data) + 2 + escapes:
        return None
    parts = data.split(JOINT)
    return parts if len(parts) == count else None


def _woven(seams: list[str], filled: list[Sequence[str]], count: int) -> str:
    """Return the rows, a JOINT between them: a seam in front of each column's value, and the last one behind."""
    step = 2 * len(filled)
    between = seams[-1] + JOINT.decode() + seams[0]
    pieces = [between] * (step * count)
    for number, column in enumerate(filled):
        pieces[2 * number + 1 :: step] = column
        if number:
            pieces[2 * number :: step] = [seams[number]] * count
    return "".join(pieces)[len(seams[-1]) + len(JOINT) :] + seams[-1]


def _escapes(text: str) -> int:
    """Return how many bytes longer the text is as the inside of a JSON string."""
    return len(orjson.dumps(text)) - 2 - len(text.encode())

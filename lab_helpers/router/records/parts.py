"""What a chunk is made of: entries as they came, and records that filters have made. Both know their JSON.

A record that was made is packed without its time, many at once, and its JSON is written while it is still at hand:
nothing of it has to be read again by an output that sends lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgpack

from lab_helpers.router.records.encode import encode_bodies, encode_part, encode_records
from lab_helpers.router.records.lines import Lines
from lab_helpers.router.records.record import (
    Record,
    array_head_bytes,
    body_from_pairs,
    decode,
    new_unpacker,
    packable,
    put_last,
)
from lab_helpers.router.records.table import PackedTable, Table

Pairs = tuple[tuple[str, str], ...]
ENTRY_BYTES = 11
# array header and EventTime in front of each body


@dataclass
class RawPart:
    """Entries `[time, body]` with the same appended pairs, one behind the other."""

    appended: Pairs
    pieces: list[bytes] = field(default_factory=list)
    count: int = 0

    def records(self) -> list[Record]:
        """Return the decoded records."""
        return decode(self._raw(), self.appended, self.count)

    def lines(self, escape_unicode: bool) -> Lines:
        """Return the records' JSON."""
        return encode_part(self._raw(), self.count, self.appended, escape_unicode)

    def forget_lines(self) -> None:
        """Nothing is kept."""

    def _raw(self) -> bytes:
        if len(self.pieces) > 1:
            self.pieces = [b"".join(self.pieces)]
        return self.pieces[0] if self.pieces else b""


@dataclass
class MadePart:
    """Records with the same appended pairs; `packed` are the bodies, a piece for each batch, `json` theirs or None.

    `size_bytes` is what the records take as entries, without what is appended.
    """

    appended: Pairs
    times_ns: list[int]
    packed: list[PackedBodies | PackedTable]
    size_bytes: int
    json: Lines | None

    def records(self) -> list[Record]:
        """Return the decoded records."""
        bodies = [body for piece in self.packed for body in piece.bodies()]
        for body in bodies if self.appended else ():
            put_last(body, self.appended)
        return list(map(Record, self.times_ns, bodies))

    def lines(self, escape_unicode: bool) -> Lines:
        """Return the records' JSON."""
        return encode_records(self.records(), escape_unicode) if self.json is None else self.json

    def forget_lines(self) -> None:
        """Free the JSON; it is written again when it is asked for."""
        self.json = None

    def take(self, other: MadePart) -> bool:
        """Put the records of another part behind these; returns False where they differ in what is known of them."""
        if self.appended != other.appended or self.json is None or other.json is None:
            return False
        self.times_ns += other.times_ns
        self.packed += other.packed
        self.size_bytes += other.size_bytes
        self.json.parts += other.json.parts
        self.json.times_ms += other.json.times_ms
        return True


class PackedBodies(NamedTuple):
    """Bodies as one list of msgpack."""

    data: bytes

    def bodies(self) -> list[dict[Any, Any]]:
        """Return the bodies."""
        unpacker = new_unpacker(object_pairs_hook=body_from_pairs)
        unpacker.feed(self.data)
        bodies: list[dict[Any, Any]] = unpacker.unpack()
        return bodies


Part = RawPart | MadePart


def made_part(times_ns: list[int], bodies: list[dict[Any, Any]], appended: Pairs, escape_unicode: bool) -> MadePart:
    """Return a part of records. Raises ValueError, RecursionError where one is nested too deeply for that."""
    packed = msgpack.packb(bodies, unicode_errors="surrogateescape", default=packable)
    size = len(packed) - array_head_bytes(packed) + ENTRY_BYTES * len(bodies)
    lines = encode_bodies(times_ns, bodies, packed, appended, escape_unicode)
    return MadePart(appended, times_ns, [PackedBodies(packed)], size, lines)


def table_part(table: Table, appended: Pairs, escape_unicode: bool) -> MadePart:
    """Return a part of a table's records."""
    packed, lines = table.packed(), table.lines(appended, escape_unicode)
    size = packed.size_bytes + ENTRY_BYTES * len(table.times_ns)
    return MadePart(appended, [*table.times_ns], [packed], size, lines)

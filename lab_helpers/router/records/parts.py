"""What a chunk is made of: entries as they came, and records that filters have made. Both know their JSON.

A record that was made is packed without its time, many at once, and its JSON is written while it is still at hand:
nothing of it has to be read again by an output that sends lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
    """Records with the same appended pairs; `packed` is a list of bodies, one for each batch, `json` theirs or None."""

    appended: Pairs
    times_ns: list[int]
    packed: list[bytes]
    json: Lines | None

    @property
    def size_bytes(self) -> int:
        """What the records take as entries, without what is appended."""
        heads = sum(array_head_bytes(piece) for piece in self.packed)
        return sum(map(len, self.packed)) - heads + ENTRY_BYTES * len(self.times_ns)

    def records(self) -> list[Record]:
        """Return the decoded records."""
        bodies = [body for piece in self.packed for body in _unpacked(piece)]
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
        self.json.parts += other.json.parts
        self.json.times_ms += other.json.times_ms
        return True


Part = RawPart | MadePart


def made_part(times_ns: list[int], bodies: list[dict[Any, Any]], appended: Pairs, escape_unicode: bool) -> MadePart:
    """Return a part of records. Raises ValueError, RecursionError where one is nested too deeply for that."""
    packed = msgpack.packb(bodies, unicode_errors="surrogateescape", default=packable)
    lines = encode_bodies(times_ns, bodies, packed, appended, escape_unicode)
    return MadePart(appended, times_ns, [packed], lines)


def _unpacked(piece: bytes) -> list[dict[Any, Any]]:
    unpacker = new_unpacker(object_pairs_hook=body_from_pairs)
    unpacker.feed(piece)
    bodies: list[dict[Any, Any]] = unpacker.unpack()
    return bodies

"""Log records, and the msgpack entries they are on the wire and in chunks.

Times are integer nanoseconds since 1970. Strings that are not valid UTF-8 keep their bytes as lone surrogates
(`surrogateescape`). A key that occurs twice keeps its last value, at the place of that last one: what the JSON of
Fluent Bit shows. Not modelled: the metadata map of an event (it is dropped, as the AWS outputs do).
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgpack

NS = 1_000_000_000
_ENTRY_HEAD = b"\x92\xd7\x00"
# an array of two, the first an ext value of 8 bytes and type 0: the seconds and nanoseconds of an EventTime follow
_BYTES_HEADS = re.compile(rb"[\xc4-\xc6]")
# how bytes begin, which may be keys, too; where none of these is, no key is bytes


class Record(NamedTuple):
    """One log record: time in nanoseconds, body with keys in their order."""

    time_ns: int
    body: dict[Any, Any]


class Nanoseconds(int):
    """An EventTime of the forward protocol (ext type 0), told apart from integer seconds by its type."""


def put_last(body: dict[Any, Any], pairs: Iterable[tuple[Any, Any]]) -> None:
    """Set keys so that each ends up last, as a repeated key does in Fluent Bit's JSON."""
    for key, value in pairs:
        body.pop(key, None)
        body[key] = value


def decode(raw: bytes, appended: Sequence[tuple[str, str]] = (), count: int = 0) -> list[Record]:
    """Return the records of concatenated msgpack entries, repeated keys resolved.

    Entries that are not `[time, map]` are left out, and what is behind bytes that are no msgpack: never raises.
    `count`, where it is known how many entries there are, lets usual ones be read at once.
    """
    times_ns, bodies = columns(raw, count)
    for body in bodies if appended else ():
        put_last(body, appended)
    return list(map(Record, times_ns, bodies))


def columns(raw: bytes, count: int) -> tuple[list[int], list[dict[Any, Any]]]:
    """Return times in nanoseconds and bodies of what `decode` reads."""
    found = _columns_at_once(raw, count) if count else None
    if found is None:
        records = _decode_one_by_one(raw)
        found = [record.time_ns for record in records], [record.body for record in records]
    return found


def _columns_at_once(raw: bytes, count: int) -> tuple[list[int], list[dict[Any, Any]]] | None:
    """Return them by one call; None where the entries are not plain enough for that to be exact."""
    entries = unpack_all(raw, count)
    if entries is None or _BYTES_HEADS.search(raw) or packed_plainly(raw, entries) is None:
        return None
    return times_of(entries), [entry[1] for entry in entries]


def times_of(entries: list[Any]) -> list[int]:
    """Return the times in nanoseconds of entries that are packed plainly."""
    unit = NS if type(entries[0][0]) is int else 1
    return [int(entry[0]) * unit for entry in entries]


def unpack_all(raw: bytes, count: int) -> list[Any] | None:
    """Return `count` packed entries; None where they are more, fewer, no valid UTF-8 or have keys that are no text."""
    try:
        found: list[Any] = msgpack.unpackb(b"\xdd" + count.to_bytes(4, "big") + raw, ext_hook=read_ext)
    except (ValueError, TypeError, RecursionError):
        return None
    return found or None


def packed_plainly(raw: bytes, entries: list[Any]) -> bytes | None:
    """Return the bodies packed, where all entries are [32-bit integer or EventTime, non-empty map] with each key once.

    None where they are not. Packed again, a map with a key that was there twice is shorter: a dict has it once.
    """
    if set(map(type, entries)) != {list} or set(map(len, entries)) != {2}:
        return None
    times = {type(entry[0]) for entry in entries}
    bodies = [entry[1] for entry in entries]
    if times not in ({int}, {Nanoseconds}) or set(map(type, bodies)) != {dict} or not all(bodies):
        return None
    per_entry = 11 if times == {Nanoseconds} else 6  # array header, then EventTime or a 32-bit integer
    packed: bytes = msgpack.packb(bodies)
    return packed if len(packed) - array_head_bytes(packed) + per_entry * len(bodies) == len(raw) else None


def array_head_bytes(packed: bytes) -> int:
    """Return how many bytes of a packed list are in front of its first element."""
    return {0xDC: 3, 0xDD: 5}.get(packed[0], 1)


def _decode_one_by_one(raw: bytes) -> list[Record]:
    unpacker = new_unpacker(object_pairs_hook=body_from_pairs)
    unpacker.feed(raw)
    records: list[Record] = []
    with contextlib.suppress(ValueError, RecursionError):
        for entry in unpacker:
            record = _record_of(entry)
            if record is not None:
                records.append(record)
    return records


def _record_of(entry: Any) -> Record | None:
    if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], dict):
        return None
    try:
        return Record(time_ns(entry[0]), entry[1])
    except (TypeError, ValueError, OverflowError):
        return None


def new_unpacker(**hooks: Any) -> Any:
    """Return a streaming msgpack reader that loses nothing: odd keys, invalid UTF-8 and ext values survive."""
    return msgpack.Unpacker(
        strict_map_key=False,
        unicode_errors="surrogateescape",
        ext_hook=read_ext,
        max_buffer_size=0x7FFF_FFFF,
        **hooks,
    )


class OddKey:
    """A map key that is no string: kept apart from strings and from other types (1, 1.0 and True are three keys)."""

    __slots__ = ("_identity", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._identity = (type(value).__name__, repr(value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OddKey) and other._identity == self._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        return repr(self.value)


def body_from_pairs(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return a map in which a repeated key has its last value at its last place; keys that are no strings: OddKey."""
    if not all(type(key) is str for key, _ in pairs):
        pairs = [(key if isinstance(key, str) else OddKey(key), value) for key, value in pairs]
    body = dict(pairs)
    if len(body) != len(pairs):
        body = {}
        put_last(body, pairs)
    return body


def read_ext(code: int, data: bytes) -> Any:
    """Return EventTime as nanoseconds; any other ext value as msgpack's ExtType."""
    if code == 0 and len(data) == 8:
        seconds, nanoseconds = struct.unpack(">II", data)
        return Nanoseconds(seconds * NS + nanoseconds)
    return msgpack.ExtType(code, data)


def time_ns(value: Any) -> int:
    """Return nanoseconds for a time as it is on the wire: seconds, float seconds, EventTime, or [time, metadata]."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, Nanoseconds):
        return int(value)
    if isinstance(value, int):
        return value * NS
    if isinstance(value, float):
        return int(value * NS)
    raise TypeError(f"a time of type {type(value).__name__}")


def packable(odd: Any) -> Any:
    """Return what stands for a value that msgpack has no form for: an odd key's own, or an integer's nearest float."""
    return float(odd) if isinstance(odd, int) else odd.value


def encode(records: Iterable[Record | tuple[int, dict[Any, Any]]]) -> bytes:
    """Return the records as concatenated msgpack entries with EventTime stamps."""
    pack = msgpack.Packer(unicode_errors="surrogateescape", default=packable).pack
    pieces: list[bytes] = []
    known, head = -1, b""
    for stamp, body in records:
        if stamp != known:  # neighbours often have the same time
            known, head = stamp, _ENTRY_HEAD + struct.pack(">II", (stamp // NS) & 0xFFFF_FFFF, stamp % NS)
        pieces += (head, pack(body))
    return b"".join(pieces)

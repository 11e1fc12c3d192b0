"""The entries of a message in forward mode: `[time, body]` each, or `[[time, metadata], body]`.

Source: Fluent Bit 5.1.1, flb_event_decoder_decode_object: what it refuses, in its order, and its numbers for that.
"""

from __future__ import annotations

from typing import Any

import msgpack

from lab_helpers.router.records.record import Nanoseconds

MAP_HEADS = frozenset(range(0x80, 0x90)) | {0xDE, 0xDF}
ARRAY_HEADS = frozenset(range(0x90, 0xA0)) | {0xDC, 0xDD}
NO_ENTRY, WRONG_SIZE, WRONG_HEADER, WRONG_TIME, WRONG_METADATA, WRONG_BODY = -4, -5, -7, -8, -9, -10
_DOUBLE = 0xCB
_USUAL_TIMES = (b"\x92\xd7\x00", b"\x92\xce")
# an array of two, then EventTime or a 32-bit number


class EntryError(ValueError):
    """An entry is refused; `number` is the reference's for the reason."""

    def __init__(self, number: int) -> None:
        super().__init__(f"event decoder or encoder failure: {number}")
        self.number = number


def skip_entry(unpacker: Any, data: Any) -> None:
    """Move the reader behind an entry. Raises EntryError where it is none, msgpack.OutOfData where it is not whole."""
    at = unpacker.tell()
    if bytes(data[at : at + 3]).startswith(_USUAL_TIMES):
        unpacker.read_array_header()
        unpacker.skip()
        if byte_at(data, unpacker.tell()) not in MAP_HEADS:
            raise EntryError(WRONG_BODY)
        unpacker.skip()
    else:
        _skip_unusual(unpacker, data, at)


def byte_at(data: Any, at: int) -> int:
    """Return a byte. Raises msgpack.OutOfData where there is none."""
    if at >= len(data):
        raise msgpack.OutOfData
    return int(data[at])


def _skip_unusual(unpacker: Any, data: Any, at: int) -> None:
    if byte_at(data, at) not in ARRAY_HEADS:
        raise EntryError(NO_ENTRY)
    if unpacker.read_array_header() != 2:
        raise EntryError(WRONG_SIZE)
    has_metadata = byte_at(data, unpacker.tell()) in ARRAY_HEADS
    if has_metadata and unpacker.read_array_header() != 2:
        raise EntryError(WRONG_HEADER)
    head = byte_at(data, unpacker.tell())
    time = unpacker.unpack()
    is_other_ext = isinstance(time, msgpack.ExtType)  # refused after all else
    if not is_other_ext and not is_time(time, head):
        raise EntryError(WRONG_TIME)
    if has_metadata:
        if byte_at(data, unpacker.tell()) not in MAP_HEADS:
            raise EntryError(WRONG_METADATA)
        unpacker.skip()
    if byte_at(data, unpacker.tell()) not in MAP_HEADS:
        raise EntryError(WRONG_BODY)
    unpacker.skip()
    if is_other_ext:
        raise EntryError(WRONG_TIME)


def is_time(value: Any, head: int) -> bool:
    """Whether this is a time: EventTime, a number from zero on, or a float of 64 bits (`head` is its first byte)."""
    if isinstance(value, float):
        return head == _DOUBLE
    return isinstance(value, Nanoseconds) or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)

"""Encode records that differ only in their time and in `log`: what a log driver sends for one container's stream.

The first entry gives a pattern of bytes; the others are cut along it without being decoded, and only their `log`
values are
escaped, all at once. Everything else of the JSON line is the same for all and kept once. One entry that does not fit
the pattern and the caller has to take the general way.
"""

from __future__ import annotations

import struct
from _json import encode_basestring_ascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgpack
import orjson

from lab_helpers.local_aws.router.json_text import dumps
from lab_helpers.local_aws.router.record import new_unpacker, put_last

KEY = "log"
_MARK = "\x1e\x1f"
_JOINT = b"\x7f"
# DEL: orjson leaves it as it is, and Fluent Bit does not, so values with one go the general way
_ESCAPED_JOINT = b"\\u007f"
_INTEGER_TIME = b"\x92\xce"
_EVENT_TIME = b"\x92\xd7\x00"


@dataclass(frozen=True)
class Pattern:
    """Bytes of an entry around what varies: `opening`, time (`time_bytes` long), `before`, the log value, `after`.

    `prefix` and `suffix` are the JSON line around the escaped value.
    """

    opening: bytes
    time_bytes: int
    before: bytes
    after: bytes
    prefix: bytes
    suffix: bytes


def cut_uniform(
    raw: bytes, appended: Sequence[tuple[str, str]], escape_unicode: bool
) -> tuple[list[int], list[bytes], bytes, bytes] | None:
    """Return (times in ms, escaped log values, prefix, suffix), or None where the entries are not alike."""
    pattern = _pattern_of(raw, appended, escape_unicode)
    if pattern is None:
        return None
    cut = _cut(raw, pattern)
    if cut is None:
        return None
    values, times = cut
    parts = _escaped(values, escape_unicode)
    if parts is None:
        return None
    return _milliseconds(times, pattern.time_bytes), parts, pattern.prefix, pattern.suffix


def _pattern_of(raw: bytes, appended: Sequence[tuple[str, str]], escape_unicode: bool) -> Pattern | None:
    opening = _INTEGER_TIME if raw.startswith(_INTEGER_TIME) else _EVENT_TIME if raw.startswith(_EVENT_TIME) else b""
    if not opening:
        return None
    time_bytes = 4 if opening is _INTEGER_TIME else 8
    start = len(opening) + time_bytes
    read = _read_pairs(raw, start)
    if read is None:
        return None
    body, value_at, value_end, end = read
    around = _json_around(body, appended, escape_unicode)
    if around is None:
        return None
    return Pattern(opening, time_bytes, raw[start:value_at], raw[value_end:end], *around)


def _read_pairs(raw: bytes, start: int) -> tuple[dict[str, Any], int, int, int] | None:
    """Return (body, start and end of the log value, end of the entry) for the map at `start`."""
    unpacker = new_unpacker()
    unpacker.feed(memoryview(raw)[start:])
    body: dict[str, Any] = {}
    value_at = value_end = 0
    try:
        count = unpacker.read_map_header()
        for _ in range(count):
            key = unpacker.unpack()
            at = unpacker.tell()
            body[key] = unpacker.unpack()
            if key == KEY:
                value_at, value_end = start + at, start + unpacker.tell()
    except (msgpack.OutOfData, ValueError, TypeError):
        return None
    if len(body) != count or not isinstance(body.get(KEY), str):
        return None
    return body, value_at, value_end, start + unpacker.tell()


def _json_around(
    body: dict[str, Any], appended: Sequence[tuple[str, str]], escape_unicode: bool
) -> tuple[bytes, bytes] | None:
    marked = {**body, KEY: _MARK}
    put_last(marked, appended)
    if marked.get(KEY) != _MARK:
        return None
    pieces = dumps(marked, escape_unicode).split(dumps(_MARK, escape_unicode))
    return (pieces[0] + b'"', b'"' + pieces[1]) if len(pieces) == 2 else None


def _cut(raw: bytes, pattern: Pattern) -> tuple[list[bytes], list[bytes]] | None:
    """Return the log values and the times, as they are in the bytes."""
    before, following = pattern.before, pattern.after + pattern.opening
    skip, time_at = len(pattern.opening) + pattern.time_bytes, len(pattern.opening)
    before_size, after_size, following_size = len(before), len(pattern.after), len(following)
    data = raw + pattern.opening  # so that the last entry is followed by an opening, too
    values: list[bytes] = []
    times: list[bytes] = []
    at, end = 0, len(raw)
    while at < end:
        start = at + skip
        value_at = start + before_size
        if data[start:value_at] != before:
            return None
        head = data[value_at]
        if head == 0xD9:
            value_at += 2
            value_end = value_at + data[value_at - 1]
        elif 0xA0 <= head <= 0xBF:
            value_at += 1
            value_end = value_at + head - 0xA0
        elif head == 0xDA:
            value_at += 3
            value_end = value_at + (data[value_at - 2] << 8) + data[value_at - 1]
        else:
            return None
        if data[value_end : value_end + following_size] != following:
            return None
        values.append(data[value_at:value_end])
        times.append(data[at + time_at : start])
        at = value_end + after_size
    return (values, times) if at == end else None


def _escaped(values: list[bytes], escape_unicode: bool) -> list[bytes] | None:
    joined = _JOINT.join(values)
    if joined.count(_JOINT) != len(values) - 1:
        return None
    if joined.isascii():
        text = orjson.dumps(joined.decode("ascii"))
    else:
        try:
            unicode = joined.decode("utf-8")
        except UnicodeDecodeError:
            return None
        if escape_unicode:
            parts = encode_basestring_ascii(unicode).encode("ascii")[1:-1].split(_ESCAPED_JOINT)
            return parts if len(parts) == len(values) else None
        text = orjson.dumps(unicode)
    return text[1:-1].split(_JOINT)


def _milliseconds(times: list[bytes], time_bytes: int) -> list[int]:
    if time_bytes == 4:
        return [seconds * 1000 for seconds in struct.unpack(f">{len(times)}I", b"".join(times))]
    numbers = struct.unpack(f">{2 * len(times)}I", b"".join(times))
    return [
        seconds * 1000 + nanoseconds // 1_000_000
        for seconds, nanoseconds in zip(numbers[::2], numbers[1::2], strict=True)
    ]

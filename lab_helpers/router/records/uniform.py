"""Cut and encode records that differ only in their time and in `log`: what a log driver sends for one container.

The first entry gives a pattern of bytes; the others are cut along it without being decoded, and only their `log`
values are read, or escaped, many at once. Everything else is the same for all and kept once. One entry that
does not fit the pattern and the caller has to take the general way.
"""

from __future__ import annotations

import struct
from _json import encode_basestring_ascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgpack
import orjson

from lab_helpers.router.records.json_text import dumps
from lab_helpers.router.records.record import new_unpacker, put_last

KEY = "log"
BLOCK_RECORDS = 1000
# treated together: what one step has made is still near at hand in the processor's cache when the next needs it
_MARK = "\x1e\x1f"
_JOINT = b"\x7f"
# DEL: orjson leaves it as it is, and Fluent Bit does not, so values with one go the general way
_ESCAPED_JOINT = b"\\u007f"
_INTEGER_TIME = b"\x92\xce"
_EVENT_TIME = b"\x92\xd7\x00"


@dataclass(frozen=True)
class Pattern:
    """Bytes of an entry around what varies: `opening`, time (`time_bytes` long), `before`, the log value, `after`.

    `body` is the first entry's.
    """

    opening: bytes
    time_bytes: int
    before: bytes
    after: bytes
    body: dict[str, Any]


class Alike(NamedTuple):
    """Records whose bodies are all `body`, each with a text of its own under `log`; every value is a text."""

    times_ns: list[int]
    texts: list[str]
    body: dict[str, str]


def cut_alike(raw: bytes) -> Alike | None:
    """Return the records of packed entries, or None where they are not alike, or have values that are no text."""
    pattern = _pattern_of(raw)
    if pattern is None or set(map(type, [*pattern.body, *pattern.body.values()])) != {str}:
        return None
    times_ns: list[int] = []
    texts: list[str] = []
    for block in _blocks(raw, pattern):
        if block is None:
            return None
        times_ns += _nanoseconds(block)
        try:
            texts += [value.decode() for value in block.values]
        except UnicodeDecodeError:
            return None
    return Alike(times_ns, texts, pattern.body)


def cut_uniform(
    raw: bytes, appended: Sequence[tuple[str, str]], escape_unicode: bool
) -> tuple[list[int], list[bytes], bytes, bytes] | None:
    """Return (times in ms, escaped log values, JSON in front of each and behind), None where the entries differ."""
    pattern = _pattern_of(raw)
    around = _json_around(pattern.body, appended, escape_unicode) if pattern is not None else None
    if pattern is None or around is None:
        return None
    times: list[int] = []
    parts: list[bytes] = []
    for block in _blocks(raw, pattern):
        escaped = _escaped(block.values, escape_unicode) if block is not None else None
        if block is None or escaped is None:
            return None
        times += _milliseconds(block)
        parts += escaped
    return times, parts, *around


def _pattern_of(raw: bytes) -> Pattern | None:
    opening = _INTEGER_TIME if raw.startswith(_INTEGER_TIME) else _EVENT_TIME if raw.startswith(_EVENT_TIME) else b""
    if not opening:
        return None
    time_bytes = 4 if opening is _INTEGER_TIME else 8
    start = len(opening) + time_bytes
    read = _read_pairs(raw, start)
    if read is None:
        return None
    body, value_at, value_end, end = read
    return Pattern(opening, time_bytes, raw[start:value_at], raw[value_end:end], body)


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


def _blocks(raw: bytes, pattern: Pattern) -> Iterator[_Block | None]:
    """Yield the entries' values block by block, and None where one is not alike."""
    # behind the last entry there is as much as one may seem to want
    padding = bytes(len(pattern.opening) + pattern.time_bytes + len(pattern.before) + 3)
    data = pattern.after + raw + padding  # the first value, too, has the end of an entry before it
    at, end = 0, len(raw)
    while at < end:
        block = _cut(data, at, end, pattern)
        yield block
        if block is None:
            return
        at = block.end
    if at != end or data[at : -len(padding)] != pattern.after:
        yield None


class _Block(NamedTuple):
    """Log values, their times in ms without what `fractions` hold (nanoseconds), and where the last value ends."""

    values: list[bytes]
    seconds_ms: list[int]
    fractions: Sequence[int]
    end: int


def _cut(data: bytes, at: int, end: int, pattern: Pattern) -> _Block | None:
    """Return the next BLOCK_RECORDS log values at most; None where an entry is not alike.

    Between two values there are the end of an entry, the opening of the next, its time, and what precedes its value: of
    all that only nanoseconds change from one to the next, and once a second the seconds.
    """
    following = pattern.after + pattern.opening
    seconds_at = len(following)
    fraction_at = seconds_at + 4
    before_at = seconds_at + pattern.time_bytes
    before, size, has_fraction = pattern.before, before_at + len(pattern.before), before_at > fraction_at
    values: list[bytes] = []
    seconds_ms: list[int] = []
    tails: list[bytes] = []  # nanoseconds and `before`, which is looked at in all of them together
    fixed_bytes = fraction_at if has_fraction else size
    known, time_ms = b"", 0
    while at < end and len(values) < BLOCK_RECORDS:
        start = at + size
        fixed = data[at : at + fixed_bytes]
        if fixed != known:
            if fixed[:seconds_at] != following or not (has_fraction or fixed[before_at:] == before):
                return None
            known, time_ms = fixed, int.from_bytes(fixed[seconds_at:fraction_at], "big") * 1000
        if has_fraction:
            tails.append(data[at + fraction_at : start])
        head = data[start]
        if head == 0xD9:
            start += 2
            at = start + data[start - 1]
        elif 0xA0 <= head <= 0xBF:
            start += 1
            at = start + head - 0xA0
        elif head == 0xDA:
            start += 3
            at = start + (data[start - 2] << 8) + data[start - 1]
        else:
            return None
        values.append(data[start:at])
        seconds_ms.append(time_ms)
    fractions = _fractions(tails, before)
    return None if fractions is None else _Block(values, seconds_ms, fractions, at)


def _fractions(tails: list[bytes], before: bytes) -> Sequence[int] | None:
    """Return the four bytes in front of `before` in each as a number; None where something else is there."""
    joined, size, count = bytearray(b"".join(tails)), 4 + len(before), len(tails)
    if len(joined) != size * count:
        return None
    numbers = bytearray(4 * count)
    for place in range(4):
        numbers[place::4] = joined[place::size]
        joined[place::size] = bytes(count)
    return struct.unpack(f">{count}I", numbers) if joined == (bytes(4) + before) * count else None


def _escaped(values: list[bytes], escape_unicode: bool) -> list[bytes] | None:
    text = _JOINT.join(values)
    if text.isascii():
        parts = orjson.dumps(text.decode("ascii"))[1:-1].split(_JOINT)
    else:
        try:
            unicode = text.decode("utf-8")
        except UnicodeDecodeError:
            return None
        if escape_unicode:
            parts = encode_basestring_ascii(unicode).encode("ascii")[1:-1].split(_ESCAPED_JOINT)
        else:
            parts = orjson.dumps(unicode)[1:-1].split(_JOINT)
    return parts if len(parts) == len(values) else None  # else a value has a JOINT of its own


def _milliseconds(block: _Block) -> list[int]:
    if not block.fractions:
        return block.seconds_ms
    return [ms + more // 1_000_000 for ms, more in zip(block.seconds_ms, block.fractions, strict=True)]


def _nanoseconds(block: _Block) -> list[int]:
    if not block.fractions:
        return [ms * 1_000_000 for ms in block.seconds_ms]
    return [ms * 1_000_000 + more for ms, more in zip(block.seconds_ms, block.fractions, strict=True)]

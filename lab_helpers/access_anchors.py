"""Usual access-log lines (common format, no ident, no user), read from both ends in eight-byte steps.

Nearly all lines of a web server look the same at known distances from their host and from their end, so a few words a
line suffice to check and cut them; only the request target is looked at byte by byte. `access_matrix` takes the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lab_helpers import frames
from lab_helpers.apache import parse_time_us, split_request
from lab_helpers.byte_columns import (
    Mask,
    Positions,
    Text,
    category,
    cut,
    eight_digits,
    first_of,
    joined,
    leading,
    word_codes,
)

Words = NDArray[np.uint64]
MIN_LENGTH = 64
"""Shorter JSON text is no usual line; so no step from either end leaves it."""
_SPACE, _QUESTION = b" ?"
_HOST = re.compile(rb"[!#-\[\]-~]{2,16}")
_TIME, _REQUEST = 6, 36
"""Where the time and the request begin, counted from the host's end."""
_PROTOCOL_WIDTH = 8


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little"))


_BEFORE_TIME, _BEFORE_REQUEST, _BEHIND_REQUEST = _word(b" - - ["), _word(rb"] \""), _word(rb"\" ")
_COLONS, _COLON_PLACES = _word(b"\0\0\0:\0\0:\0"), _word(b"\0\0\0\xff\0\0\xff\0")
_DIVIDERS, _DIVIDER_PLACES = _word(b"\0:\0\0 \0\0\0"), _word(b"\0\xff\0\0\xff\0\0\0")
_SIX, _YEAR = _word(b"\xff" * 6), _word(b"\xff" * 3)
"""What is kept of a word: six bytes, or three (of a year that began in the word before)."""
_NOUGHTS = _word(b"00000000")
_MICROSECONDS = np.int64(1_000_000)


@dataclass(frozen=True)
class _Anchors:
    """Places in the buffer, a row each line."""

    buffer: Text
    begin: Positions
    host_end: Positions
    method_end: Positions
    size_at: Positions
    end: Positions
    lines: Positions

    @property
    def protocol_at(self) -> Positions:
        return self.size_at - 7 - _PROTOCOL_WIDTH

    def only(self, keep: Mask) -> _Anchors:
        places = (self.begin, self.host_end, self.method_end, self.size_at, self.end, self.lines)
        return self if keep.all() else _Anchors(self.buffer, *(part[keep] for part in places))


def read(buffer: Text, begin: Positions, end: Positions) -> tuple[dict[str, Any], Positions]:
    """The columns of the usual lines among those whose JSON text lies between two places each, and which they are."""
    long = np.flatnonzero(end - begin >= MIN_LENGTH)
    anchors = _find(buffer, begin[long], end[long], long)
    columns, good = _columns(anchors)
    if not good.all():
        anchors = anchors.only(good)
        columns, _ = _columns(anchors)
    return columns, anchors.lines


def _find(buffer: Text, begin: Positions, end: Positions, lines: Positions) -> _Anchors:
    """The lines that have everything but the target where usual lines have it."""
    host = first_of(buffer.words(begin), _SPACE)
    host += np.where(host == 8, first_of(buffer.words(begin + 8), _SPACE), 0)
    host_end = begin + host
    request = host_end + _REQUEST
    opening = buffer.words(request - 4)
    method = first_of(buffer.words(request), _SPACE)
    size_at = end - first_of(buffer.words(end - 8).byteswap(), _SPACE)
    ok = (host > 1) & (host < 16) & (method > 0) & (method < 8) & (size_at < end) & (size_at > end - 8)
    ok &= (buffer.words(host_end) & _SIX) == _BEFORE_TIME
    ok &= (opening & np.uint64(0xFFFFFFFF)) == _BEFORE_REQUEST
    ok &= ((buffer.words(size_at - 9) >> np.uint64(16)) & np.uint64(0xFFFFFF)) == _BEHIND_REQUEST
    anchors = _Anchors(buffer, begin, host_end, request + method, size_at, end, lines)
    ok &= buffer.bytes[size_at - 1] == _SPACE
    ok &= (buffer.bytes[anchors.protocol_at - 1] == _SPACE) & (anchors.protocol_at - 2 > anchors.method_end)
    return anchors.only(ok)


def _columns(a: _Anchors) -> tuple[dict[str, Any], Mask]:
    """The columns, and which rows have possible hosts, times, requests and numbers in them."""
    hosts, good = _hosts(a)
    moments, possible = _times(a)
    words, plain = _request_words(a)
    target, printable = _target(a)
    numbers, are = _numbers(a)
    places = (a.begin, a.host_end + _REQUEST - 2, a.host_end + _REQUEST - 1, a.size_at - 7, a.size_at - 6, a.end)
    columns = {"remote_host": hosts, "request_time": moments, "line": joined(a.buffer, np.stack(places, axis=1))}
    return columns | words | target | numbers, good & possible & plain & printable & are


def _hosts(a: _Anchors) -> tuple[pa.Array, Mask]:
    found = cut(a.buffer, a.begin, a.host_end).dictionary_encode()
    good = [bool(_HOST.fullmatch(host)) for host in found.dictionary.cast(pa.binary()).to_pylist()]
    return found, np.array(good, np.bool_)[found.indices.to_numpy()]


def _times(a: _Anchors) -> tuple[pa.Array, Mask]:
    """Times of `07/Nov/2021:09:14:02 +0000`: days change seldom and are parsed as text, the rest is arithmetic."""
    at = a.host_end + _TIME
    first, second, third, last = (a.buffer.words(at + step) for step in (0, 8, 16, 18))
    clock, are = _clock(second, third)
    day, zone = second & _YEAR, last >> np.uint64(24)
    changed = (np.diff(first) != 0) | (np.diff(day) != 0) | (np.diff(zone) != 0)
    runs = np.flatnonzero(np.concatenate([[len(at) > 0], changed]))
    midnights = [_midnight(a.buffer.text(place, place + 26)) for place in at[runs].tolist()]
    lengths = np.diff(np.append(runs, len(at)))
    start = np.repeat(np.array([0 if us is None else us for us in midnights], np.int64), lengths)
    are &= np.repeat(np.array([us is not None for us in midnights], np.bool_), lengths)
    are &= ((second & _COLON_PLACES) == _COLONS) & ((third & _DIVIDER_PLACES) == _DIVIDERS)
    moments = start + clock * _MICROSECONDS
    return pa.array(moments.view("datetime64[us]")).cast(frames.TIME), are


def _clock(second: Words, third: Words) -> tuple[NDArray[np.int64], Mask]:
    """Seconds since midnight of `…:HH:M` and `M:SS …`, and whether they are a time of day."""
    hours = (second >> np.uint64(16)) & np.uint64(0xFFFF0000)
    minutes = (second >> np.uint64(24)) & np.uint64(0xFF00000000) | (third & np.uint64(0xFF)) << np.uint64(40)
    seconds = (third << np.uint64(32)) & np.uint64(0xFFFF000000000000)
    found, are = eight_digits(np.uint64(0x3030) | hours | minutes | seconds)
    rest, second_of = np.divmod(found, 100)
    hour_of, minute_of = np.divmod(rest, 100)
    return hour_of * 3600 + minute_of * 60 + second_of, are & (hour_of < 24) & (minute_of < 60) & (second_of < 60)


def _midnight(time: bytes) -> int | None:
    """Microseconds since 1970 of the time's day at 00:00:00 in its zone; None when there is no such day."""
    text = time.decode("latin-1")
    return parse_time_us(f"{text[:11]}:00:00:00 {text[21:]}")


def _request_words(a: _Anchors) -> tuple[dict[str, Any], Mask]:
    """Method and protocol. A zero byte would look like a word's end, so it must not be there."""
    request = a.host_end + _REQUEST
    opening, protocol = a.buffer.words(request), a.buffer.words(a.protocol_at)
    good = (first_of(opening, 0) == 8) & (first_of(protocol, 0) == 8)
    columns = {}
    for name, words, form in (
        ("method", leading(opening, a.method_end - request), "{} / HTTP/1.1"),
        ("protocol", protocol, "GET / {}"),
    ):
        texts, codes = word_codes(words, str)
        good &= np.array([split_request(form.format(text))[0] is not None for text in texts], np.bool_)[codes]
        columns[name] = category(texts, codes)
    return columns, good


def _target(a: _Anchors) -> tuple[dict[str, Any], Mask]:
    """Path and query: what stands before and after the first question mark of the request's second word."""
    start, end = a.method_end + 1, a.protocol_at - 1
    whole = cut(a.buffer, start, end)
    text = np.frombuffer(whole.buffers()[2] or b"", np.uint8)
    offsets = np.cumsum(end - start) - (end - start)
    good = np.ones(len(start), np.bool_)
    odd = np.flatnonzero((text <= 32) | (text >= 127) | (text == 34) | (text == 92))
    good[np.searchsorted(offsets, odd, "right") - 1] = False
    marks = np.flatnonzero(text == _QUESTION)
    rows = np.searchsorted(offsets, marks, "right") - 1
    mark = end.copy()
    # the last assignment to a row wins: from right to left that is the leftmost mark
    mark[rows[::-1]] = (start[rows] + marks - offsets[rows])[::-1]
    return {"path": cut(a.buffer, start, mark), "query": cut(a.buffer, mark + 1, end, mark < end)}, good


def _numbers(a: _Anchors) -> tuple[dict[str, Any], Mask]:
    """Status and size; the size may be `-`."""
    status, good = _last_digits(a.buffer.words(a.size_at - 9), 3)
    size, are = _last_digits(a.buffer.words(a.end - 8), a.end - a.size_at)
    none = (a.buffer.bytes[a.size_at] == ord("-")) & (a.end - a.size_at == 1)
    columns = {"status": pa.array(status.astype(np.int16)), "size": pa.array(size, mask=none if none.any() else None)}
    return columns, good & (are | none)


def _last_digits(words: Words, count: Positions | int) -> tuple[NDArray[np.int64], Mask]:
    """The number that the last `count` bytes of each word spell."""
    before = np.full(len(words), 8, np.int64) - count
    return eight_digits((words ^ leading(words, before)) | leading(np.full_like(words, _NOUGHTS), before))

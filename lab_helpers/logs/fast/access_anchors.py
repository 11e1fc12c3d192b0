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

from lab_helpers.logs import frames
from lab_helpers.logs.apache import parse_time_us, split_request
from lab_helpers.logs.columns import category, plain_array
from lab_helpers.logs.fast.byte_columns import Mask, Positions, Text, cut, filled, joined
from lab_helpers.logs.fast.byte_words import Words, eight_digits, first_of, leading, pair_codes, word_codes

MIN_LENGTH = 64
"""Shorter JSON text is no usual line; so no step from either end leaves it."""
_SPACE, _QUOTE, _BACKSLASH, _NONE = b' "\\-'
_TIME, _REQUEST = 6, 36
"""Where the time and the request begin, counted from the host's end."""
_MIDDLE_WIDTH, _STAMP_WORDS = 48, 4
"""What is looked at from the host's end on: the first four words are ` - - [07/Nov/2021:09:14:02 +0000`."""
_STATUS_WIDTH = 16
"""What is looked at up to the size: ` HTTP/1.1\\" 200 `."""


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little"))


_BEFORE_TIME, _BEFORE_REQUEST = _word(b" - - ["), _word(rb"] \"")
_COLONS, _COLON_PLACES = _word(b"\0\0\0:\0\0:\0"), _word(b"\0\0\0\xff\0\0\xff\0")
_DIVIDERS, _DIVIDER_PLACES = _word(b"\0:\0\0 \0\0\0"), _word(b"\0\xff\0\0\xff\0\0\0")
_FOUR, _SIX, _YEAR = _word(b"\xff" * 4), _word(b"\xff" * 6), _word(b"\xff" * 3)
"""What is kept of a word: four bytes, six, or three (of a year that began in the word before)."""
_KEEP_PAIR = np.array([b"\xff" * count + b"\0" * (16 - count) for count in range(17)], "V16")
"""Masks that keep so many bytes of a pair of words."""
_NOUGHTS = _word(b"00000000")
_MICROSECONDS = np.int64(1_000_000)
_ANSWER = re.compile(rb' (HTTP/\d\.\d)\\" (\d{3}) ')


@dataclass(frozen=True)
class _Anchors:
    """Places in the buffer and the words around them, a row each line."""

    buffer: Text
    begin: Positions
    host_end: Positions
    method_end: Positions
    size_at: Positions
    end: Positions
    lines: Positions
    opening: Words
    """Eight bytes from the request on."""
    stamp: Words
    """Four words a line, that end with the time."""
    answer: Words
    """Two words a line, from before the protocol up to the size."""

    @property
    def target_end(self) -> Positions:
        return self.size_at - _STATUS_WIDTH

    def only(self, keep: Mask) -> _Anchors:
        if keep.all():
            return self
        begin, host_end, method_end = self.begin[keep], self.host_end[keep], self.method_end[keep]
        places = (begin, host_end, method_end, self.size_at[keep], self.end[keep], self.lines[keep])
        return _Anchors(self.buffer, *places, self.opening[keep], self.stamp[keep], self.answer[keep])


def read(buffer: Text, begin: Positions, end: Positions) -> tuple[dict[str, Any], Positions]:
    """The columns of the usual lines among those whose JSON text lies between two places each, and which they are.

    Lines are looked at in many places, so they are put together first: near each other they stay in the processor's
    cache.
    """
    long = np.flatnonzero(end - begin >= MIN_LENGTH)
    if not len(long):
        return {}, long
    text, offsets = Text.of(cut(buffer, begin[long], end[long]))
    places = offsets.astype(np.int64)
    anchors = _find(text, places[:-1], places[1:], long)
    columns, good = _columns(anchors)
    if not good.all():
        anchors = anchors.only(good)
        columns, _ = _columns(anchors)
    return columns, anchors.lines


def _find(buffer: Text, begin: Positions, end: Positions, lines: Positions) -> _Anchors:
    """The lines that have everything but the target where usual lines have it."""
    hosts = buffer.window_words(begin, 16)
    host = first_of(hosts[:, 0], _SPACE)
    host += np.where(host == 8, first_of(hosts[:, 1], _SPACE), 0)
    host_end = begin + host
    middle = buffer.window_words(host_end, _MIDDLE_WIDTH)
    opening = (middle[:, 4] >> np.uint64(32)) | (middle[:, 5] << np.uint64(32))
    method = first_of(opening, _SPACE)
    size = first_of(buffer.words(end - 8).byteswap(), _SPACE)
    size_at = end - size
    ok = (host > 1) & (host < 16) & (method > 0) & (method < 8) & (size > 0) & (size < 8)
    ok &= (middle[:, 4] & _FOUR) == _BEFORE_REQUEST
    method_end = host_end + (method + np.int64(_REQUEST))
    ok &= size_at - (_STATUS_WIDTH + 1) > method_end
    stamp, answer = middle[:, :_STAMP_WORDS], buffer.window_words(size_at - _STATUS_WIDTH, _STATUS_WIDTH)
    return _Anchors(buffer, begin, host_end, method_end, size_at, end, lines, opening, stamp, answer).only(ok)


def _columns(a: _Anchors) -> tuple[dict[str, Any], Mask]:
    """The columns, and which rows have possible hosts, times, requests and numbers in them."""
    hosts, good = _hosts(a)
    moments, possible = _times(a)
    methods, known = _methods(a)
    answers, plain = _answers(a)
    sizes, are = _sizes(a)
    # without the backslashes before its quotes
    quotes = (a.host_end + (_REQUEST - 2), a.host_end + (_REQUEST - 1), a.size_at - 7, a.size_at - 6)
    line = joined(a.buffer, (a.begin, *quotes, a.end))
    target, printable = _target(a, line)
    columns = {"remote_host": hosts, "request_time": moments, "method": methods, "size": sizes, "line": line}
    return columns | answers | target, good & possible & known & plain & are & printable


def _hosts(a: _Anchors) -> tuple[pa.Array, Mask]:
    """Hosts. A zero byte would look like the end of the text, so the bytes that are none are counted."""
    size = a.host_end - a.begin
    words = a.buffer.window_words(a.begin, 16) & _KEEP_PAIR[size].view(np.uint64).reshape(-1, 2)
    hosts, codes = pair_codes(words)
    cells = hosts.view(np.uint8)
    sizes = np.count_nonzero(cells, axis=1)
    behind = np.arange(16) >= sizes[:, None]
    good = (behind | ((cells > _SPACE) & (cells < 127) & (cells != _QUOTE) & (cells != _BACKSLASH))).all(axis=1)
    texts = np.where(good, cells.view("S16").ravel(), b"")
    dictionary = pa.array(texts, pa.binary()).cast(pa.string())
    column = pa.DictionaryArray.from_arrays(plain_array(codes, pa.int32()), dictionary)
    return column, filled(good, codes) & (sizes[codes] == size)


def _times(a: _Anchors) -> tuple[pa.Array, Mask]:
    """Times of ` - - [07/Nov/2021:09:14:02 +0000`: neighbours often have the same, which is read once."""
    changed = np.ones(len(a.stamp), np.bool_)
    changed[1:] = a.stamp[1:, 0] != a.stamp[:-1, 0]
    for column in range(1, _STAMP_WORDS):
        changed[1:] |= a.stamp[1:, column] != a.stamp[:-1, column]
    runs = np.flatnonzero(changed)
    moments, are = _moments(a.buffer, a.host_end[runs], a.stamp[runs])
    lengths = np.diff(runs, append=len(a.stamp))
    good = np.ones(len(a.stamp), np.bool_) if are.all() else np.repeat(are, lengths)
    return plain_array(np.repeat(moments, lengths), frames.TIME), good


def _moments(buffer: Text, host_end: Positions, stamp: Words) -> tuple[NDArray[np.int64], Mask]:
    """Microseconds since 1970: days change seldom and are parsed as text, the rest is arithmetic."""
    at = host_end + _TIME
    first, second, third, last = (buffer.words(at + step) for step in (0, 8, 16, 18))
    clock, are = _clock(second, third)
    day, zone = second & _YEAR, last >> np.uint64(24)
    changed = (np.diff(first) != 0) | (np.diff(day) != 0) | (np.diff(zone) != 0)
    runs = np.flatnonzero(np.concatenate([[len(at) > 0], changed]))
    midnights = [_midnight(buffer.text(place, place + 26)) for place in at[runs].tolist()]
    lengths = np.diff(np.append(runs, len(at)))
    start = np.repeat(np.array([0 if us is None else us for us in midnights], np.int64), lengths)
    are &= np.repeat(np.array([us is not None for us in midnights], np.bool_), lengths)
    are &= ((second & _COLON_PLACES) == _COLONS) & ((third & _DIVIDER_PLACES) == _DIVIDERS)
    are &= (stamp[:, 0] & _SIX) == _BEFORE_TIME
    return start + clock * _MICROSECONDS, are


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


def _methods(a: _Anchors) -> tuple[pa.Array, Mask]:
    """Methods. A zero byte would look like a word's end, so it must not be there."""
    texts, codes = word_codes(leading(a.opening, a.method_end - a.host_end - _REQUEST), str)
    good = np.array([split_request(f"{text} / HTTP/1.1")[0] is not None for text in texts], np.bool_)
    return category(texts, codes), filled(good, codes) & (first_of(a.opening, 0) == 8)


def _answers(a: _Anchors) -> tuple[dict[str, Any], Mask]:
    """Protocol and status, of which there are few pairs."""
    words, codes = pair_codes(a.answer)
    found = [_ANSWER.fullmatch(pair.tobytes()) for pair in words]
    good = np.array([answer is not None for answer in found], np.bool_)
    protocols = [answer[1].decode() if answer else "" for answer in found]
    statuses = np.array([int(answer[2]) if answer else 0 for answer in found], np.int16)
    columns = {"protocol": category(protocols, codes), "status": plain_array(statuses[codes], pa.int16())}
    return columns, filled(good, codes)


def _sizes(a: _Anchors) -> tuple[pa.Array, Mask]:
    """Sizes; `-` is missing."""
    count = a.end - a.size_at
    words, before = a.buffer.words(a.end - 8), leading(np.full(len(count), ~np.uint64(0)), 8 - count)
    numbers, are = eight_digits((words & ~before) | (_NOUGHTS & before))
    none = (words >> np.uint64(56) == _NONE) & (count == 1)
    return plain_array(numbers, pa.int64(), ~none if none.any() else None), are | none


def _target(a: _Anchors, line: pa.StringArray) -> tuple[dict[str, Any], Mask]:
    """Path and query: what stands before and after the first question mark of the request's second word.

    Cut from the lines themselves, which lie near each other in memory; they lack a backslash before and one behind it.
    """
    text, offsets = Text.of(line)
    start = offsets[:-1] + (a.method_end - a.begin)
    end = offsets[1:] - (a.end - a.target_end - 1)
    found = text.find(start, end, "?")
    mark = np.where(found < 0, end, start + found)
    path, query = cut(text, start, mark), cut(text, mark + 1, end, found >= 0)
    return {"path": path, "query": query}, _printable(path) & _printable(query)


def _printable(texts: pa.StringArray) -> Mask:
    """Which texts hold nothing but printable ASCII without blanks, quotes and backslashes."""
    good = np.ones(len(texts), np.bool_)
    content, offsets = Text.of(texts)
    text = content.bytes
    odd = np.flatnonzero((text <= _SPACE) | (text >= 127) | (text == _QUOTE) | (text == _BACKSLASH))
    if len(odd):
        good[np.searchsorted(offsets, odd, "right") - 1] = False
    return good

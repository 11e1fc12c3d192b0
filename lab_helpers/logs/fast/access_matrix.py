"""Access-log lines of both formats, read by the places of their spaces and quotes: a row of bytes each line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lab_helpers.logs import frames
from lab_helpers.logs.apache import parse_time_us, split_request
from lab_helpers.logs.columns import category
from lab_helpers.logs.fast.byte_columns import (
    MAX_WIDTH,
    Mask,
    Matrix,
    Positions,
    Text,
    cut,
    encoded,
    inside,
    numbers,
    strings,
    text_category,
)

_QUOTE, _BACKSLASH, _SPACE, _QUESTION, _OPEN, _CLOSE = b'"\\ ?[]'
_SPACES = 9
"""Spaces of a common-format line, up to its size."""
_COMMON, _COMBINED = 4, 12
"""Quotes and backslashes in the JSON text of a line of either format."""
_NEWLINE, _ZERO = b"\n0"
_TIME_WIDTH, _SECONDS = 26, 18
"""Length of the time between its brackets, and where its seconds are."""
_IMPOSSIBLE = -1


Found = tuple[dict[str, pa.Array], Positions]
"""Columns of `frames.LOG_SCHEMA`, and for each row the number of its line."""


@dataclass(frozen=True)
class Fields:
    """Lines of one format: a row of JSON text each, where its spaces and its quotes are, and which lines they are."""

    buffer: Text
    begin: Positions
    """Where each line's text begins in the buffer; the columns of all others are counted from there."""
    text: Matrix
    lengths: Positions
    spaces: Positions
    quotes: Positions
    lines: Positions

    def only(self, keep: Mask) -> Fields:
        """The rows to keep."""
        if keep.all():
            return self
        places = (part[keep] for part in (self.lengths, self.spaces, self.quotes, self.lines))
        return Fields(self.buffer, self.begin[keep], self.text[keep], *places)

    def at(self, columns: Positions) -> Matrix:
        """The byte at one column (or several) of each row."""
        rows = np.arange(len(self.lines))
        found: Matrix = self.text[rows if columns.ndim == 1 else rows[:, None], columns]
        return found

    def cut(self, start: Positions, end: Positions, valid: Mask | None = None) -> pa.StringArray:
        """The text between two columns of each row."""
        return cut(self.buffer, self.begin + start, self.begin + end, valid)


def read(buffer: Text, begin: Positions, end: Positions) -> list[Found]:
    """The lines that are access-log lines of common and of combined format, in lists of their own; JSON text lies
    between two places each.
    """
    return [_read(fields) for fields in _formats(buffer, begin, end - begin)]


def _formats(buffer: Text, begin: Positions, lengths: Positions) -> list[Fields]:
    """The lines that may be access-log lines of common and of combined format."""
    lines = np.flatnonzero((lengths > 0) & (lengths < MAX_WIDTH))
    begin, lengths = begin[lines], lengths[lines]
    if not len(lines):
        return []
    text = buffer.windows(begin, int(lengths.max()))
    text = text * inside(lengths, text.shape[1])
    plain = _plain_rows(text, lengths)
    spaces, first_space, space_counts = _places(text == _SPACE)
    quotes, first_quote, quote_counts = _places((text == _QUOTE) | (text == _BACKSLASH))
    found = []
    for kind, wanted in ((_COMMON, space_counts == _SPACES), (_COMBINED, space_counts > _SPACES + 1)):
        rows = np.flatnonzero(wanted & (quote_counts == kind) & plain)
        if len(rows):
            s = spaces[first_space[rows][:, None] + np.arange(_SPACES)]
            q = quotes[first_quote[rows][:, None] + np.arange(kind)]
            found.append(Fields(buffer, begin[rows], text[rows], lengths[rows], s, q, lines[rows]))
    return found


def _plain_rows(text: Matrix, lengths: Positions) -> Mask:
    """Which rows hold nothing but printable ASCII (behind their length they are zeros)."""
    control = np.less(text, 32)
    if int(np.count_nonzero(control)) == text.size - int(lengths.sum()) and text.max() < 127:
        return np.ones(len(text), np.bool_)
    printable: Mask = (np.count_nonzero(control, axis=1) == text.shape[1] - lengths) & (text < 127).all(axis=1)
    return printable


def _places(where: Mask) -> tuple[Positions, Positions, Positions]:
    """Columns of the True cells of a matrix, row after row; each row's first one in that list, and how many it has."""
    rows, columns = np.divmod(np.flatnonzero(where), where.shape[1])
    counts = np.bincount(rows, minlength=len(where))
    return columns, np.cumsum(counts) - counts, counts


def _read(fields: Fields) -> Found:
    """The columns of the rows that are what they seem, and which lines they are."""
    fields = fields.only(_is_access_line(fields))
    columns, good = _access_columns(fields)
    if not good.all():
        fields = fields.only(good)
        columns, _ = _access_columns(fields)
    return columns | {"line": _unescaped(fields)}, fields.lines


def _is_access_line(f: Fields) -> Mask:
    """Whether brackets, quotes and fields stand where a line of the format has them."""
    s, q = f.spaces.T, f.quotes.T
    ok = (f.quotes[:, 1::2] == f.quotes[:, ::2] + 1).all(axis=1)
    ok &= (f.at(f.quotes[:, ::2]) == _BACKSLASH).all(axis=1) & (f.at(f.quotes[:, 1::2]) == _QUOTE).all(axis=1)
    ok &= (s[0] > 0) & (s[1] > s[0] + 1) & (s[2] > s[1] + 1)
    ok &= (s[3] == s[2] + 22) & (s[4] == s[2] + 29)
    ok &= (f.at(s[2] + 1) == _OPEN) & (f.at(s[4] - 1) == _CLOSE)
    ok &= (q[0] == s[4] + 1) & (q[2] == s[7] - 2) & (s[6] > s[5] + 1)
    if len(q) == _COMBINED:
        ok &= (f.at(q[4] - 1) == _SPACE) & (q[4] - 1 > s[8]) & (q[8] == q[7] + 2) & (q[11] + 1 == f.lengths)
        ok &= f.at(np.minimum(q[7] + 1, f.text.shape[1] - 1)) == _SPACE
    return np.asarray(ok, np.bool_)


def _access_columns(f: Fields) -> tuple[dict[str, pa.Array], Mask]:
    """The columns of the access-log fields, and which rows have possible times, requests and numbers in them."""
    s, q = f.spaces.T, f.quotes.T
    size_end = q[4] - 1 if len(q) == _COMBINED else f.lengths
    texts = [("remote_host", s[0] * 0, s[0]), ("ident", s[0] + 1, s[1]), ("user", s[1] + 1, s[2])]
    if len(q) == _COMBINED:
        texts += [("referer", q[5] + 1, q[6]), ("user_agent", q[9] + 1, q[10])]
    columns = {n: text_category(f.buffer, f.begin + start, f.begin + end, "-") for n, start, end in texts}
    good = np.ones(len(f.lines), np.bool_)
    for name, start, end, number in (("status", s[7] + 1, s[8], _status), ("size", s[8] + 1, size_end, _size)):
        found, codes = encoded(f.buffer, f.begin + start, f.begin + end, number)
        good &= np.array([value != _IMPOSSIBLE for value in found], np.bool_)[codes]
        columns[name] = numbers(found, codes, frames.LOG_SCHEMA.field(name).type)
    for name, start, end, request in (
        ("method", s[4] + 3, s[5], "{} / HTTP/1.1"),
        ("protocol", s[6] + 1, q[2], "GET / {}"),
    ):
        words, codes = encoded(f.buffer, f.begin + start, f.begin + end, str)
        good &= np.array([split_request(request.format(word))[0] is not None for word in words], np.bool_)[codes]
        columns[name] = category(words, codes)
    moments, possible = _times(f)
    return columns | _target(f) | {"request_time": moments}, good & possible


def _times(f: Fields) -> tuple[pa.Array, Mask]:
    """Times of `[07/Nov/2021:09:14:02 +0000]`: minutes are few and parsed as text, seconds are arithmetic."""
    cells = f.buffer.windows(f.begin + f.spaces[:, 2] + 2, _TIME_WIDTH)
    tens, ones = cells[:, _SECONDS] - _ZERO, cells[:, _SECONDS + 1] - _ZERO
    cells[:, _SECONDS : _SECONDS + 2] = _ZERO
    found = pa.Array.from_buffers(pa.binary(_TIME_WIDTH), len(cells), [None, pa.py_buffer(cells)]).dictionary_encode()
    minutes = [parse_time_us(text.decode("latin-1")) for text in found.dictionary.to_pylist()]
    codes = found.indices.to_numpy()
    possible = np.array([minute is not None for minute in minutes], np.bool_)[codes] & (tens < 6) & (ones < 10)
    moments = np.array([minute or 0 for minute in minutes], np.int64)[codes] + (tens * 10 + ones) * np.int64(1_000_000)
    return pa.array(moments.view("datetime64[us]")).cast(frames.TIME), possible


def _target(f: Fields) -> dict[str, pa.Array]:
    """Path and query: what stands before and after the first question mark of the request's second word."""
    start, end = f.spaces[:, 5] + 1, f.spaces[:, 6]
    rows, columns = np.divmod(np.flatnonzero(f.text == _QUESTION), f.text.shape[1])
    theirs = (columns >= start[rows]) & (columns < end[rows])
    mark = end.copy()
    # the last assignment to a row wins: from right to left that is the leftmost mark
    mark[rows[theirs][::-1]] = columns[theirs][::-1]
    return {"path": f.cut(start, mark), "query": f.cut(mark + 1, end, mark < end)}


def _unescaped(f: Fields) -> pa.StringArray:
    kept = f.text[inside(f.lengths, f.text.shape[1]) & (f.text != _BACKSLASH)]
    return strings(kept, f.lengths - f.quotes.shape[1] // 2)


def _status(text: str) -> int | None:
    return None if text == "-" else int(text) if len(text) == 3 and text.isdigit() else _IMPOSSIBLE


def _size(text: str) -> int | None:
    return None if text == "-" else int(text) if 0 < len(text) <= 18 and text.isdigit() else _IMPOSSIBLE

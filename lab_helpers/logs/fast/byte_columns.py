"""Columns cut out of a byte buffer at many places at once: numpy for the places, Arrow for the strings.

Two tricks carry the speed. A window of fixed width at each place is one fancy index into an overlapping view of the
buffer (a memcpy a row). Strings of differing lengths are such windows, squeezed by a mask.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lab_helpers.logs.columns import category
from lab_helpers.logs.fast.byte_words import Words, leading, word_codes

Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]
Matrix = NDArray[np.uint8]
Matrix64 = NDArray[np.int64]

MAX_WIDTH = 1024
"""Widest window; the buffer is padded by as much."""
_NEWLINE = ord("\n")
_BLOCK_BYTES = 1 << 19
"""What newlines are looked for in at once, a multiple of 64: what is found out about each byte stays in the cache."""
_EVERY_OTHER = 0b01010101
"""Of eight bits of an Arrow bitmap, the first, the third and so on."""


class Scratch(threading.local):
    """Memory that a thread uses again for each buffer: fresh pages for every megabyte cost more than filling them."""

    def __init__(self) -> None:
        self.bytes = np.zeros(0, np.uint8)

    def reserve(self, size: int, keep: int = 0) -> None:
        """Have room for `size` bytes; the first `keep` stay as they are."""
        if len(self.bytes) < size:
            kept = self.bytes[:keep]
            self.bytes = np.zeros(size * 5 // 4, np.uint8)
            self.bytes[:keep] = kept


class Text:
    """Bytes that are looked at in many places, padded so that a window of MAX_WIDTH may begin at any of them."""

    def __init__(self, padded: NDArray[np.uint8]) -> None:
        self.bytes = padded

    @classmethod
    def of(cls, texts: pa.StringArray) -> tuple[Text, NDArray[np.int32]]:
        """Strings end to end, to be cut but not padded for windows; and their offsets, one more than there are."""
        _, offsets, content = texts.buffers()
        found = np.frombuffer(offsets, np.int32, len(texts) + 1)
        return cls(np.frombuffer(content or b"", np.uint8, found[-1])), found

    def text(self, start: int, end: int) -> bytes:
        """The bytes between two places."""
        return self.bytes[start:end].tobytes()

    def windows(self, starts: Positions, width: int) -> Matrix:
        """The `width` bytes (1 to MAX_WIDTH) from each start, a row each."""
        places = len(self.bytes) - width + 1
        overlapping: NDArray[np.void] = np.ndarray((places,), f"V{width}", self.bytes, strides=(1,))
        return overlapping[starts].view(np.uint8).reshape(-1, width)

    def window_words(self, starts: Positions, width: int) -> Words:
        """The `width` bytes (a multiple of eight) from each start as numbers, a row each."""
        return self.windows(starts, width).view(np.uint64)

    def words(self, starts: Positions) -> Words:
        """The eight bytes from each start as one number."""
        overlapping: Words = np.ndarray((len(self.bytes) - 7,), np.uint64, self.bytes, strides=(1,))
        return overlapping[starts]

    def which(self, starts: Positions, texts: list[bytes]) -> NDArray[np.int32]:
        """For each start the number of the text that stands there, -1 for none. The texts are of one length; no start
        lies within that of the one before.
        """
        pieces = _alternating(self, (starts, starts + len(texts[0])), pa.binary(), only_meant=True)
        found = pc.index_in(pieces, pa.array(texts, pa.binary()))
        numbers: NDArray[np.int32] = pc.fill_null(found, -1).to_numpy()[::2]
        return numbers

    def find(self, starts: Positions, ends: Positions, text: str) -> NDArray[np.int32]:
        """Where the text stands first between two places each, counted from the first of them; -1 for nowhere. Places
        ascend, as for `cut`.
        """
        found = pc.find_substring(_alternating(self, (starts, ends), pa.string(), only_meant=True), text)
        places: NDArray[np.int32] = pc.fill_null(found, -1).to_numpy()[::2]
        return places

    def begin_with(self, starts: Positions, text: bytes) -> Mask:
        """Which starts the text stands at; they ascend."""
        offsets = np.empty(len(starts) + 1, np.int32)
        offsets[:-1], offsets[-1] = starts, len(self.bytes)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(self.bytes)]
        pieces = pa.Array.from_buffers(pa.binary(), len(starts), buffers)
        found: Mask = pc.starts_with(pieces, text).to_numpy(zero_copy_only=False)
        return found


class Buffer(Text):
    """Texts end to end. Lives until its scratch is taken again."""

    def __init__(self, parts: Iterable[bytes], scratch: Scratch) -> None:
        """Each part is let go as soon as it is copied. One that does not end with a newline gets one."""
        self.size = 0
        ends = []
        for part in parts:
            self._append(part, scratch)
            ends.append(self.size)
        self.part_ends = np.array(ends, np.int64)
        scratch.reserve(self.size + MAX_WIDTH, self.size)
        super().__init__(scratch.bytes[: self.size + MAX_WIDTH])

    def _append(self, part: bytes, scratch: Scratch) -> None:
        scratch.reserve(self.size + len(part) + 1 + MAX_WIDTH, self.size)
        scratch.bytes[self.size : self.size + len(part)] = np.frombuffer(part, np.uint8)
        self.size += len(part)
        if part and not part.endswith(b"\n"):
            scratch.bytes[self.size] = _NEWLINE
            self.size += 1

    def lines(self) -> tuple[Positions, Positions]:
        """Where each line begins and ends (its newline)."""
        ends = self._newlines()
        starts = np.zeros_like(ends)
        starts[1:] = ends[:-1] + 1
        return starts, ends

    def _newlines(self) -> Positions:
        """Newlines are rare: 64 bytes without one are passed over at once."""
        bits = np.zeros(-(-self.size // 64) * 8, np.uint8)
        for start in range(0, self.size, _BLOCK_BYTES):
            are = self.bytes[start : min(start + _BLOCK_BYTES, self.size)] == _NEWLINE
            bits[start // 8 : start // 8 + -(-len(are) // 8)] = np.packbits(are, bitorder="little")
        words = bits.view(np.uint64)
        places = np.flatnonzero(words != 0)
        found = words[places]
        if (np.bitwise_count(found) > 1).any():
            return np.flatnonzero(self.bytes[: self.size] == _NEWLINE)
        ends: Positions = places * 64 + np.bitwise_count(found - np.uint64(1))
        return ends


def filled(values: Mask, codes: NDArray[np.int32]) -> Mask:
    """`values[code]` for each code."""
    return np.ones(len(codes), np.bool_) if values.all() else values[codes]


def inside(lengths: Positions, width: int) -> Mask:
    """A row for each length: True for as many columns."""
    columns = np.arange(width, dtype=np.int16)
    return np.less(columns, lengths.astype(np.int16)[:, None])


def strings(kept: NDArray[np.uint8], lengths: Positions, valid: Mask | None = None) -> pa.StringArray:
    """An Arrow array of the strings that lie end to end in `kept` (ASCII); those not `valid` are null, of length 0."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(
        pa.string(), len(lengths), [bitmap, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(kept))]
    )


def cut(buffer: Text, starts: Positions, ends: Positions, valid: Mask | None = None) -> pa.StringArray:
    """The strings between two places each, where `valid`. Places ascend: no string begins before the last one's end."""
    if valid is not None:
        starts = np.minimum(starts, ends)
    found = _pieces(buffer, (starts, ends))
    if valid is None:
        return found
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(pa.string(), len(found), [bitmap, *found.buffers()[1:]])


def joined(buffer: Text, places: Sequence[Positions]) -> pa.StringArray:
    """For each row what lies between its first two places, its third and fourth and so on, put together."""
    count = len(places) // 2
    found = _pieces(buffer, places)
    _, offsets, content = found.buffers()
    whole = np.ascontiguousarray(np.frombuffer(offsets, np.int32, len(found) + 1)[::count])
    return pa.Array.from_buffers(pa.string(), len(found) // count, [None, pa.py_buffer(whole), content])


def _pieces(buffer: Text, places: Sequence[Positions]) -> pa.StringArray:
    """What lies between each two places, row after row."""
    whole = _alternating(buffer, places, pa.string())
    return whole.take(pa.array(np.arange(0, len(places) * len(places[0]), 2, dtype=np.int32)))


def _alternating(buffer: Text, places: Sequence[Positions], kind: pa.DataType, *, only_meant: bool = False) -> pa.Array:
    """What lies between each two places, as Arrow sees it: the buffer is one array of strings and of gaps between them,
    of which every other one is meant. With `only_meant` gaps are null, so that Arrow passes them over.
    """
    offsets = np.empty((len(places[0]), len(places)), np.int32)
    for column, part in enumerate(places):
        offsets[:, column] = part
    count = max(offsets.size - 1, 0)
    valid = pa.py_buffer(np.full(-(-count // 8), _EVERY_OTHER, np.uint8)) if only_meant else None
    return pa.Array.from_buffers(kind, count, [valid, pa.py_buffer(offsets), pa.py_buffer(buffer.bytes)])


def encoded(
    buffer: Text, starts: Positions, ends: Positions, convert: Callable[[str], Any]
) -> tuple[list[Any], NDArray[np.int32]]:
    """The converted distinct strings between two places each, and for each row the number of its string."""
    lengths = ends - starts
    width = int(lengths.max(initial=1))
    if width <= 8:
        return word_codes(leading(buffer.words(starts), lengths), convert)
    cells = buffer.windows(starts, width) * inside(lengths, width)
    found = _fixed(cells).dictionary_encode()
    texts = found.dictionary.to_pylist()
    # zeros only fill up: text with a zero byte in it is not plain, and never gets here
    return [convert(text.rstrip(b"\0").decode("latin-1")) for text in texts], found.indices.to_numpy()


def text_category(buffer: Text, starts: Positions, ends: Positions, missing: str) -> pa.Array:
    """The strings between two places each as a dictionary array; `missing` (one character) becomes null."""
    if (ends - starts == 1).all() and (buffer.bytes[starts] == ord(missing)).all():
        return pa.nulls(len(starts), pa.dictionary(pa.int32(), pa.string()))
    found = cut(buffer, starts, ends).dictionary_encode()
    values = found.dictionary.to_pylist()
    if missing not in values:
        return found
    return category([None if value == missing else value for value in values], found.indices.to_numpy())


def numbers(values: Sequence[int | None], codes: NDArray[np.int32], kind: pa.DataType) -> pa.Array:
    """An array of `values[code]`; None becomes null."""
    table = np.array([0 if value is None else value for value in values], kind.to_pandas_dtype())
    absent = np.array([value is None for value in values])[codes] if None in values else None
    return pa.array(table[codes], mask=absent)


def _fixed(cells: Matrix) -> pa.Array:
    kind = pa.binary(cells.shape[1])
    return pa.Array.from_buffers(kind, len(cells), [None, pa.py_buffer(np.ascontiguousarray(cells))])

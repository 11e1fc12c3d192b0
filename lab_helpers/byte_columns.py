"""Columns cut out of a byte buffer at many places at once: numpy for the places, Arrow for the strings.

Two tricks carry the speed. A window of fixed width at each place is one fancy index into an overlapping view of the
buffer (a memcpy a row). Strings of differing lengths are such windows, squeezed by a mask.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]
Matrix = NDArray[np.uint8]

MAX_WIDTH = 1024
"""Widest window; the buffer is padded by as much."""
_KEEP_BYTES = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
"""Masks that keep so many bytes of a little-endian word."""


class Scratch(threading.local):
    """Memory that a thread uses again for each buffer: fresh pages for every megabyte cost more than filling them."""

    def __init__(self) -> None:
        self._bytes = np.zeros(0, np.uint8)
        self._mask = np.zeros(0, np.bool_)

    def take(self, size: int) -> tuple[NDArray[np.uint8], Mask]:
        """Bytes and a mask of `size`, with whatever is in them; valid until the thread's next call."""
        if len(self._bytes) < size:
            self._bytes, self._mask = np.zeros(size * 5 // 4, np.uint8), np.zeros(size * 5 // 4, np.bool_)
        return self._bytes[:size], self._mask[:size]


class Buffer:
    """Bytes to cut from, padded so that a window may begin at any of them. Lives until its scratch is taken again."""

    def __init__(self, data: bytes, scratch: Scratch) -> None:
        self.size = len(data)
        self.bytes, self._mask = scratch.take(len(data) + MAX_WIDTH)
        self.bytes[: self.size] = np.frombuffer(data, np.uint8)

    def places_of(self, byte: int) -> Positions:
        """Where a byte stands."""
        mask = self._mask[: self.size]
        np.equal(self.bytes[: self.size], byte, out=mask)
        return np.flatnonzero(mask)

    def windows(self, starts: Positions, width: int) -> Matrix:
        """The `width` bytes (1 to MAX_WIDTH) from each start, a row each."""
        places = len(self.bytes) - width + 1
        overlapping: NDArray[np.void] = np.ndarray((places,), f"V{width}", self.bytes, strides=(1,))
        return overlapping[starts].view(np.uint8).reshape(-1, width)

    def words(self, starts: Positions) -> NDArray[np.uint64]:
        """The eight bytes from each start as one number."""
        overlapping: NDArray[np.uint64] = np.ndarray((len(self.bytes) - 7,), np.uint64, self.bytes, strides=(1,))
        return overlapping[starts]

    def matches(self, starts: Positions, texts: Sequence[bytes], which: Positions) -> Mask:
        """Whether the buffer holds at each start its text: `texts` (of one length), by number in `which`."""
        same = np.ones(len(starts), np.bool_)
        size = len(texts[0])
        whole = size // 8 * 8
        for at in range(0, whole, MAX_WIDTH):
            end = min(at + MAX_WIDTH, whole)
            wanted = np.frombuffer(b"".join(text[at:end] for text in texts), f"V{end - at}")
            held = self.windows(starts + at, end - at).view(np.uint64)
            same &= (held == wanted[which].view(np.uint64).reshape(held.shape)).all(axis=1)
        for at in range(whole, size):
            same &= self.bytes[starts + at] == np.array([text[at] for text in texts], np.uint8)[which]
        return same


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


def cut(buffer: Buffer, starts: Positions, ends: Positions, valid: Mask | None = None) -> pa.StringArray:
    """The strings between two places each, where `valid`."""
    lengths = np.maximum(ends - starts, 0) if valid is None else np.where(valid, ends - starts, 0)
    width = int(lengths.max(initial=0))
    if not width:
        return strings(np.zeros(0, np.uint8), lengths, valid)
    cells = buffer.windows(starts, width)
    if (lengths == width).all():
        return strings(cells.ravel(), lengths, valid)
    return strings(cells[inside(lengths, width)], lengths, valid)


def encoded(
    buffer: Buffer, starts: Positions, ends: Positions, convert: Callable[[str], Any]
) -> tuple[list[Any], NDArray[np.int32]]:
    """The converted distinct strings between two places each, and for each row the number of its string."""
    lengths = ends - starts
    width = int(lengths.max(initial=1))
    if width <= 8:
        keys = buffer.words(starts) & _KEEP_BYTES[lengths]
        found = pa.array(keys).dictionary_encode()
        texts = [int(key).to_bytes(8, "little") for key in found.dictionary.to_pylist()]
    else:
        cells = buffer.windows(starts, width) * inside(lengths, width)
        found = _fixed(cells).dictionary_encode()
        texts = found.dictionary.to_pylist()
    # zeros only fill up: text with a zero byte in it is not plain, and never gets here
    return [convert(text.rstrip(b"\0").decode("latin-1")) for text in texts], found.indices.to_numpy()


def text_category(buffer: Buffer, starts: Positions, ends: Positions, missing: str) -> pa.Array:
    """The strings between two places each as a dictionary array; `missing` (one character) becomes null."""
    if (ends - starts == 1).all() and (buffer.bytes[starts] == ord(missing)).all():
        return pa.nulls(len(starts), pa.dictionary(pa.int32(), pa.string()))
    found = cut(buffer, starts, ends).dictionary_encode()
    values = found.dictionary.to_pylist()
    if missing not in values:
        return found
    return category([None if value == missing else value for value in values], found.indices.to_numpy())


def category(values: Sequence[str | None], codes: NDArray[np.int32]) -> pa.Array:
    """A dictionary array of `values[code]`; None becomes null, and equal values one entry."""
    entries = list(dict.fromkeys(value for value in values if value is not None))
    if not entries:
        return pa.nulls(len(codes), pa.dictionary(pa.int32(), pa.string()))
    if len(entries) == len(values):
        return pa.DictionaryArray.from_arrays(_int32(codes), pa.array(entries, pa.string()))
    number = {value: n for n, value in enumerate(entries)}
    renumbered = np.array([-1 if value is None else number[value] for value in values], np.int32)[codes]
    present = renumbered >= 0 if None in values else None
    return pa.DictionaryArray.from_arrays(_int32(renumbered, present), pa.array(entries, pa.string()))


def numbers(values: Sequence[int | None], codes: NDArray[np.int32], kind: pa.DataType) -> pa.Array:
    """An array of `values[code]`; None becomes null."""
    table = np.array([0 if value is None else value for value in values], kind.to_pandas_dtype())
    absent = np.array([value is None for value in values])[codes] if None in values else None
    return pa.array(table[codes], mask=absent)


def _int32(values: NDArray[np.int32], valid: Mask | None = None) -> pa.Int32Array:
    # pa.array inspects what it gets for some microseconds, many times an object
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(pa.int32(), len(values), [bitmap, pa.py_buffer(np.ascontiguousarray(values))])


def _fixed(cells: Matrix) -> pa.Array:
    kind = pa.binary(cells.shape[1])
    return pa.Array.from_buffers(kind, len(cells), [None, pa.py_buffer(np.ascontiguousarray(cells))])

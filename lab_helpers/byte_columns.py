"""Columns cut out of a byte buffer at many places at once: numpy for the places, Arrow for the strings.

Two tricks carry the speed. A window of fixed width at each place is one fancy index into an overlapping view of the buffer
(a memcpy a row). Strings of differing lengths are such windows, squeezed by a mask.
"""

from __future__ import annotations

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


class Buffer:
    """Bytes to cut from, padded so that a window may begin at any of them."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self.bytes = np.frombuffer(data + bytes(MAX_WIDTH), np.uint8)

    def windows(self, starts: Positions, width: int) -> Matrix:
        """The `width` bytes (1 to MAX_WIDTH) from each start, a row each."""
        places = len(self.bytes) - width + 1
        overlapping: NDArray[np.void] = np.ndarray((places,), f"V{width}", self.bytes, strides=(1,))
        return overlapping[starts].view(np.uint8).reshape(-1, width)

    def words(self, starts: Positions) -> NDArray[np.uint64]:
        """The eight bytes from each start as one number."""
        overlapping: NDArray[np.uint64] = np.ndarray((len(self.bytes) - 7,), np.uint64, self.bytes, strides=(1,))
        return overlapping[starts]

    def matches(self, starts: Positions, text: bytes) -> Mask:
        """Whether the buffer holds `text` at each start."""
        if not text or not len(starts):
            return np.ones(len(starts), np.bool_)
        wanted = np.frombuffer(text, np.uint8)
        same = np.ones(len(starts), np.bool_)
        for at in range(0, len(text), MAX_WIDTH):
            part = wanted[at : at + MAX_WIDTH]
            same &= (self.windows(starts + at, len(part)) == part).all(axis=1)
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


def cut(matrix: Matrix, starts: Positions, ends: Positions, valid: Mask | None = None) -> pa.StringArray:
    """From each row of a matrix the string between two columns."""
    lengths = np.maximum(ends - starts, 0) if valid is None else np.where(valid, ends - starts, 0)
    width = int(lengths.max(initial=0))
    if not width:
        return strings(np.zeros(0, np.uint8), lengths, valid)
    flat = Buffer(b"")
    flat.bytes = np.concatenate([matrix.ravel(), np.zeros(MAX_WIDTH, np.uint8)])
    rows = np.arange(len(starts), dtype=np.int64) * matrix.shape[1]
    cells = flat.windows(rows + starts, width)
    return strings(cells[inside(lengths, width)], lengths, valid)


def encoded(
    texts: pa.StringArray, convert: Callable[[str], Any] = str
) -> tuple[list[Any], NDArray[np.int32]]:
    """The converted distinct values of an array, and for each row the number of its value."""
    found = texts.dictionary_encode()
    return [convert(text) for text in found.dictionary.to_pylist()], found.indices.to_numpy()


def category(values: Sequence[str | None], codes: NDArray[np.int32]) -> pa.Array:
    """A dictionary array of `values[code]`; None becomes null, and equal values one entry."""
    entries = list(dict.fromkeys(value for value in values if value is not None))
    if not entries:
        return pa.nulls(len(codes), pa.dictionary(pa.int32(), pa.string()))
    number = {value: n for n, value in enumerate(entries)}
    renumbered = np.array([-1 if value is None else number[value] for value in values], np.int32)[codes]
    missing = renumbered < 0 if None in values else None
    return pa.DictionaryArray.from_arrays(pa.array(renumbered, mask=missing), pa.array(entries, pa.string()))


def numbers(values: Sequence[int | None], codes: NDArray[np.int32], kind: pa.DataType) -> pa.Array:
    """An array of `values[code]`; None becomes null."""
    table = np.array([0 if value is None else value for value in values], np.int64)
    missing = np.array([value is None for value in values])[codes] if None in values else None
    return pa.array(table[codes], mask=missing).cast(kind)

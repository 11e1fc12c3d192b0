"""Arrow columns out of numpy arrays: plain ones, and categories by number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def category(values: Sequence[str | None], codes: NDArray[np.int32]) -> pa.Array:
    """A dictionary array of `values[code]`; None becomes null, and equal values one entry."""
    entries = list(dict.fromkeys(value for value in values if value is not None))
    if not entries:
        return pa.nulls(len(codes), pa.dictionary(pa.int32(), pa.string()))
    if len(entries) == 1 and None not in values:
        return pa.DictionaryArray.from_arrays(_same(len(codes)), pa.array(entries, pa.string()))
    if len(entries) == len(values):
        return pa.DictionaryArray.from_arrays(plain_array(codes, pa.int32()), pa.array(entries, pa.string()))
    number = {value: n for n, value in enumerate(entries)}
    renumbered = np.array([-1 if value is None else number[value] for value in values], np.int32)[codes]
    present = renumbered >= 0 if None in values else None
    return pa.DictionaryArray.from_arrays(plain_array(renumbered, pa.int32(), present), pa.array(entries, pa.string()))


def plain_array(values: NDArray[Any], kind: pa.DataType, valid: NDArray[np.bool_] | None = None) -> pa.Array:
    """The numbers as an Arrow array of the same memory: `pa.array` would look at each; those not `valid` are null."""
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(np.ascontiguousarray(values))])


def _same(count: int) -> pa.Int32Array:
    """Codes of a column that has one value: such columns share their memory."""
    return _zeros(1 << count.bit_length()).slice(0, count)


@lru_cache(maxsize=32)
def _zeros(count: int) -> pa.Int32Array:
    return plain_array(np.zeros(count, np.int32), pa.int32())

"""Eight bytes at a time: text looked at as little-endian words, many of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Words = NDArray[np.uint64]
_EACH, _TOPS = 0x0101010101010101, 0x8080808080808080
"""A one, and the top bit, in each byte of a word."""
_KEEP_BYTES = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
"""Masks that keep so many bytes of a little-endian word."""


def first_of(words: Words, byte: int) -> NDArray[np.uint8]:
    """The place of the first such byte in each little-endian word; 8 when there is none."""
    zero = words ^ np.uint64(byte * _EACH)
    # the top bit of each zero byte; bytes behind the first one may be marked wrongly, which does no harm
    marks = (zero - np.uint64(_EACH)) & ~zero & np.uint64(_TOPS)
    before: NDArray[np.uint8] = np.bitwise_count((marks & (~marks + np.uint64(1))) - np.uint64(1))
    return before >> np.uint8(3)


def leading(words: Words, count: NDArray[Any]) -> Words:
    """The first `count` bytes (up to 8) of each word, zeros behind them."""
    kept: Words = words & _KEEP_BYTES[count]
    return kept


def eight_digits(words: Words) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The numbers that words of eight ASCII digits spell, and which words are that."""
    digits = words ^ np.uint64(0x30 * _EACH)
    are = (((digits + np.uint64(0x76 * _EACH)) | digits) & np.uint64(_TOPS)) == 0
    pairs = (digits * np.uint64(10) + (digits >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    fours = (pairs * np.uint64(100) + (pairs >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    return ((fours * np.uint64(10_000) + (fours >> np.uint64(32))) & np.uint64(0xFFFFFFFF)).view(np.int64), are


def word_codes(words: Words, convert: Callable[[str], Any]) -> tuple[list[Any], NDArray[np.int32]]:
    """The converted distinct texts of words that are filled up with zeros, and for each word the number of its text."""
    if (words == words[:1]).all():
        keys, codes = words[:1].tolist(), np.zeros(len(words), np.int32)
    else:
        found = pa.array(words).dictionary_encode()
        keys, codes = found.dictionary.to_pylist(), found.indices.to_numpy()
    return [convert(int(key).to_bytes(8, "little").rstrip(b"\0").decode("latin-1")) for key in keys], codes


def pair_codes(words: Words) -> tuple[Words, NDArray[np.int32]]:
    """The distinct rows of two words each, and for each row the number of the one that it is."""
    if (words[:, 0] == words[:1, 0]).all():
        found = pa.array(np.ascontiguousarray(words[:, 1])).dictionary_encode()
        second = found.dictionary.to_numpy()
        return np.stack((np.full_like(second, words[0, 0] if len(words) else 0), second), axis=1), _codes(found)
    found = _fixed(words).dictionary_encode()
    distinct = np.frombuffer(found.dictionary.buffers()[1] or b"", np.uint64, 2 * len(found.dictionary))
    return distinct.reshape(-1, 2), _codes(found)


def _codes(found: pa.DictionaryArray) -> NDArray[np.int32]:
    codes: NDArray[np.int32] = found.indices.to_numpy()
    return codes


def _fixed(words: Words) -> pa.Array:
    """Each row of words as one value."""
    kind = pa.binary(words.shape[1] * 8)
    return pa.Array.from_buffers(kind, len(words), [None, pa.py_buffer(np.ascontiguousarray(words))])

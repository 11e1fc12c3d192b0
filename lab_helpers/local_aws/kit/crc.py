"""CRC-32C and CRC-64/NVME, which Python has not: by a table, and in lanes side by side where there is much.

Without numpy (the core alone) all bytes are taken by the table.
Source: RFC 3720, appendix B.4 (CRC32C); "64b CRC" of the NVM Express NVM Command Set specification; the check values of
both in Greg Cook's catalogue of CRC algorithms. awscrt computes both in C, but is nobody's dependency here.
"""

from __future__ import annotations

from functools import cache, cached_property
from importlib.util import find_spec
from typing import Any

from lab_helpers.base.lazy import np

LANE = 1024
"""Bytes that are taken one after the other; lanes are taken side by side."""
LONG = 32 * LANE
"""From so many bytes on lanes are worth loading numpy."""
_LANES = 4096


class Crc:
    """A CRC of reflected bits that begins and ends with all ones."""

    def __init__(self, bits: int, polynomial: int) -> None:
        """`polynomial` has its bits in reverse, as the bytes come."""
        self._bits, self._ones = bits, (1 << bits) - 1
        self._table = [_step(byte, polynomial) for byte in range(256)]

    def digest(self, data: bytes) -> bytes:
        """Return the CRC of some bytes, its highest byte first."""
        running = self.begin()
        running.update(data)
        return running.digest()

    def begin(self) -> RunningCrc:
        """Return a CRC of nothing yet, that bytes can be added to."""
        return RunningCrc(self, self._ones)

    def moved_over(self, data: bytes, state: int) -> int:
        """Return what a state is behind some bytes more."""
        rest = 0
        if len(data) >= LONG and _has_numpy():
            state, rest = self._of_lanes(data, state)
        table = self._table
        for byte in memoryview(data)[rest:]:
            state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
        return state

    def ended(self, state: int) -> bytes:
        """Return the CRC that a state stands for, its highest byte first."""
        return (state ^ self._ones).to_bytes(self._bits // 8, "big")

    def _of_lanes(self, data: bytes, state: int) -> tuple[int, int]:
        """Take all whole lanes; return the state behind them, and where the rest begins.

        A CRC is linear: that of a lane behind others is its own, exclusive or theirs moved on over as many zeros.
        """
        table, count = np.array(self._table, np.uint64), len(data) // LANE
        for first in range(0, count, _LANES):
            lanes = min(_LANES, count - first)
            block = np.frombuffer(data, np.uint8, lanes * LANE, first * LANE).reshape(lanes, LANE)
            states = np.zeros(lanes, np.uint64)
            for column in np.ascontiguousarray(block.T):
                states = _next(table, states, column)
            for lane in states.tolist():
                state = self._moved(state) ^ lane
        return state, count * LANE

    def _moved(self, state: int) -> int:
        moved = 0
        for byte, table in zip(state.to_bytes(self._bits // 8, "little"), self._over_a_lane, strict=True):
            moved ^= table[byte]
        return moved

    @cached_property
    def _over_a_lane(self) -> list[list[int]]:
        """What each byte of a state becomes over a lane of zeros."""
        table = np.array(self._table, np.uint64)
        moved = np.left_shift(np.uint64(1), np.arange(self._bits, dtype=np.uint64))
        for _ in range(LANE):
            moved = _next(table, moved, 0)
        bits = moved.tolist()
        return [[_together(bits[at : at + 8], byte) for byte in range(256)] for at in range(0, self._bits, 8)]


class RunningCrc:
    """A CRC of bytes that come piece by piece, with the methods of hashlib's sums."""

    def __init__(self, crc: Crc, state: int) -> None:
        self._crc, self._state = crc, state

    def update(self, data: bytes) -> None:
        self._state = self._crc.moved_over(data, self._state)

    def digest(self) -> bytes:
        return self._crc.ended(self._state)


@cache
def _has_numpy() -> bool:
    """Tell whether numpy is there: the core of the package does without."""
    return find_spec("numpy") is not None


def _step(byte: int, polynomial: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (polynomial if byte & 1 else 0)
    return byte


def _next(table: Any, states: Any, column: Any) -> Any:
    return table[(states ^ column).astype(np.uint8)] ^ (states >> 8)


def _together(bits: list[int], byte: int) -> int:
    value = 0
    for place, bit in enumerate(bits):
        if byte >> place & 1:
            value ^= bit
    return value


CRC32C = Crc(32, 0x82F63B78)
CRC64NVME = Crc(64, 0x9A6C9329AC4BC9B5)

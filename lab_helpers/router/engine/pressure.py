"""Back-pressure: how many bytes outputs are working on right now, and pauses for who is too far ahead.

Reading faster than the outputs send only fills memory (and closes connections at Mem_Buf_Limit). An output that is
ahead of the others does so, too: what it has encoded is kept for them. What waits for a retry does not count, so a
failing destination fills the buffer up to its limit as in Fluent Bit, and every pause is short, so that a slow one
holds up nobody for long.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass

MOST_AHEAD = 2
"""Chunks that one output may be done with while another is not."""


@dataclass(slots=True)
class _Held:
    """A chunk in the outputs' hands: how many have it, and whether one is done with it."""

    holders: int = 0
    is_partly_done: bool = False


class Pressure:
    """A gauge of bytes in the outputs' hands; what several of them have in hand counts once."""

    def __init__(self) -> None:
        self._bytes = self._partly_done = 0
        self._held: dict[Hashable, _Held] = {}
        self._changed = threading.Condition()

    def add(self, chunk: Hashable, size_bytes: int) -> None:
        """Note that one more output has a chunk in hand."""
        with self._changed:
            if chunk not in self._held:
                self._held[chunk] = _Held()
                self._bytes += size_bytes
            self._held[chunk].holders += 1

    def remove(self, chunk: Hashable, size_bytes: int) -> None:
        """Note that one output is done with a chunk, for now or for good."""
        with self._changed:
            held = self._held[chunk]
            held.holders -= 1
            if not held.is_partly_done:
                held.is_partly_done = True
                self._partly_done += 1
            if not held.holders:
                del self._held[chunk]
                self._bytes -= size_bytes
                self._partly_done -= 1
                self._changed.notify_all()

    def wait(self, high_bytes: int, timeout_s: float) -> None:
        """Let a reader wait until outputs have no more in hand than this, but no longer than this time."""
        with self._changed:
            if self._bytes > high_bytes:
                self._changed.wait_for(lambda: self._bytes <= high_bytes, timeout_s)

    def wait_turn(self, chunk: Hashable, timeout_s: float) -> None:
        """Let an output that is ahead wait before its next chunk until others have come after, but no longer than this.

        One that others wait for goes on at once: its next chunk is partly done.
        """
        with self._changed:
            held = self._held.get(chunk)
            if held is not None and not held.is_partly_done and self._partly_done > MOST_AHEAD:
                self._changed.wait_for(lambda: self._partly_done <= MOST_AHEAD, timeout_s)

"""Back-pressure: how many bytes outputs are working on right now, and a pause for the reader while that is a lot.

Reading faster than the outputs send only fills memory (and closes connections at Mem_Buf_Limit). What waits for a
retry does not count, so a failing destination fills the buffer up to its limit as in Fluent Bit.
"""

from __future__ import annotations

import threading


class Pressure:
    """A gauge of bytes in the outputs' hands."""

    def __init__(self, high_bytes: int) -> None:
        self.high_bytes = high_bytes
        self._bytes = 0
        self._changed = threading.Condition()

    def add(self, size_bytes: int) -> None:
        """Count bytes handed to an output."""
        with self._changed:
            self._bytes += size_bytes

    def remove(self, size_bytes: int) -> None:
        """Count bytes that an output is done with, for now or for good."""
        with self._changed:
            self._bytes -= size_bytes
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> None:
        """Wait until it is below the mark, but no longer than this: a slow destination must not stop the reader."""
        with self._changed:
            if self._bytes > self.high_bytes:
                self._changed.wait_for(lambda: self._bytes <= self.high_bytes, timeout_s)

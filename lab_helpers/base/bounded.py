"""A stream of bytes that gives no more than it may: what is small when it is packed can be large when it is not."""

from __future__ import annotations

from typing import IO

_CHUNK = 1 << 20


class TooLargeError(Exception):
    """More came out of a stream than it may hold; `most_bytes` is the bound."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"more than {most_bytes:,} bytes")
        self.most_bytes = most_bytes


class BoundedReader:
    """Reads from `source` in blocks; raises TooLargeError after `most_bytes`. `used_bytes` is what was given."""

    def __init__(self, source: IO[bytes], most_bytes: int) -> None:
        self._source, self._most_bytes = source, most_bytes
        self.used_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, and never more than one block."""
        got = self._source.read(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self.used_bytes += len(got)
        if self.used_bytes > self._most_bytes:
            raise TooLargeError(self._most_bytes)
        return got

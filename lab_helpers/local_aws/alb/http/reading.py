"""How connections read: all of one event loop into the same buffer."""

from __future__ import annotations

import asyncio

READ_BYTES = 64 * 1024


def read_buffer() -> memoryview:
    """Return a buffer for all connections of one event loop: each is done with it before the next one reads."""
    return memoryview(bytearray(READ_BYTES))


class SharedBufferProtocol(asyncio.BufferedProtocol):
    """A protocol that gets its data by `data_received`, without the memory that asyncio takes anew for each reading.

    asyncio asks for 256 KiB a reading, which malloc gets from the system and gives back each time: half of what the
    proxy cost.
    """

    def __init__(self, buffer: memoryview) -> None:
        self._buffer = buffer

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Take what was read."""
        raise NotImplementedError

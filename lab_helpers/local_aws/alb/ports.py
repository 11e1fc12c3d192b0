"""Loopback ports of load balancers: reserved for the load balancer's life, listened on while it has the listener."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

_LOG = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_BACKLOG = 1024


class ReservedPort:
    """A free port of 127.0.0.1; while nobody listens, connecting to it is refused.

    `serve` and `silence` are called in the event loop's thread.
    """

    def __init__(self, wanted: int = 0) -> None:
        """Reserve the port that is wanted, or any free one where that is taken (or 0)."""
        try:
            self._socket: socket.socket | None = _bind(wanted)
        except OSError:
            _LOG.warning("port %d, which a load balancer had before, is taken: it gets another one", wanted)
            self._socket = _bind(0)
        self.port: int = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None

    async def serve(self, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        """Listen; each connection is given to a new protocol of `factory`."""
        if self._socket is not None:
            listening, self._socket = self._socket, None
            self._server = await asyncio.get_running_loop().create_server(factory, sock=listening, backlog=_BACKLOG)

    def silence(self) -> None:
        """Stop listening, but keep the port."""
        if self._server is not None:
            self._server.close()
            self._server, self._socket = None, _bind(self.port)

    def release(self) -> None:
        """Give the port back; safe twice."""
        if self._server is not None:
            self._server.close()
        if self._socket is not None:
            self._socket.close()
        self._server = self._socket = None


def _bind(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Connections of before may still be in TIME_WAIT when the port is taken again.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((_HOST, port))
    return bound

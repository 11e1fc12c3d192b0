"""The wires of the local VPC: which socket of this machine stands behind a VPC address and port."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Socket:
    """A listening socket on loopback, and whether it wants the PROXY protocol (v1) as its first line."""

    host: str
    port: int
    proxy_protocol: bool
    security_groups: frozenset[str] = frozenset()


class Network:
    """Maps (VPC address, port) to a `Socket`; safe to use from several threads.

    `version` is another number after each change: what was found out before must be asked anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: dict[tuple[str, int], Socket] = {}
        self.version = 0

    def attach(self, address: str, port: int, socket: Socket) -> None:
        """Let `socket` answer at a VPC address; the address is an ENI's private IPv4 address."""
        with self._lock:
            self._sockets[address, port] = socket
            self.version += 1

    def detach(self, address: str) -> None:
        """Forget every port of `address`."""
        with self._lock:
            for key in [key for key in self._sockets if key[0] == address]:
                del self._sockets[key]
            self.version += 1

    def locate(self, address: str, port: int) -> Socket | None:
        """Return what answers at a VPC address, or None: nothing listens there."""
        with self._lock:
            return self._sockets.get((address, port))

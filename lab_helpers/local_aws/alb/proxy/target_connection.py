"""Connections from a load balancer node to a target: opened, pooled for keep-alive, and cut."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from lab_helpers.local_aws.alb.http.reading import SharedBufferProtocol
from lab_helpers.local_aws.alb.model import TargetKey
from lab_helpers.local_aws.alb.reachability import Wires, proxy_line


class Carried(Protocol):
    """The exchange that a connection carries."""

    def from_target(self, data: bytes) -> None:
        """Take bytes of the response."""

    def target_lost(self) -> None:
        """Be told that the target closed the connection, or that it was cut."""

    def pause_client(self) -> None:
        """Let the client wait: the target is slow."""

    def resume_client(self) -> None:
        """Read on."""


class Home(Protocol):
    """The target that a connection belongs to, which keeps the connections."""

    key: TargetKey
    draining: bool
    idle: dict[str, list[TargetConnection]]
    busy: set[TargetConnection]


class TargetConnection(SharedBufferProtocol):
    """One connection to a target; it carries one exchange at a time."""

    def __init__(self, target: Home, node: str, greeting: bytes, buffer: memoryview) -> None:
        super().__init__(buffer)
        self._target, self._node, self._greeting = target, node, greeting
        self._transport: asyncio.Transport | None = None
        self.exchange: Carried | None = None
        self.idle_since = 0.0
        self.uses = 0

    @classmethod
    async def open(cls, wires: Wires, target: Home, node: str, node_groups: frozenset[str]) -> TargetConnection:
        """Connect to a target; raises like `Wires.locate`, or OSError."""
        socket = wires.locate(node, node_groups, target.key)
        greeting = proxy_line(node, target.key) if socket.proxy_protocol else b""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: cls(target, node, greeting, wires.read_buffer), socket.host, socket.port
        )
        return connection

    @classmethod
    def reuse(cls, target: Home, node: str, idle_since: float) -> TargetConnection | None:
        """Take a pooled connection that became idle no earlier than `idle_since` (clock seconds)."""
        pool = target.idle.get(node)
        while pool:
            connection = pool.pop()
            if connection.is_open and connection.idle_since >= idle_since:
                return connection
            connection.close()
        return None

    @property
    def is_open(self) -> bool:
        """Whether it can still be written to."""
        return self._transport is not None and not self._transport.is_closing()

    def carry(self, exchange: Carried, data: bytes) -> None:
        """Begin an exchange."""
        self.exchange = exchange
        self.uses += 1
        self._target.busy.add(self)
        self.write(data)

    def write(self, data: bytes) -> None:
        """Send bytes to the target."""
        if self._transport is not None:
            self._transport.write(data)

    def release(self, now: float) -> None:
        """End the exchange and keep the connection for the next one, unless the target is draining."""
        self.exchange = None
        self._target.busy.discard(self)
        if self._target.draining or not self.is_open:
            self.close()
            return
        self.idle_since = now
        self._target.idle.setdefault(self._node, []).append(self)

    def close(self) -> None:
        """Close once all is written; no exchange is told."""
        self.exchange = None
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection now; its exchange is told."""
        if self._transport is not None:
            self._transport.abort()

    def pause_reading(self) -> None:
        """Let the target wait: the client is slow."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._greeting:
            self._transport.write(self._greeting)

    def data_received(self, data: bytes) -> None:
        if self.exchange is None:
            self.abort()  # bytes that no request asked for: the connection cannot be trusted any more
        else:
            self.exchange.from_target(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._target.busy.discard(self)
        pool = self._target.idle.get(self._node)
        if pool and self in pool:
            pool.remove(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.target_lost()

    def pause_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.pause_client()

    def resume_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.resume_client()

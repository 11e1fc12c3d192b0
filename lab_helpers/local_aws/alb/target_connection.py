"""Connections from a load balancer node to a target: opened, pooled for keep-alive, and cut."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, cast

from lab_helpers.local_aws.alb.firewall import Passage
from lab_helpers.local_aws.alb.model import TargetKey
from lab_helpers.local_aws.alb.reading import SharedBufferProtocol
from lab_helpers.local_aws.network import Socket

if TYPE_CHECKING:
    from lab_helpers.local_aws.alb.exchange import Exchange
    from lab_helpers.local_aws.alb.targets import Target
    from lab_helpers.local_aws.alb.wiring import Wiring

_EPHEMERAL_PORTS = (1024, 65535)


class BlockedError(Exception):
    """A security group drops the packets: nobody answers, not even with a refusal."""


def locate(wiring: Wiring, node: str, node_groups: frozenset[str], key: TargetKey) -> Socket:
    """Find the socket behind a target.

    Raises ConnectionRefusedError when nothing listens there, BlockedError when the security groups are in the way.
    """
    socket = wiring.network.locate(*key)
    if socket is None:
        raise ConnectionRefusedError(f"nothing listens at {key[0]}:{key[1]}")
    if not wiring.firewall.allows(Passage(node, node_groups, *key, socket.security_groups)):
        raise BlockedError(f"security groups drop {node} -> {key[0]}:{key[1]}")
    return socket


def proxy_line(node: str, key: TargetKey) -> bytes:
    """Return the PROXY protocol's (v1) line that tells the target the VPC addresses."""
    source_port = random.randint(*_EPHEMERAL_PORTS)
    return f"PROXY TCP4 {node} {key[0]} {source_port} {key[1]}\r\n".encode()


class TargetConnection(SharedBufferProtocol):
    """One connection to a target; it carries one exchange at a time."""

    def __init__(self, target: Target, node: str, greeting: bytes, buffer: memoryview) -> None:
        super().__init__(buffer)
        self._target, self._node, self._greeting = target, node, greeting
        self._transport: asyncio.Transport | None = None
        self.exchange: Exchange | None = None
        self.idle_since = 0.0
        self.uses = 0

    @classmethod
    async def open(cls, wiring: Wiring, target: Target, node: str, node_groups: frozenset[str]) -> TargetConnection:
        """Connect to a target; raises like `locate`, or OSError."""
        socket = locate(wiring, node, node_groups, target.key)
        greeting = proxy_line(node, target.key) if socket.proxy_protocol else b""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: cls(target, node, greeting, wiring.read_buffer), socket.host, socket.port
        )
        return connection

    @classmethod
    def reuse(cls, target: Target, node: str, idle_since: float) -> TargetConnection | None:
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

    def carry(self, exchange: Exchange, data: bytes) -> None:
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
            self.exchange.client.pause_reading()

    def resume_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.client.resume_reading()

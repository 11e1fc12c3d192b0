"""The side of the load balancer that clients see: one object for each client connection.

Source: RFC 9112, "Application Load Balancers" (idle timeout, keep-alive, request routing per request).
Not modelled: HTTP/2, TLS. A client that the load balancer's security groups keep out gets connected, since it is this
machine's kernel that answers, but then hears nothing.
"""

from __future__ import annotations

import asyncio
import random
from typing import cast

from lab_helpers.local_aws.alb.access_log import Times, refused_entry
from lab_helpers.local_aws.alb.http.answers import error_page
from lab_helpers.local_aws.alb.http.heads import HEAD_LIMIT_BYTES, BadHeadError, parse_request
from lab_helpers.local_aws.alb.http.reading import SharedBufferProtocol
from lab_helpers.local_aws.alb.proxy.context import Door
from lab_helpers.local_aws.alb.proxy.exchange import Exchange

_AHEAD_LIMIT_BYTES = 64 * 1024


class ClientConnection(SharedBufferProtocol):
    """Reads requests one after the other and gives each to an `Exchange`."""

    def __init__(self, door: Door) -> None:
        super().__init__(door.balancer.wiring.read_buffer)
        self.door = door
        self.node = door.balancer.next_node()
        self.address, self.port = "", 0
        self.connection_id = f"TID_{random.getrandbits(128):032x}"
        self._clock = door.balancer.wiring.clock
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._ahead = b""
        self._touched = self._clock.monotonic()
        self._reading_requests = False
        self._closing = self._lingering = self._kept_out = False

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""
        if self._transport is not None:
            self._transport.write(data)

    def pause_reading(self) -> None:
        """Let the client wait: the target is slow."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def exchange_done(self, keep_alive: bool) -> None:
        """Go on with the next request, or close: called by the exchange when its answer is written."""
        exchange, self._exchange = self._exchange, None
        self._touched = self._clock.monotonic()
        if keep_alive:
            self.resume_reading()
            self._read_requests()
        elif exchange is not None and not exchange.request_done:
            self._linger()
        else:
            self.close()

    def take_ahead(self) -> bytes:
        """Return the bytes that came behind the present request: the first ones of a tunnel."""
        ahead, self._ahead = self._ahead, b""
        return ahead

    def close(self) -> None:
        """Close once all is written."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection now: the client must see that its answer is not whole."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def sweep(self, now: float) -> None:
        """Give up what has been silent for too long; `now` is the clock's monotonic time."""
        if self._exchange is not None:
            self._exchange.sweep(now)
        elif self._lingering:
            self.abort()
        elif now - self._touched > self.door.balancer.settings.idle_timeout_s:
            if self._ahead:
                self._refuse(408)
            else:
                self.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.address, self.port = self._transport.get_extra_info("peername")[:2]
        self.door.balancer.clients.add(self)
        balancer = self.door.balancer
        groups, port = balancer.settings.security_groups, self.door.listener.port
        self._kept_out = not balancer.wiring.firewall.admits(groups, port)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if self._lingering or self._kept_out:
            return
        if exchange is None:
            self._touched = self._clock.monotonic()
        elif not exchange.request_done:
            data = exchange.from_client(data)
        if data:
            self._ahead += data
            self._read_requests()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._closing = True
        self.door.balancer.clients.discard(self)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.client_lost()

    def pause_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.pause_target()

    def resume_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.resume_target()

    def _read_requests(self) -> None:
        # A loop, not a recursion through exchange_done: a client may pipeline a thousand requests.
        if self._reading_requests:
            return
        self._reading_requests = True
        try:
            while self._ahead and self._exchange is None and not self._closing:
                if not self._read_request():
                    break
        finally:
            self._reading_requests = False
        if self._exchange is not None and len(self._ahead) > _AHEAD_LIMIT_BYTES:
            self.pause_reading()

    def _read_request(self) -> bool:
        ahead = self._ahead.lstrip(b"\r\n")
        end = ahead.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_LIMIT_BYTES:
            self._ahead = ahead
            if len(ahead) > HEAD_LIMIT_BYTES:
                self._refuse()
            return False
        try:
            head = parse_request(ahead[:end], self.address)
        except BadHeadError:
            self._refuse()
            return False
        rest, self._ahead = ahead[end + 4 :], b""
        self._exchange = exchange = Exchange(self, self.door, head, end + 4)
        if rest and not exchange.request_done:
            rest = exchange.from_client(rest)
        self._ahead = rest
        if self._exchange is exchange:
            exchange.start()
        return True

    def _refuse(self, status: int = 400) -> None:
        self._ahead = b""
        page = error_page(status, self._clock.now(), keep_alive=False)
        self.write(page)
        balancer, now = self.door.balancer, self._clock.monotonic()
        balancer.tally.count("", False, status, -1)
        if balancer.log is not None:
            entry = refused_entry(
                self._clock.now(), balancer.settings.resource_id, f"{self.address}:{self.port}",
                self.door.listener.port, Times(now, done=now), status, len(page), self.connection_id,
            )  # fmt: skip
            balancer.log.write(self.node, entry)
        self._linger()

    def _linger(self) -> None:
        # A close with unread bytes resets the connection, and the client would lose the answer just written: so only
        # our side is closed, what still comes is thrown away, and the next sweep ends it.
        self._closing = self._lingering = True
        if self._transport is not None and self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()
            self._transport.resume_reading()

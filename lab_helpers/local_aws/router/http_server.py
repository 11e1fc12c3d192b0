"""The router's HTTP server: health, uptime, metrics. On the engine's loop, one request a connection.

Source: Fluent Bit 4.2.8's `/`, `/api/v1/uptime`, `/api/v1/metrics`, `/api/v1/metrics/prometheus`, `/api/v1/health`
(only with Health_Check on). `/api/lab/balance` is this router's own: sent, dropped and held records of each output.
Not modelled: `/api/v1/storage`, `/api/v1/plugins`, `/api/v2/…`, hot reload, keep-alive.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

import orjson

from lab_helpers.local_aws.router.counters import Counters
from lab_helpers.local_aws.router.log import ComponentLog
from lab_helpers.local_aws.router.loop import Loop
from lab_helpers.local_aws.router.metrics_text import prometheus, uptime_words
from lab_helpers.local_aws.router.service import Service
from lab_helpers.local_aws.router.version import VERSION

MAX_REQUEST_BYTES = 16_384
JSON, TEXT = "application/json", "text/plain; version=0.0.4"
Answer = tuple[int, str, bytes]


class HttpServer:
    """Owner of the listener; `start` binds, `stop` is safe twice. `port` is the bound one."""

    def __init__(self, service: Service, loop: Loop, counters: Counters, balance: Callable[[], dict[str, Any]]) -> None:
        self._service, self._loop, self._counters, self._balance = service, loop, counters, balance
        self._log = ComponentLog(service.sink)
        self._listener: socket.socket | None = None
        self._peers: dict[socket.socket, bytes] = {}
        self._failures: list[tuple[float, int, int]] = []
        self.port = 0
        self._pages: dict[str, Callable[[], Answer]] = {
            "/": self._root,
            "/api/v1/uptime": self._uptime,
            "/api/v1/metrics": lambda: (200, JSON, orjson.dumps(self._counters.snapshot())),
            "/api/v1/metrics/prometheus": self._prometheus,
            "/api/lab/balance": lambda: (200, JSON, orjson.dumps(self._balance())),
            **({"/api/v1/health": self._health} if service.health_check else {}),
        }

    def start(self) -> None:
        """Listen; a port that cannot be had is logged, the router goes on without (as the reference)."""
        where = (self._service.http_listen, self._service.http_port)
        try:
            self._listener = socket.create_server(where)
        except OSError as exc:
            self._log.error(f"[http_server] could not start, {where[0]}:{where[1]}: {exc.strerror}")
            return
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._loop.add_reader(self._listener, self._accept)
        self._log.info(f"[http_server] listen iface={where[0]} tcp_port={self.port}")

    def stop(self) -> None:
        """Close everything."""
        for peer in list(self._peers):
            self._close(peer)
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def answer(self, path: str) -> Answer:
        """Return (status, content type, body) for a path."""
        page = self._pages.get(path.partition("?")[0].rstrip("/") or "/")
        return page() if page else (404, TEXT, b"")

    def _root(self) -> Answer:
        about = {"version": VERSION, "edition": "Community", "flags": ["FIRELENS_LAB_ROUTER"]}
        return 200, JSON, orjson.dumps({"fluent-bit": about})

    def _uptime(self) -> Answer:
        seconds = self._uptime_s()
        return 200, JSON, orjson.dumps({"uptime_sec": seconds, "uptime_hr": uptime_words(seconds)})

    def _prometheus(self) -> Answer:
        text = prometheus(
            self._counters.snapshot(),
            int(time.time() * 1000),
            self._uptime_s(),
            int(self._counters.started_at),
            VERSION,
        )
        return 200, TEXT, text.encode()

    def _health(self) -> Answer:
        """Unhealthy while the last period saw more errors, or more retries given up, than the limits."""
        outputs = self._counters.snapshot()["output"].values()
        now = time.monotonic()
        total = (now, sum(one["errors"] for one in outputs), sum(one["retries_failed"] for one in outputs))
        self._failures = [one for one in self._failures if one[0] >= now - self._service.health_period_s]
        _, errors, failures = self._failures[0] if self._failures else (0.0, 0, 0)
        self._failures.append(total)
        is_bad = (
            total[1] - errors > self._service.health_errors or total[2] - failures > self._service.health_retry_failures
        )
        return (500, TEXT, b"error\n") if is_bad else (200, TEXT, b"ok\n")

    def _uptime_s(self) -> int:
        return int(time.time() - self._counters.started_at)

    def _accept(self) -> None:
        assert self._listener is not None
        with contextlib.suppress(BlockingIOError, ConnectionError):
            peer, _ = self._listener.accept()
            peer.setblocking(False)
            self._peers[peer] = b""
            self._loop.add_reader(peer, lambda: self._readable(peer))

    def _readable(self, peer: socket.socket) -> None:
        try:
            received = peer.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        self._peers[peer] += received
        if not received or len(self._peers[peer]) > MAX_REQUEST_BYTES:
            self._close(peer)
        elif b"\r\n\r\n" in self._peers[peer]:
            self._respond(peer, self._peers[peer])
            self._close(peer)

    def _respond(self, peer: socket.socket, request: bytes) -> None:
        words = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        status, kind, body = self.answer(words[1]) if len(words) == 3 and words[0] == "GET" else (400, TEXT, b"")
        reason = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}[status]
        head = (
            f"HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            peer.setblocking(True)
            peer.settimeout(1.0)  # a peer that does not read its answer must not hold the engine up for long
            peer.sendall(head.encode() + body)

    def _close(self, peer: socket.socket) -> None:
        if self._peers.pop(peer, None) is not None:
            self._loop.remove_reader(peer)
            peer.close()

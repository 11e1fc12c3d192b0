"""werkzeug's HTTP server, tuned for many small API calls: each has a connection of its own, werkzeug closes it."""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

from werkzeug.serving import WSGIRequestHandler

IDLE_CONNECTION_S = 120
MOST_CONNECTIONS = 1000
"""At once; each is a thread. One more is closed without an answer."""
DRAINED_BYTES = 4 << 20
"""What is still read of a body that nobody wanted, so that its sender sees the answer: no more than that."""


_LOCK = threading.Lock()
_OPEN: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


class _Rest:
    """The rest of a connection's input, of which only the beginning is read."""

    def __init__(self, source: Any, most_bytes: int) -> None:
        self._source, self._left = source, most_bytes

    def read(self, size: int = -1) -> bytes:
        wanted = min(self._left, 1 << 16, size if size >= 0 else self._left)
        got: bytes = self._source.read1(wanted) if wanted else b""
        self._left -= len(got)
        return got

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


class RequestHandler(WSGIRequestHandler):
    """HTTP/1.1, one send per answer, no line per request."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_CONNECTION_S
    disable_nagle_algorithm = True  # a header and a body sent apart wait 40 ms for the peer's delayed acknowledgement
    wbufsize = 64 * 1024

    def handle_expect_100(self) -> bool:
        """Say 100 Continue now: in the buffer it would wait for the answer, and boto3 waits a second for it."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def handle(self) -> None:
        """Handle a connection's requests, if there are not too many connections already."""
        with _LOCK:
            _OPEN[self.server] = _OPEN.get(self.server, 0) + 1
            too_many = _OPEN[self.server] > MOST_CONNECTIONS
        try:
            if not too_many:
                super().handle()
        finally:
            with _LOCK:
                _OPEN[self.server] -= 1

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin the answer; what is left of a body that was refused unread is not read to its end."""
        if getattr(self, "environ", {}).get("lab.unread"):
            self.rfile = _Rest(self.rfile, DRAINED_BYTES)  # type: ignore[assignment]
        super().send_response(code, message)

    def finish(self) -> None:
        """Give the socket back also when a client left in the middle of its answer: the rest cannot be sent."""
        try:
            super().finish()
        except OSError:
            self.rfile.close()

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Say nothing: the gateway counts."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """Say nothing of clients that went away or said nothing."""

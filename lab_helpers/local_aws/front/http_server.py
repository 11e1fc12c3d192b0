"""werkzeug's HTTP server, tuned for many small API calls over kept-alive connections."""

from __future__ import annotations

from typing import Any

from werkzeug.serving import WSGIRequestHandler

IDLE_CONNECTION_S = 120


class RequestHandler(WSGIRequestHandler):
    """HTTP/1.1 with keep-alive, one send per answer, no line per request."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_CONNECTION_S
    disable_nagle_algorithm = True  # a header and a body sent apart wait 40 ms for the peer's delayed acknowledgement
    wbufsize = 64 * 1024

    def handle_expect_100(self) -> bool:
        """Say 100 Continue now: in the buffer it would wait for the answer, and boto3 waits a second for it."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def finish(self) -> None:
        """Give the socket back also when a client left in the middle of its answer: the rest cannot be sent."""
        try:
            super().finish()
        except OSError:
            self.rfile.close()

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Say nothing: the gateway counts."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """Say nothing of clients that went away or kept an idle connection."""

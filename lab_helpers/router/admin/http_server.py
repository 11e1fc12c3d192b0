"""The router's HTTP server: transport only, on the engine's loop. What is answered: `http_pages.py`.

Source: Fluent Bit 4.2.8: any method is answered alike, a POST or PUT without Content-Length with 411, bodies are
chunked (HTTP/1.0: as they are), connections stay open. Not modelled: TLS; a HEAD gets no body here.
"""

from __future__ import annotations

from email.utils import formatdate

from lab_helpers.router.admin.http_pages import Page, Pages
from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.loop import Loop, Timer
from lab_helpers.router.core.service import Service
from lab_helpers.router.net.http_request import Request
from lab_helpers.router.net.http_stream import Answer, RequestStream
from lab_helpers.router.net.listener import Listener

MAX_REQUEST_BYTES = 65_536
SAMPLE_S = 1.0
# how often the health page's counters are looked at
REASONS = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 411: "Length Required",
    413: "Request Entity Too Large", 500: "Internal Server Error",
}  # fmt: skip


class HttpServer:
    """Owner of the listener; `start` binds, `stop` is safe twice. `port` is the bound one."""

    def __init__(self, service: Service, loop: Loop, pages: Pages) -> None:
        self._service, self._loop, self._pages = service, loop, pages
        self._log = ComponentLog(service.sink)
        self.max_bytes = MAX_REQUEST_BYTES
        self._listener = Listener(loop, lambda connection: RequestStream(self, connection))
        self._timer: Timer | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    def start(self) -> None:
        """Listen; a port that cannot be had is logged, the router goes on without (as the reference)."""
        where = (self._service.http_listen, self._service.http_port)
        try:
            self._listener.start(*where)
        except OSError as exc:
            self._log.error(f"[http_server] could not start, {where[0]}:{where[1]}: {exc.strerror}")
            return
        self._timer = self._loop.call_every(SAMPLE_S, self._pages.sample)
        self._log.info(f"[http_server] listen iface={where[0]} tcp_port={self.port}")

    def stop(self) -> None:
        """Close everything."""
        if self._timer is not None:
            self._timer.cancel()
        self._listener.stop()

    def answer(self, request: Request) -> Answer:
        """Answer a request with its page."""
        if request.method in ("POST", "PUT") and "content-length" not in request.headers:
            return Answer(self.refusal(411), False)
        return Answer(response(request, self._pages.page(request.method, request.path)), request.keeps_alive)

    def refusal(self, status: int) -> bytes:
        """Return an answer without a page."""
        return _head(status, ["Content-Length: 0"])


def response(request: Request, page: Page) -> bytes:
    """Return an answer's bytes."""
    lines = [] if request.keeps_alive else ["Connection: Close"]
    chunked = request.version != "HTTP/1.0"
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    if page.kind:
        lines.append(f"Content-Type: {page.kind}")
    if page.allow:
        lines.append(f"Allow: {page.allow}")
    body = page.body
    if request.method == "HEAD":
        body = b""
    elif chunked:
        body = (b"%X\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    return _head(page.status, lines) + body


def _head(status: int, lines: list[str]) -> bytes:
    first = [f"HTTP/1.1 {status} {REASONS[status]}", "Server: Monkey/1.8.8", f"Date: {formatdate(usegmt=True)}"]
    return "\r\n".join([*first, *lines, "", ""]).encode()

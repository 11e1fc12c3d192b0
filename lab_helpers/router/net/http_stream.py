"""The bytes of one connection to a web server of the router: requests one after the other, an answer to each."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from lab_helpers.router.net.http_request import BadRequestError, Request, take_request
from lab_helpers.router.net.listener import Connection


class Answer(NamedTuple):
    """An answer's bytes, and whether the connection stays open."""

    data: bytes
    stays_open: bool


class WebServer(Protocol):
    """Who answers: `max_bytes` is the size of a request above which its connection is closed."""

    max_bytes: int

    def answer(self, request: Request) -> Answer:
        """Answer a request."""

    def refusal(self, status: int) -> bytes:
        """Return the answer to what is no request (400) or too large (413); b"" for none."""


class RequestStream:
    """A connection's handler."""

    def __init__(self, server: WebServer, connection: Connection) -> None:
        self._server, self._connection = server, connection
        self._pending = b""

    def received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._pending += data
        while self._pending:
            try:
                taken = take_request(self._pending)
            except BadRequestError:
                self._end(self._server.refusal(400))
                return
            rest = b"" if taken is None else taken.rest
            if len(self._pending) - len(rest) > self._server.max_bytes:
                self._end(self._server.refusal(413))
                return
            if taken is None:
                return
            self._pending = rest
            answer = self._server.answer(taken.request)
            if not answer.stays_open:
                self._end(answer.data)
                return
            self._connection.send(answer.data)

    def _end(self, data: bytes) -> None:
        if data:
            self._connection.send(data)
        self._connection.close()

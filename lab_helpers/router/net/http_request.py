"""HTTP/1.1 requests out of a byte stream, for inputs that are web servers.

Not modelled: HTTP/2, trailers, `Expect: 100-continue`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MAX_HEAD_BYTES = 65_536


class BadRequestError(ValueError):
    """The bytes are no HTTP request."""


@dataclass(frozen=True)
class Request:
    """One request; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    version: str = "HTTP/1.1"

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection stays open after the answer."""
        wish = self.headers.get("connection", "").lower()
        return wish != "close" if self.version != "HTTP/1.0" else wish == "keep-alive"


class Taken(NamedTuple):
    """A request and the bytes behind it."""

    request: Request
    rest: bytes


def take_request(data: bytes) -> Taken | None:
    """Return the request at the head of the data, None while it is not complete. Raises BadRequestError."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        if len(data) > MAX_HEAD_BYTES or not _may_begin(data):
            raise BadRequestError("no HTTP request")
        return None
    method, target, headers, version = _read_head(head)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        chunked = _take_chunked(rest)
        return None if chunked is None else Taken(Request(method, target, headers, chunked[0], version), chunked[1])
    size = headers.get("content-length", "0")
    if not size.isdigit():
        raise BadRequestError(f"Content-Length {size!r}")
    if len(rest) < int(size):
        return None
    return Taken(Request(method, target, headers, rest[: int(size)], version), rest[int(size) :])


def _may_begin(data: bytes) -> bool:
    return data[:1].isalpha() or not data


def _read_head(head: bytes) -> tuple[str, str, dict[str, str], str]:
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequestError(f"request line {first!r}")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return parts[0], parts[1], headers, parts[2]


def _take_chunked(data: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while True:
        line, end, data = data.partition(b"\r\n")
        if not end:
            return None
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError as exc:
            raise BadRequestError(f"chunk size {line!r}") from exc
        if size < 0:
            raise BadRequestError(f"chunk size {line!r}")
        if len(data) < size + 2:
            return None
        body, data = body + data[:size], data[size + 2 :]
        if size == 0:
            return body, data

"""Where a message body ends, pure: one small reader for each of HTTP/1.1's three framings (RFC 9112, section 6)."""

from __future__ import annotations

from typing import Protocol

from lab_helpers.local_aws.alb.http.heads import BadHeadError

_CRLF = b"\r\n"
_LINE_LIMIT = 4096
_SIZE_DIGITS = 16


class Body(Protocol):
    """Follows a body that is passed on unchanged."""

    done: bool

    def take(self, data: bytes) -> int:
        """Return how many bytes of `data` belong to the body; sets `done` at its end. Raises BadHeadError."""


class CountedBody:
    """A body of a known number of bytes."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def take(self, data: bytes) -> int:
        taken = min(self._left, len(data))
        self._left -= taken
        self.done = self._left == 0
        return taken


class UntilCloseBody:
    """A body that ends with its connection."""

    done = False

    def take(self, data: bytes) -> int:
        return len(data)


class ChunkedBody:
    """A chunked body, sizes and trailers included; `payload` collects what is inside the chunks when it is a list."""

    def __init__(self, payload: list[bytes] | None = None) -> None:
        self.done = False
        self.payload = payload
        self._chunk_left = 0  # bytes of the current chunk with its final CRLF
        self._line = b""
        self._in_trailer = False

    def take(self, data: bytes) -> int:
        position = 0
        while position < len(data) and not self.done:
            if self._chunk_left:
                position += self._take_chunk(data, position)
            else:
                position = self._take_line(data, position)
        return position

    def _take_chunk(self, data: bytes, position: int) -> int:
        step = min(self._chunk_left, len(data) - position)
        inside = max(0, min(step, self._chunk_left - 2))
        end = data[position + inside : position + step]
        if end and end != _CRLF[-(self._chunk_left - inside) :][: len(end)]:
            raise BadHeadError(f"a chunk that ends with {end!r}")
        if self.payload is not None:
            self.payload.append(data[position : position + inside])
        self._chunk_left -= step
        return step

    def _take_line(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position)
        self._line += data[position:] if end < 0 else data[position : end + 1]
        if len(self._line) > _LINE_LIMIT:
            raise BadHeadError("a chunk's size line is longer than 4096 bytes")
        if end < 0:
            return len(data)
        if not self._line.endswith(_CRLF):
            raise BadHeadError("a line of a chunked body that ends without a carriage return")
        line, self._line = self._line[:-2], b""
        if b"\r" in line or b"\0" in line:
            raise BadHeadError(f"a line of a chunked body: {line[:40]!r}")
        if self._in_trailer:
            self.done = not line
        else:
            self._start_chunk(line)
        return end + 1

    def _start_chunk(self, line: bytes) -> None:
        size = line.partition(b";")[0].strip(b" \t")
        if not size or len(size) > _SIZE_DIGITS or size.strip(b"0123456789abcdefABCDEF"):
            raise BadHeadError(f"chunk size {line[:40]!r}")
        length = int(size, 16)
        self._in_trailer = length == 0
        self._chunk_left = length + 2 if length else 0


def request_body(length: int | None) -> Body:
    """Return the reader of a request's body; None is chunked."""
    return ChunkedBody() if length is None else CountedBody(length)


def response_body(length: int | None, chunked: bool, payload: list[bytes] | None = None) -> Body:
    """Return the reader of a response's body; `payload` as for ChunkedBody."""
    if length is not None:
        return CountedBody(length)
    return ChunkedBody(payload) if chunked else UntilCloseBody()

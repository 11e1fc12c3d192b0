"""Bodies that come in signed or unsigned chunks (`aws-chunked`), taken apart and verified.

Source: "Signature calculations for the authorization header: transferring payload in multiple chunks" and "… including
trailing headers" of the S3 API reference.
A checksum that a trailer carries is verified with those of headers: `front.s3.checksums`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from lab_helpers.local_aws.identity.sigv4 import ALGORITHM, EMPTY_SHA256, Signature, sign, signing_key

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
KINDS = frozenset({SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER})
_LONGEST_LINE = 8192


class ChunkError(Exception):
    """A body whose chunks cannot be read: cut off, or not in the form that it says."""


class ChunkSignatureError(Exception):
    """A chunk's signature, or the trailer's, is not that of the secret."""


@dataclass(frozen=True)
class Unchunked:
    """What was in the chunks, and the trailing headers by their names in lower case."""

    body: bytes
    trailers: dict[str, str]


def unchunk(body: bytes, signature: Signature, secret: str) -> Unchunked:
    """Take a body apart; raises ChunkError and ChunkSignatureError."""
    reader = _Reader(body, signature, secret)
    parts = []
    while chunk := reader.chunk():
        parts.append(chunk)
    return Unchunked(b"".join(parts), reader.trailers())


class _Reader:
    """Goes through a body once; each signature depends on the one before."""

    def __init__(self, body: bytes, signature: Signature, secret: str) -> None:
        self._body, self._at = memoryview(body), 0
        self._whole = body
        self._kind, self._head = signature.payload, f"{signature.stamp}\n{signature.scope}"
        self._key = signing_key(secret, signature.date, signature.region, signature.service)
        self._previous = signature.signature

    def chunk(self) -> bytes:
        """Return the next chunk's content; empty at the last."""
        line = self._line()
        size_text, _, extension = line.partition(";")
        try:
            size = int(size_text, 16)
        except ValueError as exc:
            raise ChunkError("a chunk without a size") from exc
        if size < 0 or size > len(self._body) - self._at:
            raise ChunkError("a chunk that is cut off")
        content = bytes(self._body[self._at : self._at + size])
        self._at += size
        if self._kind != UNSIGNED_TRAILER:
            self._check(f"{ALGORITHM}-PAYLOAD", content, extension.removeprefix("chunk-signature="))
        if size and self._line():
            raise ChunkError("a chunk that does not end where it says")
        return content

    def trailers(self) -> dict[str, str]:
        """Return the headers after the last chunk."""
        found: dict[str, str] = {}
        while self._at < len(self._body) and (line := self._line()):
            name, _, value = line.partition(":")
            found[name.strip().lower()] = value.strip()
        signature = found.pop("x-amz-trailer-signature", "")
        if self._kind == SIGNED_TRAILER:
            lines = "".join(f"{name}:{value}\n" for name, value in found.items())
            self._check(f"{ALGORITHM}-TRAILER", lines.encode(), signature)
        return found

    def _check(self, what: str, content: bytes, given: str) -> None:
        parts = [what, self._head, self._previous]
        if what.endswith("PAYLOAD"):
            parts.append(EMPTY_SHA256)
        wanted = sign(self._key, "\n".join([*parts, hashlib.sha256(content).hexdigest()]))
        if not hmac.compare_digest(wanted.encode(), given.encode("latin-1", "replace")):
            raise ChunkSignatureError
        self._previous = wanted

    def _line(self) -> str:
        end = self._whole.find(b"\r\n", self._at, self._at + _LONGEST_LINE)
        if end < 0:
            raise ChunkError("a body that ends in the middle of its chunks")
        line = bytes(self._body[self._at : end]).decode("latin-1")
        self._at = end + 2
        return line

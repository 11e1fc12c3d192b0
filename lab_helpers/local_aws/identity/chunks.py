"""Bodies that come in signed or unsigned chunks (`aws-chunked`), taken apart and verified.

Source: "Signature calculations for the authorization header: transferring payload in multiple chunks" and "… including
trailing headers" of the S3 API reference.
A checksum that a trailer carries is verified with those of headers: `front.s3.checksums`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable

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


def unchunk(
    blocks: Iterable[bytes], signature: Signature, secret: str, take: Callable[[bytes], object]
) -> dict[str, str]:
    """Take a body apart that comes in blocks, giving what was in the chunks to `take`.

    Return the trailing headers by their names in lower case. Raises ChunkError and ChunkSignatureError; what was taken
    until then is nobody's.
    """
    reader = _Reader(blocks, signature, secret)
    while reader.chunk(take):
        pass
    return reader.trailers()


class _Reader:
    """Goes through a body once; each signature depends on the one before."""

    def __init__(self, blocks: Iterable[bytes], signature: Signature, secret: str) -> None:
        self._blocks, self._ahead, self._at = iter(blocks), b"", 0
        self._kind, self._head = signature.payload, f"{signature.stamp}\n{signature.scope}"
        self._key = signing_key(secret, signature.date, signature.region, signature.service)
        self._previous = signature.signature

    def chunk(self, take: Callable[[bytes], object]) -> int:
        """Hand on the next chunk's content; return its size in bytes, 0 at the last."""
        line = self._line()
        size_text, _, extension = line.partition(";")
        try:
            size = int(size_text, 16)
        except ValueError as exc:
            raise ChunkError("a chunk without a size") from exc
        if size < 0:
            raise ChunkError("a chunk that is cut off")
        computed, left = hashlib.sha256(), size
        while left:
            if self._at == len(self._ahead) and not self._more():
                raise ChunkError("a chunk that is cut off")
            piece = self._ahead[self._at : self._at + left]
            self._at += len(piece)
            left -= len(piece)
            computed.update(piece)
            take(piece)
        if self._kind != UNSIGNED_TRAILER:
            self._check(f"{ALGORITHM}-PAYLOAD", computed.hexdigest(), extension.removeprefix("chunk-signature="))
        if size and self._line():
            raise ChunkError("a chunk that does not end where it says")
        return size

    def trailers(self) -> dict[str, str]:
        """Return the headers after the last chunk."""
        found: dict[str, str] = {}
        while (self._at < len(self._ahead) or self._more()) and (line := self._line()):
            name, _, value = line.partition(":")
            found[name.strip().lower()] = value.strip()
        signature = found.pop("x-amz-trailer-signature", "")
        if self._kind == SIGNED_TRAILER:
            lines = "".join(f"{name}:{value}\n" for name, value in found.items())
            self._check(f"{ALGORITHM}-TRAILER", hashlib.sha256(lines.encode()).hexdigest(), signature)
        return found

    def _check(self, what: str, content_sha256: str, given: str) -> None:
        parts = [what, self._head, self._previous]
        if what.endswith("PAYLOAD"):
            parts.append(EMPTY_SHA256)
        wanted = sign(self._key, "\n".join([*parts, content_sha256]))
        if not hmac.compare_digest(wanted.encode(), given.encode("latin-1", "replace")):
            raise ChunkSignatureError
        self._previous = wanted

    def _line(self) -> str:
        while (end := self._ahead.find(b"\r\n", self._at, self._at + _LONGEST_LINE)) < 0:
            if len(self._ahead) - self._at >= _LONGEST_LINE or not self._more():
                raise ChunkError("a body that ends in the middle of its chunks")
        line = self._ahead[self._at : end].decode("latin-1")
        self._at = end + 2
        return line

    def _more(self) -> bool:
        block = next(self._blocks, b"")
        self._ahead, self._at = self._ahead[self._at :] + block, 0
        return bool(block)

"""Checksums of bytes that come piece by piece, by the names that S3 has for them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol

from lab_helpers.local_aws.kit.crc import CRC32C, CRC64NVME


class Sum(Protocol):
    """A checksum that goes on; hashlib's are such."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Crc32:
    """CRC-32, which zlib has as a function only."""

    def __init__(self) -> None:
        self._state = 0

    def update(self, data: bytes) -> None:
        self._state = zlib.crc32(data, self._state)

    def digest(self) -> bytes:
        return self._state.to_bytes(4, "big")


SUMS: dict[str, Callable[[], Sum]] = {
    "CRC32": Crc32,
    "CRC32C": CRC32C.begin,
    "CRC64NVME": CRC64NVME.begin,
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
}

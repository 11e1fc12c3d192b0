"""Compression of what is sent and received.

Source: names as in Fluent Bit 5.1.1. Not modelled: `arrow` and `parquet`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from lab_helpers.router.plugin import PluginInitError

GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
MIN_GZIP_BYTES, DEFLATE_METHOD = 18, 8
MAX_PLAIN_BYTES = 100 * 1024 * 1024
# a body that unfolds to more is refused


_LACKING = "{kind} needs the Python package {package}, which is not installed: pip install 'firelens-lab[workbook]'"


class DecompressError(ValueError):
    """The bytes are not what their encoding says, or too many."""


def compressor(kind: str) -> Callable[[bytes], bytes] | None:
    """Return the function for `gzip`, `zstd` or `snappy`; None for any other name.

    Raises PluginInitError where the Python package for it is not installed.
    """
    if kind == "gzip":
        library = gzip_library()
        return lambda data: bytes(library.compress(data, compresslevel=1))
    if kind == "zstd":
        zstandard = _package(kind, "zstandard")
        return lambda data: bytes(zstandard.ZstdCompressor().compress(data))
    if kind == "snappy":
        pyarrow = _package(kind, "pyarrow")
        return lambda data: bytes(pyarrow.Codec("snappy").compress(data, asbytes=True))
    return None


def decompress(encoding: str, data: bytes, *, may_be_cut: bool = False) -> bytes:
    """Return the plain bytes of `gzip` (one member or several), `deflate`, `zlib` or `zstd`. Raises DecompressError.

    `may_be_cut`: what a stream without its end gives is good enough.
    """
    if encoding == "zstd":
        try:
            import zstandard
        except ModuleNotFoundError as exc:
            raise DecompressError(_LACKING.format(kind=encoding, package="zstandard")) from exc
        try:
            plain = bytes(zstandard.ZstdDecompressor().stream_reader(data).read(MAX_PLAIN_BYTES + 1))
        except zstandard.ZstdError as exc:
            raise DecompressError(f"{encoding}: {exc}") from exc
    else:
        plain = _inflated(encoding, data, may_be_cut)
    if len(plain) > MAX_PLAIN_BYTES:
        raise DecompressError(f"{encoding}: unfolds to more than {MAX_PLAIN_BYTES} bytes")
    return plain


def _package(kind: str, name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        raise PluginInitError(_LACKING.format(kind=kind, package=name)) from exc


def gzip_complaint(data: bytes) -> str:
    """Return what the reference says of bytes that are no gzip."""
    if len(data) < MIN_GZIP_BYTES:
        return "unexpected content length"
    if not data.startswith(GZIP_MAGIC):
        return "invalid magic bytes"
    return "invalid method" if data[2] != DEFLATE_METHOD else "invalid gzip data"


def gzip_library() -> Any:
    """Return ISA-L's `gzip` where it is installed, else Python's, which has the same functions and is slower."""
    return _fast_or_own("isal.igzip", "gzip")


def zlib_library() -> Any:
    """Return ISA-L's `zlib` where it is installed, else Python's."""
    return _fast_or_own("isal.isal_zlib", "zlib")


def _fast_or_own(fast: str, own: str) -> Any:
    try:
        return importlib.import_module(fast)
    except ModuleNotFoundError:
        return importlib.import_module(own)


def _inflated(encoding: str, data: bytes, may_be_cut: bool) -> bytes:
    library = zlib_library()
    damaged: tuple[Any, ...] = (library.error,)
    window = library.MAX_WBITS + (16 if encoding == "gzip" else 0)
    plain, rest = b"", data
    while len(plain) <= MAX_PLAIN_BYTES:
        inflater = library.decompressobj(window)
        try:
            plain += inflater.decompress(rest, MAX_PLAIN_BYTES + 1 - len(plain))
        except damaged as exc:
            raise DecompressError(f"{encoding}: {exc}") from exc
        if not inflater.eof and not may_be_cut and len(plain) <= MAX_PLAIN_BYTES:
            raise DecompressError(f"{encoding}: cut off")
        rest = inflater.unused_data
        if encoding != "gzip" or not rest.startswith(GZIP_MAGIC):
            break
    return plain

"""Compression of uploads. Source: names as in Fluent Bit 4.2.8; `arrow`, `parquet` and `snappy` are not modelled."""

from __future__ import annotations

from collections.abc import Callable


def compressor(kind: str) -> Callable[[bytes], bytes] | None:
    """Return the function for `gzip` or `zstd`; None for any other name."""
    if kind == "gzip":
        from isal import igzip

        return lambda data: bytes(igzip.compress(data, compresslevel=1))
    if kind == "zstd":
        import zstandard

        return lambda data: bytes(zstandard.ZstdCompressor().compress(data))
    return None

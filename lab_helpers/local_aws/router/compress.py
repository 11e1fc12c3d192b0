"""Compression of what is sent and received.

Source: names as in Fluent Bit 4.2.8. Not modelled: `arrow`, `parquet` and `snappy`.
"""

from __future__ import annotations

from collections.abc import Callable

MAX_PLAIN_BYTES = 100 * 1024 * 1024
# a body that unfolds to more is refused


class DecompressError(ValueError):
    """The bytes are not what their encoding says, or too many."""


def compressor(kind: str) -> Callable[[bytes], bytes] | None:
    """Return the function for `gzip` or `zstd`; None for any other name."""
    if kind == "gzip":
        from isal import igzip

        return lambda data: bytes(igzip.compress(data, compresslevel=1))
    if kind == "zstd":
        import zstandard

        return lambda data: bytes(zstandard.ZstdCompressor().compress(data))
    return None


def decompress(encoding: str, data: bytes) -> bytes:
    """Return the plain bytes of a `gzip`, `deflate` or `zstd` body. Raises DecompressError."""
    import zlib

    import zstandard

    try:
        if encoding == "zstd":
            plain: bytes = zstandard.ZstdDecompressor().stream_reader(data).read(MAX_PLAIN_BYTES + 1)
        else:
            inflater = zlib.decompressobj(zlib.MAX_WBITS + 16 if encoding == "gzip" else zlib.MAX_WBITS)
            plain = inflater.decompress(data, MAX_PLAIN_BYTES + 1)
            if not inflater.eof and len(plain) <= MAX_PLAIN_BYTES:
                raise DecompressError(f"{encoding}: cut off")
    except (zlib.error, zstandard.ZstdError) as exc:
        raise DecompressError(f"{encoding}: {exc}") from exc
    if len(plain) > MAX_PLAIN_BYTES:
        raise DecompressError(f"{encoding}: unfolds to more than {MAX_PLAIN_BYTES} bytes")
    return plain

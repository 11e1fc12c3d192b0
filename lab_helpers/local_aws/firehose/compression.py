"""The compressions that Firehose offers, over the bytes of one object.

Source: CompressionFormat in the Firehose API reference; Hadoop's BlockCompressorStream for HADOOP_SNAPPY. AWS does not
say which container its plain Snappy has; user reports rule out the framing format and raw blocks (python-snappy issue
99), so it is snappy-java's stream here.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator

try:
    from isal import igzip as gzip
except ModuleNotFoundError:  # faster, where it is installed
    import gzip

_SNAPPY_BLOCK = 32 * 1024
_HADOOP_BLOCK = 256 * 1024
_SNAPPY_HEADER = b"\x82SNAPPY\x00" + struct.pack(">II", 1, 1)


def compress(data: bytes, compression: str) -> bytes:
    """Return `data` in one of the API's compression formats; raises KeyError for an unknown one."""
    return _FORMATS[compression](data)


def _gzip(data: bytes) -> bytes:
    return bytes(gzip.compress(data, compresslevel=2, mtime=0))


def _zip(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("data"), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _snappy(data: bytes) -> bytes:
    blocks = (_raw_snappy(piece) for piece in _pieces(data, _SNAPPY_BLOCK))
    return _SNAPPY_HEADER + b"".join(struct.pack(">I", len(block)) + block for block in blocks)


def _hadoop_snappy(data: bytes) -> bytes:
    return b"".join(
        struct.pack(">II", len(piece), len(raw)) + raw
        for piece in _pieces(data, _HADOOP_BLOCK)
        for raw in [_raw_snappy(piece)]
    )


def _raw_snappy(piece: bytes) -> bytes:
    import pyarrow  # at the server's start it would cost half a second, and few streams ask for Snappy

    packed: bytes = pyarrow.compress(piece, codec="snappy", asbytes=True)
    return packed


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


_FORMATS: dict[str, Callable[[bytes], bytes]] = {
    "UNCOMPRESSED": bytes,
    "GZIP": _gzip,
    "ZIP": _zip,
    "Snappy": _snappy,
    "HADOOP_SNAPPY": _hadoop_snappy,
}

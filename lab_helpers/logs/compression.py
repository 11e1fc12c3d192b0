"""Unpack delivered objects, whatever Firehose or Fluent Bit compressed them with, as far as they are whole.

What an object is, its first bytes say; its name only decides where bytes cannot. Packed twice is unpacked twice (Fluent
Bit's `compression gzip` and Firehose's GZIP on top), and white space may stand between the members of gzip (a delimiter
behind each record). A Parquet file becomes JSON lines. Source: Firehose's CompressionFormat (UNCOMPRESSED, GZIP, ZIP,
Snappy, HADOOP_SNAPPY) and format conversion, Fluent Bit's outputs (gzip, zstd).
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import pyarrow as pa
import zstandard
from isal import igzip_lib, isal_zlib

SNAPPY_STREAM = b"\xff\x06\x00\x00sNaPpY"
JAVA_SNAPPY = b"\x82SNAPPY\x00"
_GZIP = b"\x1f\x8b\x08"
_GZIP_WINDOW_BITS = 31
_BETWEEN = b"\0\r\n\t ,|"
"""What may stand between two members: padding, and delimiters that Firehose puts behind each record."""
LAYERS_MAX = 3
PARQUET_ROWS = 10_000
_MOST_GZIP_SAVES = 1032
"""Deflate's best ratio: what claims more is no size."""
_DAMAGED: tuple[Any, ...] = (igzip_lib.IsalError, zlib.error)


class Unpacked(NamedTuple):
    """The bytes of an object as far as they could be read, and why not all of them (empty: all is well)."""

    data: bytes
    why: str = ""


def unpack(body: bytes, key: str) -> Unpacked:
    """Unpack an object by its first bytes; `key` tells raw Snappy apart. Never raises for bad data: `why` says what
    is wrong.
    """
    found = _by_magic(body)
    for _ in range(LAYERS_MAX - 1):
        inner = None if found is None else _by_magic(found.data)
        if found is None or inner is None:
            break
        found = Unpacked(inner.data, found.why or inner.why)
    if found is not None:
        return found
    if key.endswith((".hsnappy", ".hadoop_snappy")):
        return _collect(_hadoop_blocks(body), "Hadoop Snappy")
    if key.endswith(".snappy"):
        return _collect(_raw_snappy(body), "Snappy")
    return Unpacked(body, _name_disagrees(body, key))


def _by_magic(body: bytes) -> Unpacked | None:
    """Unpack one layer, None where the first bytes name none."""
    return next((reader(body) for magic, reader in _READERS.items() if body.startswith(magic)), None)


def size_hint(body: bytes) -> int:
    """About how many bytes an object unpacks to: gzip says it at its end (of the last member, modulo 4 GiB)."""
    if body.startswith(b"\x1f\x8b") and len(body) >= 18:
        return min(int.from_bytes(body[-4:], "little"), _MOST_GZIP_SAVES * len(body))
    return len(body)


def _name_disagrees(body: bytes, key: str) -> str:
    for ending, name in ((".gz", "gzip"), (".zip", "ZIP"), (".zst", "Zstandard")):
        if key.endswith(ending):
            return f"not {name} as its name says" + (", but empty" if not body else "")
    return ""


def _gunzip(body: bytes) -> Unpacked:
    whole = _one_member(body)
    return Unpacked(whole) if whole is not None else _gunzip_members(body)


def _one_member(body: bytes) -> bytes | None:
    """The usual object is one whole gzip member that says its size: memory for it is taken once, in less than half the
    time. None for all others.
    """
    if body.find(_GZIP, 1) >= 0:
        return None
    try:
        data: bytes = igzip_lib.decompress(body, igzip_lib.DECOMP_GZIP, bufsize=max(size_hint(body), 1))
    except _DAMAGED:
        return None
    # the object's last eight bytes must be this member's checksum and size: nothing stands behind it
    trailer = struct.pack("<II", isal_zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return data if body.endswith(trailer) else None


def _gunzip_members(body: bytes) -> Unpacked:
    parts: list[bytes] = []
    rest = body
    while rest:
        unzip = isal_zlib.decompressobj(_GZIP_WINDOW_BITS)
        try:
            parts.append(unzip.decompress(rest))
        except _DAMAGED:
            # one call returns all or nothing: read again in small steps up to the damage
            return Unpacked(b"".join(parts) + _gunzip_prefix(rest), "damaged gzip data")
        if not unzip.eof:
            return Unpacked(b"".join(parts), "truncated gzip data")
        rest = unzip.unused_data.lstrip(_BETWEEN)
        if rest and not rest.startswith(b"\x1f\x8b"):
            return Unpacked(b"".join(parts), f"{len(rest)} bytes behind the gzip data")
    return Unpacked(b"".join(parts))


def _gunzip_prefix(body: bytes, step_bytes: int = 512) -> bytes:
    """All that can be read before the damage: a step that fails is taken again byte by byte."""
    unzip, data = zlib.decompressobj(_GZIP_WINDOW_BITS), bytearray()
    for at in range(0, len(body), step_bytes):
        before = unzip.copy()
        try:
            data += unzip.decompress(body[at : at + step_bytes])
        except zlib.error:
            with suppress(zlib.error):
                for byte in range(at, at + step_bytes):
                    data += before.decompress(body[byte : byte + 1])
            break
    return bytes(data)


def _unzip(body: bytes) -> Unpacked:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return Unpacked(b"".join(archive.read(name) for name in archive.namelist()))
    except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
        return Unpacked(b"", f"damaged ZIP data ({exc})")


def _unzstd(body: bytes) -> Unpacked:
    return _collect(_zstd_parts(body), "Zstandard")


def _zstd_parts(body: bytes) -> Iterator[bytes]:
    rest = body
    while rest:
        frame = zstandard.ZstdDecompressor().decompressobj()
        yield frame.decompress(rest)
        if not frame.eof:
            raise ValueError("truncated")
        rest = frame.unused_data


def _parquet_lines(body: bytes) -> Iterator[bytes]:
    """One JSON object a row."""
    import orjson
    import pyarrow.parquet as pq  # few objects need it, and it takes a while to load

    for batch in pq.ParquetFile(io.BytesIO(body)).iter_batches(PARQUET_ROWS):
        lines = (orjson.dumps(row, default=str, option=orjson.OPT_NAIVE_UTC) for row in batch.to_pylist())
        yield b"".join(line + b"\n" for line in lines)


def _collect(parts: Iterator[bytes], name: str) -> Unpacked:
    got: list[bytes] = []
    try:
        for part in parts:
            got.append(part)  # noqa: PERF402  what came before the damage is kept
    except (ValueError, OSError, struct.error, IndexError, zstandard.ZstdError, pa.ArrowException) as exc:
        return Unpacked(b"".join(got), f"damaged {name} data ({exc})")
    return Unpacked(b"".join(got))


def _raw_snappy(body: bytes) -> Iterator[bytes]:
    """One Snappy block: its length as a varint stands in front."""
    size = shift = 0
    for byte in body[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    yield pa.decompress(body, decompressed_size=size, codec="snappy", asbytes=True)


def _snappy_stream(body: bytes) -> Iterator[bytes]:
    """Snappy framing: chunks of type (1 byte), length (3 bytes), then checksum (4 bytes) and data."""
    at = len(SNAPPY_STREAM)
    while at < len(body):
        kind, size = body[at], int.from_bytes(body[at + 1 : at + 4], "little")
        chunk = body[at + 4 : at + 4 + size]
        if len(chunk) < size:
            raise ValueError("truncated")
        if kind == 0:
            yield from _raw_snappy(chunk[4:])
        elif kind == 1:
            yield chunk[4:]
        at += 4 + size


def _java_snappy(body: bytes) -> Iterator[bytes]:
    """snappy-java's stream: a header of 16 bytes, then blocks with their length (4 bytes, big-endian) in front."""
    at = 16
    while at < len(body):
        (size,) = struct.unpack_from(">I", body, at)
        yield from _raw_snappy(_exactly(body, at + 4, size))
        at += 4 + size


def _hadoop_blocks(body: bytes) -> Iterator[bytes]:
    """Hadoop: blocks of raw length, then chunks of compressed length and data until that raw length is reached."""
    at = 0
    while at < len(body):
        (raw_size,) = struct.unpack_from(">I", body, at)
        at += 4
        while raw_size > 0:
            (size,) = struct.unpack_from(">I", body, at)
            part = b"".join(_raw_snappy(_exactly(body, at + 4, size)))
            at, raw_size = at + 4 + size, raw_size - len(part)
            yield part


def _exactly(body: bytes, at: int, size: int) -> bytes:
    part = body[at : at + size]
    if len(part) < size:
        raise ValueError("truncated")
    return part


_READERS: dict[bytes, Callable[[bytes], Unpacked]] = {
    b"\x1f\x8b": _gunzip,
    b"PK\x03\x04": _unzip,
    b"\x28\xb5\x2f\xfd": _unzstd,
    b"PAR1": lambda body: _collect(_parquet_lines(body), "Parquet"),
    SNAPPY_STREAM: lambda body: _collect(_snappy_stream(body), "Snappy"),
    JAVA_SNAPPY: lambda body: _collect(_java_snappy(body), "Snappy"),
}

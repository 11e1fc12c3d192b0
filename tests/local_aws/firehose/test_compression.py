"""Compressions: each can be read back by somebody else's reader, or by its published format."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile

import pyarrow
import pytest

from lab_helpers.local_aws.firehose.compression import compress

DATA = b'{"log":"GET / HTTP/1.1"}\n' * 30_000


def snappy(block: bytes, size: int) -> bytes:
    return bytes(pyarrow.decompress(block, decompressed_size=size, codec="snappy", asbytes=True))


def test_gzip():
    """Read by the standard library; the same data gives the same bytes."""
    assert gzip.decompress(compress(DATA, "GZIP")) == DATA
    assert compress(DATA, "GZIP") == compress(DATA, "GZIP")
    assert len(compress(DATA, "GZIP")) < len(DATA) // 20


def test_zip():
    """One entry."""
    with zipfile.ZipFile(io.BytesIO(compress(DATA, "ZIP"))) as archive:
        (name,) = archive.namelist()
        assert archive.read(name) == DATA


def test_snappy():
    """snappy-java's stream: a header, then blocks of up to 32 KiB with their length in front."""
    body = compress(DATA, "Snappy")
    assert body[:8] == b"\x82SNAPPY\x00"
    assert struct.unpack(">II", body[8:16]) == (1, 1)
    at, found = 16, b""
    while at < len(body):
        (length,) = struct.unpack_from(">I", body, at)
        found += snappy(body[at + 4 : at + 4 + length], min(32 * 1024, len(DATA) - len(found)))
        at += 4 + length
    assert found == DATA


def test_hadoop_snappy():
    """Hadoop's blocks: plain length, compressed length, snappy block."""
    body = compress(DATA, "HADOOP_SNAPPY")
    at, found = 0, b""
    while at < len(body):
        plain, length = struct.unpack_from(">II", body, at)
        found += snappy(body[at + 8 : at + 8 + length], plain)
        at += 8 + length
    assert found == DATA


@pytest.mark.parametrize("compression", ["UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY"])
def test_nothing_compresses_to_something_readable(compression: str):
    """An empty object does not fail."""
    assert isinstance(compress(b"", compression), bytes)

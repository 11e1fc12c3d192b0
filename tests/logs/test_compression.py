from __future__ import annotations

import gzip
import io
import struct
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from lab_helpers.logs.compression import JAVA_SNAPPY, SNAPPY_STREAM, Unpacked, unpack

TEXT = b"".join(b'{"log": "line %d"}\n' % n for n in range(2000))


def raw_snappy(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="snappy", asbytes=True))


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("object", TEXT)
    return buffer.getvalue()


def snappy_stream() -> bytes:
    parts = [TEXT[:10_000], TEXT[10_000:]]
    chunks = [(0, b"sums" + raw_snappy(parts[0])), (0xFE, b"padding"), (1, b"sums" + parts[1])]
    return SNAPPY_STREAM + b"".join(bytes([kind]) + len(c).to_bytes(3, "little") + c for kind, c in chunks)


def java_snappy() -> bytes:
    blocks = [raw_snappy(TEXT[:10_000]), raw_snappy(TEXT[10_000:])]
    return JAVA_SNAPPY + bytes(8) + b"".join(struct.pack(">I", len(block)) + block for block in blocks)


def hadoop_snappy() -> bytes:
    chunks = [raw_snappy(TEXT[:10_000]), raw_snappy(TEXT[10_000:])]
    return struct.pack(">I", len(TEXT)) + b"".join(struct.pack(">I", len(chunk)) + chunk for chunk in chunks)


FORMS = {
    "plain.json": TEXT,
    "one.gz": gzip.compress(TEXT),
    "two-members.gz": gzip.compress(TEXT[:999]) + gzip.compress(TEXT[999:]),
    "padded.gz": gzip.compress(TEXT) + bytes(9),
    "one.zip": zipped(),
    "one.zst": zstandard.compress(TEXT),
    "two-frames.zst": zstandard.compress(TEXT[:999]) + zstandard.compress(TEXT[999:]),
    "raw.snappy": raw_snappy(TEXT),
    "framed.snappy": snappy_stream(),
    "java.snappy": java_snappy(),
    "hadoop.hsnappy": hadoop_snappy(),
}


@pytest.mark.parametrize("key", list(FORMS))
def test_every_form_is_unpacked(key: str) -> None:
    """Each compression that Firehose or Fluent Bit can write is read in full, by its content rather than its name."""
    assert unpack(FORMS[key], key) == Unpacked(TEXT, "")


@pytest.mark.parametrize("key", [key for key in FORMS if key != "plain.json"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_object_says_so_and_gives_its_beginning(key: str, share: float) -> None:
    """What is cut off is reported, never raised, and what comes back is a beginning of the text."""
    cut = unpack(FORMS[key][: int(len(FORMS[key]) * share)], key)
    assert TEXT.startswith(cut.data)
    assert cut.why or (key.startswith("two-") and cut.data == TEXT[:999])


def test_damage_in_the_middle_keeps_what_came_before() -> None:
    """A flipped byte costs what follows it, not what came before it."""
    body = bytearray(gzip.compress(bytes(range(256)) * 4000, 1))
    body[len(body) // 2] ^= 0xFF
    found = unpack(bytes(body), "x.gz")
    assert found.why == "damaged gzip data"
    assert len(found.data) > 100_000


def test_members_that_are_alike_are_all_read() -> None:
    """An object of two equal gzip members is no object of one: neither is lost."""
    member = gzip.compress(TEXT)
    assert unpack(member + member, "two.gz") == Unpacked(TEXT + TEXT)


@pytest.mark.parametrize("size", [0, 1, len(TEXT) - 1, 1 << 31])
def test_a_size_that_is_wrong_misleads_nobody(size: int) -> None:
    """gzip's size field is only a hint: a wrong one is damage, and the text is read all the same."""
    body = gzip.compress(TEXT)[:-4] + struct.pack("<I", size)
    assert unpack(body, "o.gz") == Unpacked(TEXT, "damaged gzip data")


def test_what_stands_behind_the_data_is_named() -> None:
    """Bytes behind a whole member are no part of it, and are counted."""
    assert unpack(gzip.compress(TEXT) + b"rubbish", "o.gz") == Unpacked(TEXT, "7 bytes behind the gzip data")


A, B = b'{"log":"GET / 200"}\n', b'{"log":"GET /x 404"}\n'


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("p/plain", gzip.compress(A) + gzip.compress(B)),
        ("p/twice.gz", gzip.compress(gzip.compress(A) + gzip.compress(B))),
        ("p/delimited", gzip.compress(A) + b"\n" + gzip.compress(B) + b"\n"),
        ("p/twice-delimited.gz", gzip.compress(gzip.compress(A) + b"\n" + gzip.compress(B) + b"\n")),
        ("p/zstd-in-gzip.gz", gzip.compress(zstandard.compress(A + B))),
    ],
    ids=["plain", "twice", "delimited", "twice-delimited", "zstd in gzip"],
)
def test_records_that_were_packed_one_by_one_are_unpacked(key: str, body: bytes) -> None:
    """Case 14: compressed per record, and again by Firehose, with a delimiter behind each record or without."""
    assert unpack(body, key) == Unpacked(A + B, "")


def test_damage_inside_is_told() -> None:
    """The outer layer is whole, the inner one is not."""
    inner = gzip.compress(A * 100)
    found = unpack(gzip.compress(inner[:-10]), "x.gz")
    assert found.why
    assert (A * 100).startswith(found.data)


def test_layers_have_an_end() -> None:
    """An object that was packed more often than anybody packs is not unpacked for ever."""
    body = A
    for _ in range(10):
        body = gzip.compress(body)
    assert unpack(body, "x.gz").data.startswith(b"\x1f\x8b")


def test_parquet_becomes_lines() -> None:
    """Rows of a converted stream are JSON objects again, times as they are."""
    buffer = io.BytesIO()
    pq.write_table(pa.table({"log": ["GET /", None], "status": [200, 404]}), buffer)
    assert unpack(buffer.getvalue(), "x.parquet").data == b'{"log":"GET /","status":200}\n{"log":null,"status":404}\n'
    assert "damaged Parquet data" in unpack(buffer.getvalue()[:-20], "x.parquet").why

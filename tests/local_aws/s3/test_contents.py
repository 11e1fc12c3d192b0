"""Large objects: in a file from their first block on, whole or not at all, and never in memory as a whole."""

from __future__ import annotations

import hashlib
import http.client
import io
import random
import socket
import tracemalloc
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from lab_helpers.base.wait import wait_until
from lab_helpers.local_aws.s3 import contents
from lab_helpers.local_aws.s3.contents import MOST_IN_MEMORY, Content, Receiver
from lab_helpers.local_aws.server import REGION, LocalAws
from tests.local_aws.s3.kit import comes_back
from tests.support.buckets import bucket

BUCKET = "large"
MIB = 1 << 20
PART = 8 * MIB
MOST_TRACED = 5 * MOST_IN_MEMORY
"""Of what a call may hold of an object, client included: what came until it was too much, and blocks."""
BODY = random.Random(1).randbytes(MOST_IN_MEMORY + MIB + 7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the state is."""
    return tmp_path_factory.mktemp("contents") / "aws"


@pytest.fixture(scope="module")
def aws(folder: Path) -> Iterator[LocalAws]:
    """One that keeps its state: an object's bytes are a file."""
    with LocalAws(folder, factories=[], keeps_state=True) as running:
        yield running


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client and a bucket."""
    with bucket(aws.client("s3"), BUCKET) as client:
        yield client


def _files(folder: Path) -> list[int]:
    """The sizes in bytes of the objects' files."""
    return sorted(path.stat().st_size for path in (folder / "objects").glob("??/*"))


def _read(s3: Any, key: str, **more: Any) -> bytes:
    body: bytes = s3.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()
    return body


@contextmanager
def _traced() -> Iterator[list[int]]:
    """Tell at the end how many bytes were held at most beyond those of the beginning, by client and server."""
    peak: list[int] = []
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield peak
        peak.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


@pytest.mark.timeout(180)
def test_no_call_holds_an_object(s3: Any, tmp_path: Path) -> None:
    """PUT, GET, a range, a copy, parts, a copied part and their completion: of 40 MiB some blocks are in memory."""
    size = 5 * PART
    path = tmp_path / "large"
    path.write_bytes(random.Random(2).randbytes(size))
    known = hashlib.md5(path.read_bytes()).hexdigest()
    place = {"Bucket": BUCKET, "Key": "parts"}

    def put() -> None:
        with path.open("rb") as source:
            assert s3.put_object(Bucket=BUCKET, Key="a", Body=source)["ETag"] == f'"{known}"'

    def get(key: str, wanted: int, **more: Any) -> None:
        got = sum(len(block) for block in s3.get_object(Bucket=BUCKET, Key=key, **more)["Body"].iter_chunks(MIB))
        assert got == wanted

    def copy() -> None:
        s3.copy_object(Bucket=BUCKET, Key="b", CopySource=f"{BUCKET}/a")

    def upload() -> None:
        s3.upload_file(str(path), BUCKET, "parts")

    def copy_part() -> None:
        begun = s3.create_multipart_upload(Bucket=BUCKET, Key="c")["UploadId"]
        told = {"Bucket": BUCKET, "Key": "c", "UploadId": begun}
        etag = s3.upload_part_copy(**told, PartNumber=1, CopySource=f"{BUCKET}/a")["CopyPartResult"]["ETag"]
        s3.complete_multipart_upload(**told, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})

    calls: dict[str, Callable[[], None]] = {
        "PUT": put,
        "GET": partial(get, "a", size),
        "range": partial(get, "a", size - 1000, Range="bytes=1000-"),
        "copy": copy,
        "part copied": copy_part,
    }
    peaks = {}
    for name, call in calls.items():
        with _traced() as peak:
            call()
        peaks[name] = peak[0]
    assert max(peaks.values()) < MOST_TRACED, peaks
    upload()  # by threads, each of which holds a part
    begun = s3.create_multipart_upload(**place)["UploadId"]
    parts = []
    for number in range(5):
        with _traced() as peak, path.open("rb") as source:
            source.seek(number * PART)
            part = io.BytesIO(source.read(PART))
            etag = s3.upload_part(**place, UploadId=begun, PartNumber=number + 1, Body=part)["ETag"]
        parts.append({"PartNumber": number + 1, "ETag": etag})
        assert peak[0] < PART + MOST_TRACED
    with _traced() as peak:
        s3.complete_multipart_upload(**place, UploadId=begun, MultipartUpload={"Parts": parts})
    assert peak[0] < MOST_TRACED
    for key in ("a", "b", "c", "parts"):
        assert hashlib.md5(_read(s3, key)).hexdigest() == known


def test_a_completed_upload_has_one_file(s3: Any, folder: Path) -> None:
    """Those of its parts go; so does that of a copy that is overwritten."""
    begun = s3.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    told = {"Bucket": BUCKET, "Key": "k", "UploadId": begun}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**told, PartNumber=number, Body=body)["ETag"]}
        for number, body in ((1, BODY), (2, b"end"))
    ]
    assert _files(folder) == [3, len(BODY)]
    s3.complete_multipart_upload(**told, MultipartUpload={"Parts": parts})
    assert _files(folder) == [len(BODY) + 3]
    assert _read(s3, "k") == BODY + b"end"
    assert _read(s3, "k", PartNumber=2) == b"end"
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/k")
    s3.put_object(Bucket=BUCKET, Key="copy", Body=b"less")
    assert _files(folder) == [4, len(BODY) + 3]


def test_what_comes_back_is_what_was_brought(s3: Any) -> None:
    """With its entity tag and its checksum, in whole and in ranges."""
    comes_back(s3, BUCKET, BODY)


class _AsItSays(S3SigV4Auth):
    """Signs what a call's own header says of its body, be it true or not."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context.get("said") or super().payload(request))


def _signed(aws: LocalAws, bucket: str, body: bytes, headers: dict[str, str]) -> AWSRequest:
    request = AWSRequest("PUT", f"{aws.endpoint_url}/{bucket}/k", data=body, headers=headers)
    request.context["said"] = headers.get("X-Amz-Content-SHA256")
    _AsItSays(aws.client("s3")._request_signer._credentials, "s3", REGION).add_auth(request)
    return request


def _put(aws: LocalAws, headers: dict[str, str], body: bytes = BODY, bucket: str = BUCKET) -> tuple[int, str]:
    """Put an object with headers as they are given; return status and answer."""
    request = _signed(aws, bucket, body, headers)
    plain = urllib.request.Request(request.url, body, dict(request.headers), method="PUT")
    try:
        with urllib.request.urlopen(plain, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.mark.parametrize(
    ("headers", "bucket", "code"),
    [
        ({"X-Amz-Content-SHA256": "0" * 64}, BUCKET, "XAmzContentSHA256Mismatch"),
        ({"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, BUCKET, "BadDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, BUCKET, "BadDigest"),
        ({"X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, BUCKET, "IncompleteBody"),
        ({"x-amz-storage-class": "NONE"}, BUCKET, "InvalidStorageClass"),
        ({}, "nobodys-bucket-at-all", "NoSuchBucket"),
        ({"If-Match": '"other"'}, BUCKET, "NoSuchKey"),
    ],
)
def test_what_is_refused_leaves_nothing(
    aws: LocalAws, s3: Any, folder: Path, headers: dict[str, str], bucket: str, code: str
) -> None:
    """Neither object nor file, whatever is wrong and whenever it shows."""
    status, answer = _put(aws, headers, bucket=bucket)
    assert status >= 400
    assert f"<Code>{code}</Code>" in answer
    assert _files(folder) == []
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_a_wrong_chunk_behind_good_ones_leaves_nothing(aws: LocalAws, s3: Any, folder: Path) -> None:
    """What came before it is gone; the sender, who sends all, sees the answer."""
    chunk = f"{len(BODY):x};chunk-signature={'0' * 64}\r\n".encode() + BODY + b"\r\n0;chunk-signature=0\r\n\r\n"
    headers = {"X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
    status, answer = _put(aws, {**headers, "X-Amz-Decoded-Content-Length": str(len(BODY))}, chunk)
    assert (status, "<Code>SignatureDoesNotMatch</Code>" in answer) == (403, True)
    assert _files(folder) == []
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_a_sender_that_goes_away_leaves_nothing(aws: LocalAws, s3: Any, folder: Path) -> None:
    """In the middle of what it promised; a file was begun by then."""
    request = _signed(aws, BUCKET, b"", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    host = aws.endpoint_url.partition("//")[2]
    wire = http.client.HTTPConnection(host, timeout=30)
    wire.putrequest("PUT", f"/{BUCKET}/k", skip_accept_encoding=True)
    for name, value in {**request.headers, "Content-Length": str(10 * len(BODY))}.items():
        wire.putheader(name, value)
    wire.endheaders(BODY)
    wait_until(lambda: _files(folder) != [], timeout_s=30, every_s=0.02, what="the file of what came")
    assert wire.sock is not None
    wire.sock.shutdown(socket.SHUT_RDWR)
    wire.close()
    wait_until(lambda: _files(folder) == [], timeout_s=30, every_s=0.02, what="the file to go")
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_a_reader_reads_to_the_end_what_it_began(s3: Any) -> None:
    """Whatever becomes of the object meanwhile."""
    s3.put_object(Bucket=BUCKET, Key="k", Body=BODY)
    body = s3.get_object(Bucket=BUCKET, Key="k")["Body"]
    begun = body.read(1000)
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"other")
    s3.delete_object(Bucket=BUCKET, Key="k")
    assert begun + body.read() == BODY


def test_parts_side_by_side_have_their_own_tags(s3: Any) -> None:
    """Each is told with its answer, and nobody reads another's file for it."""
    begun = s3.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    bodies = {number: bytes([number]) * (MIB + number) for number in range(1, 25)}

    def upload(number: int) -> str:
        told = s3.upload_part(Bucket=BUCKET, Key="k", UploadId=begun, PartNumber=number, Body=bodies[number])
        return str(told["ETag"])

    with ThreadPoolExecutor(8) as pool:
        tags = list(pool.map(upload, bodies))
    assert tags == [f'"{hashlib.md5(body).hexdigest()}"' for body in bodies.values()]
    listed = s3.list_parts(Bucket=BUCKET, Key="k", UploadId=begun)["Parts"]
    assert [part["ETag"] for part in listed] == tags


def test_a_document_is_no_object(s3: Any, folder: Path) -> None:
    """A configuration as large as an object is refused, and not taken for an empty one."""
    with pytest.raises(ClientError, match="MaxMessageLengthExceeded"):
        s3.put_bucket_policy(Bucket=BUCKET, Policy="x" * (MOST_IN_MEMORY + 1))
    assert _files(folder) == []


def test_select_reads_large_objects(s3: Any) -> None:
    """Who needs the bytes gets bytes."""
    s3.put_object(Bucket=BUCKET, Key="k", Body=b'{"a": 5, "b": "' + b"x" * (MOST_IN_MEMORY + 1) + b'"}')
    told = s3.select_object_content(
        Bucket=BUCKET, Key="k", Expression="SELECT s.a FROM s3object s", ExpressionType="SQL",
        InputSerialization={"JSON": {"Type": "LINES"}}, OutputSerialization={"CSV": {}},
    )  # fmt: skip
    records = b"".join(event["Records"]["Payload"] for event in told["Payload"] if "Records" in event)
    assert records.strip() == b"5"


def test_a_small_body_has_no_file() -> None:
    """Up to MOST_IN_MEMORY it is bytes; a byte more is a content."""
    small, large = Receiver(_unwanted), Receiver(contents.temporary)
    for receiver, size in ((small, MOST_IN_MEMORY), (large, MOST_IN_MEMORY + 1)):
        for at in range(0, size, MIB):
            receiver.write(bytes(min(MIB, size - at)))
    assert small.received() == bytes(MOST_IN_MEMORY)
    received = large.received()
    assert isinstance(received, Content)
    assert received.checksum("SHA256") == hashlib.sha256(bytes(MOST_IN_MEMORY + 1)).digest()
    assert b"".join(received[MIB : MIB + 5].blocks()) == bytes(5)
    received.discard()


def _unwanted() -> Content:
    raise AssertionError("a file for a small body")

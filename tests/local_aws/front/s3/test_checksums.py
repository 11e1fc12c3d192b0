"""Checksums of S3's objects, as LocalStack recorded them from AWS (test_s3.py, the classes of checksums)."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.front.s3.checksums import encoded, verify
from lab_helpers.local_aws.front.s3.object_checksums import for_moto
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.kit.sums import SUMS
from lab_helpers.local_aws.server import REGION, LocalAws
from tests.support.buckets import bucket

BUCKET = "checksums"
PLACE = {"Bucket": BUCKET, "Key": "k"}
TYPED = {"Content-Type": "application/octet-stream"}
MOST = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One local AWS for this file."""
    with LocalAws(tmp_path_factory.mktemp("checksums") / "aws", factories=[]) as running:
        yield running


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client and a bucket."""
    with bucket(aws.client("s3"), BUCKET) as client:
        yield client


def _refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**params)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def _sent(aws: LocalAws, body: bytes, headers: dict[str, str], streams: bool = False) -> tuple[int, str]:
    """Put an object as a client with less help does; return status and answer."""
    request = AWSRequest("PUT", f"{aws.endpoint_url}/{BUCKET}/k", data=body, headers={**TYPED, **headers})
    if streams:
        request.context["checksum"] = {"request_algorithm": {"in": "trailer", "algorithm": "crc64nvme"}}
    S3SigV4Auth(aws.client("s3")._request_signer._credentials, "s3", REGION).add_auth(request)
    ready = request.prepare()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(ready.url, body, dict(ready.headers), method="PUT")
        ) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        ("CRC32", encoded("CRC32", b"test-checksum")),
        ("CRC32C", "Fz3epA=="),
        ("CRC64NVME", "1f2xscCCZCU="),
        ("SHA1", encoded("SHA1", b"test-checksum")),
        ("SHA256", encoded("SHA256", b"test-checksum")),
        ("SHA512", encoded("SHA512", b"test-checksum")),
    ],
)
def test_an_object_keeps_the_checksum_it_came_with(s3: Any, algorithm: str, value: str) -> None:
    """Put, Get, Head, attributes and copies tell it, as of the whole object; the recorded values are AWS's own."""
    member = f"Checksum{algorithm}"
    wanted = {member: value, "ChecksumType": "FULL_OBJECT"}
    put = s3.put_object(**PLACE, Body=b"test-checksum", **{member: value})
    answers = [
        put,
        s3.get_object(**PLACE, ChecksumMode="ENABLED"),
        s3.head_object(**PLACE, ChecksumMode="enabled"),
        s3.get_object_attributes(**PLACE, ObjectAttributes=["Checksum"])["Checksum"],
        s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=PLACE)["CopyObjectResult"],
    ]
    for answer in answers:
        assert {name: answer[name] for name in wanted} == wanted
    assert member not in s3.head_object(**PLACE)
    listed = s3.list_objects(Bucket=BUCKET, Prefix="k")["Contents"][0]
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == ([algorithm], "FULL_OBJECT")


@pytest.mark.parametrize("algorithm", MOST)
def test_a_wrong_checksum_is_refused(s3: Any, algorithm: str) -> None:
    """BadDigest for another body's, InvalidRequest for what is none, in AWS's words; of parts, too; nothing is kept."""
    member, bad = f"Checksum{algorithm}", encoded(algorithm, b"bad data")
    upload = s3.create_multipart_upload(**PLACE, ChecksumAlgorithm=algorithm)["UploadId"]
    no_checksum = ("InvalidRequest", f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")
    mismatch = ("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    for call in (s3.put_object, lambda **more: s3.upload_part(**more, UploadId=upload, PartNumber=1)):
        assert _refusal(call, **PLACE, Body=b"data", **{member: "a1b2c3d4"}) == no_checksum
        assert _refusal(call, **PLACE, Body=b"data", **{member: "not base64"}) == no_checksum
        assert _refusal(call, **PLACE, Body=b"data", **{member: bad}) == mismatch
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_two_checksums_and_none_at_all(s3: Any) -> None:
    """Only one kind is taken; an algorithm's name alone is none."""
    text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
    both = {"ChecksumSHA256": encoded("SHA256", b"x"), "ChecksumCRC32": encoded("CRC32", b"x")}
    assert _refusal(s3.put_object, **PLACE, Body=b"x", **both) == ("InvalidRequest", text)
    with pytest.raises(AwsError, match="no corresponding x-amz-checksum-"):
        verify("PutObject", {"HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM": "CRC64NVME"}, b"x")
    verify("PutObject", {"HTTP_X_AMZ_CHECKSUM_XXHASH64": "AAAAAAAAAAA="}, b"x")  # not computed here


def test_documents_are_held_to_their_checksums() -> None:
    """Not objects only: a list of keys to delete, a policy."""
    for operation in ("DeleteObjects", "PutBucketPolicy", "PutBucketTagging"):
        verify(operation, {"HTTP_X_AMZ_CHECKSUM_CRC32": encoded("CRC32", b"<x/>")}, b"<x/>")
        with pytest.raises(AwsError, match="The CRC32 you specified"):
            verify(operation, {"HTTP_X_AMZ_CHECKSUM_CRC32": encoded("CRC32", b"<y/>")}, b"<x/>")


def test_content_md5(s3: Any) -> None:
    """InvalidDigest for what is none, BadDigest for another's, with both digests (test_s3_invalid_content_md5)."""
    for none in ("__invalid__", "000", "not base64 encoded checksum", "MTIz", "dGVzdC1zdHJpbmc="):
        assert _refusal(s3.put_object, **PLACE, Body="x", ContentMD5=none) == (
            "InvalidDigest",
            "The Content-MD5 you specified was invalid.",
        )
    other = hashlib.md5(b"other", usedforsecurity=False)
    with pytest.raises(ClientError) as refused:
        s3.put_object(**PLACE, Body=b"something", ContentMD5=encoded("MD5", b"other"))
    error = refused.value.response["Error"]
    told = (error["Code"], error["ExpectedDigest"], error["CalculatedDigest"])
    assert told == ("BadDigest", other.hexdigest(), encoded("MD5", b"something"))
    s3.put_object(**PLACE, Body=b"something", ContentMD5=encoded("MD5", b"something"))


def test_s3_makes_one_where_none_came(aws: LocalAws, s3: Any) -> None:
    """CRC64NVME, which a copy keeps (test_s3_checksum_no_automatic_sdk_calculation), with a customer's key, too."""
    assert _sent(aws, b"test data..", {"x-amz-checksum-algorithm": "SHA256"}) == (200, "")
    wanted = {"ChecksumCRC64NVME": "qUVrWYOrIAM=", "ChecksumType": "FULL_OBJECT"}
    head = s3.head_object(**PLACE, ChecksumMode="ENABLED")
    assert {name: head[name] for name in wanted} == wanted
    assert s3.get_object_attributes(**PLACE, ObjectAttributes=["Checksum"])["Checksum"] == wanted
    copied = s3.copy_object(Bucket=BUCKET, Key="c", CopySource=PLACE)["CopyObjectResult"]
    assert {name: copied[name] for name in wanted} == wanted
    copied = s3.copy_object(Bucket=BUCKET, Key="d", CopySource=PLACE, ChecksumAlgorithm="CRC32C")["CopyObjectResult"]
    assert copied["ChecksumCRC32C"] == "Pf4upw=="
    free: Any = SimpleNamespace(locks_by_default=lambda _: False)
    own_key = {"HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_CUSTOMER_ALGORITHM": "AES256"}
    with_one = for_moto(
        "PutObject", PLACE, own_key, b"test data..", free
    )  # test_put_object_default_checksum_with_sse_c
    assert with_one["HTTP_X_AMZ_CHECKSUM_CRC64NVME"] == "qUVrWYOrIAM="
    locked: Any = SimpleNamespace(locks_by_default=lambda _: True)
    assert for_moto("PutObject", PLACE, {}, b"x", locked) == {}  # the caller has to bring one


@pytest.mark.parametrize(
    ("trailer", "status", "code"),
    [
        ("x-amz-checksum-crc64nvme:qUVrWYOrIAM=\r\n", 200, ""),
        ("x-amz-checksum-crc64nvme:AAAAAAAAAAA=\r\n", 400, "<Code>BadDigest</Code>"),
        ("", 400, "<Code>MalformedTrailerError</Code>"),
    ],
)
def test_a_trailer_is_verified(aws: LocalAws, s3: Any, trailer: str, status: int, code: str) -> None:
    """A body in chunks with its checksum behind it, as SDKs send it: right, wrong, promised and not there."""
    body = f"b\r\ntest data..\r\n0\r\n{trailer}\r\n".encode()
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": "11",
        "x-amz-sdk-checksum-algorithm": "CRC64NVME",
        "x-amz-trailer": "x-amz-checksum-crc64nvme",
    }
    got, answer = _sent(aws, body, headers, streams=True)
    assert (got, code in answer) == (status, True)
    if status == 200:
        assert s3.head_object(**PLACE, ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == "qUVrWYOrIAM="
        assert s3.get_object(**PLACE)["Body"].read() == b"test data.."


def _with_a_part(s3: Any, body: bytes = b"abc", part: dict[str, str] | None = None, **settings: str) -> dict[str, Any]:
    """Begin an upload with one part; return what completes it, without checksums."""
    upload = s3.create_multipart_upload(**PLACE, **settings)["UploadId"]
    etag = s3.upload_part(**PLACE, UploadId=upload, PartNumber=1, Body=body, **(part or {}))["ETag"]
    return {**PLACE, "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}


@pytest.mark.parametrize("algorithm", ["CRC64NVME", "CRC32C", ""])
def test_an_uploads_checksum_is_of_the_whole_object(s3: Any, algorithm: str) -> None:
    """As named, and CRC64NVME where none was (test_complete_multipart_parts_checksum_default, …_full_object)."""
    named = {"ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"} if algorithm else {}
    member = f"Checksum{algorithm or 'CRC64NVME'}"
    value = encoded(algorithm or "CRC64NVME", b"abc")
    part = {member: value} if algorithm else None
    done = s3.complete_multipart_upload(**_with_a_part(s3, part=part, **named))
    wanted = {member: value, "ChecksumType": "FULL_OBJECT"}
    attributes = s3.get_object_attributes(**PLACE, ObjectAttributes=["Checksum"])
    got = [done, s3.get_object(**PLACE, ChecksumMode="ENABLED"), s3.head_object(**PLACE, ChecksumMode="ENABLED")]
    for answer in (*got, attributes["Checksum"]):
        assert {name: answer[name] for name in wanted} == wanted


def test_a_composite_checksum(s3: Any) -> None:
    """It ends with the number of parts, in Head, too; its completion names each part's checksum."""
    part = {"ChecksumSHA256": encoded("SHA256", b"abc")}
    asked = _with_a_part(s3, part=part, ChecksumAlgorithm="SHA256")
    assert _refusal(s3.complete_multipart_upload, **asked) == (
        "InvalidRequest",
        "The upload was created using a sha256 checksum. The complete request must include the checksum for each part. "
        "It was missing for part 1 in the request.",
    )
    asked["MultipartUpload"]["Parts"][0]["ChecksumCRC32"] = encoded("CRC32", b"abc")
    text = "The crc32 you specified for part 1 did not match what we received."
    assert _refusal(s3.complete_multipart_upload, **asked) == ("BadDigest", text)
    del asked["MultipartUpload"]["Parts"][0]["ChecksumCRC32"]
    asked["MultipartUpload"]["Parts"][0].update(part)
    done = s3.complete_multipart_upload(**asked)
    wanted = {"ChecksumSHA256": encoded("SHA256", hashlib.sha256(b"abc").digest()) + "-1", "ChecksumType": "COMPOSITE"}
    for answer in (done, s3.head_object(**PLACE, ChecksumMode="ENABLED")):
        assert {name: answer[name] for name in wanted} == wanted


def test_wrong_checksums_of_a_completion(s3: Any) -> None:
    """In AWS's words (test_multipart_parts_checksum_exceptions_full_object), and the upload stays open."""
    value = encoded("CRC64NVME", b"abc")
    part = {"ChecksumCRC64NVME": value}
    asked = _with_a_part(s3, part=part, ChecksumAlgorithm="CRC64NVME")
    bad = ("BadDigest", "The crc64nvme you specified did not match the calculated checksum.")
    complete = s3.complete_multipart_upload
    whole = {"ChecksumType": "FULL_OBJECT"}
    assert _refusal(complete, **asked, ChecksumCRC64NVME=encoded("CRC64NVME", b"x"), **whole) == bad
    assert _refusal(complete, **asked, ChecksumCRC32=encoded("CRC32", b"abc"), **whole) == bad
    assert _refusal(complete, **asked, ChecksumCRC64NVME=value) == bad  # without its type, as recorded
    code, text = _refusal(complete, **asked, ChecksumType="COMPOSITE")
    assert code == "InvalidRequest"
    assert text.startswith("The upload was created using the FULL_OBJECT checksum mode. The complete request must use")
    asked["MultipartUpload"]["Parts"][0]["ChecksumCRC64NVME"] = encoded("CRC64NVME", b"x")
    assert _refusal(complete, **asked)[0] == "InvalidPart"
    asked["MultipartUpload"]["Parts"][0]["ChecksumCRC64NVME"] = value
    assert complete(**asked, ChecksumCRC64NVME=value, **whole)["ChecksumCRC64NVME"] == value


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (
            {"ChecksumAlgorithm": "TEST"},
            "Checksum algorithm provided is unsupported. Please try again with any of the ",
        ),
        (
            {"ChecksumType": "FULL_OBJECT"},
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-alg",
        ),
        (
            {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"},
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.",
        ),
        (
            {"ChecksumAlgorithm": "SHA1", "ChecksumType": "FULL_OBJECT"},
            "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm.",
        ),
    ],
)
def test_uploads_that_are_refused(s3: Any, asked: dict[str, str], text: str) -> None:
    """InvalidRequest, in AWS's words (test_multipart_checksum_type_compatibility)."""
    code, message = _refusal(s3.create_multipart_upload, **PLACE, **asked)
    assert code == "InvalidRequest"
    assert message.startswith(text)


def test_types_by_default_and_parts_of_another_kind(s3: Any) -> None:
    """CRC64NVME is of the whole object, others of the parts; a part of another algorithm is refused."""
    for algorithm in MOST:
        made = s3.create_multipart_upload(**PLACE, ChecksumAlgorithm=algorithm)
        wanted = (algorithm, "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE")
        assert (made["ChecksumAlgorithm"], made["ChecksumType"]) == wanted
    text = "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32"
    part = {"UploadId": made["UploadId"], "PartNumber": 1, "Body": b"abc"}
    assert _refusal(s3.upload_part, **PLACE, **part) == ("InvalidRequest", text)
    assert set(SUMS) >= set(MOST)

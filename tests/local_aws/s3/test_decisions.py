"""What S3 decides of conditions, parts, versions and deletions, as LocalStack recorded it from AWS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import completion, conditions, parts
from lab_helpers.local_aws.s3.view import ObjectPart, ObjectView
from lab_helpers.local_aws.server import LocalAws
from tests.support.buckets import bucket

BUCKET = "decisions-of-s3"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
THERE = ObjectView("e1", NOON, 10, "null", identity="null 1")
LATER = NOON + timedelta(hours=2)


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client and a bucket; the bucket goes with what is in it, moto being one a process."""
    with bucket(aws.client("s3"), BUCKET) as client:
        yield client


def _refused(call: Any, **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(Bucket=BUCKET, **params)
    error: dict[str, Any] = dict(caught.value.response["Error"])
    error.pop("Message")
    return error


def _at(hours: int) -> str:
    return format_datetime(NOON + timedelta(hours=hours), usegmt=True)


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        ({}, True),
        ({"IF_MATCH": '"e1"'}, True),
        ({"IF_MATCH": "e1"}, True),
        ({"IF_MATCH": "e2"}, "If-Match"),
        ({"IF_MATCH": "e2", "IF_UNMODIFIED_SINCE": "-1"}, "If-Match"),
        ({"IF_MATCH": "e1", "IF_UNMODIFIED_SINCE": "-1"}, True),
        ({"IF_UNMODIFIED_SINCE": "-1", "IF_NONE_MATCH": "e1"}, "If-Unmodified-Since"),
        ({"IF_UNMODIFIED_SINCE": "0"}, True),
        ({"IF_NONE_MATCH": "e1"}, False),
        ({"IF_NONE_MATCH": "e2", "IF_MODIFIED_SINCE": "0"}, True),
        ({"IF_MODIFIED_SINCE": "0"}, False),
        ({"IF_MODIFIED_SINCE": "-1"}, True),
        ({"IF_MODIFIED_SINCE": "9"}, True),
    ],
)
def test_conditions_of_readers(asked: dict[str, str], outcome: bool | str) -> None:
    """If-Match goes before If-Unmodified-Since, If-None-Match before If-Modified-Since; a day to come is none."""
    environ = {f"HTTP_{name}": _at(int(value)) if "SINCE" in name else value for name, value in asked.items()}
    if isinstance(outcome, bool):
        assert conditions.check_read(environ, THERE, LATER) is outcome
        return
    with pytest.raises(AwsError) as caught:
        conditions.check_read(environ, THERE, LATER)
    assert (caught.value.code, caught.value.status, caught.value.extra) == (
        "PreconditionFailed", 412, {"Condition": outcome},
    )  # fmt: skip


def test_conditions_of_a_copy(s3: Any) -> None:
    """The source's conditions fail by their own headers' names; the target's are those of a writer."""
    etag = s3.put_object(Bucket=BUCKET, Key="from", Body=b"x")["ETag"]
    source = {"Key": "to", "CopySource": f"{BUCKET}/from"}
    found = _refused(s3.copy_object, **source, CopySourceIfMatch="other")
    assert found == {"Code": "PreconditionFailed", "Condition": "x-amz-copy-source-If-Match"}
    found = _refused(s3.copy_object, **source, CopySourceIfNoneMatch=etag.strip('"'))
    assert found["Condition"] == "x-amz-copy-source-If-None-Match"
    assert s3.copy_object(Bucket=BUCKET, **source, CopySourceIfMatch=etag, IfNoneMatch="*")
    assert _refused(s3.copy_object, **source, IfNoneMatch="*")["Condition"] == "If-None-Match"
    found = _refused(s3.copy_object, Key="nowhere", CopySource=f"{BUCKET}/from", IfMatch=etag)
    assert found == {"Code": "NoSuchKey", "Key": "nowhere"}


def test_conditions_of_a_writer(s3: Any) -> None:
    """If-None-Match takes `*` only, If-Match no `*`, both together nothing; DeleteObject has If-Match."""
    etag = s3.put_object(Bucket=BUCKET, Key="a", Body=b"x", IfNoneMatch="*")["ETag"]
    found = _refused(s3.put_object, Key="a", Body=b"y", IfNoneMatch=etag)
    assert (found["Code"], found["Header"]) == ("NotImplemented", "If-None-Match")
    assert _refused(s3.put_object, Key="a", IfMatch="*")["Header"] == "If-Match"
    assert _refused(s3.put_object, Key="a", IfMatch=etag, IfNoneMatch="*")["Header"] == "If-Match,If-None-Match"
    assert _refused(s3.put_object, Key="a", IfMatch="e2") == {"Code": "PreconditionFailed", "Condition": "If-Match"}
    assert _refused(s3.delete_object, Key="a", IfMatch="e2")["Condition"] == "If-Match"
    assert s3.delete_object(Bucket=BUCKET, Key="a", IfMatch=etag)["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_a_completion_sees_who_wrote_meanwhile(s3: Any) -> None:
    """A key written while its upload was open is a conflict, whatever is there now."""
    etag = s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")["ETag"]
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="a")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="a", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    listed = {"Key": "a", "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part}]}}
    assert _refused(s3.complete_multipart_upload, **listed, IfNoneMatch="*")["Code"] == "PreconditionFailed"
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")
    found = _refused(s3.complete_multipart_upload, **listed, IfMatch=etag)
    assert found == {"Code": "ConditionalRequestConflict", "Condition": "If-Match", "Key": "a"}
    assert s3.complete_multipart_upload(Bucket=BUCKET, **listed)["ETag"].endswith('-1"')


@pytest.mark.parametrize(
    ("listed", "code", "extra"),
    [
        ([], "InvalidRequest", {}),
        ([(2, "b"), (1, "a")], "InvalidPartOrder", {"UploadId": "u"}),
        ([(1, "a"), (1, "a")], "InvalidPartOrder", {"UploadId": "u"}),
        ([(1, "x")], "InvalidPart", {"UploadId": "u", "PartNumber": 1, "ETag": "x"}),
        ([(9, "a")], "InvalidPart", {"UploadId": "u", "PartNumber": 9, "ETag": "a"}),
        (
            [(1, "a"), (2, "b")],
            "EntityTooSmall",
            {"ProposedSize": 4, "MinSizeAllowed": 5242880, "PartNumber": 1, "ETag": "a"},
        ),
    ],
)
def test_lists_of_parts_that_are_refused(listed: list[tuple[int, str]], code: str, extra: dict[str, Any]) -> None:
    """Each refusal tells of which part it is."""
    parts_ = [{"PartNumber": str(number), "ETag": f'"{etag}"'} for number, etag in listed]
    with pytest.raises(AwsError) as caught:
        completion.check(parts_, {1: ("a", 4), 2: ("b", 4)}, "u")
    assert (caught.value.code, caught.value.extra) == (code, extra)


def test_one_part_of_an_object(s3: Any) -> None:
    """partNumber gives the part's bytes, its place, its checksum and how many there are."""
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="a", ChecksumAlgorithm="CRC32")["UploadId"]
    bodies = (b"a" * (5 << 20), b"end")
    sent = [
        s3.upload_part(Bucket=BUCKET, Key="a", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        for number, body in enumerate(bodies, 1)
    ]
    listed = [
        {"PartNumber": number, "ETag": each["ETag"], "ChecksumCRC32": each["ChecksumCRC32"]}
        for number, each in enumerate(sent, 1)
    ]
    s3.complete_multipart_upload(Bucket=BUCKET, Key="a", UploadId=upload, MultipartUpload={"Parts": listed})
    got = s3.get_object(Bucket=BUCKET, Key="a", PartNumber=2, ChecksumMode="ENABLED")
    told = (got["Body"].read(), got["ContentRange"], got["PartsCount"], got["ChecksumCRC32"])
    assert told == (b"end", "bytes 5242880-5242882/5242883", 2, sent[1]["ChecksumCRC32"])
    head = s3.head_object(Bucket=BUCKET, Key="a", PartNumber=1)
    assert (head["ContentLength"], head["ContentRange"]) == (5 << 20, "bytes 0-5242879/5242883")
    assert head["ResponseMetadata"]["HTTPStatusCode"] == 206
    found = _refused(s3.get_object, Key="a", PartNumber=3)
    assert found == {"Code": "InvalidPartNumber", "ActualPartCount": "2", "PartNumberRequested": "3"}
    assert _refused(s3.get_object, Key="a", PartNumber=1, Range="bytes=0-1")["Code"] == "InvalidRequest"
    about = s3.get_object_attributes(Bucket=BUCKET, Key="a", ObjectAttributes=["ObjectParts"], MaxParts=1)
    first = {"PartNumber": 1, "Size": 5 << 20, "ChecksumCRC32": sent[0]["ChecksumCRC32"]}
    assert about["ObjectParts"]["Parts"] == [first]
    assert (about["ObjectParts"]["IsTruncated"], about["ObjectParts"]["TotalPartsCount"]) == (True, 2)


def test_a_head_of_a_range(s3: Any) -> None:
    """HeadObject knows ranges as GetObject does."""
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"0123456789")
    head = s3.head_object(Bucket=BUCKET, Key="a", Range="bytes=-3")
    assert (head["ContentLength"], head["ContentRange"]) == (3, "bytes 7-9/10")


def test_parts_that_nobody_asked_for() -> None:
    """What has no parts tells none, and of one object the first part is the whole."""
    assert parts.tell_parts(b"<A></A>", {"HTTP_X_AMZ_OBJECT_ATTRIBUTES": "ObjectParts"}, THERE, None) == b"<A></A>"
    whole = parts.asked_part({"partNumber": "1"}, {}, THERE)
    assert whole is not None
    assert (whole.content_range, whole.parts) == ("bytes 0-9/10", 0)
    made_of = ObjectView("e", NOON, 3, "null", parts=(ObjectPart(1, 2), ObjectPart(5, 1)))
    second = parts.asked_part({"partNumber": "2"}, {}, made_of)
    assert second is not None
    assert (second.first, second.last, second.parts) == (2, 2, 2)


def test_suspended_versioning_keeps_versions(s3: Any) -> None:
    """A PUT, which tells no version, takes the place of `null` only, and so does a deletion's marker."""
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")["VersionId"]
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    assert "VersionId" not in s3.put_object(Bucket=BUCKET, Key="a", Body=b"2")
    assert s3.copy_object(Bucket=BUCKET, Key="b", CopySource=f"{BUCKET}/a")["VersionId"] == "null"
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"3")
    listed = s3.list_object_versions(Bucket=BUCKET, Prefix="a")["Versions"]
    assert [each["VersionId"] for each in listed] == ["null", first]
    gone = s3.delete_object(Bucket=BUCKET, Key="a")
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, "null")
    assert s3.get_object(Bucket=BUCKET, Key="a", VersionId=first)["Body"].read() == b"1"


def test_delete_markers(s3: Any) -> None:
    """A marker is made of nothing, too; it can be deleted and is told, and nothing else can be done with it."""
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    marker = s3.delete_object(Bucket=BUCKET, Key="a")
    assert marker["DeleteMarker"] is True
    found = _refused(s3.get_object, Key="a", VersionId=marker["VersionId"])
    assert found == {"Code": "MethodNotAllowed", "Method": "GET", "ResourceType": "DeleteMarker"}
    with pytest.raises(ClientError, match="NoSuchKey") as caught:
        s3.get_object(Bucket=BUCKET, Key="a")
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker["VersionId"])
    assert _refused(s3.put_object_acl, Key="a", ACL="private")["Code"] == "MethodNotAllowed"
    again = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a", "VersionId": marker["VersionId"]}]})[
        "Deleted"
    ]
    assert [(each["DeleteMarker"], each["DeleteMarkerVersionId"]) for each in again] == [(True, marker["VersionId"])]


def test_versions_that_there_are_not(s3: Any) -> None:
    """A version id that S3 cannot have made is invalid, another is not there."""
    found = _refused(s3.get_object, Key="a", VersionId="HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD")
    assert (found["Code"], found["ArgumentName"]) == ("InvalidArgument", "versionId")
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")
    unknown = "01234567-89ab-cdef-0123-456789abcdef"
    found = _refused(s3.get_object, Key="a", VersionId=unknown)
    assert found == {"Code": "NoSuchVersion", "Key": "a", "VersionId": unknown}


def test_errors_tell_of_what_they_speak(s3: Any) -> None:
    """The bucket, the key, the upload; nothing that S3 does not tell."""
    assert _refused(s3.get_bucket_policy) == {"Code": "NoSuchBucketPolicy", "BucketName": BUCKET}
    assert _refused(s3.get_object, Key="a") == {"Code": "NoSuchKey", "Key": "a"}
    found = _refused(s3.upload_part, Key="a", UploadId="none", PartNumber=1, Body=b"")
    assert found == {"Code": "NoSuchUpload", "UploadId": "none"}


def test_versions_are_listed_encoded(s3: Any) -> None:
    """EncodingType is told, and keys are as they were."""
    s3.put_object(Bucket=BUCKET, Key="a b/ä&c", Body=b"x")
    listed = s3.list_object_versions(Bucket=BUCKET, Prefix="a b")
    assert (listed["EncodingType"], listed["Prefix"]) == ("url", "a b")
    assert [each["Key"] for each in listed["Versions"]] == ["a b/ä&c"]

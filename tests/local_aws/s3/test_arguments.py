"""What calls say that S3 refuses, and what it tells of versions, places and parts, as LocalStack recorded it."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.front.s3.answers import decoded
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import arguments, versions
from lab_helpers.local_aws.server import LocalAws
from tests.support.buckets import bucket

BUCKET = "arguments-of-s3"
RANGE = "x-amz-copy-source-range"


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client and a bucket; the bucket goes with what is in it."""
    with bucket(aws.client("s3"), BUCKET) as client:
        yield client


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [
        ("0-8", "InvalidArgument", RANGE),
        ("bytes=1-0", "InvalidArgument", RANGE),
        ("bytes=0-1,3-4", "InvalidArgument", RANGE),
        ("bytes=-2", "InvalidArgument", RANGE),
        ("bytes=1-", "InvalidArgument", RANGE),
        ("bytes=0-100", "InvalidArgument", RANGE),
        ("bytes=100-200", "InvalidRequest", None),
    ],
)
def test_ranges_of_a_copy(said: str, code: str, told: str | None) -> None:
    """test_upload_part_copy_range, of an object of ten bytes."""
    with pytest.raises(AwsError) as caught:
        arguments.check_range({"HTTP_X_AMZ_COPY_SOURCE_RANGE": said}, 10)
    assert (caught.value.code, caught.value.extra.get("ArgumentName")) == (code, told)
    arguments.check_range({"HTTP_X_AMZ_COPY_SOURCE_RANGE": "bytes=0-9"}, 10)


@pytest.mark.parametrize(
    ("operation", "params", "headers", "extra"),
    [
        ("UploadPart", {"partNumber": "-1"}, {}, {"ArgumentName": "partNumber", "ArgumentValue": "-1"}),
        ("UploadPart", {"partNumber": "10001"}, {}, {"ArgumentName": "partNumber", "ArgumentValue": "10001"}),
        (
            "CopyObject",
            {},
            {"HTTP_X_AMZ_COPY_SOURCE": "no-key"},
            {"ArgumentName": "x-amz-copy-source", "ArgumentValue": "x-amz-copy-source"},
        ),
        ("PutObject", {}, {"HTTP_X_AMZ_STORAGE_CLASS": "OUTPOSTS"}, {"StorageClassRequested": "OUTPOSTS"}),
    ],
)
def test_values_that_are_none(
    operation: str, params: dict[str, str], headers: dict[str, str], extra: dict[str, str]
) -> None:
    """They are refused before anything is looked for."""
    with pytest.raises(AwsError) as caught:
        arguments.check(operation, params, headers)
    assert caught.value.extra == extra


def test_ids_that_no_version_can_have() -> None:
    """Ids have 32 characters, and S3 knows its own; states of before have others."""
    made = versions.made(Random(1))
    assert len(made) == 32
    assert versions.is_made(made)
    assert versions.is_made("null")
    assert versions.is_made("914155dc-bd9e-47d2-9320-2878f02fe61f")
    other = "b" if made[0] == "a" else "a"
    for never in (other + made[1:], "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD", "", made[:-1]):
        assert not versions.is_made(never)


def test_versions_in_a_list_of_deletions(s3: Any) -> None:
    """One that was never made is NoSuchVersion, one that is gone is deleted once more (test_delete_objects)."""
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    gone = s3.put_object(Bucket=BUCKET, Key="a")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="a", VersionId=gone)
    listed = [{"Key": "a", "VersionId": each} for each in (gone, "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD")]
    told = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": listed})
    assert told["Deleted"] == [{"Key": "a", "VersionId": gone}]
    assert [(each["Code"], each["VersionId"]) for each in told["Errors"]] == [
        ("NoSuchVersion", "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD")
    ]


def test_what_was_there_before_versions(s3: Any) -> None:
    """It has none until its bucket keeps some, and null then (test_s3_put_object_versioned)."""
    s3.put_object(Bucket=BUCKET, Key="a")
    assert "VersionId" not in s3.get_object(Bucket=BUCKET, Key="a")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_object(Bucket=BUCKET, Key="a")["VersionId"] == "null"
    with pytest.raises(ClientError, match="You must delete all versions in the bucket"):
        s3.delete_bucket(Bucket=BUCKET)


def test_checksums_of_parts_that_are_copied(s3: Any) -> None:
    """S3 makes the upload's checksum of a copied part and lists it (test_multipart_upload_part_copy_checksum)."""
    s3.put_object(Bucket=BUCKET, Key="part", Body=b"this is a part")
    begun = s3.create_multipart_upload(Bucket=BUCKET, Key="a", ChecksumAlgorithm="CRC32C", ChecksumType="COMPOSITE")
    place = {"Bucket": BUCKET, "Key": "a", "UploadId": begun["UploadId"]}
    copied = s3.upload_part_copy(**place, PartNumber=1, CopySource=f"{BUCKET}/part")["CopyPartResult"]
    assert copied["ChecksumCRC32C"] == "iqJrOQ=="
    listed = s3.list_parts(**place)
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == ("CRC32C", "COMPOSITE")
    assert [each["ChecksumCRC32C"] for each in listed["Parts"]] == ["iqJrOQ=="]
    part = {"PartNumber": 1, "ETag": copied["ETag"], "ChecksumCRC32C": "iqJrOQ=="}
    with pytest.raises(ClientError, match="header value 15 does not match what was computed: 14"):
        s3.complete_multipart_upload(**place, MultipartUpload={"Parts": [part]}, MpuObjectSize=15)
    made = s3.complete_multipart_upload(**place, MultipartUpload={"Parts": [part]}, MpuObjectSize=14)
    assert made["ChecksumCRC32C"] == "F9bAnw==-1"
    copy = s3.copy_object(Bucket=BUCKET, Key="b", CopySource=f"{BUCKET}/a")["CopyObjectResult"]
    assert (copy["ChecksumCRC32C"], copy["ChecksumType"]) == ("iqJrOQ==", "FULL_OBJECT")


@pytest.mark.parametrize("bodies", [[b"this is a part"], [b"x" * 5_242_880, b"this is a part"]])
def test_a_part_of_a_whole_has_no_checksum(s3: Any, bodies: list[bytes]) -> None:
    """test_complete_multipart_parts_checksum_full_object and test_get_object_part_checksum: unless it is the whole."""
    begun = s3.create_multipart_upload(Bucket=BUCKET, Key="a", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    place = {"Bucket": BUCKET, "Key": "a", "UploadId": begun["UploadId"]}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**place, PartNumber=number, Body=body,
                                                     ChecksumAlgorithm="CRC32")["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]  # fmt: skip
    s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    for call in (s3.get_object, s3.head_object):
        told = call(Bucket=BUCKET, Key="a", PartNumber=len(bodies), ChecksumMode="ENABLED")
        assert (told["PartsCount"], "ChecksumCRC32" in told) == (len(bodies), len(bodies) == 1)


def test_the_old_name_of_europe(aws: LocalAws) -> None:
    """A bucket that was created with EU is in eu-west-1, and its location is EU; other places are none."""
    s3 = aws.client("s3", "eu-west-1")
    s3.create_bucket(Bucket="of-europe", CreateBucketConfiguration={"LocationConstraint": "EU"})
    assert s3.get_bucket_location(Bucket="of-europe")["LocationConstraint"] == "EU"
    assert s3.head_bucket(Bucket="of-europe")["BucketRegion"] == "eu-west-1"
    listed = s3.list_objects_v2(Bucket="of-europe")["ResponseMetadata"]["HTTPHeaders"]
    assert listed["x-amz-bucket-region"] == "eu-west-1"
    s3.delete_bucket(Bucket="of-europe")
    first = aws.client("s3", "us-east-1")
    for place in ("foo", "aws-global"):
        with pytest.raises(ClientError) as caught:
            first.create_bucket(Bucket="of-nowhere", CreateBucketConfiguration={"LocationConstraint": place})
        error: dict[str, Any] = dict(caught.value.response["Error"])
        assert (error["Code"], error["LocationConstraint"]) == ("InvalidLocationConstraint", place)
        with pytest.raises(ClientError) as caught:
            s3.create_bucket(Bucket="of-nowhere", CreateBucketConfiguration={"LocationConstraint": place})
        assert caught.value.response["Error"]["Code"] == "IllegalLocationConstraintException"


def test_a_space_as_forms_have_it() -> None:
    """A copy's source may have `+` for a space (test_copy_object_special_character_plus_for_space)."""
    told = arguments.with_spaces({"HTTP_X_AMZ_COPY_SOURCE": "bucket%2Fa+b%2Bc", "other": "a+b"})
    assert told == {"HTTP_X_AMZ_COPY_SOURCE": "bucket%2Fa%20b%2Bc", "other": "a+b"}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("=?UTF-8?B?YWJj?=", "abc"),
        ("=?UTF-8?Q?actually-ascii?=", "actually-ascii"),
        ("=?UTF-8?Q?=C3=84?=", "=?UTF-8?Q?=C3=84?="),
        ("=?UTF-8?B?AAECAw==?=", "=?UTF-8?B?AAECAw==?="),
        ("=?UTF-8?B?=GGG?=", "=?UTF-8?B?=GGG?="),
        ("=?NO-SUCH?Q?a?=", "=?NO-SUCH?Q?a?="),
        ("plain", "plain"),
    ],
)
def test_encoded_words_of_metadata(said: str, kept: str) -> None:
    """What is plain is told plainly, the rest as it came (test_user_metadata_rfc2047_encoded)."""
    assert decoded(said) == kept


def test_a_listing_begins_with_itself(s3: Any) -> None:
    """Its entries are its last members: Amazon's SDK for Java counts on it (test_response_structure)."""
    s3.put_object(Bucket=BUCKET, Key="a")
    seen: list[bytes] = []
    s3.meta.events.register(
        "before-parse.s3.ListObjects", lambda response_dict, **_: seen.append(response_dict["body"])
    )
    s3.list_objects(Bucket=BUCKET)
    document = seen[0]
    assert document.endswith(b"</Contents></ListBucketResult>")
    assert document.find(b"<Name>") < document.find(b"<Contents>")

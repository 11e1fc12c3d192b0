"""Tags of buckets and objects, as LocalStack recorded them from AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import tags
from lab_helpers.local_aws.server import LocalAws
from tests.support.buckets import HERE, bucket

BUCKET = "tags-of-s3"

INVALID = "InvalidTag"


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client and a bucket that was created with a tag; it goes with what is in it."""
    given = {**HERE, "Tags": [{"Key": "made", "Value": "here"}]}
    with bucket(aws.client("s3"), BUCKET, CreateBucketConfiguration=given) as client:
        yield client


def _document(*pairs: tuple[str | None, str | None]) -> bytes:
    members = (
        "".join(f"<{name}>{text}</{name}>" for name, text in (("Key", key), ("Value", value)) if text is not None)
        for key, value in pairs
    )
    return f"<Tagging><TagSet>{''.join(f'<Tag>{each}</Tag>' for each in members)}</TagSet></Tagging>".encode()


@pytest.mark.parametrize(
    ("operation", "pairs", "code", "extra"),
    [
        ("PutBucketTagging", [("a", "1"), ("a", "2")], INVALID, {"TagKey": "a"}),
        ("PutObjectTagging", [("a;b", "1")], INVALID, {"TagKey": "a;b"}),
        ("PutObjectTagging", [("", "1")], INVALID, {"TagKey": ""}),
        ("PutBucketTagging", [("a", "1;2")], INVALID, {"TagKey": "a", "TagValue": "1;2"}),
        ("PutObjectTagging", [("aws:a", "1")], INVALID, {"TagKey": "aws:a"}),
        ("CreateBucket", [("aws:a", "1")], INVALID, {}),
        ("PutBucketTagging", [(None, "1")], "MalformedXML", {}),
        ("PutObjectTagging", [("a", None)], "MalformedXML", {}),
    ],
)
def test_tags_that_are_none(
    operation: str, pairs: list[tuple[str | None, str | None]], code: str, extra: dict[str, str]
) -> None:
    """A key once and of few characters, a value of these, both there, and neither AWS's own."""
    with pytest.raises(AwsError) as caught:
        tags.check(operation, {}, _document(*pairs))
    assert (caught.value.code, caught.value.extra) == (code, extra)


def test_tags_that_are_some() -> None:
    """Letters of all writing, spaces, an empty value; no document has none."""
    assert tags.asked("PutObjectTagging", _document(("ラボ a.b:/=+-@_", ""))) == {"ラボ a.b:/=+-@_": ""}
    assert tags.asked("CreateBucket", b"") == {}


@pytest.mark.parametrize(("header", "passes"), [("a=1&b", True), ("a=1&a=2", False), ("a=1,b=2", False), ("", True)])
def test_the_header(header: str, passes: bool) -> None:
    """A query whose names are told once."""
    if passes:
        tags.check("PutObject", {"HTTP_X_AMZ_TAGGING": header}, b"x")
        return
    with pytest.raises(AwsError) as caught:
        tags.check("PutObject", {"HTTP_X_AMZ_TAGGING": header}, b"x")
    assert caught.value.extra == {"ArgumentName": "x-amz-tagging", "ArgumentValue": header}


def test_tags_of_a_bucket(s3: Any) -> None:
    """Those of its creation are told, another creation with tags is refused; an empty value is one."""
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == [{"Key": "made", "Value": "here"}]
    with pytest.raises(ClientError, match="BucketAlreadyOwnedByYou"):
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={**HERE, "Tags": [{"Key": "made", "Value": "x"}]})
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "a", "Value": ""}]})
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == [{"Key": "a", "Value": ""}]


def test_tags_of_versions(s3: Any) -> None:
    """What was tagged, and from what tags were taken, is told."""
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.delete_object_tagging(Bucket=BUCKET, Key="a")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.put_object_tagging(Bucket=BUCKET, Key="a", Tagging={"TagSet": []})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first, second = (s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")["VersionId"] for _ in range(2))
    given = {"Bucket": BUCKET, "Key": "a", "Tagging": {"TagSet": [{"Key": "a", "Value": "1"}]}}
    assert s3.put_object_tagging(**given)["VersionId"] == second
    assert s3.put_object_tagging(**given, VersionId=first)["VersionId"] == first
    assert s3.delete_object_tagging(Bucket=BUCKET, Key="a")["VersionId"] == second
    assert s3.get_object_tagging(Bucket=BUCKET, Key="a", VersionId=first)["TagSet"] == given["Tagging"]["TagSet"]

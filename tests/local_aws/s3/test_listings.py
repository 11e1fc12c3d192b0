"""Pages of S3's listings, as LocalStack recorded them from AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.front.s3 import answers
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import listings
from lab_helpers.local_aws.server import LocalAws
from tests.support.buckets import bucket

BUCKET = "listings-of-s3"
HERE = {"CreateBucketConfiguration": {"LocationConstraint": "ap-northeast-1"}}
NAMED = [(name, name.upper()) for name in ("a", "b/1", "b/2", "c", "d/1")]


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client and a bucket, which goes with what is in it."""
    with bucket(aws.client("s3"), BUCKET) as client:
        yield client


def _put(s3: Any, *keys: str) -> list[str]:
    return [str(s3.put_object(Bucket=BUCKET, Key=key, Body=b"x").get("VersionId")) for key in keys]


def _error(call: Any, **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return dict(caught.value.response["Error"])


@pytest.mark.parametrize(
    ("prefix", "after", "most", "page"),
    [
        ("", "", 9, (["A", "C"], ["b/", "d/"], False, "d/")),
        ("", "", 2, (["A"], ["b/"], True, "b/")),
        ("", "b/", 1, (["C"], [], True, "c")),
        ("", "b/1", 1, (["C"], [], True, "c")),
        ("b/", "", 1, (["B/1"], [], True, "b/1")),
        ("b/", "b/1", 1, (["B/2"], [], False, "b/2")),
        ("", "", 0, ([], [], False, "")),
        ("x", "", 9, ([], [], False, "")),
    ],
)
def test_pages(prefix: str, after: str, most: int, page: tuple[Any, ...]) -> None:
    """A prefix counts as one, is passed over with all that it has, and a page ends where the next one begins."""
    found = listings.page(NAMED, prefix, "/", after, most)
    assert (found.entries, found.prefixes, found.is_truncated, found.last) == page


def test_tokens() -> None:
    """A token is read again, also by a server that did not give it; what is none is refused."""
    assert listings.read_token(listings.token("a/\u3042")) == "a/\u3042"
    for told in ("", "%%", "abc"):
        with pytest.raises(AwsError) as caught:
            listings.read_token(told)
        assert caught.value.extra == {"ArgumentName": "continuation-token"}


def test_pages_of_objects(s3: Any) -> None:
    """ListObjects says where it goes on with a delimiter only, ListObjectsV2 by which token it was asked."""
    _put(s3, "a", "b/1", "b/2", "c d")
    about = {"Bucket": BUCKET, "MaxKeys": 1, "Delimiter": "/"}
    seen, marker = [], ""
    while True:
        got = s3.list_objects(**about, Marker=marker)
        seen += [each["Key"] for each in got.get("Contents", ())]
        seen += [each["Prefix"] for each in got.get("CommonPrefixes", ())]
        if not got["IsTruncated"]:
            break
        marker = got["NextMarker"]
    assert (seen, "NextMarker" in got) == (["a", "b/", "c d"], False)
    assert "NextMarker" not in s3.list_objects(Bucket=BUCKET, MaxKeys=1)
    first = s3.list_objects_v2(**about)
    second = s3.list_objects_v2(**about, ContinuationToken=first["NextContinuationToken"])
    assert second["ContinuationToken"] == first["NextContinuationToken"]
    assert [each["Prefix"] for each in second["CommonPrefixes"]] == ["b/"]
    found = _error(s3.list_objects_v2, Bucket=BUCKET, ContinuationToken="")
    assert (found["Code"], found["ArgumentName"]) == ("InvalidArgument", "continuation-token")


def test_what_is_told_encoded(s3: Any) -> None:
    """Delimiter and key to start after are written as a URL has them, where that is asked for and not else."""
    about = {"Bucket": BUCKET, "Delimiter": "=", "Prefix": "a b"}
    told = s3.list_objects(**about, EncodingType="url")
    assert told["Delimiter"] == "%3D"
    told = s3.list_objects_v2(**about, EncodingType="url", StartAfter="a=b")
    assert (told["Delimiter"], told["Prefix"], told["StartAfter"]) == ("%3D", "a%20b", "a%3Db")
    _put(s3, "b+c/1", "b+c/2")
    grouped = s3.list_objects(Bucket=BUCKET, Delimiter="/", EncodingType="url")
    assert [each["Prefix"] for each in grouped["CommonPrefixes"]] == ["b%2Bc/"]
    for call in (s3.list_objects, s3.list_objects_v2, s3.list_object_versions, s3.list_multipart_uploads):
        found = _error(call, Bucket=BUCKET, EncodingType="gzip")
        assert (found["Code"], found["ArgumentName"], found["ArgumentValue"]) == (
            "InvalidArgument", "encoding-type", "gzip",
        )  # fmt: skip


def test_pages_of_versions(s3: Any) -> None:
    """The newest come first; behind a key's name alone is the next key, behind a version the one before it."""
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    oldest, older, newest, other = _put(s3, "a", "a", "a", "b")
    about = {"Bucket": BUCKET, "MaxKeys": 2}
    first = s3.list_object_versions(**about)
    assert [each["VersionId"] for each in first["Versions"]] == [newest, older]
    assert (first["NextKeyMarker"], first["NextVersionIdMarker"]) == ("a", older)
    rest = s3.list_object_versions(**about, KeyMarker="a", VersionIdMarker=older)
    assert [each["VersionId"] for each in rest["Versions"]] == [oldest, other]
    assert rest["IsTruncated"] is False
    by_key = s3.list_object_versions(**about, KeyMarker="a")
    assert [each["VersionId"] for each in by_key["Versions"]] == [other]
    found = _error(s3.list_object_versions, Bucket=BUCKET, VersionIdMarker=older)
    assert (found["ArgumentName"], found["ArgumentValue"]) == ("version-id-marker", older)


def test_pages_of_uploads(s3: Any) -> None:
    """By key, then as they were begun; an id that is not of the marker's key is refused; prefixes count."""
    first, second = (s3.create_multipart_upload(Bucket=BUCKET, Key="b")["UploadId"] for _ in range(2))
    s3.create_multipart_upload(Bucket=BUCKET, Key="a/1")
    about = {"Bucket": BUCKET, "MaxUploads": 1}
    page = s3.list_multipart_uploads(**about, Delimiter="/")
    assert ([each["Prefix"] for each in page["CommonPrefixes"]], page["NextKeyMarker"]) == (["a/"], "")
    page = s3.list_multipart_uploads(**about, KeyMarker="a/1")
    assert (page["Uploads"][0]["UploadId"], page["NextUploadIdMarker"], page["IsTruncated"]) == (first, first, True)
    page = s3.list_multipart_uploads(**about, KeyMarker="b", UploadIdMarker=first)
    assert (page["Uploads"][0]["UploadId"], page["IsTruncated"]) == (second, False)
    found = _error(s3.list_multipart_uploads, Bucket=BUCKET, KeyMarker="a/1", UploadIdMarker=first)
    assert (found["Message"], found["ArgumentValue"]) == ("Invalid uploadId marker", first)


def test_an_empty_number_is_none() -> None:
    """It stands for the usual one."""
    asked, _ = answers.for_moto("ListParts", {"QUERY_STRING": "uploadId=u%2B&part-number-marker=&max-parts=2"}, b"")
    assert asked["QUERY_STRING"] == "uploadId=u%2B&max-parts=2"
    assert listings.whole_number({"max-uploads": ""}, "max-uploads", 0, 9, 7) == 7
    with pytest.raises(AwsError, match="must be an integer between 0 and 9"):
        listings.whole_number({"max-uploads": "10"}, "max-uploads", 0, 9, 7)


def test_pages_of_buckets(s3: Any) -> None:
    """A page tells each bucket's Region and its own prefix, and is of a Region that there is."""
    other = f"{BUCKET}-2"
    s3.create_bucket(Bucket=other, **HERE)
    try:
        about = {"MaxBuckets": 1, "Prefix": BUCKET}
        first = s3.list_buckets(**about)
        second = s3.list_buckets(**about, ContinuationToken=first["ContinuationToken"])
        named = [each["Buckets"][0]["Name"] for each in (first, second)]
        assert (named, "ContinuationToken" in second, second["Prefix"]) == ([BUCKET, other], False, BUCKET)
        assert second["Buckets"][0]["BucketRegion"] == "ap-northeast-1"
        assert s3.list_buckets(Prefix=BUCKET, BucketRegion="eu-central-1").get("Buckets", []) == []
        found = _error(s3.list_buckets, BucketRegion="eu-east-1")
        assert found["Message"] == "Argument value eu-east-1 is not a valid AWS Region"
    finally:
        s3.delete_bucket(Bucket=other)

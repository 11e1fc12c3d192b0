"""Headers and members of S3's answers, as LocalStack recorded them from AWS (tests/aws/services/s3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.front.s3.answers import OWNER_ID, finish, for_moto
from lab_helpers.local_aws.server import LocalAws
from tests.support.buckets import bucket

BUCKET = "answers-of-s3"
HERE = {"CreateBucketConfiguration": {"LocationConstraint": "ap-northeast-1"}}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One local AWS for this file: nothing here lasts beyond its test."""
    with LocalAws(tmp_path_factory.mktemp("s3") / "aws", factories=[]) as running:
        yield running


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client and a bucket; the bucket goes with what is in it, moto being one a process."""
    with bucket(aws.client("s3"), BUCKET) as client:
        yield client


def _headers(answer: dict[str, Any]) -> dict[str, str]:
    headers: dict[str, str] = answer["ResponseMetadata"]["HTTPHeaders"]
    return headers


def test_what_a_bucket_tells_of_itself(s3: Any) -> None:
    """CreateBucket and HeadBucket tell the ARN, and outside of us-east-1 a host (test_create_bucket_head_bucket)."""
    head = s3.head_bucket(Bucket=BUCKET)
    told = (head["BucketArn"], head["BucketRegion"], head["AccessPointAlias"])
    assert told == (f"arn:aws:s3:::{BUCKET}", "ap-northeast-1", False)
    assert _headers(head)["content-type"] == "application/xml"
    made = s3.create_bucket(Bucket="another-bucket", **HERE)
    assert (made["BucketArn"], made["Location"]) == (
        "arn:aws:s3:::another-bucket",
        "http://another-bucket.s3.amazonaws.com/",
    )
    listed = s3.list_buckets()
    s3.delete_bucket(Bucket="another-bucket")
    assert [each["Name"] for each in listed["Buckets"]] == sorted(each["Name"] for each in listed["Buckets"])
    assert {each["BucketArn"] for each in listed["Buckets"]} >= {
        f"arn:aws:s3:::{BUCKET}",
        "arn:aws:s3:::another-bucket",
    }
    assert listed["Owner"] == {"ID": OWNER_ID} == s3.get_bucket_acl(Bucket=BUCKET)["Owner"]


def test_what_an_object_tells(s3: Any) -> None:
    """Encryption always, a checksum with its type (test_put_get_object_single_character_trailing_slash)."""
    put = s3.put_object(Bucket=BUCKET, Key="a", Body=b"test")
    got = s3.get_object(Bucket=BUCKET, Key="a")
    for answer in (put, got):
        told = {name: answer[name] for name in ("ServerSideEncryption", "ChecksumType", "ChecksumCRC32")}
        assert told == {"ServerSideEncryption": "AES256", "ChecksumType": "FULL_OBJECT", "ChecksumCRC32": "2H9+DA=="}
    head = s3.head_object(Bucket=BUCKET, Key="a")
    assert (head["ServerSideEncryption"], "ChecksumType" in head) == ("AES256", False)
    assert s3.head_object(Bucket=BUCKET, Key="a", ChecksumMode="ENABLED")["ChecksumType"] == "FULL_OBJECT"
    copied = s3.copy_object(Bucket=BUCKET, Key="b", CopySource=f"{BUCKET}/a")
    assert (copied["ServerSideEncryption"], copied["CopyObjectResult"]["ChecksumType"]) == ("AES256", "FULL_OBJECT")
    about = s3.get_object_attributes(Bucket=BUCKET, Key="a", ObjectAttributes=["Checksum", "ObjectSize"])
    assert (about["Checksum"], about["ObjectSize"]) == ({"ChecksumCRC32": "2H9+DA==", "ChecksumType": "FULL_OBJECT"}, 4)
    kms = s3.put_object(Bucket=BUCKET, Key="c", Body=b"", ServerSideEncryption="aws:kms")
    assert kms["ServerSideEncryption"] == s3.get_object(Bucket=BUCKET, Key="c")["ServerSideEncryption"] == "aws:kms"


def test_requests_can_be_found_again(s3: Any) -> None:
    """x-amz-request-id and x-amz-id-2, in errors' bodies too; no header of moto's, no type for what has no body."""
    put = s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    assert len(_headers(put)["x-amz-request-id"]) == 16
    assert put["ResponseMetadata"]["HostId"] == _headers(put)["x-amz-id-2"]
    foreign = {
        "content-type",
        "last-modified",
        "x-amzn-requestid",
        "x-amz-content-sha256",
        "x-amz-sdk-checksum-algorithm",
    }
    assert not foreign & set(_headers(put))
    for call in (
        lambda: s3.get_object(Bucket=BUCKET, Key="gone"),  # moto's refusal
        lambda: s3.complete_multipart_upload(Bucket=BUCKET, Key="k", UploadId="gone"),  # ours
    ):
        with pytest.raises(ClientError) as error:
            call()
        answer = error.value.response
        assert answer["ResponseMetadata"]["RequestId"] == _headers(answer)["x-amz-request-id"]  # type: ignore[arg-type]
        assert answer["ResponseMetadata"]["HostId"]


def test_listings_have_all_their_members(s3: Any) -> None:
    """Prefix, Marker, checksums, of versions too (test_list_objects_marker_common_prefixes)."""
    for key in ("a b/é+", "a b/z"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
    listed = s3.list_objects(Bucket=BUCKET)
    assert (listed["Prefix"], listed["Marker"]) == ("", "")
    assert [each["Key"] for each in listed["Contents"]] == ["a b/z", "a b/é+"]
    known = [(each["ChecksumAlgorithm"], each["ChecksumType"], each["Owner"]) for each in listed["Contents"]]
    assert known == [(["CRC32"], "FULL_OBJECT", {"ID": OWNER_ID})] * 2
    after = s3.list_objects(Bucket=BUCKET, Marker="a b/z", Prefix="a b/")
    assert (after["Marker"], after["Prefix"], len(after["Contents"])) == ("a b/z", "a b/", 1)
    versions = s3.list_object_versions(Bucket=BUCKET)["Versions"]
    assert {(*each["ChecksumAlgorithm"], each["ChecksumType"]) for each in versions} == {("CRC32", "FULL_OBJECT")}
    second = s3.list_objects_v2(Bucket=BUCKET)["Contents"][0]
    assert (second["ChecksumAlgorithm"], second["ChecksumType"]) == (["CRC32"], "FULL_OBJECT")


def test_quiet_deletions_tell_nothing(s3: Any) -> None:
    """With Quiet only errors are told (test_delete_non_existing_keys_quiet)."""
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    chosen = [{"Key": "a"}, {"Key": "never-there"}]
    assert "Deleted" not in s3.delete_objects(Bucket=BUCKET, Delete={"Objects": chosen, "Quiet": True})
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    told = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": chosen})["Deleted"]
    assert sorted(each["Key"] for each in told) == ["a", "never-there"]


def test_a_day_to_come_is_no_condition(s3: Any) -> None:
    """If-Modified-Since later than now is ignored (RFC 9110, 13.1.3), an earlier one holds."""
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert s3.get_object(Bucket=BUCKET, Key="a", IfModifiedSince=tomorrow)["Body"].read() == b"1"
    changed = s3.head_object(Bucket=BUCKET, Key="a")["LastModified"]
    with pytest.raises(ClientError, match="304"):
        s3.get_object(Bucket=BUCKET, Key="a", IfModifiedSince=changed)
    assert for_moto("GetObject", {"HTTP_IF_MODIFIED_SINCE": "no date"}, b"")[0] == {"HTTP_IF_MODIFIED_SINCE": "no date"}


def test_an_empty_list_of_tags_takes_them_away(s3: Any) -> None:
    """Of an object (test_put_object_tagging_empty_list) and of a bucket."""
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1", Tagging="x=1")
    answer = s3.put_object_tagging(Bucket=BUCKET, Key="a", Tagging={"TagSet": []})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get_object_tagging(Bucket=BUCKET, Key="a")["TagSet"] == []
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "x", "Value": "1"}]})
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": []})
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=BUCKET)


def test_multipart_uploads(s3: Any) -> None:
    """No version id without versions; encryption in each answer; whoever began it is the account."""
    made = s3.create_multipart_upload(Bucket=BUCKET, Key="m")
    upload = {"Bucket": BUCKET, "Key": "m", "UploadId": made["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x")
    uploads = s3.list_multipart_uploads(Bucket=BUCKET)
    (listed,) = uploads["Uploads"]
    assert listed["Initiator"] == {"ID": OWNER_ID, "DisplayName": "lab"}
    assert listed["Owner"] == {"ID": OWNER_ID}
    assert (uploads["NextKeyMarker"], uploads["NextUploadIdMarker"]) == ("m", made["UploadId"])
    parts = s3.list_parts(**upload)
    assert (parts["Parts"][0]["Size"], parts["Initiator"]) == (1, listed["Initiator"])
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert {each["ServerSideEncryption"] for each in (made, part, done)} == {"AES256"}
    assert "VersionId" not in done
    assert s3.get_object_acl(Bucket=BUCKET, Key="m")["Grants"][0]["Permission"] == "FULL_CONTROL"
    none = s3.list_multipart_uploads(Bucket=BUCKET)
    assert (none["NextKeyMarker"], none["NextUploadIdMarker"]) == ("", "")


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ("bytes=0-8", 206, b"012345678"), ("bytes=1-", 206, b"123456789"), ("bytes=-2", 206, b"89"),
        ("bytes=-15", 206, b"0123456789"), ("bytes=0-100", 206, b"0123456789"),
        ("bytes=1-0", 200, b"0123456789"), ("bytes=-1-", 200, b"0123456789"), ("bytes=0--1", 200, b"0123456789"),
        ("bytes=0-1,3-4,7-9", 200, b"0123456789"), ("0-1", 200, b"0123456789"), ("bytes=-", 200, b"0123456789"),
        ("bytes=0-" + "9" * 5000, 200, b"0123456789"),
    ],
)  # fmt: skip
def test_ranges(s3: Any, asked: str, status: int, told: bytes) -> None:
    """One range is answered, anything else is none (test_get_object_range)."""
    s3.put_object(Bucket=BUCKET, Key="r", Body=b"0123456789")
    answer = s3.get_object(Bucket=BUCKET, Key="r", Range=asked)
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()) == (status, told)


@pytest.mark.parametrize("asked", ["bytes=-0", "bytes=100-200"])
def test_a_range_beyond_the_end(s3: Any, asked: str) -> None:
    """Nothing of the object is in it."""
    s3.put_object(Bucket=BUCKET, Key="r", Body=b"0123456789")
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(Bucket=BUCKET, Key="r", Range=asked)


@pytest.mark.parametrize(
    ("expected", "code"),
    [("000000000002", "AccessDenied"), ("abcd", "InvalidBucketOwnerAWSAccountID"),
     ("0000000000020", "InvalidBucketOwnerAWSAccountID")],
)  # fmt: skip
def test_a_bucket_of_another_account_than_expected(s3: Any, expected: str, code: str) -> None:
    """Nothing is read from it, put into it, or copied out of it (test_get_bucket_policy and the like)."""
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1", ExpectedBucketOwner="123456789012")
    source = {"Bucket": BUCKET, "Key": "a"}
    for call in (
        lambda: s3.list_objects_v2(Bucket=BUCKET, ExpectedBucketOwner=expected),
        lambda: s3.put_object(Bucket=BUCKET, Key="b", Body=b"1", ExpectedBucketOwner=expected),
        lambda: s3.get_bucket_policy(Bucket=BUCKET, ExpectedBucketOwner=expected),
        lambda: s3.copy_object(Bucket=BUCKET, Key="b", CopySource=source, ExpectedSourceBucketOwner=expected),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == code
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["a"]


def test_a_policy_is_taken_without_a_word(s3: Any) -> None:
    """204, as for its deletion."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    s3.delete_public_access_block(Bucket=BUCKET)
    assert s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)["ResponseMetadata"]["HTTPStatusCode"] == 204
    s3.delete_bucket_policy(Bucket=BUCKET)


def test_a_bucket_is_encrypted_from_the_first(s3: Any) -> None:
    """Every bucket has SSE-S3 since 2023; what is put in its place is told instead."""
    rules = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]


def test_an_error_is_as_long_as_it_says() -> None:
    """Other ids than moto's make another length: Terraform reads to the end."""
    error = b"<Error><RequestId>of-moto</RequestId><HostId>of-moto</HostId></Error>"
    length = ("Content-Length", str(len(error)))
    status, headers, told = finish("GetBucketTagging", {"Bucket": "b"}, (404, [length], error), b"", lambda *_: None)
    marks = dict(headers)
    assert (status, "content-length" in {name.lower() for name in marks}) == (404, False)
    assert f"<RequestId>{marks['x-amz-request-id']}</RequestId>".encode() in told


def test_a_file_that_looks_like_an_answer_is_left_alone() -> None:
    """Only S3's own documents are changed, never an object's bytes."""
    document = b"<a><DisplayName>x</DisplayName></a>"
    got = finish("GetObject", {"Bucket": "b", "Key": "k"}, (200, [], document), b"", lambda *_: None)
    assert got[2] == document


def test_moto_answers_are_no_web_pages(aws: LocalAws) -> None:
    """JSON and XML are called what they are, whoever answers."""
    for service, operation, kind in (
        ("logs", "describe_destinations", "application/x-amz-json-1.1"),
        ("iam", "list_groups", "text/xml"),
        ("ec2", "describe_key_pairs", "text/xml"),
    ):
        answer = getattr(aws.client(service), operation)()
        assert _headers(answer)["content-type"].startswith(kind)


def test_a_body_that_calls_itself_a_form_is_kept(s3: Any) -> None:
    """`curl --data-binary` says so of any file; S3 stores what was sent, and the type with it."""
    kind = "application/x-www-form-urlencoded"
    s3.put_object(Bucket=BUCKET, Key="curled", Body=b"a=1&b=2", ContentType=kind)
    got = s3.get_object(Bucket=BUCKET, Key="curled")
    assert (got["Body"].read(), got["ContentType"]) == (b"a=1&b=2", kind)

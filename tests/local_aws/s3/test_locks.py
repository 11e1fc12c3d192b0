"""Object lock: what is refused, and what stays, as LocalStack recorded it from AWS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import locks
from lab_helpers.local_aws.s3.view import Lock
from lab_helpers.local_aws.server import LocalAws
from tests.support.buckets import bucket

BUCKET, PLAIN = "locks-of-s3", "no-locks-of-s3"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
LATER, LATEST = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
BYPASS = {"HTTP_X_AMZ_BYPASS_GOVERNANCE_RETENTION": "True"}
NO_BYPASS = {"HTTP_X_AMZ_BYPASS_GOVERNANCE_RETENTION": "false"}
PROTECTED = "Access Denied because object protected by object lock."
TO_COME = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client, a bucket with object lock and one without; both go with what is in them."""
    client = aws.client("s3")
    with bucket(client, BUCKET, ObjectLockEnabledForBucket=True), bucket(client, PLAIN):
        yield client


def _error(call: Any, **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    return {**response["Error"], "Status": response["ResponseMetadata"]["HTTPStatusCode"]}


@pytest.mark.parametrize(
    ("lock", "environ", "locked"),
    [
        (Lock(), {}, False),
        (Lock(hold="ON"), BYPASS, True),
        (Lock("GOVERNANCE", LATER), {}, True),
        (Lock("GOVERNANCE", LATER), NO_BYPASS, True),
        (Lock("GOVERNANCE", LATER), BYPASS, False),
        (Lock("COMPLIANCE", LATER), BYPASS, True),
        (Lock("COMPLIANCE", NOON, "OFF"), {}, False),
    ],
)
def test_what_may_be_deleted(lock: Lock, environ: dict[str, str], locked: bool) -> None:
    """A hold holds whoever asks; governance yields to who overrides it; a lock ends with its time."""
    if not locked:
        locks.check_deletion(lock, environ, NOON)
        return
    with pytest.raises(AwsError) as caught:
        locks.check_deletion(lock, environ, NOON)
    assert (caught.value.code, caught.value.message, caught.value.status) == ("AccessDenied", PROTECTED, 403)


@pytest.mark.parametrize(
    ("wanted", "lock", "environ", "passes"),
    [
        (Lock("GOVERNANCE", LATEST), Lock("GOVERNANCE", LATER), {}, True),
        (Lock("GOVERNANCE", LATER), Lock("GOVERNANCE", LATEST), {}, False),
        (Lock("GOVERNANCE", LATER), Lock("GOVERNANCE", LATEST), BYPASS, True),
        (Lock(), Lock("GOVERNANCE", LATER), {}, False),
        (Lock(), Lock("GOVERNANCE", LATER), BYPASS, True),
        (Lock("COMPLIANCE", LATER), Lock("COMPLIANCE", LATEST), BYPASS, False),
        (Lock("GOVERNANCE", LATEST), Lock("COMPLIANCE", LATER), BYPASS, False),
        (Lock("COMPLIANCE", LATEST), Lock("COMPLIANCE", LATER), {}, True),
    ],
)
def test_what_retention_may_become(wanted: Lock, lock: Lock, environ: dict[str, str], passes: bool) -> None:
    """It may be extended; shortened where governance is overridden; compliance is never weakened."""
    if passes:
        locks.check_retention(wanted, lock, environ, NOON)
        return
    with pytest.raises(AwsError, match=PROTECTED):
        locks.check_retention(wanted, lock, environ, NOON)


def test_a_time_that_has_passed() -> None:
    """It is refused in S3's own time."""
    with pytest.raises(AwsError) as caught:
        locks.check_retention(Lock("GOVERNANCE", datetime(2021, 7, 1, 7, tzinfo=UTC)), Lock(), {}, NOON)
    assert caught.value.extra == {"ArgumentName": "RetainUntilDate", "ArgumentValue": "Thu Jul 01 00:00:00 PDT 2021"}


@pytest.mark.parametrize(
    "rule",
    [
        "", "<ObjectLockEnabled>Disabled</ObjectLockEnabled>", "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule/>",
        "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode>"
        "</DefaultRetention></Rule>",
        "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days>"
        "<Years>1</Years></DefaultRetention></Rule>",
        "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>LAX</Mode><Days>1</Days>"
        "</DefaultRetention></Rule>",
    ],
)  # fmt: skip
def test_configurations_that_are_none(rule: str) -> None:
    """A configuration says Enabled, and in a rule a mode and one term."""
    with pytest.raises(AwsError, match="MalformedXML"):
        locks.check_configuration(f"<ObjectLockConfiguration>{rule}</ObjectLockConfiguration>".encode())


def test_retention_is_told_and_kept(s3: Any) -> None:
    """What was never set is not there; half of it is malformed; a version with it stays, also from a list."""
    about = {"Bucket": BUCKET, "Key": "a"}
    version = s3.put_object(**about, Body=b"x")["VersionId"]
    assert _error(s3.get_object_retention, **about)["Code"] == "NoSuchObjectLockConfiguration"
    half = _error(s3.put_object_retention, **about, Retention={"Mode": "GOVERNANCE"})
    assert half["Code"] == "MalformedXML"
    s3.put_object_retention(**about, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": TO_COME})
    assert s3.get_object_retention(**about)["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": TO_COME}
    refused = _error(s3.delete_object, **about, VersionId=version)
    assert (refused["Code"], refused["Message"], refused["Status"]) == ("AccessDenied", PROTECTED, 403)
    listed = {"Objects": [{"Key": "a", "VersionId": version}, {"Key": "b"}]}
    told = s3.delete_objects(Bucket=BUCKET, Delete=listed)
    assert [(each["VersionId"], each["Code"], each["Message"]) for each in told["Errors"]] == [
        (version, "AccessDenied", PROTECTED)
    ]
    assert [each["Key"] for each in told["Deleted"]] == ["b"]
    s3.put_object_retention(**about, Retention={}, BypassGovernanceRetention=True)
    assert "ObjectLockMode" not in s3.head_object(**about)


def test_legal_hold(s3: Any) -> None:
    """A hold is told once it was set, and holds a version until it is taken away; markers go over it."""
    about = {"Bucket": BUCKET, "Key": "a"}
    assert _error(s3.put_object_legal_hold, **about, LegalHold={"Status": "ON"})["Code"] == "NoSuchKey"
    version = s3.put_object(**about, Body=b"x")["VersionId"]
    assert _error(s3.get_object_legal_hold, **about)["Code"] == "NoSuchObjectLockConfiguration"
    s3.put_object_legal_hold(**about, LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(**about)["LegalHold"] == {"Status": "ON"}
    bypass = _error(s3.delete_object, **about, VersionId=version, BypassGovernanceRetention=True)
    assert bypass["Code"] == "AccessDenied"
    marker = s3.delete_object(**about)
    found = _error(s3.put_object_legal_hold, **about, VersionId=marker["VersionId"], LegalHold={"Status": "ON"})
    assert (found["Code"], found["ResourceType"]) == ("MethodNotAllowed", "DeleteMarker")
    s3.put_object_legal_hold(**about, VersionId=version, LegalHold={"Status": "OFF"})
    assert s3.delete_object(**about, VersionId=version)["VersionId"] == version


def test_a_bucket_without_locks(s3: Any) -> None:
    """Nothing is locked there, nothing is told, and nobody overrides anything."""
    about = {"Bucket": PLAIN, "Key": "a"}
    s3.put_object(**about, Body=b"x")
    for call, more in (
        (s3.get_object_retention, {}), (s3.get_object_legal_hold, {}),
        (s3.put_object_legal_hold, {"LegalHold": {"Status": "ON"}}),
        (s3.put_object_retention, {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": TO_COME}}),
    ):  # fmt: skip
        found = _error(call, **about, **more)
        assert (found["Code"], found["Message"]) == ("InvalidRequest", "Bucket is missing Object Lock Configuration")
    assert _error(s3.put_object_legal_hold, **about)["Code"] == "MalformedXML"
    found = _error(s3.delete_object, **about, BypassGovernanceRetention=False)
    assert (found["Code"], found["ArgumentName"]) == ("InvalidArgument", "x-amz-bypass-governance-retention")


def test_headers_of_writes(s3: Any) -> None:
    """Mode and time come together, and the mode is one that there is."""
    about = {"Bucket": BUCKET, "Key": "a"}
    assert _error(s3.put_object, **about, ObjectLockMode="GOVERNANCE")["ArgumentName"] == locks._UNTIL
    assert _error(s3.put_object, **about, ObjectLockRetainUntilDate=TO_COME)["ArgumentName"] == locks._MODE
    lax = {"ObjectLockMode": "LAX", "ObjectLockRetainUntilDate": TO_COME}
    found = _error(s3.create_multipart_upload, **about, **lax)
    assert (found["Message"], found["ArgumentValue"]) == ("Unknown wormMode directive.", "LAX")


def test_a_bucket_gets_object_lock(s3: Any) -> None:
    """Its versions are kept first, and from then on; objects may be there already; no term is told but the one set."""
    config = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}}
    about = {"Bucket": PLAIN, "ObjectLockConfiguration": config}
    s3.put_object(Bucket=PLAIN, Key="a", Body=b"x")
    suspended, enabled = ({"Status": each} for each in ("Suspended", "Enabled"))
    s3.put_bucket_versioning(Bucket=PLAIN, VersioningConfiguration=suspended)
    found = _error(s3.put_object_lock_configuration, **about)
    assert (found["Code"], found["Status"]) == ("InvalidBucketState", 409)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=enabled)
    found = _error(s3.put_bucket_versioning, Bucket=BUCKET, VersioningConfiguration=suspended)
    assert (found["Code"], found["Status"]) == ("InvalidBucketState", 409)
    s3.put_bucket_versioning(Bucket=PLAIN, VersioningConfiguration=enabled)
    s3.put_object_lock_configuration(Bucket=PLAIN, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    about["Bucket"] = BUCKET
    s3.put_object_lock_configuration(**about)
    assert s3.get_object_lock_configuration(Bucket=BUCKET)["ObjectLockConfiguration"] == config


def test_an_upload_in_parts_is_locked_by_default(s3: Any) -> None:
    """What a bucket locks by default is locked however it came."""
    config = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}}
    s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=config)
    about = {"Bucket": BUCKET, "Key": "a"}
    upload = s3.create_multipart_upload(**about)["UploadId"]
    part = s3.upload_part(**about, UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**about, UploadId=upload, MultipartUpload=parts)
    assert s3.head_object(**about)["ObjectLockMode"] == "GOVERNANCE"

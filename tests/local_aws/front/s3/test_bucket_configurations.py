"""Buckets: their policies decide with conditions, and their configurations come back as they were put."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import LocalAws

BUCKET, LOGS = "outer-full", "outer-logs"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client, and two buckets."""
    folder: Path = tmp_path_factory.mktemp("buckets")
    with LocalAws(folder, factories=[]) as aws:
        client = aws.client("s3")
        for name in (BUCKET, LOGS):
            client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
        yield client


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_deny_with_a_condition_denies_only_then(s3: Any) -> None:
    """The policy that half of the world's buckets have, against plain HTTP, denies nothing over TLS."""
    resources = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy({**deny, "Condition": insecure}))
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")
    assert s3.get_object(Bucket=BUCKET, Key="a")["Body"].read() == b"1"
    assert "Errors" not in s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a"}]})


def test_a_deny_of_a_bucket_is_for_everybody(s3: Any) -> None:
    """Also for the lab's operator, whom no policy of his own limits; other keys are not meant."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/secret/*"}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(deny))
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="secret/a", Body=b"1")
    assert code(error) == "AccessDenied"
    s3.put_object(Bucket=BUCKET, Key="open/a", Body=b"1")
    s3.delete_bucket_policy(Bucket=BUCKET)


def test_configurations_of_which_there_may_be_several(s3: Any) -> None:
    """Put, told, listed, deleted; one that is not there is NoSuchConfiguration."""
    for name in ("all", "documents"):
        given = {"Id": name, **({"Filter": {"Prefix": "documents/"}} if name == "documents" else {})}
        s3.put_bucket_metrics_configuration(Bucket=BUCKET, Id=name, MetricsConfiguration=given)
        assert s3.get_bucket_metrics_configuration(Bucket=BUCKET, Id=name)["MetricsConfiguration"] == given
    listed = s3.list_bucket_metrics_configurations(Bucket=BUCKET)
    assert [each["Id"] for each in listed["MetricsConfigurationList"]] == ["all", "documents"]
    s3.delete_bucket_metrics_configuration(Bucket=BUCKET, Id="all")
    with pytest.raises(ClientError) as error:
        s3.get_bucket_metrics_configuration(Bucket=BUCKET, Id="all")
    assert code(error) == "NoSuchConfiguration"
    tiers = {"Id": "t", "Status": "Enabled", "Tierings": [{"Days": 180, "AccessTier": "ARCHIVE_ACCESS"}]}
    s3.put_bucket_intelligent_tiering_configuration(Bucket=BUCKET, Id="t", IntelligentTieringConfiguration=tiers)
    told = s3.get_bucket_intelligent_tiering_configuration(Bucket=BUCKET, Id="t")
    assert told["IntelligentTieringConfiguration"] == tiers


def test_who_pays(s3: Any) -> None:
    """The owner, unless told otherwise."""
    assert s3.get_bucket_request_payment(Bucket=LOGS)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=LOGS, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=LOGS)["Payer"] == "Requester"


def test_a_lifecycle_comes_back_whole(s3: Any) -> None:
    """Sizes of objects too, and a rule without a name gets one."""
    both = {"Prefix": "log1/", "ObjectSizeGreaterThan": 200000, "ObjectSizeLessThan": 500000}
    rule = {"Status": "Enabled", "Filter": {"And": both}, "Expiration": {"Days": 90}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    told = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)
    assert [{name: value for name, value in each.items() if name != "ID"} for each in told["Rules"]] == [rule]
    assert told["Rules"][0]["ID"]
    assert told["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    s3.delete_bucket_lifecycle(Bucket=BUCKET)
    with pytest.raises(ClientError) as error:
        s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)
    assert code(error) == "NoSuchLifecycleConfiguration"


def test_mfa_delete_is_told_once_it_was_named(s3: Any) -> None:
    """ "This element is only returned if the bucket has been configured with MFA delete." """
    s3.put_bucket_versioning(Bucket=LOGS, VersioningConfiguration={"Status": "Enabled"})
    assert "MFADelete" not in s3.get_bucket_versioning(Bucket=LOGS)
    named = {"Status": "Enabled", "MFADelete": "Disabled"}
    s3.put_bucket_versioning(Bucket=LOGS, VersioningConfiguration=named)
    told = s3.get_bucket_versioning(Bucket=LOGS)
    assert {name: told[name] for name in named} == named


def test_acceleration_is_told_as_it_was_put(s3: Any) -> None:
    """Also Suspended where it was never Enabled; without a configuration there is no status."""
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=BUCKET)
    for status in ("Suspended", "Enabled", "Suspended"):
        s3.put_bucket_accelerate_configuration(Bucket=BUCKET, AccelerateConfiguration={"Status": status})
        assert s3.get_bucket_accelerate_configuration(Bucket=BUCKET)["Status"] == status


def test_access_logs_have_a_target_in_the_same_region(s3: Any) -> None:
    """S3 asks for no policy when the target is named (test_put_bucket_logging), but for a bucket that is there."""
    target = {"TargetBucket": LOGS, "TargetPrefix": "log/"}
    s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus={"LoggingEnabled": target})
    assert s3.get_bucket_logging(Bucket=BUCKET)["LoggingEnabled"] == target
    missing = {"LoggingEnabled": {**target, "TargetBucket": "nobody-s-logs"}}
    with pytest.raises(ClientError) as error:
        s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus=missing)
    assert (code(error), error.value.response["Error"]["TargetBucket"]) == (
        "InvalidTargetBucketForLogging",
        "nobody-s-logs",
    )
    s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=BUCKET)


def test_what_a_bucket_has_unasked(s3: Any) -> None:
    """Since April 2023: access lists are off and all that is public is blocked, until either is deleted."""
    owned = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]
    assert owned == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    blocked = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    s3.put_public_access_block(Bucket=LOGS, PublicAccessBlockConfiguration={"BlockPublicAcls": False})
    assert not s3.get_public_access_block(Bucket=LOGS)["PublicAccessBlockConfiguration"]["BlockPublicAcls"]
    s3.delete_public_access_block(Bucket=LOGS)
    s3.delete_bucket_ownership_controls(Bucket=LOGS)
    with pytest.raises(ClientError) as error:
        s3.get_public_access_block(Bucket=LOGS)
    assert code(error) == "NoSuchPublicAccessBlockConfiguration"
    with pytest.raises(ClientError) as error:
        s3.get_bucket_ownership_controls(Bucket=LOGS)
    assert code(error) == "OwnershipControlsNotFoundError"
    s3.put_bucket_ownership_controls(Bucket=LOGS, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    owned = s3.get_bucket_ownership_controls(Bucket=LOGS)["OwnershipControls"]
    assert owned == {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}


def test_a_replication_comes_back_whole(s3: Any) -> None:
    """Its filter's prefix too, which moto forgets; both buckets have to keep versions."""
    for name in (BUCKET, LOGS):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "tax", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": "Tax"},
        "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": f"arn:aws:s3:::{LOGS}"},
    }  # fmt: skip
    given = {"Role": "arn:aws:iam::123456789012:role/r", "Rules": [rule]}
    s3.put_bucket_replication(Bucket=BUCKET, ReplicationConfiguration=given)
    assert s3.get_bucket_replication(Bucket=BUCKET)["ReplicationConfiguration"] == given
    with pytest.raises(ClientError) as error:
        s3.put_bucket_replication(Bucket=BUCKET, ReplicationConfiguration={**given, "Rules": []})
    assert code(error) == "MalformedXML"
    s3.delete_bucket_replication(Bucket=BUCKET)
    with pytest.raises(ClientError) as error:
        s3.get_bucket_replication(Bucket=BUCKET)
    assert code(error) == "ReplicationConfigurationNotFoundError"


def test_lists_of_configurations_have_pages(s3: Any) -> None:
    """A hundred at once, as recorded, and a token for what follows."""
    for number in range(102):
        name = f"of-{number:03}"
        s3.put_bucket_metrics_configuration(Bucket=LOGS, Id=name, MetricsConfiguration={"Id": name})
    first = s3.list_bucket_metrics_configurations(Bucket=LOGS)
    assert (len(first["MetricsConfigurationList"]), first["IsTruncated"]) == (100, True)
    rest = s3.list_bucket_metrics_configurations(Bucket=LOGS, ContinuationToken=first["NextContinuationToken"])
    assert [each["Id"] for each in rest["MetricsConfigurationList"]] == ["of-100", "of-101"]
    assert (rest["IsTruncated"], rest["ContinuationToken"]) == (False, first["NextContinuationToken"])


def test_a_configuration_makes_no_bucket(s3: Any) -> None:
    """moto takes who pays for a bucket that is not there for the bucket's creation."""
    with pytest.raises(ClientError) as error:
        s3.put_bucket_request_payment(Bucket="not-there-yet", RequestPaymentConfiguration={"Payer": "Requester"})
    assert (code(error), error.value.response["Error"]["BucketName"]) == ("NoSuchBucket", "not-there-yet")
    assert "not-there-yet" not in [each["Name"] for each in s3.list_buckets()["Buckets"]]


def test_the_empty_origin_may_be_allowed(s3: Any) -> None:
    """As recorded (test_put_cors_empty_origin)."""
    rule = {"AllowedOrigins": [""], "AllowedMethods": ["GET"]}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"] == [rule]
    s3.delete_bucket_cors(Bucket=BUCKET)


def test_what_is_not_known_makes_no_bucket(s3: Any) -> None:
    """A PUT of a configuration that nobody has here is NotImplemented, not a new bucket."""
    with pytest.raises(ClientError) as error:
        s3.put_bucket_abac(Bucket="made-by-mistake", AbacStatus={"Status": "Enabled"})
    assert code(error) == "NotImplemented"
    assert "made-by-mistake" not in [each["Name"] for each in s3.list_buckets()["Buckets"]]

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


def test_access_logs_go_where_the_policy_lets_them(s3: Any) -> None:
    """A statement for logging.s3.amazonaws.com among others; without one the target is refused."""
    target = {"LoggingEnabled": {"TargetBucket": LOGS, "TargetPrefix": "log/"}}
    with pytest.raises(ClientError) as error:
        s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus=target)
    assert code(error) == "InvalidTargetBucketForLogging"
    resource = f"arn:aws:s3:::{LOGS}/*"
    let = {"Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": ["s3:PutObject"], "Resource": resource}
    deny = {"Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    s3.put_bucket_policy(Bucket=LOGS, Policy=policy({"Effect": "Deny", **deny}, {"Effect": "Allow", **let}))
    s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus=target)
    assert s3.get_bucket_logging(Bucket=BUCKET)["LoggingEnabled"]["TargetBucket"] == LOGS


def test_what_is_not_known_makes_no_bucket(s3: Any) -> None:
    """A PUT of a configuration that nobody has here is NotImplemented, not a new bucket."""
    with pytest.raises(ClientError) as error:
        s3.put_bucket_abac(Bucket="made-by-mistake", AbacStatus={"Status": "Enabled"})
    assert code(error) == "NotImplemented"
    assert "made-by-mistake" not in [each["Name"] for each in s3.list_buckets()["Buckets"]]

"""Session policies: what AssumeRole is given limits the session, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import REGION, LocalAws

from .conftest import allow

TASKS = "ecs-tasks.amazonaws.com"
LISTS = {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*"}
NAMED = "arn:aws:iam::123456789012:policy/lists-groups"


def document(*statements: dict[str, Any]) -> str:
    """A policy as JSON text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def assume(aws: LocalAws, role_arn: str, **limits: Any) -> dict[str, Any]:
    """AssumeRole as the service that the role trusts."""
    sts = aws.clients.as_service("sts", TASKS, REGION)
    return dict(sts.assume_role(RoleArn=role_arn, RoleSessionName="limited", **limits))


def session(aws: LocalAws, service: str, role_arn: str, **limits: Any) -> Any:
    """A client with the credentials of a session that was limited so."""
    keys = assume(aws, role_arn, **limits)["Credentials"]
    return boto3.client(
        service,
        endpoint_url=aws.endpoint_url,
        region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    """Return code and message of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


@pytest.fixture
def managed(aws: LocalAws) -> Any:
    """A managed policy that allows to list log groups."""
    iam = aws.client("iam")
    iam.create_policy(PolicyName="lists-groups", PolicyDocument=document(LISTS))
    yield NAMED
    for version in iam.list_policy_versions(PolicyArn=NAMED)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=NAMED, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=NAMED)


def test_a_session_may_do_what_role_and_session_policy_allow(aws: LocalAws, task_role: str) -> None:
    """The intersection: neither the role's other permissions nor the session policy's are there alone."""
    allow(aws, "logs:*", "*")
    logs = session(aws, "logs", task_role, Policy=document(LISTS, {**LISTS, "Action": "ecs:ListClusters"}))
    logs.describe_log_groups()
    code, message = refusal(logs.describe_log_streams, logGroupName="/any")
    assert code == "AccessDeniedException"
    assert message.endswith(" because no session policy allows the logs:DescribeLogStreams action")
    ecs = session(aws, "ecs", task_role, Policy=document({**LISTS, "Action": "ecs:ListClusters"}))
    assert refusal(ecs.list_clusters)[1].endswith(
        " because no identity-based policy allows the ecs:ListClusters action"
    )


def test_an_explicit_deny_in_a_session_policy(aws: LocalAws, task_role: str) -> None:
    """It is named as such."""
    allow(aws, "logs:*", "*")
    denies = document({**LISTS, "Action": "logs:*"}, {**LISTS, "Effect": "Deny"})
    logs = session(aws, "logs", task_role, Policy=denies)
    assert refusal(logs.describe_log_groups)[1].endswith(" with an explicit deny in a session policy")


def test_other_sessions_of_the_role_are_not_limited(aws: LocalAws, task_role: str) -> None:
    """The limits belong to one session's credentials."""
    allow(aws, "logs:*", "*")
    session(aws, "logs", task_role, Policy=document({**LISTS, "Action": "s3:*"}))
    session(aws, "logs", task_role).describe_log_groups()


def test_managed_policies_limit_a_session_as_they_are_now(aws: LocalAws, task_role: str, managed: str) -> None:
    """PolicyArns count together with Policy; a new version counts from the next call on."""
    allow(aws, "logs:*", "*")
    logs = session(aws, "logs", task_role, PolicyArns=[{"arn": managed}])
    logs.describe_log_groups()
    assert "no session policy" in refusal(logs.describe_log_streams, logGroupName="/any")[1]
    both = session(
        aws, "logs", task_role, PolicyArns=[{"arn": managed}],
        Policy=document({**LISTS, "Action": "logs:DescribeQueries"}),
    )  # fmt: skip
    both.describe_log_groups()
    both.describe_queries()
    other = document({**LISTS, "Action": "logs:DescribeLogStreams"})
    aws.client("iam").create_policy_version(PolicyArn=managed, PolicyDocument=other, SetAsDefault=True)
    assert "no session policy" in refusal(logs.describe_log_groups)[1]


def test_a_managed_policy_of_aws_limits_a_session(aws: LocalAws, task_role: str) -> None:
    """AWS's own policies can be named, too."""
    allow(aws, "logs:*", "*")
    read_only = "arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess"
    logs = session(aws, "logs", task_role, PolicyArns=[{"arn": read_only}])
    logs.describe_log_groups()
    assert "no session policy" in refusal(logs.create_log_group, logGroupName="/not-made")[1]


def test_a_bucket_policy_that_names_the_session_reaches_past_its_limits(aws: LocalAws, task_role: str) -> None:
    """One that names the role does not: the session policy limits that, too."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="limited", CreateBucketConfiguration={"LocationConstraint": REGION})
    named = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::limited"}
    nothing = document({**LISTS, "Action": "logs:*"})
    try:
        s3.put_bucket_policy(Bucket="limited", Policy=document({**named, "Principal": {"AWS": task_role}}))
        limited = session(aws, "s3", task_role, Policy=nothing)
        assert refusal(limited.list_objects_v2, Bucket="limited")[0] == "AccessDenied"
        session_arn = "arn:aws:sts::123456789012:assumed-role/task/limited"
        s3.put_bucket_policy(Bucket="limited", Policy=document({**named, "Principal": {"AWS": session_arn}}))
        assert limited.list_objects_v2(Bucket="limited")["KeyCount"] == 0
    finally:
        s3.delete_bucket(Bucket="limited")


def test_what_aws_refuses_in_a_session_policy(aws: LocalAws, task_role: str) -> None:
    """A document that is none, one that is too long, too many policies, one that is not there."""
    code, _ = refusal(assume, aws=aws, role_arn=task_role, Policy="nonsense")
    assert code == "MalformedPolicyDocument"
    code, _ = refusal(assume, aws=aws, role_arn=task_role, Policy=document(LISTS) + " " * 2048)
    assert code == "ValidationError"
    code, message = refusal(assume, aws=aws, role_arn=task_role, PolicyArns=[{"arn": NAMED}])
    assert (code, NAMED in message) == ("NoSuchEntity", True)
    code, _ = refusal(assume, aws=aws, role_arn=task_role, PolicyArns=[{"arn": NAMED}] * 11)
    assert code == "ValidationError"


def test_the_packed_size_is_told_for_limited_sessions_only(aws: LocalAws, task_role: str) -> None:
    """In per cent of what fits."""
    assert "PackedPolicySize" not in assume(aws, task_role)
    assert 0 < assume(aws, task_role, Policy=document(LISTS))["PackedPolicySize"] <= 100

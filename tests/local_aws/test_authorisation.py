"""Which condition keys a call carries, and how malformed policies and trust are handled."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from lab_helpers.local_aws.identity.authorisation import Authoriser
from lab_helpers.local_aws.kit.api import AwsError, Caller
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.moto_bridge import PrincipalPolicies

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/lab/task"
SESSION = Caller("role", f"arn:aws:sts::{ACCOUNT}:assumed-role/task/s", ACCOUNT, role_arn=ROLE)
USER = Caller("user", f"arn:aws:iam::{ACCOUNT}:user/ann", ACCOUNT)
TASKS = Caller("service", "ecs-tasks.amazonaws.com", ACCOUNT, principal="ecs-tasks.amazonaws.com")


@dataclass
class Policies:
    """Policies as a control plane would keep them."""

    identity: dict[str, str] = field(default_factory=dict)
    boundary: tuple[str, str] | None = None
    trust: str | None = None
    bucket: str | None = None

    def trust_policy(self, role_arn: str) -> str | None:  # noqa: ARG002
        return self.trust

    def role_policies(self, role_arn: str) -> PrincipalPolicies:  # noqa: ARG002
        return PrincipalPolicies(tuple(self.identity.items()), self.boundary, {"team": "logs"}, "AROA1")

    user_policies = role_policies

    def bucket_policy(self, bucket: str) -> str | None:  # noqa: ARG002
        return self.bucket

    def managed_policy(self, arn: str) -> tuple[str, str] | None:  # noqa: ARG002
        return None


def document(effect: str = "Allow", **elements: Any) -> str:
    """One statement, on every action and resource unless told otherwise."""
    statement = {"Effect": effect, "Action": "*", "Resource": "*", **elements}
    return json.dumps({"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not None}]})


def trust(principal: Any, **elements: Any) -> str:
    """A trust policy of one statement."""
    return document(Action="sts:AssumeRole", Resource=None, Principal=principal, **elements)


def authoriser(policies: Policies) -> Authoriser:
    return Authoriser(policies, ManualClock(datetime(2026, 11, 22, 10, 30, tzinfo=UTC)))


def list_bucket(policies: Policies, caller: Caller = SESSION) -> None:
    context = {"aws:SourceIp": "127.0.0.1", "aws:SecureTransport": "true", "aws:UserAgent": "Boto3/1.40"}
    authoriser(policies).check(caller, "s3", "ListObjectsV2", "ap-northeast-1", {"Bucket": "b"}, context)


@pytest.mark.parametrize(
    ("operator", "key", "met", "not_met"),
    [
        ("ArnEquals", "aws:PrincipalArn", ROLE, f"arn:aws:iam::{ACCOUNT}:role/task"),
        ("IpAddress", "aws:SourceIp", "127.0.0.0/8", "10.0.0.0/8"),
        ("Bool", "aws:SecureTransport", "true", "false"),
        ("DateLessThan", "aws:CurrentTime", "2026-11-22T10:31:00Z", "2026-11-22T10:30:00Z"),
        ("NumericLessThan", "aws:EpochTime", "1795343401", "1795343400"),
        ("StringLike", "aws:UserAgent", "Boto3/*", "curl*"),
        ("StringEquals", "aws:RequestedRegion", "ap-northeast-1", "us-east-1"),
        ("StringEquals", "aws:ResourceAccount", ACCOUNT, "210987654321"),
        ("StringEquals", "aws:PrincipalTag/team", "logs", "web"),
        ("StringLike", "aws:userid", "AROA1:*", "AROA2:*"),
    ],
)
def test_condition_keys_of_a_call(operator: str, key: str, met: str, not_met: str) -> None:
    """Each key has the call's value: a condition on it grants when it is met, and only then."""
    list_bucket(Policies({"p": document(Condition={operator: {key: met}})}))
    with pytest.raises(AwsError, match="no identity-based policy allows"):
        list_bucket(Policies({"p": document(Condition={operator: {key: not_met}})}))


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("logs", "CreateLogGroup", {"logGroupName": "g", "tags": {"team": "logs"}}),
        ("firehose", "CreateDeliveryStream", {"DeliveryStreamName": "s", "Tags": [{"Key": "team", "Value": "logs"}]}),
        ("ecs", "CreateCluster", {"clusterName": "c", "tags": [{"key": "team", "value": "logs"}]}),
        ("ec2", "CreateVpc", {"TagSpecification": [{"Tag": [{"Key": "team", "Value": "logs"}]}]}),
    ],
)  # fmt: skip
def test_tags_of_a_call_are_condition_keys(service: str, operation: str, params: dict[str, Any]) -> None:
    """aws:RequestTag and aws:TagKeys, in each of the forms in which services take tags; none without tags."""
    conditions = {
        "StringEquals": {"aws:RequestTag/team": "logs"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
    }
    asked = authoriser(Policies({"p": document(Condition=conditions)}))
    asked.check(SESSION, service, operation, "ap-northeast-1", params)
    untagged = {name: value for name, value in params.items() if not name.lower().startswith("tag")}
    with pytest.raises(AwsError, match="no identity-based policy allows"):
        asked.check(SESSION, service, operation, "ap-northeast-1", untagged)


@pytest.mark.parametrize(("variable", "allowed"), [("aws:PrincipalTag/team", True), ("aws:PrincipalTag/none", False)])
def test_a_principals_tag_is_a_policy_variable(variable: str, allowed: bool) -> None:
    """The tag's value stands for the variable; a tag that the principal does not have fits nothing."""
    asked = authoriser(Policies({"p": document(Resource=f"arn:aws:s3:::${{{variable}}}")}))
    for bucket, expected in (("logs", allowed), ("web", False)):
        if expected:
            asked.check(SESSION, "s3", "HeadBucket", "ap-northeast-1", {"Bucket": bucket})
        else:
            with pytest.raises(AwsError):
                asked.check(SESSION, "s3", "HeadBucket", "ap-northeast-1", {"Bucket": bucket})


@pytest.mark.parametrize("where", ["identity", "boundary", "bucket"])
def test_stored_policy_that_is_malformed_denies(where: str) -> None:
    """What cannot be understood may have meant to deny: the call is denied, and the statement says why."""
    policies = Policies({"good": document()})
    if where == "identity":
        policies.identity["bad"] = "{"
    elif where == "boundary":
        policies.boundary = ("bad", "{}")
    else:
        policies.bucket = "[]"
    asked = authoriser(policies)
    with pytest.raises(AwsError, match="with an explicit deny"):
        asked.check(SESSION, "s3", "ListObjectsV2", "ap-northeast-1", {"Bucket": "b"})
    assert "(malformed) / Malformed" in asked.denials()[0]["decided_by"]


def test_malformed_trust_policy_lets_nobody_in() -> None:
    """A trust policy that cannot be understood names nobody."""
    with pytest.raises(AwsError, match="not authorized to perform: sts:AssumeRole"):
        authoriser(Policies(trust="{")).check_trust(TASKS, ROLE)


def test_service_needs_the_trust_policy_only() -> None:
    """AWS's own services have no policies of their own."""
    authoriser(Policies(trust=trust({"Service": "ecs-tasks.amazonaws.com"}))).check_trust(TASKS, ROLE)


@pytest.mark.parametrize("caller", [USER, SESSION])
def test_user_or_role_of_a_trusted_account_needs_its_own_permission(caller: Caller) -> None:
    """A trust policy that names the account leaves it to the caller's own policies."""
    root = trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    with pytest.raises(AwsError, match="sts:AssumeRole"):
        authoriser(Policies(trust=root)).check_trust(caller, ROLE)
    authoriser(Policies({"p": document(Action="sts:AssumeRole")}, trust=root)).check_trust(caller, ROLE)


def test_callers_own_deny_counts_at_assume_role() -> None:
    """A role may be told not to assume another, whatever that one's trust policy says."""
    policies = Policies({"p": document("Deny")}, trust=trust({"AWS": ROLE}))
    with pytest.raises(AwsError, match="sts:AssumeRole"):
        authoriser(policies).check_trust(SESSION, ROLE)


def test_trust_may_ask_for_whom_a_service_acts() -> None:
    """The condition against the confused deputy: aws:SourceAccount and aws:SourceArn."""
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": "arn:aws:ecs:*:*:task/*"}}
    asked = authoriser(Policies(trust=trust({"Service": "ecs-tasks.amazonaws.com"}, Condition=condition)))
    source = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"arn:aws:ecs:ap-northeast-1:{ACCOUNT}:task/c/t"}
    asked.check_trust(TASKS, ROLE, source)
    with pytest.raises(AwsError):
        asked.check_trust(TASKS, ROLE, {**source, "aws:SourceAccount": "999999999999"})


def test_log_delivery_needs_the_buckets_policy() -> None:
    """A load balancer's log delivery has no role: the bucket's policy names it, or it is denied (row A5)."""
    name = "logdelivery.elasticloadbalancing.amazonaws.com"
    delivery = Caller("service", name, ACCOUNT, principal=name)
    named = document(Action="s3:PutObject", Resource="arn:aws:s3:::b/AWSLogs/*", Principal={"Service": name})

    def deliver(policy: str | None, key: str = "AWSLogs/x.log.gz") -> None:
        params = {"Bucket": "b", "Key": key}
        authoriser(Policies(bucket=policy)).check(delivery, "s3", "PutObject", "ap-northeast-1", params)

    deliver(named)
    for policy, key in ((None, "AWSLogs/x"), (named, "elsewhere")):
        with pytest.raises(AwsError) as caught:
            deliver(policy, key)
        assert caught.value.code == "AccessDenied"


def test_other_services_of_aws_are_free() -> None:
    """What ECS or Firehose do for themselves, they do inside AWS; only their roles are asked about."""
    authoriser(Policies()).check(TASKS, "s3", "PutObject", "ap-northeast-1", {"Bucket": "b", "Key": "k"})

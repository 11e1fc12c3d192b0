"""Whatever comes in, the answer is a decision or the one error that is documented."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.iam.actions import required
from lab_helpers.iam.evaluate import NamedPolicy, PolicySet, evaluate
from lab_helpers.iam.policy import PolicyError, PolicyKind, parse
from lab_helpers.iam.principals import caller_of

from .builders import ACCOUNT, REGION, request, statement

ODD: list[Any] = [None, True, 7, "", "x", "arn:aws:x", [], [7], ["x"], [{}], {}, {"x": 7}, {"Name": 7}]
ODD_STRUCTURES: list[Any] = [
    {"Objects": 7},
    {"Objects": [7, {"Key": 7}]},
    {"taskRoleArn": 7},
    {"RoleARN": {"RoleARN": 7}},
]
CALLS: dict[tuple[str, str], tuple[str, ...]] = {
    ("athena", "StartQueryExecution"): ("WorkGroup",),
    ("ec2", "DeleteVpc"): ("VpcId",),
    ("ecr", "PutImage"): ("repositoryName", "registryId"),
    ("ecs", "DescribeTasks"): ("cluster", "tasks"),
    ("ecs", "RegisterTaskDefinition"): ("taskRoleArn", "executionRoleArn"),
    ("ecs", "RunTask"): ("taskDefinition", "overrides"),
    ("ecs", "UpdateService"): ("cluster", "service"),
    ("elbv2", "AddTags"): ("ResourceArns",),
    ("firehose", "CreateDeliveryStream"): ("DeliveryStreamName", "ExtendedS3DestinationConfiguration"),
    ("glue", "CreateDatabase"): ("DatabaseInput",),
    ("glue", "CreateTable"): ("DatabaseName", "TableInput"),
    ("iam", "AttachRolePolicy"): ("RoleName", "PolicyArn"),
    ("kinesis", "PutRecords"): ("StreamName",),
    ("lambda", "GET /functions"): ("x",),
    ("logs", "CreateLogGroup"): ("logGroupName", "tags"),
    ("logs", "PutSubscriptionFilter"): ("logGroupName", "roleArn"),
    ("logs", "StartQuery"): ("logGroupNames", "logGroupIdentifiers"),
    ("logs", "TagResource"): ("resourceArn",),
    ("s3", "CopyObject"): ("Bucket", "CopySource"),
    ("s3", "DeleteObjects"): ("Bucket", "Delete"),
    ("s3", "ListObjectsV2"): ("Bucket", "Prefix"),
    ("s3", "PutObject"): ("Key", "ACL"),
    ("secretsmanager", "GetSecretValue"): ("SecretId",),
    ("ssm", "GetParameters"): ("Names", "Name"),
    ("sts", "AssumeRole"): ("RoleArn", "ExternalId"),
}


@pytest.mark.parametrize("call", CALLS, ids=":".join)
def test_no_call_escapes_by_odd_parameters(call: tuple[str, str]) -> None:
    """Odd parameters neither break the table nor make a call free, nor put other than texts into the context."""
    names = CALLS[call]
    for values in itertools.product(ODD + ODD_STRUCTURES, repeat=len(names)):
        params: dict[str, Any] = dict(zip(names, values, strict=True))
        accesses = required(*call, params, REGION, ACCOUNT)
        assert accesses, params
        for access in accesses:
            assert isinstance(access.resource_arn, str)
            assert access.resource_arn
            assert all(isinstance(value, str | tuple) for value in access.context.values())


JUNK = st.recursive(
    st.sampled_from(ODD) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["AWS", "Bool", "a:b"]), inner),
    max_leaves=3,
)
ELEMENTS = st.sampled_from(
    ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "Condition"]
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(ELEMENTS, JUNK, max_size=3), st.sampled_from(PolicyKind))
def test_any_document_is_a_policy_or_a_policy_error(elements: dict[str, Any], kind: PolicyKind) -> None:
    """A broken document never ends in another error, and a policy that parses can be evaluated."""
    raw = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", **elements}}
    try:
        policy = parse(json.dumps(raw), kind)
    except PolicyError:
        return
    evaluate(request(), PolicySet((NamedPolicy("x", policy),), NamedPolicy("y", policy)))


@settings(max_examples=100, deadline=None)
@given(st.text(":/*arn12", max_size=20) | st.just("arn:aws:iam::123456789012:"))
def test_any_principal_can_be_read_and_named(principal: str) -> None:
    """What is no ARN is a service; as a principal in a policy it names itself at most."""
    assert caller_of(principal).arn == principal
    other = {**statement("Allow"), "Principal": {"AWS": [principal]}}
    policy = NamedPolicy.of("y", {"Statement": other}, kind=PolicyKind.RESOURCE)
    assert evaluate(request(), PolicySet(resource=policy)).allowed is (principal == "*")

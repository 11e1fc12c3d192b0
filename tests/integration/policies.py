"""The article's three roles, and how a permission is taken from one of them for a while."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

EXECUTION_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
EXECUTION_ACTIONS = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
)
"""What that policy allows. Source: AWS managed policy reference."""
TASK_LOGS_ACTIONS = (
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
    "logs:PutRetentionPolicy",
)
DELIVERY_ACTIONS = (
    "s3:AbortMultipartUpload",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:PutObject",
)
INLINE = "inline"


def allow(actions: Iterable[str], *resources: str) -> dict[str, Any]:
    """Return one statement; without resources, for all."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources) or ["*"]}


def deny(actions: Iterable[str], *resources: str) -> dict[str, Any]:
    """Return one statement that refuses."""
    return {**allow(actions, *resources), "Effect": "Deny"}


def trust(principal: Mapping[str, str]) -> str:
    """Return the document of a trust policy."""
    return document({"Effect": "Allow", "Principal": dict(principal), "Action": "sts:AssumeRole"})


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def task_statements(stream_arn: str) -> list[dict[str, Any]]:
    """The article's task role (row A11)."""
    return [allow(TASK_LOGS_ACTIONS), allow(["firehose:PutRecordBatch"], stream_arn)]


def delivery_statements(bucket_arn: str, log_group_arn: str) -> list[dict[str, Any]]:
    """The article's Firehose role (row A13)."""
    return [
        allow(DELIVERY_ACTIONS, bucket_arn, f"{bucket_arn}/*"),
        allow(["logs:PutLogEvents"], f"{log_group_arn}:log-stream:*"),
    ]


def put(iam: Any, role: str, *statements: Mapping[str, Any], name: str = INLINE) -> None:
    """Give a role these statements as an inline policy."""
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document(*statements))


@contextmanager
def inline(iam: Any, role: str, *statements: Mapping[str, Any]) -> Iterator[None]:
    """Let a role do these things instead of what its inline policy says; afterwards it is as before."""
    before = iam.get_role_policy(RoleName=role, PolicyName=INLINE)["PolicyDocument"]
    put(iam, role, *statements)
    try:
        yield
    finally:
        put(iam, role, *before["Statement"])


@contextmanager
def execution_without(iam: Any, role: str, *actions: str) -> Iterator[None]:
    """Take actions from the execution role, whose permissions are a managed policy's; put back afterwards."""
    put(iam, role, allow(action for action in EXECUTION_ACTIONS if action not in actions))
    iam.detach_role_policy(RoleName=role, PolicyArn=EXECUTION_POLICY)
    try:
        yield
    finally:
        iam.attach_role_policy(RoleName=role, PolicyArn=EXECUTION_POLICY)
        iam.delete_role_policy(RoleName=role, PolicyName=INLINE)

"""Roles of a drill's own: like the lab's, with one permission less or more."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lab_helpers.backends.local import policy_allows
from lab_helpers.base.clients import aws_errors
from lab_helpers.drills.stage import Stage

TASKS, FIREHOSE = "ecs-tasks.amazonaws.com", "firehose.amazonaws.com"
LOGS_ACTIONS = (
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
    "logs:PutRetentionPolicy",
)
"""What the lab's task role may do with CloudWatch Logs (row A11)."""
NEVER_NEEDED = (
    ("iam:CreateUser", "arn:aws:iam::123456789012:user/x"),
    ("logs:DeleteLogGroup", "arn:aws:logs:ap-northeast-1:123456789012:log-group:/ecs/x:log-stream:"),
    ("firehose:DeleteDeliveryStream", "arn:aws:firehose:ap-northeast-1:123456789012:deliverystream/x"),
    ("ecr:PutImage", "arn:aws:ecr:ap-northeast-1:123456789012:repository/x"),
    ("s3:DeleteObject", "arn:aws:s3:::x/y"),
)
EXECUTION_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"


def allow(actions: Iterable[str], *resources: str) -> dict[str, Any]:
    """Return one statement; without resources, for all."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources) or ["*"]}


def logs_without(*actions: str) -> dict[str, Any]:
    """Return the task role's statement for CloudWatch Logs without some of its actions."""
    return allow(action for action in LOGS_ACTIONS if action not in actions)


def make_role(
    stage: Stage,
    short: str,
    *statements: Mapping[str, Any],
    trusted: str = TASKS,
    managed: tuple[str, ...] = (),
    document: str = "",
) -> str:
    """Make the drill's role `short`, or give it these statements if it is there; return its ARN.

    `document` is a whole policy, in the place of statements; `managed` are ARNs of managed policies. Not modelled: on
    an account a new role takes seconds to be known everywhere; a task that comes too early says that ECS could not
    assume it.
    """
    iam, name = stage.lab.client("iam"), f"{stage.family}-{short}"
    stage.opened.add("role", name)
    with aws_errors("CreateRole"):
        if name not in {
            role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]
        }:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(_trust(trusted)))
        if statements or document:
            text = document or _policy(*statements)
            iam.put_role_policy(RoleName=name, PolicyName="drill", PolicyDocument=text)
        for arn in managed:
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])


def allowed_beyond(document: str) -> str:
    """Return an action that no drill's task needs and that a policy document allows all the same; empty for none."""
    arns = {action: arn for action, arn in NEVER_NEEDED if policy_allows(document, action, arn)}
    return next(iter(arns), "")


def _trust(service: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

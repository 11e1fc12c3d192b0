"""A local AWS without a data plane: gateway, IAM and moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.local_aws.server import LocalAws
from tests.support.answers_by_model import held

TRUST_TASKS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    """A running local AWS that has only moto's services and our IAM."""
    with LocalAws(tmp_path / "aws", factories=[]) as running:
        yield running


@pytest.fixture
def answers_as_described() -> Iterator[None]:
    """Every answer of our handlers in the test is as botocore's description of its operation says."""
    with held() as found:
        yield
    assert found.problems == []


@pytest.fixture
def task_role(aws: LocalAws) -> Iterator[str]:
    """The ARN of a role that tasks may assume, without permissions; removed again, since moto is one a process."""
    iam = aws.client("iam")
    arn = iam.create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(TRUST_TASKS))["Role"]["Arn"]
    yield str(arn)
    for name in iam.list_role_policies(RoleName="task")["PolicyNames"]:
        iam.delete_role_policy(RoleName="task", PolicyName=name)
    for policy in iam.list_attached_role_policies(RoleName="task")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="task", PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName="task")


def allow(aws: LocalAws, action: str, resource: str) -> None:
    """Give the task role one permission."""
    document: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "Test", "Effect": "Allow", "Action": action, "Resource": resource}],
    }
    aws.client("iam").put_role_policy(RoleName="task", PolicyName="test", PolicyDocument=json.dumps(document))

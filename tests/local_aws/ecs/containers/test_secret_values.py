"""Secrets of containers: the documented permissions are enough, and what is wrong is said as Fargate says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local_aws.ecs.kit import TRUST, Stand, role, shell

ACCOUNT = "123456789012"
OPENING = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
    "unable to retrieve "
)
DOCUMENTED = ["secretsmanager:GetSecretValue", "ssm:GetParameters", "logs:CreateLogStream", "logs:PutLogEvents"]


@pytest.fixture(scope="module")
def pair(stand: Stand) -> Iterator[str]:
    """The ARN of a secret of two versions, and a parameter; roles that may read both, or only write logs."""
    for name, actions in (("reader", DOCUMENTED), ("blind", DOCUMENTED[2:])):
        allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        stand.add_role(name, TRUST, {"Version": "2012-10-17", "Statement": [allowed]})
    secrets, ssm = stand.aws.client("secretsmanager"), stand.aws.client("ssm")
    arn = str(secrets.create_secret(Name="versions", SecretString='{"user": "old", "age": 7}')["ARN"])
    secrets.put_secret_value(SecretId=arn, SecretString='{"user": "new"}')
    plain = str(secrets.create_secret(Name="plain", SecretString="no JSON")["ARN"])
    ssm.put_parameter(Name="/lab/secret", Value="open", Type="SecureString")
    yield f"{arn} {plain}"
    for each in (arn, plain):
        secrets.delete_secret(SecretId=each, ForceDeleteWithoutRecovery=True)
    ssm.delete_parameter(Name="/lab/secret")


def run(stand: Stand, execution_role: str, *sources: str) -> tuple[str, list[str]]:
    """Run a task with these secrets; return why it stopped, and what it printed of them."""
    names = [f"S{number}" for number in range(len(sources))]
    given = [{"name": name, "valueFrom": source} for name, source in zip(names, sources, strict=True)]
    printed: dict[str, Any] = shell("echo " + " ".join(f"${name}" for name in names), secrets=given)
    arn = stand.run(stand.define(printed, executionRoleArn=role(execution_role)))
    reason = str(stand.stopped(arn)["stoppedReason"])
    return reason, [] if reason.startswith("Resource") else stand.messages("/test", stand.stream_of(arn))


def test_the_documented_permissions_are_enough(stand: Stand, pair: str) -> None:
    """GetSecretValue and GetParameters, no other; a version may be named by its stage, a number of JSON is its text."""
    arn = pair.split()[0]
    reason, lines = run(
        stand, "reader", f"{arn}:user::", f"{arn}:user:AWSPREVIOUS:", f"{arn}:age:AWSPREVIOUS:", "/lab/secret",
        f"arn:aws:ssm:ap-northeast-1:{ACCOUNT}:parameter/lab/secret",
    )  # fmt: skip
    assert lines == ["new old 7 open open"], reason


def test_without_permission(stand: Stand, pair: str) -> None:
    """IAM's sentence stands at the end, as the agent's SDK words it."""
    arn = pair.split()[0]
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role('blind').rsplit('/', 1)[-1]}/[0-9a-f]{{32}}"
    reason, _ = run(stand, "blind", arn)
    assert re.fullmatch(
        f"{OPENING}secret from asm: service call has been retried 1 time\\(s\\): failed to fetch secret {arn} from "
        f"secrets manager: AccessDeniedException: User: {session} is not authorized to perform: "
        f"secretsmanager:GetSecretValue on resource: {arn} because no identity-based policy allows the "
        "secretsmanager:GetSecretValue action status code: 400, request id: [\\w-]*",
        reason,
    ), reason
    reason, _ = run(stand, "blind", "/lab/secret")
    assert re.fullmatch(
        f"{OPENING}secrets from ssm: service call has been retried 1 time\\(s\\): AccessDeniedException: User: "
        f"{session} is not authorized to perform: ssm:GetParameters on resource: "
        f"arn:aws:ssm:ap-northeast-1:{ACCOUNT}:parameter/lab/secret because no identity-based policy allows the "
        "ssm:GetParameters action status code: 400, "
        "request id: [\\w-]*",
        reason,
    ), reason


def test_what_is_not_there(stand: Stand, pair: str) -> None:
    """No such key, no JSON, no such secret, no such parameter."""
    arn, plain = pair.split()
    retried = "secret from asm: service call has been retried 1 time(s): "
    wrong = {
        f"{arn}:none::": f"{retried}retrieved secret from Secrets Manager did not contain json key none",
        f"{plain}:user::": "secret from asm: invalid character 'n' looking for beginning of value",
        "/lab/none": "secrets from ssm: invalid parameters: /lab/none",
    }
    for source, told in wrong.items():
        assert run(stand, "reader", source)[0] == OPENING + told
    nobody = f"arn:aws:secretsmanager:ap-northeast-1:{ACCOUNT}:secret:nobody-AbCdEf"
    assert run(stand, "reader", nobody)[0].startswith(
        f"{OPENING}{retried}failed to fetch secret {nobody} from secrets manager: ResourceNotFoundException: "
    )

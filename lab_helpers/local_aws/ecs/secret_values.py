"""Values of `secrets` in container definitions, read with the task execution role.

Source: "Passing sensitive data to a container" in the ECS developer guide.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.spec import ContainerSpec
from lab_helpers.local_aws.ecs.world import World


class SecretError(Exception):
    """A secret could not be read; the text is the task's stoppedReason."""


def resolve_secrets(world: World, task: Task, spec: ContainerSpec) -> dict[str, str]:
    """Return {variable: value} for the container's secrets; raises SecretError as AWS words it."""
    if not spec.secrets:
        return {}
    role = task.spec.execution_role_arn
    if role is None:
        raise SecretError("ResourceInitializationError: unable to pull secrets: the task has no execution role")
    values = {}
    for name, source in spec.secrets.items():
        try:
            values[name] = _value(world, role, task, source)
        except (ClientError, BotoCoreError) as exc:
            raise SecretError(_reason(source, exc)) from exc
    return values


def _value(world: World, role: str, task: Task, source: str) -> str:
    if ":secretsmanager:" in source:
        return _secret(world.as_role("secretsmanager", role, task), source)
    name = source.split(":parameter", 1)[-1] if ":parameter" in source else source
    ssm = world.as_role("ssm", role, task)
    return str(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def _secret(client: Any, source: str) -> str:
    parts = source.split(":")
    arn, key = ":".join(parts[:7]), parts[7] if len(parts) > 7 else ""
    text = str(client.get_secret_value(SecretId=arn)["SecretString"])
    return str(json.loads(text)[key]) if key else text


def _reason(source: str, exc: Exception) -> str:
    what = "asm" if ":secretsmanager:" in source else "ssm"
    return (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        f"unable to retrieve secret from {what}: service call has been retried 1 time(s): {exc}"
    )

"""Values of `secrets` and `secretOptions` in container definitions, read with the task execution role.

They are in the environment of the container's (or the router's) program and nowhere on disk.

Source: "Passing sensitive data to a container" in the ECS developer guide (the permissions are secretsmanager:
GetSecretValue and ssm:GetParameters; a secret's ARN may go on with :json-key:version-stage:version-id); stopped reasons
as users of Fargate report them.
Not modelled: secrets of another region than the task's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.base import nested_json
from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.world import World

_OPENING = "ResourceInitializationError: unable to pull secrets or registry auth: "
_RETRIED = "service call has been retried 1 time(s): "
_ARN_PARTS = 7


class SecretError(Exception):
    """A secret could not be read; the text is the task's stoppedReason."""


def resolve_secrets(world: World, task: Task, sources: Mapping[str, str]) -> dict[str, str]:
    """Return {variable: value} for {variable: secret or parameter}; raises SecretError as AWS words it."""
    if not sources:
        return {}
    role = task.spec.execution_role_arn
    if role is None:
        raise SecretError("ResourceInitializationError: unable to pull secrets: the task has no execution role")
    values = {}
    for name, source in sources.items():
        if ":secretsmanager:" in source:
            values[name] = _secret(world.as_role("secretsmanager", role, task), source)
        else:
            values[name] = _parameter(world.as_role("ssm", role, task), source)
    return values


def _parameter(client: Any, source: str) -> str:
    name = source.split(":parameter", 1)[-1] if ":parameter" in source else source
    try:
        found = client.get_parameters(Names=[name], WithDecryption=True)["Parameters"]
    except (ClientError, BotoCoreError) as exc:
        raise _failure("secrets from ssm", f"{_RETRIED}{_told(exc)}") from exc
    if not found:
        raise _failure("secrets from ssm", f"invalid parameters: {name}")
    return str(found[0]["Value"])


def _secret(client: Any, source: str) -> str:
    parts = source.split(":")
    arn, (key, stage, version) = ":".join(parts[:_ARN_PARTS]), [*parts[_ARN_PARTS:], "", "", ""][:3]
    wanted = {"SecretId": arn, "VersionStage": stage, "VersionId": version}
    try:
        text = str(client.get_secret_value(**{name: value for name, value in wanted.items() if value})["SecretString"])
    except (ClientError, BotoCoreError) as exc:
        told = f"failed to fetch secret {arn} from secrets manager: {_told(exc)}"
        raise _failure("secret from asm", f"{_RETRIED}{told}") from exc
    return _member(text, key) if key else text


def _member(text: str, key: str) -> str:
    try:
        members = nested_json.loads(text)
    except ValueError as exc:
        first = text.strip()[:1]
        raise _failure("secret from asm", f"invalid character '{first}' looking for beginning of value") from exc
    if not isinstance(members, dict) or key not in members:
        told = f"retrieved secret from Secrets Manager did not contain json key {key}"
        raise _failure("secret from asm", f"{_RETRIED}{told}")
    value = members[key]
    return value if isinstance(value, str) else json.dumps(value)


def _failure(what: str, why: str) -> SecretError:
    return SecretError(f"{_OPENING}execution resource retrieval failed: unable to retrieve {what}: {why}")


def _told(exc: Exception) -> str:
    """Word a refusal as the SDK of the ECS agent does."""
    if not isinstance(exc, ClientError):
        return str(exc)
    error, answer = exc.response["Error"], exc.response["ResponseMetadata"]
    status, request_id = answer.get("HTTPStatusCode"), answer.get("RequestId", "")
    return f"{error['Code']}: {error['Message']} status code: {status}, request id: {request_id}"

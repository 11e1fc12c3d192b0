"""Names and identifiers of ECS: ARNs, task ids, and what a caller may write for them."""

from __future__ import annotations

import re
import secrets
import uuid

from lab_helpers.local_aws.kit.api import AwsError

_FULL_NAME = re.compile(r"^[A-Za-z0-9_-]{1,255}$")


def new_task_id() -> str:
    """Return 32 hex digits, as Fargate names its tasks."""
    return secrets.token_hex(16)


def new_container_id(task_id: str) -> str:
    """Return `<task id>-<10 digits>`, as Fargate names the containers of a task."""
    return f"{task_id}-{secrets.randbelow(9 * 10**9) + 10**9}"


def new_deployment_id() -> str:
    """Return `ecs-svc/` and 19 digits."""
    return f"ecs-svc/{secrets.randbelow(9 * 10**18) + 10**18}"


def new_uuid() -> str:
    """Return a random UUID as text."""
    return str(uuid.uuid4())


def arn(region: str, account: str, resource: str) -> str:
    """Return the ARN of an ECS resource, e.g. "cluster/name"."""
    return f"arn:aws:ecs:{region}:{account}:{resource}"


def last_part(value: str) -> str:
    """Return what stands behind the last slash: the id or name in an ARN, or the value itself."""
    return value.rsplit("/", 1)[-1]


def resource_type(value: str) -> str:
    """Return "service", "task", "cluster", … of an ECS ARN."""
    return value.split(":", 5)[-1].split("/", 1)[0]


def region_of(value: str) -> str:
    """Return the region of an ARN."""
    return value.split(":")[3]


def check_name(name: str) -> None:
    """Raise AWS's InvalidParameterException unless `name` may name a service."""
    if not _FULL_NAME.fullmatch(name):
        raise AwsError("InvalidParameterException", "Name must match [a-zA-Z0-9_-]{1,255}.")

"""What AWS refuses in the log drivers, the router's user, volumes, files and restarts of a task definition.

Source: aws-samples/amazon-ecs-firelens-examples#83, aws/amazon-ecs-agent#418, #872, aws-cloudformation/cfn-lint#1787
(options of awslogs), aws/aws-cdk#1422 (its prefix on Fargate), eagletmt/hako#93 and cloudposse/
terraform-aws-ecs-container-definition#97 (the router's user), hashicorp/terraform-provider-aws#11551 (a router without
users); LogConfiguration, ContainerRestartPolicy, EnvironmentFile, MountPoint and Volume of the ECS API reference, whose
rules stand here in our words where nobody has reported AWS's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError

ROUTER_USER = "0"
"""What ECS keeps as `user` of a router that names none, so that a template without it is planned anew each time.

Source: hashicorp/terraform-provider-aws#41394.
"""
AWSLOGS_REQUIRED = ("awslogs-region", "awslogs-group")
AWSLOGS_OPTIONS = frozenset(
    {
        *AWSLOGS_REQUIRED,
        "awslogs-create-group",
        "awslogs-stream-prefix",
        "awslogs-datetime-format",
        "awslogs-multiline-pattern",
        "mode",
        "max-buffer-size",
    }
)
RESTART_PERIOD_S = (60, 1800)
MOST_IGNORED_CODES = 50
MOST_ENVIRONMENT_FILES = 10
_UID = re.compile(r"\d+(:[\w.-]+)?")
"""What the agent can give the socket's folder to. Source: aws/amazon-ecs-agent#4596 (since 1.96.0, July 2025)."""
_VOLUME = re.compile(r"[\w-]{1,255}", re.ASCII)
_S3_FILE = re.compile(r"arn:aws[\w-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+")


def with_router_user(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return RegisterTaskDefinition's parameters as ECS keeps them: a router without `user` has "0"."""
    containers = [
        {**each, "user": ROUTER_USER} if each.get("firelensConfiguration") and not each.get("user") else dict(each)
        for each in params.get("containerDefinitions") or ()
    ]
    return {**params, "containerDefinitions": containers}


def with_ordered_options(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return RegisterTaskDefinition's parameters with each map of options by name.

    AWS promises no order, and Terraform's provider sends another one each time; here a definition reads the same twice.
    """
    containers = [
        {key: _ordered(value) if key in ("logConfiguration", "firelensConfiguration") else value for key, value in one}
        for one in (dict(each).items() for each in params.get("containerDefinitions") or ())
    ]
    return {**params, "containerDefinitions": containers}


def _ordered(part: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not part or not part.get("options"):
        return part
    return {**part, "options": dict(sorted(part["options"].items()))}


def check_containers(params: Mapping[str, Any], *, fargate: bool) -> None:
    """Raise the AwsError that RegisterTaskDefinition answers, if any."""
    containers = list(params.get("containerDefinitions") or ())
    _check_waiting(containers)
    volumes = _checked_volumes(params.get("volumes") or (), fargate=fargate)
    for container in containers:
        _check_log(container.get("logConfiguration") or {}, fargate=fargate)
        _check_user(container)
        _check_restart(container)
        _check_files(container)
        _check_mounts(container, volumes)
    _check_router_is_used(containers)
    logs = [each.get("logConfiguration") or {} for each in containers]
    named = [each.get("secrets") for each in containers] + [each.get("secretOptions") for each in logs]
    if any(named) and not params.get("executionRoleArn"):
        raise _refused(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
        )


def _refused(message: str) -> AwsError:
    return AwsError("ClientException", message)


def _check_log(log: Mapping[str, Any], *, fargate: bool) -> None:
    if log.get("logDriver") != "awslogs":
        return
    options = log.get("options") or {}
    if unknown := sorted(options.keys() - AWSLOGS_OPTIONS):
        raise _refused(f"Log driver awslogs disallows options: {', '.join(unknown)}")
    if missing := [name for name in AWSLOGS_REQUIRED if name not in options]:
        raise _refused(f"Log driver awslogs requires options: {', '.join(missing)}")
    if fargate and "awslogs-stream-prefix" not in options:
        raise _refused(
            "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs."
        )


def _check_user(container: Mapping[str, Any]) -> None:
    user = str(container.get("user") or ROUTER_USER)
    if container.get("firelensConfiguration") and not _UID.fullmatch(user):
        raise _refused("If 'user' field is specified on firelens container, then 'UID' has to be '0'.")


def _check_router_is_used(containers: list[Mapping[str, Any]]) -> None:
    has_router = any(each.get("firelensConfiguration") for each in containers)
    drivers = {(each.get("logConfiguration") or {}).get("logDriver") for each in containers}
    if has_router and "awsfirelens" not in drivers:
        raise _refused(
            "When a firelensConfiguration object is specified, at least one container has to be configured with the "
            "awsfirelens log driver."
        )


def _check_waiting(containers: list[Mapping[str, Any]]) -> None:
    """Check what containers wait for: an end that stops the task, or a health that nobody checks."""
    by_name = {each["name"]: each for each in containers}
    for container in containers:
        for waits in container.get("dependsOn") or ():
            other = by_name.get(waits["containerName"], {"essential": False, "healthCheck": {}})
            if waits["condition"] in ("SUCCESS", "COMPLETE") and other.get("essential", True):
                raise _refused(
                    "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
                )
            if waits["condition"] == "HEALTHY" and other.get("healthCheck") is None:
                raise _refused(
                    f"Container {container['name']} waits for {other['name']} to be HEALTHY, which has no healthCheck."
                )


def _check_restart(container: Mapping[str, Any]) -> None:
    policy = container.get("restartPolicy") or {}
    (least, most), period = RESTART_PERIOD_S, policy.get("restartAttemptPeriod")
    if period is not None and not least <= int(period) <= most:
        raise _refused(
            f"Container {container['name']}: restartAttemptPeriod must be between {least} and {most} seconds, "
            f"not {period}."
        )
    if len(policy.get("ignoredExitCodes") or ()) > MOST_IGNORED_CODES:
        raise _refused(f"Container {container['name']}: at most {MOST_IGNORED_CODES} ignoredExitCodes may be given.")


def _check_files(container: Mapping[str, Any]) -> None:
    files = container.get("environmentFiles") or ()
    if len(files) > MOST_ENVIRONMENT_FILES:
        raise _refused(f"Container {container['name']}: at most {MOST_ENVIRONMENT_FILES} environmentFiles.")
    for each in files:
        if each.get("type") != "s3" or not _S3_FILE.fullmatch(str(each.get("value"))):
            raise _refused("Invalid arn syntax.")
        if not str(each["value"]).endswith(".env"):
            raise _refused(f"Container {container['name']}: {each['value']} must end with .env.")


def _checked_volumes(volumes: Any, *, fargate: bool) -> set[str]:
    """Check the volumes of a task; return their names."""
    names = [str(each.get("name") or "") for each in volumes]
    for name, volume in zip(names, volumes, strict=True):
        if not _VOLUME.fullmatch(name):
            raise _refused(f"Volume name {name!r} must match ^[a-zA-Z0-9\\-_]{{1,255}}$.")
        if fargate and (volume.get("host") or {}).get("sourcePath"):
            raise _refused("host.sourcePath should not be set for volumes in Fargate compatible task definitions")
        if fargate and volume.get("dockerVolumeConfiguration"):
            raise _refused("Docker volumes are not supported in Fargate compatible task definitions.")
    if len(set(names)) < len(names):
        raise _refused("Volume names must be unique within a Task Definition.")
    return set(names)


def _check_mounts(container: Mapping[str, Any], volumes: set[str]) -> None:
    paths = [str(each.get("containerPath") or "") for each in container.get("mountPoints") or ()]
    for mount in container.get("mountPoints") or ():
        if mount.get("sourceVolume") not in volumes:
            raise _refused(f"Unknown volume '{mount.get('sourceVolume')}'.")
        if not str(mount.get("containerPath") or "").startswith("/"):
            raise _refused(f"Container {container['name']}: containerPath must be an absolute path.")
    if len(set(paths)) < len(paths):
        raise _refused(f"Container {container['name']}: a containerPath is mounted twice.")

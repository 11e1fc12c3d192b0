"""A task definition as the trial runs it: containers that print the given lines, roles and addresses of this AWS.

What is changed is said in `notes`; the generated configuration that is shown is that of the definition as it was given.
Not modelled: the programs of app containers and their health checks; `secrets`, which get a value of no meaning.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_helpers.base.errors import TaskDefinitionError
from lab_helpers.firelens.options import ROUTER_OPTIONS
from lab_helpers.router.core.service import NO_COMMANDS, PASSES_WAITS
from lab_helpers.router.recording import RECORD_IN
from lab_helpers.trying import configuration
from lab_helpers.trying.definition import (
    EXECUTION_ROLE,
    are_containers_alone,
    logged_by_router,
    roles_of_the_trial,
    router_of,
)

DEFAULT_REGION = "ap-northeast-1"
PRINTER = "public.ecr.aws/docker/library/busybox:stable"
ROUTER_GROUP = "/lab-try/log-router"
FARGATE_LEAST = {"cpu": "256", "memory": "512"}
_REGION = re.compile(r"arn:aws[\w-]*:\w+:([a-z]{2}(?:-[a-z]+)+-\d):")
_ROLE = re.compile(r"arn:aws[\w-]*:iam::([^:]*):role/(?:.*/)?([\w+=,.@-]+)")
_ACCOUNT = re.compile(r"\d{12}")


@dataclass(frozen=True)
class Adapted:
    """What is run; `notes` say what is not as it was given."""

    definition: dict[str, Any]
    notes: tuple[str, ...]


def region_of(definition: Mapping[str, Any]) -> str:
    """Return the Region that the definition speaks of: its log options', else that of an ARN in it."""
    for container in definition["containerDefinitions"]:
        options = (container.get("logConfiguration") or {}).get("options") or {}
        named = options.get("awslogs-region") or options.get("region")
        if named and re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", named):
            return str(named)
    found = _REGION.search(repr(definition))
    return found[1] if found else DEFAULT_REGION


def role_name(arn: str) -> str:
    """Return a role's name of its ARN, or of the name itself; raises TaskDefinitionError for neither."""
    found = _ROLE.fullmatch(arn)
    name = found[2] if found else arn
    if not re.fullmatch(r"[\w+=,.@-]{1,64}", name):
        raise TaskDefinitionError(f"{arn!r} names no role", "Give the role's ARN.")
    return name


def accounts_left_out(definition: Mapping[str, Any]) -> list[str]:
    """Say of which roles the account is left out, as it is where a definition was published."""
    arns = dict.fromkeys(str(definition[name]) for name in ("taskRoleArn", "executionRoleArn") if definition.get(name))
    return [
        f"{arn} has no account number of 12 digits: AWS would find no such role; the trial made one of this name."
        for arn in arns
        if (found := _ROLE.fullmatch(arn)) and not _ACCOUNT.fullmatch(found[1])
    ]


def adapt(definition: Mapping[str, Any], lines: Mapping[str, Path], folder: Path, router_image: str | None) -> Adapted:
    """Return the definition to run; `lines` are files by container, `folder` one of the trial's own.

    `router_image`: the image that was built of the user's files; None: the definition's own.
    """
    notes = accounts_left_out(definition)
    if are_containers_alone(definition):
        notes.append("The containers were given alone, without their task's roles: the trial has two of its own.")
    elif own := roles_of_the_trial(definition):
        notes.append(f"Roles that are made with the definition ({', '.join(own)}) are the trial's own.")
    router = router_of(definition)
    changed: list[dict[str, Any]] = []
    for given in definition["containerDefinitions"]:
        if router is not None and given["name"] == router["name"]:
            changed.append(_router(given, region_of(definition), router_image, folder, notes))
        else:
            changed.append(_app(given, definition, lines, folder, notes))
    made = {**definition, "containerDefinitions": changed}
    if not definition.get("executionRoleArn"):
        made["executionRoleArn"] = EXECUTION_ROLE
        pull = "to pull the image that was built here and " if router_image is not None else ""
        notes.append(f"It names no execution role: the trial has one of its own, {pull}to keep the router's log.")
    if "FARGATE" not in (definition.get("requiresCompatibilities") or ["FARGATE"]):
        notes.append("It asks for EC2: it was tried as a Fargate task, in its own network (awsvpc).")
    made |= {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "volumes": []}
    if not made.get("cpu") or not made.get("memory"):
        made |= FARGATE_LEAST
    for name in ("taskRoleArn", "executionRoleArn"):
        if made.get(name):
            made[name] = f"arn:aws:iam::{configuration.ACCOUNT}:role/{role_name(made[name])}"
    for name in ("placementConstraints", "proxyConfiguration", "ephemeralStorage", "inferenceAccelerators"):
        made.pop(name, None)
    return Adapted(made, tuple(notes))


def environment_of(router: Mapping[str, Any], region: str) -> dict[str, str]:
    """Return the variables that the router's configuration can name."""
    given = {str(each["name"]): str(each.get("value", "")) for each in router.get("environment") or ()}
    secrets = {str(each["name"]): f"secret-{each['name']}" for each in router.get("secrets") or ()}
    return {"AWS_REGION": region, **secrets, **given}


def left_out(router: Mapping[str, Any]) -> list[str]:
    """Say what of a log router nobody reads, and what the trial does not have, though its configuration may want it."""
    name = router["name"]
    options = router["firelensConfiguration"].get("options") or {}
    unread = [
        f"{each!r} is no option of FireLens ({', '.join(ROUTER_OPTIONS)}): nobody reads it."
        for each in options
        if each not in ROUTER_OPTIONS
    ]
    files = [str(each.get("value", "")) for each in router.get("environmentFiles") or ()]
    told = [f"{', '.join(files)} (environmentFiles of {name}) was not fetched: its variables are not set."]
    shared = "Volumes of {} are not shared with the app containers here: a file that its tail input reads is not there."
    mounts = router.get("mountPoints") or router.get("volumesFrom")
    return [*unread, *(told if files else []), *([shared.format(name)] if mounts else [])]


def _router(given: Mapping[str, Any], region: str, image: str | None, folder: Path, notes: list[str]) -> dict[str, Any]:
    made = _plain(given)
    options = dict((given["firelensConfiguration"].get("options")) or {})
    if options.get("config-file-type") == "s3":
        # Fargate refuses that; where it is taken (EC2), the agent puts the file at this place.
        notes.append("The configuration that the agent fetches from S3 was put into the image for the trial.")
        options |= {"config-file-type": "file", "config-file-value": "/fluent-bit/etc/external.conf"}
        made["firelensConfiguration"] = {**given["firelensConfiguration"], "options": options}
    if image is not None:
        made["image"] = image
    named = {name: configuration.role_here(value) for name, value in environment_of(given, region).items()}
    variables = {**named, RECORD_IN: str(folder), NO_COMMANDS: "1", PASSES_WAITS: "1"}
    made["environment"] = [{"name": name, "value": value} for name, value in variables.items()]
    notes += left_out(given)
    if given.get("secrets"):
        notes.append(f"Secrets of {given['name']} were not fetched: they have the value secret-NAME.")
    if "logConfiguration" not in given:
        made["logConfiguration"] = _awslogs(ROUTER_GROUP, region)
    return made


def _app(
    given: Mapping[str, Any], definition: Mapping[str, Any], lines: Mapping[str, Path], folder: Path,
    notes: list[str],
) -> dict[str, Any]:  # fmt: skip
    name = given["name"]
    made = _plain(given) | {"image": PRINTER, "command": _command(name, lines, folder, definition)}
    made.pop("entryPoint", None)
    if given.get("healthCheck"):
        notes.append(f"The health check of {name} was left out: its program does not run here.")
    if logged_by_router(given):
        made["logConfiguration"] = {"logDriver": "awsfirelens", "options": _log_options(given, notes)}
    elif (given.get("logConfiguration") or {}).get("logDriver") not in (None, "awslogs"):
        made.pop("logConfiguration")
        notes.append(f"The log driver of {name} is not one of Fargate's: its lines were left out.")
    return made


def _log_options(given: Mapping[str, Any], notes: list[str]) -> dict[str, str]:
    options = dict(given["logConfiguration"].get("options") or {})
    secret = [str(each["name"]) for each in given["logConfiguration"].get("secretOptions") or ()]
    if secret:
        notes.append(f"Secret log options of {given['name']} were not fetched: they have the value secret-NAME.")
    options |= {name: f"secret-{name}" for name in secret}
    is_aws = options.get("Name", "").lower() in configuration.MODELLED
    return configuration.without_addresses(options) if is_aws else options


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what has no effect on logs and what this machine cannot give."""
    away = {"healthCheck", "secrets", "mountPoints", "volumesFrom", "repositoryCredentials", "environmentFiles",
            "portMappings", "links", "ulimits", "dockerSecurityOptions", "resourceRequirements"}  # fmt: skip
    made = {key: value for key, value in given.items() if key not in away}
    if made.get("dependsOn"):
        made["dependsOn"] = [
            {**each, "condition": "START" if each["condition"] == "HEALTHY" else each["condition"]}
            for each in made["dependsOn"]
        ]
    return made


def _command(name: str, lines: Mapping[str, Path], folder: Path, definition: Mapping[str, Any]) -> list[str]:
    """Print the lines and end; with several that print, when all have: the end of one would stop the others."""
    if name not in lines:
        return ["sleep", "3600"]
    printed = f"cat {shlex.quote(str(lines[name]))}"
    if len(lines) == 1 or _one_waits_for_the_end_of_another(definition["containerDefinitions"]):
        return ["sh", "-c", printed]
    marks = {each: shlex.quote(str(folder / f"printed-{number}")) for number, each in enumerate(sorted(lines))}
    others = " && ".join(f"[ -e {mark} ]" for mark in marks.values())
    return ["sh", "-c", f"{printed}; : > {marks[name]}; until {others}; do sleep 0.05; done"]


def _one_waits_for_the_end_of_another(containers: Sequence[Mapping[str, Any]]) -> bool:
    conditions = {each["condition"] for container in containers for each in container.get("dependsOn") or ()}
    return bool(conditions & {"COMPLETE", "SUCCESS"})


def _awslogs(group: str, region: str) -> dict[str, Any]:
    options = {"awslogs-group": group, "awslogs-region": region, "awslogs-stream-prefix": "try"}
    return {"logDriver": "awslogs", "options": options}

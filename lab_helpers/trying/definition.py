"""A task definition as people have it: as registered, as `describe-task-definition` prints it, its containers alone.

What Terraform and CloudFormation write around one is `templates`' part.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab_helpers.base.errors import TaskDefinitionError
from lab_helpers.trying import templates

PRINTED_ONLY = frozenset(
    {
        "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt",
        "registeredBy", "deregisteredAt", "tags", "enableFaultInjection",
    }
)  # fmt: skip
"""Members that DescribeTaskDefinition answers and RegisterTaskDefinition does not take, or that change nothing here."""
DEFAULTS = {"family": "tried", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256"}
MEMORY = "512"
TASK_ROLE, EXECUTION_ROLE = "lab-try-task", "lab-try-execution"
ROLES = {
    "taskRoleArn": f"arn:aws:iam::123456789012:role/{TASK_ROLE}",
    "executionRoleArn": f"arn:aws:iam::123456789012:role/{EXECUTION_ROLE}",
}
"""Of containers that are given alone, as Terraform has them in `container_definitions`: their roles stand elsewhere.

Also of a plan or a template that makes the roles itself.
"""
_TERRAFORM = re.compile(r"\$\{\s*(?:(?:var|local|data|module|each|count|path|terraform|aws_\w+)[.\[]|\w+\()[^}]*\}?")
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}|<[A-Za-z_ -]{3,}>|\{\{[^}]*\}\}")
_BLANK = re.compile(r"(?<![?\\(])<[A-Za-z][A-Za-z_ -]+>")
"""What a person was to fill in, where no tag and no group of a pattern is: `<aws_region>`."""
_PATTERNS = ("include-pattern", "exclude-pattern")
_LITERAL = ("family", "taskRoleArn", "executionRoleArn", "cpu", "memory", "networkMode")
_BARE_NAME = re.compile(r"\$\{[^}\n]*\}|\$\w+|\{\{[^}\n]*\}\}|<[\w -]+>")
"""What stands where JSON wants a value: a template's variable."""
_COMMENT = re.compile(r"^[ \t]*(//|/\*|#)|[,\[\]{}][ \t]*(//|/\*|#)", re.MULTILINE)


def parse(text: str) -> dict[str, Any]:
    """Return the definition in RegisterTaskDefinition's form; raises TaskDefinitionError for what is none."""
    found = templates.within(_loaded(text.removeprefix("\ufeff")), ROLES)
    if isinstance(found, list):
        found = {**DEFAULTS, **ROLES, "memory": MEMORY, "containerDefinitions": found}
    if isinstance(found, dict) and isinstance(found.get("taskDefinition"), dict):
        found = found["taskDefinition"]
    if not isinstance(found, dict) or not isinstance(found.get("containerDefinitions"), list):
        raise TaskDefinitionError("it has no containerDefinitions", "Give what `ecs register-task-definition` takes.")
    containers = found["containerDefinitions"]
    if not all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in containers):
        raise TaskDefinitionError("a container in it has no name", "Name each of its containers.")
    definition = {name: value for name, value in found.items() if name not in PRINTED_ONLY and value is not None}
    if unresolved := list(unresolved_in(definition)):
        raise TaskDefinitionError(
            "not resolved in it: " + "; ".join(unresolved),
            "Try what Terraform or your pipeline makes of it, such as `aws ecs describe-task-definition` prints.",
        )
    return definition


def parse_any(given: Path | str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition of a file, of JSON, or of a mapping; raises TaskDefinitionError."""
    if isinstance(given, Path):
        try:
            return parse(given.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as exc:
            raise TaskDefinitionError(f"{given} cannot be read ({exc})", "Name a file in UTF-8.") from exc
    return parse(given if isinstance(given, str) else json.dumps(given))


def only_app(definition: Mapping[str, Any]) -> str:
    """Return the name of the one container that logs to the router; raises TaskDefinitionError for none or several."""
    apps = [str(each["name"]) for each in definition["containerDefinitions"] if logged_by_router(each)]
    if len(apps) != 1:
        raise TaskDefinitionError(
            f"these lines are for the only app container, but {len(apps)} log to the router",
            "Say which: --lines CONTAINER=FILE.",
        )
    return apps[0]


def unresolved_in(definition: Mapping[str, Any]) -> Iterator[str]:
    """Name what stands in a definition in place of a value; `${NAME}` in a command or a log option is a variable."""
    for place, value in _texts(definition, ""):
        owner, _, member = place.rpartition(".")
        patterns = [_PLACEHOLDER if member in {*_LITERAL, "image"} else _TERRAFORM]
        if owner.endswith("logConfiguration.options") and member not in _PATTERNS:
            patterns.append(_BLANK)
        for match in (each for pattern in patterns for each in pattern.finditer(value)):
            yield f"{match[0]} ({place.lstrip('.')})"


def router_of(definition: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the container with the firelensConfiguration."""
    return next((dict(each) for each in definition["containerDefinitions"] if "firelensConfiguration" in each), None)


def logged_by_router(container: Mapping[str, Any]) -> bool:
    """Tell whether a container's log driver is awsfirelens."""
    return (container.get("logConfiguration") or {}).get("logDriver") == "awsfirelens"


def are_containers_alone(definition: Mapping[str, Any]) -> bool:
    """Tell whether only containers were given, so that roles and the rest are the trial's own."""
    return definition.get("family") == DEFAULTS["family"] and definition.get("taskRoleArn") == ROLES["taskRoleArn"]


def roles_of_the_trial(definition: Mapping[str, Any]) -> list[str]:
    """Return the members whose roles are the trial's own: they were not given, or are made with the definition."""
    return [member for member, arn in ROLES.items() if definition.get(member) == arn]


def asks_for_fargate(definition: Mapping[str, Any]) -> bool:
    """Tell whether a definition asks for Fargate alone; of containers that are given alone nobody knows."""
    return not are_containers_alone(definition) and definition.get("requiresCompatibilities") == ["FARGATE"]


def with_secret_options(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition in which awsfirelens' secretOptions stand as the options that the agent makes of them.

    Their values are variables of the router: `apikey ${apikey_1}`, the number being the container's place.
    """
    containers = []
    for place, container in enumerate(definition["containerDefinitions"]):
        log = container.get("logConfiguration") or {}
        secret = [str(each["name"]) for each in log.get("secretOptions") or ()]
        options = {**(log.get("options") or {}), **{name: f"${{{name}_{place}}}" for name in secret}}
        is_changed = secret and logged_by_router(container)
        containers.append({**container, "logConfiguration": {**log, "options": options}} if is_changed else container)
    return {**definition, "containerDefinitions": containers}


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as exc:
        raise TaskDefinitionError("it is nested too deeply", "Give a task definition.") from exc
    except ValueError as exc:
        templates.refuse_text(text)
        if _COMMENT.search(text):
            line = text[: _COMMENT.search(text).start()].count("\n") + 1  # type: ignore[union-attr]
            raise TaskDefinitionError(
                f"it has a comment (line {line} or after it), which JSON knows none of", "Take the comments out."
            ) from exc
        at = getattr(exc, "pos", len(text))
        if bare := _BARE_NAME.match(text, at) or _BARE_NAME.match(text, max(0, at - 1)):  # {{: the second is too much
            line = text[: bare.start()].count("\n") + 1
            raise TaskDefinitionError(
                f"not resolved in it: {bare[0]} (line {line})", "Try what your pipeline makes of it."
            ) from exc
        raise TaskDefinitionError(f"it is not JSON: {exc}", "Give a task definition as JSON.") from exc


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(each, f"{place}.{name}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            name = each["name"] if isinstance(each, Mapping) and isinstance(each.get("name"), str) else number
            yield from _texts(each, f"{place}[{name}]")

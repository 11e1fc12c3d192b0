"""Task definitions in what other tools write: Terraform's `show -json`, a CloudFormation template in JSON.

What is no JSON, or no task definition, is told by the name of the tool that it is of.
Source: Terraform's JSON output format (values representation); the members of `AWS::ECS::TaskDefinition`, which are
RegisterTaskDefinition's with a capital letter; the schema of the provider's `aws_ecs_task_definition`.
Not modelled: HCL, YAML, jsonnet and functions of templates, which their own tools resolve.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lab_helpers.base.errors import TaskDefinitionError

GIVE_OTHERWISE = "what `aws ecs describe-task-definition` prints"
_TEXTS: tuple[tuple[str, str, str], ...] = (
    (
        r'^\s*(resource|data|module|variable|output|provider|locals|terraform)\s*["{]',
        "it is a Terraform file",
        f"Give what `terraform show -json` prints of its plan or state, or {GIVE_OTHERWISE}.",
    ),
    (
        r"^(AWSTemplateFormatVersion|Resources):",
        "it is a CloudFormation template in YAML",
        f"Give it as JSON, or {GIVE_OTHERWISE}.",
    ),
    (r"^services:\s*$", "it is a Compose file, which defines no task of ECS", f"Give {GIVE_OTHERWISE}."),
    (
        r"^type:.*\b(Service|Job|Site|Environment|Pipeline)\b",
        "it is a Copilot manifest",
        f"Give {GIVE_OTHERWISE} of what Copilot has deployed.",
    ),
    (
        r"^\s*(local\s+\w+\s*=|\w+\s*:\s*['\"{\[]|\{?\s*'\w+'\s*:)|\bstd\.",
        "it is not JSON, but looks like jsonnet, JavaScript or Python",
        "Give the JSON that it makes.",
    ),
)
"""A pattern of a text that is no JSON, what it is, and what to give instead; the first that fits."""
_PRINTED = {"services": "describe-services", "tasks": "describe-tasks", "taskDefinitionArns": "list-task-definitions"}
_ROLE_OF = {"task_role_arn": "taskRoleArn", "execution_role_arn": "executionRoleArn"}
_FREE_KEYS = frozenset({"Options", "DockerLabels", "DriverOpts", "Labels", "SystemControls"})
"""Members of a CloudFormation task definition whose own members are the user's: their names stay."""


def refuse_text(text: str) -> None:
    """Raise TaskDefinitionError where a text that is no JSON is another tool's file."""
    if not text.strip():
        raise TaskDefinitionError("it is empty", "Give a task definition as JSON.")
    for pattern, what, remedy in _TEXTS:
        if re.search(pattern, text, re.MULTILINE):
            raise TaskDefinitionError(what, remedy)


def within(found: Any, roles: Mapping[str, str]) -> Any:
    """Return the task definition that a tool's document has within it; what is no such document, as it is.

    `roles`: ARNs by member, for roles that the document makes itself and so does not name yet. Raises
    TaskDefinitionError where there is none, or more than one.
    """
    if not isinstance(found, Mapping):
        return found
    if "format_version" in found and {"values", "planned_values"} & found.keys():
        return _of_terraform(found, roles)
    if isinstance(found.get("Resources"), Mapping):
        return _of_cloudformation(found["Resources"], roles)
    for member, command in _PRINTED.items():
        if isinstance(found.get(member), list):
            raise TaskDefinitionError(f"it is what `aws ecs {command}` prints", f"Give {GIVE_OTHERWISE}.")
    return found


def _of_terraform(found: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, Any]:
    whole = found.get("planned_values") or found.get("values") or {}
    made = {
        str(each["address"]): each.get("values") or {}
        for each in _resources(whole.get("root_module") or {})
        if each.get("type") == "aws_ecs_task_definition" and each.get("mode", "managed") == "managed"
    }
    address, values = _only(made, "firelensConfiguration", "Terraform's output")
    changes = (each for each in found.get("resource_changes") or () if each["address"] == address)
    unknown = next((each["change"].get("after_unknown") or {} for each in changes), {})
    if not values.get("container_definitions"):
        raise TaskDefinitionError(
            f"the container_definitions of {address} are known after its apply only",
            f"Apply it first (or give -var for what they name); then give {GIVE_OTHERWISE}.",
        )
    definition = {
        name: values[attribute]
        for attribute, name in {
            "family": "family", "cpu": "cpu", "memory": "memory", "network_mode": "networkMode", "pid_mode": "pidMode",
            "ipc_mode": "ipcMode", "requires_compatibilities": "requiresCompatibilities", **_ROLE_OF,
        }.items()
        if values.get(attribute)
    }  # fmt: skip
    definition |= {name: roles[name] for attribute, name in _ROLE_OF.items() if unknown.get(attribute) is True}
    if volumes := values.get("volume"):
        definition["volumes"] = [{"name": each["name"]} for each in volumes]
    return {**definition, "containerDefinitions": json.loads(values["container_definitions"])}


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources") or ()
    for child in module.get("child_modules") or ():
        yield from _resources(child)


def _of_cloudformation(resources: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, Any]:
    made = {
        name: each.get("Properties") or {}
        for name, each in resources.items()
        if isinstance(each, Mapping) and each.get("Type") == "AWS::ECS::TaskDefinition"
    }
    name, properties = _only(made, "FirelensConfiguration", "the template")
    own = {member: roles[member] for member in _ROLE_OF.values() if _is_function(properties.get(_capital(member)))}
    rest = {key: value for key, value in properties.items() if _small(key) not in {*own, "tags"}}
    if functions := list(_functions(rest, name)):
        raise TaskDefinitionError(
            "not resolved in it: " + "; ".join(functions), f"Put values there, or deploy it and give {GIVE_OTHERWISE}."
        )
    return {**_small_keys(rest), **own}


def _only(made: Mapping[str, Mapping[str, Any]], marker: str, where: str) -> tuple[str, Mapping[str, Any]]:
    """Return the one task definition, or the one of several that has a log router."""
    routed = {name: each for name, each in made.items() if marker in json.dumps(each)}
    chosen = routed if len(made) > 1 else made
    if len(chosen) == 1:
        return next(iter(chosen.items()))
    if not chosen:
        missing = "task definition with a log router" if made else "task definition"
        raise TaskDefinitionError(f"{where} has no {missing}", f"Give {GIVE_OTHERWISE}.")
    raise TaskDefinitionError(
        f"{where} has {len(chosen)} task definitions with a log router: {', '.join(sorted(chosen))}",
        f"Give {GIVE_OTHERWISE} of one of them.",
    )


def _is_function(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and str(next(iter(value))).startswith(("Ref", "Fn::"))


def _functions(value: Any, place: str) -> Iterator[str]:
    if _is_function(value):
        yield f"{json.dumps(value)} ({place})"
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _functions(each, f"{place}.{name}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _functions(each, f"{place}[{number}]")


def _small_keys(value: Any) -> Any:
    if isinstance(value, list):
        return [_small_keys(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {_small(key): each if key in _FREE_KEYS else _small_keys(each) for key, each in value.items()}


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]

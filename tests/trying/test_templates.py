"""Task definitions in what Terraform and CloudFormation write, and what is said of other tools' files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.base.errors import TaskDefinitionError
from lab_helpers.trying import adapting, definition
from tests.trying import kit

ADDRESS = "module.shop.aws_ecs_task_definition.this"


def _planned(containers: Any, unknown: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    """Return what `terraform show -json` prints of a plan: attributes that are not known yet are not in it."""
    of_task = {"family": "shop", "cpu": "256", "memory": "512", "network_mode": "awsvpc", **values}
    if containers is not None:
        of_task["container_definitions"] = json.dumps(containers)
    task = {"address": ADDRESS, "mode": "managed", "type": "aws_ecs_task_definition", "values": of_task}
    module = {"resources": [], "child_modules": [{"address": "module.shop", "resources": [task]}]}
    change = {"address": ADDRESS, "change": {"actions": ["create"], "after_unknown": unknown or {}}}
    return {"format_version": "1.2", "planned_values": {"root_module": module}, "resource_changes": [change]}


def _containers() -> list[dict[str, Any]]:
    return list(kit.definition({"Name": "cloudwatch_logs"})["taskDefinition"]["containerDefinitions"])


def _template(properties: dict[str, Any]) -> str:
    return json.dumps({"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}})


def test_terraforms_json_has_a_task_definition_within_it() -> None:
    """In a module, too; the container definitions are a text there, and volumes are blocks."""
    given = _planned(
        _containers(), requires_compatibilities=["FARGATE"], task_role_arn=kit.ROLE, volume=[{"name": "v"}]
    )
    found = definition.parse(json.dumps(given))
    assert found == {
        "family": "shop",
        "cpu": "256",
        "memory": "512",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "taskRoleArn": kit.ROLE,
        "volumes": [{"name": "v"}],
        "containerDefinitions": _containers(),
    }
    assert definition.asks_for_fargate(found)
    state = {"format_version": "1.0", "values": given["planned_values"]}
    assert definition.parse(json.dumps(state)) == found


def test_a_role_that_the_plan_makes_is_the_trials_own() -> None:
    """Its ARN is known after the apply: without one the router would have no right to anything."""
    found = definition.parse(json.dumps(_planned(_containers(), {"task_role_arn": True, "id": True})))
    assert found["taskRoleArn"].endswith(":role/lab-try-task")
    assert "executionRoleArn" not in found, "the plan has none"
    assert definition.roles_of_the_trial(found) == ["taskRoleArn"]
    assert not definition.are_containers_alone(found)


def test_containers_that_the_plan_does_not_know_yet_are_told() -> None:
    """Where they name what the same plan makes, none of them is known."""
    with pytest.raises(TaskDefinitionError, match=r"container_definitions of module\.shop.*known after its apply only"):
        definition.parse(json.dumps(_planned(None, {"container_definitions": True})))


def test_of_several_task_definitions_the_one_with_a_router_is_taken() -> None:
    """Two with a router are named."""
    given = _planned(_containers())
    resources = given["planned_values"]["root_module"]["resources"]
    other = {"type": "aws_ecs_task_definition", "address": "aws_ecs_task_definition.batch"}
    resources.append({**other, "values": {"family": "batch", "container_definitions": '[{"name": "job"}]'}})
    assert definition.parse(json.dumps(given))["family"] == "shop"
    resources[0]["values"]["container_definitions"] = json.dumps(_containers())
    with pytest.raises(
        TaskDefinitionError, match=r"2 task definitions with a log router: aws_ecs_task_definition\.batch"
    ):
        definition.parse(json.dumps(given))


def test_a_cloudformation_template_is_read_with_its_options_as_they_are() -> None:
    """Its members have a capital letter; those of log options are the user's."""
    log = {"LogDriver": "awsfirelens", "Options": {"Name": "s3", "Match": "*"}}
    router = {"Name": "log_router", "Image": "r:1", "FirelensConfiguration": {"Type": "fluentbit"}}
    web = {"Name": "web", "Image": "w:1", "LogConfiguration": log, "Environment": [{"Name": "A", "Value": "b"}]}
    role = {"Fn::GetAtt": ["Role", "Arn"]}
    found = definition.parse(_template({"Family": "f", "TaskRoleArn": role, "ContainerDefinitions": [router, web]}))
    assert found["containerDefinitions"] == [
        {"name": "log_router", "image": "r:1", "firelensConfiguration": {"type": "fluentbit"}},
        {
            "name": "web",
            "image": "w:1",
            "logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "s3", "Match": "*"}},
            "environment": [{"name": "A", "value": "b"}],
        },
    ]
    assert "Roles that are made with the definition (taskRoleArn) are the trial's own." in _notes(found)


def test_functions_of_a_template_are_named() -> None:
    """What CloudFormation alone resolves is no value."""
    with pytest.raises(
        TaskDefinitionError, match=r'not resolved in it: \{"Ref": "Image"\} \(Task.ContainerDefinitions'
    ):
        definition.parse(_template({"ContainerDefinitions": [{"Name": "web", "Image": {"Ref": "Image"}}]}))
    with pytest.raises(TaskDefinitionError, match="the template has no task definition"):
        definition.parse(json.dumps({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('# ours\nresource "aws_ecs_task_definition" "x" {\n}', "a Terraform file"),
        ('variable "image" {\n}', "a Terraform file"),
        ("AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  A: {}\n", "a CloudFormation template in YAML"),
        ("# dev\nservices:\n  web:\n    image: x\n", "a Compose file"),
        ("name: web\ntype: Load Balanced Web Service\n", "a Copilot manifest"),
        ("// ours\n{\n  family: 'x',\n}\n", "looks like jsonnet"),
        ("{'family': 'x'}", "looks like jsonnet, JavaScript or Python"),
        ('{"services": [], "failures": []}', "what `aws ecs describe-services` prints"),
        ('{"tasks": []}', "what `aws ecs describe-tasks` prints"),
    ],
)
def test_other_tools_files_are_named(text: str, told: str) -> None:
    """Each with what to give in its place."""
    with pytest.raises(TaskDefinitionError, match=told) as caught:
        definition.parse(text)
    assert caught.value.remedy.startswith("Give ")


def _notes(found: dict[str, Any]) -> tuple[str, ...]:
    return adapting.adapt(found, {}, Path("sinks"), None).notes

"""What is taken for a task definition, and what is said of the rest."""

from __future__ import annotations

import json

import pytest

from lab_helpers.base.errors import TaskDefinitionError
from lab_helpers.trying import definition
from tests.trying import kit


def test_what_describe_prints_becomes_what_register_takes() -> None:
    """The envelope and the members that are only printed go."""
    found = definition.parse("\ufeff" + json.dumps(kit.definition({})))
    assert found["family"] == "shop"
    assert not definition.PRINTED_ONLY & found.keys()


def test_a_list_is_the_containers_of_a_fargate_task() -> None:
    """container_definitions of Terraform, as JSON."""
    found = definition.parse(json.dumps(kit.definition({})["taskDefinition"]["containerDefinitions"]))
    assert found["requiresCompatibilities"] == ["FARGATE"]
    assert found["taskRoleArn"].endswith(":role/lab-try-task"), "without one its router had no right to anything"
    assert found["executionRoleArn"].endswith(":role/lab-try-execution"), "an image of ECR could not be pulled"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{\n  // ours\n  "family": "x"}', "has a comment (line 2"),
        ('{\n  "family": "x", # ours\n  "cpu": "256"}', "has a comment (line 2"),
        ("{", "not JSON"),
        ("", "it is empty"),
        ("[" * 100_000, "nested too deeply"),
        ('{"family": "x"}', "no containerDefinitions"),
        ('{"containerDefinitions": [1]}', "has no name"),
    ],
)
def test_what_is_none_is_refused_with_its_reason(text: str, told: str) -> None:
    """Each in a sentence of its own."""
    with pytest.raises(TaskDefinitionError, match=told.replace("(", r"\(")):
        definition.parse(text)


@pytest.mark.parametrize("name", ["$LOG_CONFIGURATION", "${port}", "{{ memory }}", "<memory>"])
def test_a_name_of_a_template_in_place_of_a_value_is_named(name: str) -> None:
    """Not quoted, it makes of the definition something that is no JSON; its line is told."""
    with pytest.raises(TaskDefinitionError) as caught:
        definition.parse('{\n  "containerDefinitions": [],\n  "memory": ' + name + "\n}")
    assert caught.value.why == f"not resolved in it: {name} (line 3)"


def test_what_is_not_resolved_is_named() -> None:
    """Terraform's expressions anywhere, placeholders where a value must stand; a router's variable is none of them."""
    given = kit.definition({"Name": "s3", "bucket": "${BUCKET}"}, family="${FAMILY}", cpu="${var.cpu}")
    with pytest.raises(TaskDefinitionError) as raised:
        definition.parse(json.dumps(given))
    assert "${FAMILY} (family)" in str(raised.value)
    assert "${var.cpu} (cpu)" in str(raised.value)
    assert "BUCKET" not in str(raised.value)


def test_what_was_to_be_filled_in_is_named() -> None:
    """In log options, where examples have it; a group of a pattern is none."""
    options = {"Name": "es", "Cloud_ID": "<elastic_cloud_id>", "exclude-pattern": "^<html>", "Regex": "(?<name>x)"}
    with pytest.raises(TaskDefinitionError, match=r"in it: <elastic_cloud_id> \(.*options.Cloud_ID\)\."):
        definition.parse(json.dumps(kit.definition(options)))


def test_secret_options_stand_as_the_agent_writes_them() -> None:
    """Variables of the router, with the container's place in their names."""
    given = kit.definition({"Name": "datadog"})["taskDefinition"]
    given["containerDefinitions"][1]["logConfiguration"]["secretOptions"] = [{"name": "apikey", "valueFrom": "arn"}]
    router, web = definition.with_secret_options(given)["containerDefinitions"]
    assert web["logConfiguration"]["options"] == {"Name": "datadog", "apikey": "${apikey_1}"}
    assert router == given["containerDefinitions"][0]

"""What AWS refuses is refused with AWS's code and sentence."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.local_aws.ecs.operations.validation import check_members, check_platform, check_registration
from lab_helpers.local_aws.ecs.spec import parse_task_definition
from lab_helpers.local_aws.kit.api import AwsError


def _definition(options: dict[str, str] | None = None, kind: str = "fluentbit", **changes: Any) -> dict[str, Any]:
    router = {"name": "r", "image": "x", "firelensConfiguration": {"type": kind, "options": options or {}}}
    user = {"name": "httpd", "image": "httpd", "logConfiguration": {"logDriver": "awsfirelens"}}
    base = {
        "family": "f",
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::1:role/e",
    }
    return {**base, "containerDefinitions": [user, router], **changes}


def _refusal(definition: dict[str, Any]) -> str:
    with pytest.raises(AwsError) as caught:
        check_registration(parse_task_definition(definition), ["FARGATE"])
    assert caught.value.code == "ClientException"
    return caught.value.message


def test_the_articles_definition_is_taken() -> None:
    """Nothing is wrong with it."""
    options = {"config-file-type": "file", "config-file-value": "/fluent-bit/etc/extra.conf"}
    check_registration(parse_task_definition(_definition(options)), ["FARGATE"])


def test_awsfirelens_needs_a_router() -> None:
    """Without a firelensConfiguration nobody would take the log."""
    user = {"name": "httpd", "logConfiguration": {"logDriver": "awsfirelens"}}
    assert _refusal(_definition(containerDefinitions=[user])).startswith(
        "When awsfirelens log driver is specified in log configuration"
    )


def test_fluentd_is_refused_with_the_reason() -> None:
    """AWS takes type fluentd; the local AWS says that it cannot, and what to do."""
    assert "no Fluentd" in _refusal(_definition(kind="fluentd"))


def test_an_s3_url_is_no_arn() -> None:
    """Row B6: the first thing one meets with config-file-type s3 and a URL."""
    options = {"config-file-type": "s3", "config-file-value": "s3://bucket/extra.conf"}
    assert _refusal(_definition(options)) == "Invalid arn syntax."


def test_a_configuration_in_s3_is_registered_but_not_run_on_fargate() -> None:
    """Row B6: with an ARN the definition is taken, and Fargate refuses to run it."""
    spec = parse_task_definition(
        _definition({"config-file-type": "s3", "config-file-value": "arn:aws:s3:::bucket/extra.conf"})
    )
    check_registration(spec, ["FARGATE"])
    with pytest.raises(AwsError) as caught:
        check_platform(spec, "FARGATE")
    assert caught.value.code == "PlatformTaskDefinitionIncompatibilityException"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"containerDefinitions": []}, "Container list cannot be empty."),
        ({"networkMode": "bridge"}, "Fargate only supports network mode ‘awsvpc’."),
        ({"memory": "300"}, "No Fargate configuration exists for given values: 256 CPU, 300 memory."),
        ({"cpu": ""}, "Fargate requires that 'cpu' and 'memory' be defined at the task level."),
        (
            {"containerDefinitions": [{"name": "a", "essential": False}]},
            "At least one container should be marked as essential.",
        ),
        (
            {
                "executionRoleArn": None,
                "containerDefinitions": [{"name": "a", "logConfiguration": {"logDriver": "awslogs"}}],
            },
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ),
        (
            {"containerDefinitions": [{"name": "a", "dependsOn": [{"containerName": "b", "condition": "START"}]}]},
            "Container a depends on b",
        ),
    ],
)
def test_other_refusals(changes: dict[str, Any], message: str) -> None:
    """Fargate's rules for sizes, network and roles, which cost the article's author most of the time."""
    assert _refusal(_definition(**changes)).startswith(message)


def test_options_without_a_plugin_are_refused_at_registration() -> None:
    """The agent would fail to write the configuration; the definition is not even taken."""
    user = {"name": "a", "logConfiguration": {"logDriver": "awsfirelens", "options": {"region": "x"}}}
    router = {"name": "r", "firelensConfiguration": {"type": "fluentbit"}}
    assert "missing output key Name" in _refusal(_definition(containerDefinitions=[user, router]))


def test_memory_may_be_given_in_gb() -> None:
    """The API takes "0.25 vCPU" and "1 GB" as well as units."""
    check_registration(parse_task_definition(_definition(cpu="0.25 vCPU", memory="1 GB")), ["FARGATE"])


def test_two_containers_of_one_name_are_refused() -> None:
    """A container's name is how all else refers to it."""
    twice = [{"name": "a", "image": "httpd"}, {"name": "a", "image": "httpd"}]
    assert _refusal(_definition(containerDefinitions=twice)) == (
        "Container names must be unique within a Task Definition."
    )


def test_a_container_larger_than_its_task_is_refused() -> None:
    """The task's memory is all that there is."""
    large = [{"name": "a", "image": "httpd", "memory": 1024}]
    assert _refusal(_definition(containerDefinitions=large)) == (
        "The 'memory' setting for container 'a' is greater than for the task."
    )


@pytest.mark.parametrize("limits", [{"memory": 5}, {"memory": 64, "memoryReservation": 65}])
def test_a_hard_limit_is_neither_tiny_nor_below_the_reservation(limits: dict[str, int]) -> None:
    """A container cannot be promised more than it may have."""
    container = [{"name": "a", "image": "httpd", **limits}]
    assert _refusal(_definition(containerDefinitions=container)).startswith("Invalid setting for container 'a'.")


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ({"links": ["other"]}, "Links are not supported when networkMode=awsvpc."),
        ({"portMappings": [{"containerPort": 80, "hostPort": 8080}]}, "host ports and container ports .* must match"),
        ({"stopTimeout": 121}, "stopTimeout must be at most 120 seconds"),
        ({"healthCheck": {"command": ["CMD", "x"], "interval": 4}}, "interval must be between 5 and 300, not 4"),
        ({"healthCheck": {"command": ["CMD", "x"], "retries": 11}}, "retries must be between 1 and 10, not 11"),
    ],
)
def test_members_that_fargate_cannot_have(member: dict[str, Any], message: str) -> None:
    """Refused at registration; within their bounds they are taken."""
    definition = {"networkMode": "awsvpc", "containerDefinitions": [{"name": "a", **member}]}
    with pytest.raises(AwsError, match=message):
        check_members(definition, ["FARGATE"])


def test_members_within_their_bounds_are_taken() -> None:
    """The same members with values that AWS takes."""
    health = {"command": ["CMD", "x"], "interval": 5, "timeout": 60, "retries": 10, "startPeriod": 0}
    container = {"name": "a", "portMappings": [{"containerPort": 80, "hostPort": 80}], "stopTimeout": 120}
    check_members(
        {"networkMode": "awsvpc", "containerDefinitions": [{**container, "healthCheck": health}]}, ["FARGATE"]
    )


@pytest.mark.parametrize("name", ["../x", "/etc", "a/b", "a b", "a.b", "é", "a\n", "$(id)", "..", "a\0"])
def test_names_of_containers_and_families(name: str) -> None:
    """A name becomes a folder's, a log stream's and a tag's: letters, digits, hyphens and underscores, no others."""
    container = {"name": name, "image": "x"}
    assert _refusal(_definition(containerDefinitions=[container])) == "Container.name contains invalid characters."
    assert _refusal(_definition(family=name)) == "Family contains invalid characters."


def test_names_have_a_length() -> None:
    """From 1 to 255 characters."""
    assert "255" in _refusal(_definition(containerDefinitions=[{"name": "n" * 256, "image": "x"}]))
    unnamed = _definition(containerDefinitions=[{"image": "x"}])
    assert _refusal(unnamed) == "Container.name should not be null or empty."
    assert _refusal(_definition(family="")) == "Family should not be null or empty."
    check_registration(parse_task_definition(_definition(family="f" * 255)), [])

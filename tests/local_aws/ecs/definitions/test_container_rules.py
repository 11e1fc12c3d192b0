"""RegisterTaskDefinition refuses with AWS's words, and keeps the router's user as AWS does."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.local_aws.ecs.operations.container_rules import (
    check_containers,
    with_ordered_options,
    with_router_user,
)
from lab_helpers.local_aws.kit.api import AwsError
from tests.local_aws.ecs.kit import AWSLOGS, ROUTER, Stand, httpd, shell


def _refusal(*containers: dict[str, Any], fargate: bool = True, **members: Any) -> str:
    with pytest.raises(AwsError) as caught:
        check_containers({**members, "containerDefinitions": list(containers)}, fargate=fargate)
    assert caught.value.code == "ClientException"
    return caught.value.message


def _taken(*containers: dict[str, Any], fargate: bool = True, **members: Any) -> None:
    check_containers({**members, "containerDefinitions": list(containers)}, fargate=fargate)


def _awslogs(without: str = "", **more: str) -> dict[str, Any]:
    options = {name: value for name, value in AWSLOGS["options"].items() if name != without}
    return shell("true", logConfiguration={"logDriver": "awslogs", "options": {**options, **more}})


def test_a_router_without_user_is_kept_as_user_0(stand: Stand) -> None:
    """Case 01: Register and Describe answer "0"; a second Terraform plan of a template that says so is empty."""
    arn = stand.define(ROUTER, httpd())
    kept = stand.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["containerDefinitions"]
    assert [each.get("user") for each in kept] == ["0", None]


def test_a_routers_own_user_is_kept() -> None:
    """What was given is not touched, and containers that are no router get none."""
    given = {"containerDefinitions": [{**ROUTER, "user": "1000:1000"}, httpd()]}
    assert with_router_user(given) == given


@pytest.mark.parametrize("user", ["0", "0:1337", "1000", "1000:1000", "1000:logs"])
def test_a_router_may_run_as_a_uid(user: str) -> None:
    """The agent takes userID, userID:groupID and userID:groupName since 1.96.0."""
    _taken({**ROUTER, "user": user}, httpd())


@pytest.mark.parametrize("user", ["root", "root:0", "1:2:3", "-1", "0:", "0 "])
def test_a_router_may_not_run_as_a_name(user: str) -> None:
    """Case 06: a name is refused."""
    told = _refusal({**ROUTER, "user": user}, httpd())
    assert told == "If 'user' field is specified on firelens container, then 'UID' has to be '0'."


def test_a_router_that_nobody_logs_to() -> None:
    """Case 06."""
    assert _refusal(ROUTER, shell("true")) == (
        "When a firelensConfiguration object is specified, at least one container has to be configured with the "
        "awsfirelens log driver."
    )


def test_options_that_awslogs_does_not_have() -> None:
    """Case 06: those of an output, and those of Docker's own driver, by name."""
    assert _refusal(_awslogs(log_key="log")) == "Log driver awslogs disallows options: log_key"
    told = _refusal(_awslogs(**{"awslogs-stream": "x", "awslogs-endpoint": "y"}))
    assert told == "Log driver awslogs disallows options: awslogs-endpoint, awslogs-stream"
    _taken(_awslogs(**{"mode": "blocking", "awslogs-multiline-pattern": "^x", "awslogs-create-group": "true"}))


def test_options_that_awslogs_must_have() -> None:
    """Region and group everywhere, the stream's prefix on Fargate."""
    bare = shell("true", logConfiguration={"logDriver": "awslogs", "options": {}})
    assert _refusal(bare) == "Log driver awslogs requires options: awslogs-region, awslogs-group"
    assert _refusal(_awslogs("awslogs-group")) == "Log driver awslogs requires options: awslogs-group"
    assert _refusal(_awslogs("awslogs-stream-prefix")) == (
        "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs."
    )
    _taken(_awslogs("awslogs-stream-prefix"), fargate=False)


@pytest.mark.parametrize("condition", ["SUCCESS", "COMPLETE"])
def test_nobody_waits_for_the_end_of_an_essential_container(condition: str) -> None:
    """Case 06: its end stops the task. A container is essential when it does not say otherwise."""
    first = shell("true", "first")
    second = shell("true", "second", dependsOn=[{"containerName": "first", "condition": condition}])
    told = "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
    assert _refusal(first, second) == told
    del first["essential"]
    assert _refusal(first, second) == told
    _taken({**first, "essential": False}, second)


def test_nobody_waits_for_health_that_is_not_checked() -> None:
    """It would never come: the task would stay PENDING."""
    waits = shell("true", "second", dependsOn=[{"containerName": "first", "condition": "HEALTHY"}])
    assert "no healthCheck" in _refusal(shell("true", "first"), waits)
    _taken(shell("true", "first", healthCheck={"command": ["CMD", "true"]}), waits)


@pytest.mark.parametrize(("period", "taken"), [(59, False), (60, True), (1800, True), (1801, False)])
def test_the_period_of_a_restart_policy(period: int, taken: bool) -> None:
    """Case 21: 60 to 1800 s."""
    container = shell("true", restartPolicy={"enabled": True, "restartAttemptPeriod": period})
    if taken:
        _taken(container)
    else:
        assert f"between 60 and 1800 seconds, not {period}" in _refusal(container)


def test_exit_codes_of_a_restart_policy() -> None:
    """At most 50."""
    policy = {"enabled": True, "ignoredExitCodes": list(range(51))}
    assert "at most 50 ignoredExitCodes" in _refusal(shell("true", restartPolicy=policy))


def test_environment_files() -> None:
    """Objects of S3 whose names end in .env, ten at most."""

    def files(*values: str, kind: str = "s3") -> dict[str, Any]:
        return shell("true", environmentFiles=[{"value": each, "type": kind} for each in values])

    _taken(files("arn:aws:s3:::bucket/a/b.env"))
    assert _refusal(files("s3://bucket/b.env")) == "Invalid arn syntax."
    assert _refusal(files("arn:aws:s3:::bucket/b.env", kind="http")) == "Invalid arn syntax."
    assert "must end with .env" in _refusal(files("arn:aws:s3:::bucket/b.txt"))
    assert "at most 10" in _refusal(files(*["arn:aws:s3:::bucket/b.env"] * 11))


def test_volumes_and_mount_points() -> None:
    """A mount point names a volume of the task; Fargate gives no folder of its hosts away."""
    mounted = shell("true", mountPoints=[{"sourceVolume": "logs", "containerPath": "/logs"}])
    _taken(mounted, volumes=[{"name": "logs"}])
    _taken(mounted, volumes=[{"name": "logs", "host": {}}])
    assert _refusal(mounted) == "Unknown volume 'logs'."
    outside = [{"name": "logs", "host": {"sourcePath": "/var/log"}}]
    told = "host.sourcePath should not be set for volumes in Fargate compatible task definitions"
    assert _refusal(mounted, volumes=outside) == told
    _taken(mounted, volumes=outside, fargate=False)
    assert "must match" in _refusal(mounted, volumes=[{"name": "a/b"}])
    assert "unique" in _refusal(mounted, volumes=[{"name": "logs"}, {"name": "logs"}])
    relative = shell("true", mountPoints=[{"sourceVolume": "logs", "containerPath": "logs"}])
    assert "absolute" in _refusal(relative, volumes=[{"name": "logs"}])


def test_options_read_the_same_twice() -> None:
    """Maps of options are kept by name, whatever order they were sent in; lists keep theirs."""
    log = {"logDriver": "awslogs", "options": {"b": "1", "a": "2"}}
    kept = with_ordered_options(
        {"containerDefinitions": [{"name": "x", "command": ["z", "a"], "logConfiguration": log}]}
    )
    (container,) = kept["containerDefinitions"]
    assert list(container["logConfiguration"]["options"]) == ["a", "b"]
    assert container["command"] == ["z", "a"]
    assert with_ordered_options({"family": "f"}) == {"family": "f", "containerDefinitions": []}

"""ECS: a task's life, a service's, deployments under load, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration import arrivals, network
from tests.integration.arrivals import Load
from tests.integration.removal import remove_service
from tests.integration.stack import Stack

pytestmark = pytest.mark.account
LOAD_PER_S = 40.0
IN_FLIGHT = 8
"""What one killed task may take with it at that rate: requests that it held, and one per kept connection."""


def test_a_tasks_life(stack: Stack) -> None:
    """RunTask to STOPPED: times in order, an address of the subnets, the reason that was given; its interface goes."""
    arn = stack.run(stack.register("quiet", stack.shell("trap 'exit 0' TERM; sleep 600 & wait")))
    assert stack.task(arn)["lastStatus"] in {"PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"}
    stack.is_running(arn)
    running = stack.task(arn)
    details = {each["name"]: each["value"] for each in running["attachments"][0]["details"]}
    assert details["subnetId"] in stack.made_network.subnets
    assert details["privateIPv4Address"].startswith(("10.0.11.", "10.0.12."))
    assert details["networkInterfaceId"] in _interfaces(stack)
    task = stack.stop(arn, "enough")
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert task["containers"][0]["exitCode"] == 0
    times = [task[name] for name in ("createdAt", "pullStartedAt", "startedAt", "stoppingAt", "stoppedAt")]
    assert times == sorted(times)
    stack.target.wait(lambda: details["networkInterfaceId"] not in _interfaces(stack), "the interface to go")


def _interfaces(stack: Stack) -> set[str]:
    found = network.interfaces(stack.target.client("ec2"), stack.made_network.vpc)
    return {each["NetworkInterfaceId"] for each in found}


def test_an_essential_container_ends_its_task(stack: Stack) -> None:
    """Exit code, stop code and AWS's sentence; what it printed is in CloudWatch, its environment was set."""
    container = stack.shell('echo "hello $WHO"; exit 3', environment=[{"name": "WHO", "value": "trainee"}])
    arn = stack.run(stack.register("ending", container))
    task = stack.stopped(arn)
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["containers"][0]["exitCode"] == 3
    stream = f"sh/sh/{arn.rsplit('/', 1)[-1]}"
    stack.target.wait(lambda: _messages(stack, stream), "its line", done=lambda lines: lines == ["hello trainee"])


def _messages(stack: Stack, stream: str) -> list[str]:
    return [each["message"] for each in arrivals.events(stack, stack.log_group, logStreamNames=[stream])]


def test_a_rolling_deployment_under_load_loses_nothing(stack: Stack) -> None:
    """Every request is answered, and each has its one line in CloudWatch and in S3; the tasks are others."""
    before = {each["taskArn"] for each in stack.tasks("httpd")}
    with Load(stack, LOAD_PER_S) as load:
        stack.target.client("ecs").update_service(cluster=stack.prefix, service="httpd", forceNewDeployment=True)
        stack.steady("httpd")
    assert load.lost.empty, load.lost
    assert before.isdisjoint(each["taskArn"] for each in stack.tasks("httpd"))
    assert any("has begun draining connections on" in each for each in stack.events("httpd"))
    assert len(load.ids) > LOAD_PER_S
    arrivals.arrive_once(stack, load.run, load.ids)


def test_a_killed_task_is_replaced_under_load(stack: Stack) -> None:
    """At most what it was answering is lost; each answered request has its line; two tasks serve again."""
    victim = stack.tasks("httpd")[0]["taskArn"]
    with Load(stack, LOAD_PER_S) as load:
        task = stack.stop(victim, "killed by a test")
        stack.steady("httpd")
        stack.target.wait(stack.healthy_targets, "two healthy targets", done=lambda found: len(found) == 2)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "killed by a test")
    assert len(load.lost) <= IN_FLIGHT, load.lost
    answered = load.rows[load.rows["status"].eq(200).fillna(value=False)]
    arrivals.arrive_once(stack, load.run, list(answered["id"]))


def test_a_health_check_that_fails_starts_replacements_beside_the_tasks(stack: Stack) -> None:
    """Tasks whose targets are unhealthy stay, and serve, while others start; mended, two are left."""
    elbv2, group = stack.target.client("elbv2"), stack.target_group_arn
    before = {each["taskArn"] for each in stack.tasks("httpd")}
    with Load(stack, LOAD_PER_S) as load:
        elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPath="/not-there")
        stack.target.wait(stack.targets, "replacements", done=lambda found: len(found) == 4)
        assert before <= {each["taskArn"] for each in stack.tasks("httpd")}
        events = stack.events("httpd")
        assert any("is unhealthy in (target-group" in each for each in events)
        assert any(each.endswith("due to an unhealthy status.") for each in events)
        elbv2.modify_target_group(TargetGroupArn=group, HealthCheckPath="/")
        stack.steady("httpd")
        stack.target.wait(
            stack.healthy_targets, "two targets", done=lambda found: len(found) == len(stack.targets()) == 2
        )
    assert load.lost.empty, load.lost


def test_scaling_registers_and_deregisters_targets(stack: Stack) -> None:
    """One task more is one target more; one less says that the scheduler stopped it."""
    ecs = stack.target.client("ecs")
    ecs.update_service(cluster=stack.prefix, service="httpd", desiredCount=3)
    stack.target.wait(stack.targets, "a third target", done=lambda found: len(found) == 3)
    ecs.update_service(cluster=stack.prefix, service="httpd", desiredCount=2)
    stack.steady("httpd")
    stack.target.wait(stack.healthy_targets, "two targets", done=lambda found: len(found) == len(stack.targets()) == 2)
    assert any(each["stopCode"] == "ServiceSchedulerInitiated" for each in stack.tasks("httpd", "STOPPED"))


def test_a_service_that_cannot_start_tasks_gives_up(stack: Stack) -> None:
    """With the circuit breaker a deployment whose tasks all fail is FAILED, and the reason is said."""
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    stack.serve("failing", stack.register("failing", stack.shell("exit 1")), 1, deploymentConfiguration=breaker)
    only = stack.target.wait(
        lambda: stack.service("failing")["deployments"][0], "the circuit breaker",
        done=lambda deployment: deployment["rolloutState"] == "FAILED", timeout_s=45,
    )  # fmt: skip
    assert only["failedTasks"] >= 3
    assert "tasks failed to start" in only["rolloutStateReason"]
    remove_service(stack, "failing")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"firelensConfiguration": {"type": "fluentbit", "options": {"config-file-type": "s3"}}},
            "Invalid arn syntax.",
        ),
        ({"memory": 4096}, "The 'memory' setting for container 'log_router' is greater than for the task."),
        ({"name": "httpd"}, "Container names must be unique within a Task Definition."),
    ],
)
def test_task_definitions_that_aws_refuses(stack: Stack, change: dict[str, Any], sentence: str) -> None:
    """ClientException with AWS's sentence."""
    httpd, router = stack.containers()
    ecs = stack.target.client("ecs")
    with pytest.raises(ecs.exceptions.ClientException) as error:
        stack.register("refused", httpd, {**router, **change})
    assert error.value.response["Error"]["Message"] == sentence


def test_a_router_configuration_in_s3_does_not_run_on_fargate(stack: Stack) -> None:
    """Row B6: it may be registered, and is refused where it is to run."""
    httpd, router = stack.containers()
    options = {"config-file-type": "s3", "config-file-value": f"arn:aws:s3:::{stack.bucket}/extra.conf"}
    from_s3 = {**router, "firelensConfiguration": {"type": "fluentbit", "options": options}}
    definition = stack.register("from-s3", httpd, from_s3)
    ecs = stack.target.client("ecs")
    with pytest.raises(ecs.exceptions.PlatformTaskDefinitionIncompatibilityException):
        stack.run(definition)


def test_what_is_not_there(stack: Stack) -> None:
    """ECS's own exceptions for a cluster, a service, a task and a task definition that are not."""
    ecs, cluster = stack.target.client("ecs"), stack.prefix
    with pytest.raises(ecs.exceptions.ClusterNotFoundException):
        ecs.list_tasks(cluster="no-such-cluster")
    with pytest.raises(ecs.exceptions.ServiceNotFoundException):
        ecs.update_service(cluster=cluster, service="no-such-service", desiredCount=1)
    with pytest.raises(ecs.exceptions.InvalidParameterException):
        ecs.stop_task(cluster=cluster, task="0" * 32)
    with pytest.raises(ClientError, match="TaskDefinition not found"):
        ecs.run_task(cluster=cluster, taskDefinition="no-such-family", launchType="FARGATE")
    found = ecs.describe_services(cluster=cluster, services=["no-such-service"])
    assert [each["reason"] for each in found["failures"]] == ["MISSING"]

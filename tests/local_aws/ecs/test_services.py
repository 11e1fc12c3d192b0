"""Services: desired count, restarts, deployments, events; as Terraform and a trainee see them."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.ecs.kit import CLUSTER, ROUTER, Stand, eventually, httpd, shell

QUIET = shell("trap 'exit 0' TERM; sleep 60 & wait")
FAILING = shell("exit 1")
TO_CLOUDWATCH = {
    "Name": "cloudwatch_logs",
    "region": "ap-northeast-1",
    "log_group_name": "/test/httpd",
    "log_stream_prefix": "from-",
    "auto_create_group": "true",
}


def _zones(stand: Stand, name: str) -> list[str]:
    return sorted(each["availabilityZone"] for each in stand.tasks(name))


def test_the_articles_service(stand: Stand) -> None:
    """Two tasks in two zones; httpd's lines go through the router to CloudWatch Logs; the router's own by awslogs."""
    created = stand.serve("article", stand.define(httpd(**TO_CLOUDWATCH), ROUTER), 2, platformVersion="1.4.0")
    assert (created["status"], created["desiredCount"], created["platformVersion"]) == ("ACTIVE", 2, "1.4.0")
    service = stand.steady("article")
    assert (service["runningCount"], service["pendingCount"]) == (2, 0)
    assert _zones(stand, "article") == ["ap-northeast-1a", "ap-northeast-1c"]
    for task in stand.tasks("article"):
        _check_logs(stand, task)
    stand.gone("article")
    assert stand.service("article")["deployments"] == []


def _check_logs(stand: Stand, task: dict[str, Any]) -> None:
    task_id = task["taskArn"].rsplit("/", 1)[-1]
    stream = f"from-httpd-firelens-{task_id}"

    def records() -> list[dict[str, str]]:
        try:
            return [json.loads(each) for each in stand.messages("/test/httpd", stream)]
        except ClientError:
            return []

    eventually(lambda: len(records()) > 0, lambda: stand.messages("/test", f"p/log_router/{task_id}"))
    record = records()[0]
    container_id = next(each["runtimeId"] for each in task["containers"] if each["name"] == "httpd")
    assert (record["container_name"], record["container_id"], record["source"]) == ("httpd", container_id, "stderr")
    assert record["ecs_task_arn"] == task["taskArn"]
    assert record["ecs_cluster"] == CLUSTER
    assert re.fullmatch(r"family\d+:1", record["ecs_task_definition"])
    assert any("[ info]" in each for each in stand.messages("/test", f"p/log_router/{task_id}"))
    with urllib.request.urlopen(f"{stand.aws.endpoint_url}/_ecs/tasks/{task_id}/files/fluent-bit.conf") as answer:
        text = answer.read().decode()
    assert "unix_path /var/run/fluent.sock" in text
    assert "endpoint" not in text


def test_events_in_awss_words(stand: Stand) -> None:
    """What one reads in the console's event tab."""
    stand.serve("events", stand.define(QUIET))
    service = stand.steady("events")
    (task,) = stand.tasks("events")
    task_id, deployment = task["taskArn"].rsplit("/", 1)[-1], service["deployments"][0]["id"]
    eventually(lambda: len(stand.events("events")) == 3, lambda: stand.events("events"))
    assert stand.events("events") == [
        f"(service events) has started 1 tasks: (task {task_id}).",
        f"(service events) (deployment {deployment}) deployment completed.",
        "(service events) has reached a steady state.",
    ]
    assert task["startedBy"] == deployment
    stand.gone("events")


def test_a_killed_task_is_replaced(stand: Stand) -> None:
    """An essential container that dies takes its task with it; the service starts another one."""
    stand.serve("restart", stand.define(shell("echo $$; exec sleep 60")))
    stand.steady("restart")
    (task,) = stand.tasks("restart")
    stream = stand.stream_of(task["taskArn"])
    eventually(lambda: len(stand.messages("/test", stream)) == 1, lambda: stand.messages("/test", stream))
    os.kill(int(stand.messages("/test", stream)[0]), signal.SIGKILL)
    dead = stand.stopped(task["taskArn"])
    assert (dead["stopCode"], dead["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)
    eventually(lambda: len(stand.tasks("restart")) == 1, lambda: stand.events("restart"))
    assert stand.tasks("restart")[0]["taskArn"] != task["taskArn"]
    stand.gone("restart")


def test_a_task_that_fails_its_checks_stays_until_another_is_healthy(stand: Stand, tmp_path: Path) -> None:
    """The replacement starts first; only when it is healthy, the failing task is told to stop."""
    well = tmp_path / "well"
    well.touch()
    check = {"command": ["CMD", "test", "-e", str(well)], "interval": 5, "retries": 1}
    stand.serve("ill", stand.define(shell("trap 'exit 0' TERM; sleep 60 & wait", healthCheck=check)))
    stand.steady("ill")
    (first,) = stand.tasks("ill")
    well.unlink()
    eventually(lambda: len(stand.tasks("ill")) == 2, lambda: stand.events("ill"))
    assert any(each.endswith("failed container health checks.") for each in stand.events("ill"))
    assert stand.task(first["taskArn"])["desiredStatus"] == "RUNNING"
    well.touch()
    eventually(lambda: len(stand.tasks("ill")) == 1, lambda: stand.events("ill"))
    eventually(lambda: stand.events("ill")[-1].endswith("steady state."), lambda: stand.events("ill"))
    stand.gone("ill")


def test_failing_checks_open_the_circuit_breaker(stand: Stand) -> None:
    """A deployment whose tasks run and never become healthy fails, and the one before comes back."""
    well = {"command": ["CMD", "true"], "interval": 5, "retries": 1}
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    quiet = "trap 'exit 0' TERM; sleep 60 & wait"
    first = stand.define(shell(quiet, healthCheck=well))
    stand.serve("judged", first, deploymentConfiguration=breaker)
    stand.steady("judged")
    worse = stand.define(shell(quiet, healthCheck={**well, "command": ["CMD", "false"]}))
    stand.ecs.update_service(cluster=CLUSTER, service="judged", taskDefinition=worse)
    eventually(lambda: any("rolling back" in each for each in stand.events("judged")), lambda: stand.events("judged"))
    assert stand.steady("judged")["taskDefinition"] == first
    stand.gone("judged")


def test_a_task_of_no_service_goes_on_though_its_check_fails(stand: Stand) -> None:
    """ECS only replaces what a service wants; a task that was run by hand is told UNHEALTHY and left alone."""
    check = {"command": ["CMD", "false"], "interval": 5, "retries": 1}
    arn = stand.run(stand.define(shell("trap 'exit 0' TERM; sleep 60 & wait", healthCheck=check)))
    eventually(lambda: stand.task(arn)["healthStatus"] == "UNHEALTHY", lambda: stand.task(arn))
    assert (stand.task(arn)["lastStatus"], stand.task(arn)["desiredStatus"]) == ("RUNNING", "RUNNING")
    stand.ecs.stop_task(cluster=CLUSTER, task=arn)
    assert stand.stopped(arn)["stopCode"] == "UserInitiated"


def test_a_broken_router_configuration_is_said(stand: Stand) -> None:
    """Issue 2: the stopped reason and the service's events carry the router's own message."""
    stand.serve("broken", stand.define(httpd(**TO_CLOUDWATCH, nonsense="1"), ROUTER))
    eventually(lambda: len(stand.tasks("broken", "STOPPED")) > 0, lambda: stand.events("broken"))
    task = stand.stopped(stand.tasks("broken", "STOPPED")[0]["taskArn"])
    assert task["stoppedReason"].startswith("Essential container in task exited: log_router (exit code ")
    assert "nonsense" in task["stoppedReason"]
    router = next(each for each in task["containers"] if each["name"] == "log_router")
    assert router["exitCode"] != 0
    assert "nonsense" in router["reason"]
    eventually(lambda: any("nonsense" in each for each in stand.events("broken")), lambda: stand.events("broken"))
    stand.gone("broken")


def test_failing_tasks_are_started_ever_more_slowly(stand: Stand) -> None:
    """Back-off: after some failures the service says that it cannot start tasks, and does not spin."""
    stand.serve("impaired", stand.define(FAILING), 3)
    message = "is unable to consistently start tasks successfully"
    eventually(lambda: any(message in each for each in stand.events("impaired")), lambda: stand.events("impaired"))
    assert len(stand.tasks("impaired", "STOPPED")) <= 6
    assert stand.service("impaired")["deployments"][0]["failedTasks"] >= 3
    stand.gone("impaired")


def test_scaling(stand: Stand) -> None:
    """The desired count may go up and down; what is stopped says who stopped it."""
    stand.serve("scale", stand.define(QUIET), 1)
    stand.steady("scale")
    stand.ecs.update_service(cluster=CLUSTER, service="scale", desiredCount=3)
    eventually(lambda: stand.service("scale")["runningCount"] == 3, lambda: stand.service("scale"))
    stand.ecs.update_service(cluster=CLUSTER, service="scale", desiredCount=1)
    eventually(lambda: len(stand.tasks("scale")) == 1, lambda: stand.tasks("scale"))
    stopped = [stand.stopped(each["taskArn"]) for each in stand.tasks("scale", "STOPPED")]
    assert {each["stopCode"] for each in stopped} == {"ServiceSchedulerInitiated"}
    assert {each["containers"][0]["exitCode"] for each in stopped} == {0}
    assert len(stand.service("scale")["deployments"]) == 1
    stand.gone("scale")


def test_a_rolling_deployment(stand: Stand) -> None:
    """A new task definition replaces the tasks; the old ones go when the new ones run; never too few."""
    stand.serve("rolling", stand.define(QUIET), 2)
    old = stand.steady("rolling")["taskDefinition"]
    new = stand.define(QUIET)
    updated = stand.ecs.update_service(cluster=CLUSTER, service="rolling", taskDefinition=new)["service"]
    assert [(each["status"], each["taskDefinition"]) for each in updated["deployments"]] == [
        ("PRIMARY", new),
        ("ACTIVE", old),
    ]
    least = 2

    def done() -> bool:
        nonlocal least
        service = stand.service("rolling")
        least = min(least, service["runningCount"])
        return len(service["deployments"]) == 1 and service["deployments"][0]["rolloutState"] == "COMPLETED"

    eventually(done, lambda: stand.service("rolling"))
    assert least == 2
    assert {each["taskDefinitionArn"] for each in stand.tasks("rolling")} == {new}
    stand.gone("rolling")


def test_a_forced_deployment_renews_the_same_definition(stand: Stand) -> None:
    """The way to a new image under the same tag."""
    stand.serve("forced", stand.define(QUIET))
    stand.steady("forced")
    before = {each["taskArn"] for each in stand.tasks("forced")}
    stand.ecs.update_service(cluster=CLUSTER, service="forced", forceNewDeployment=True)
    stand.steady("forced")
    after = {each["taskArn"] for each in stand.tasks("forced")}
    assert len(after) == 1
    assert not before & after
    stand.gone("forced")


def test_the_circuit_breaker_rolls_back(stand: Stand) -> None:
    """Three failed tasks open it; the last deployment that worked comes back."""
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    good = stand.define(QUIET)
    stand.serve("breaker", good, 3, deploymentConfiguration=breaker)
    stand.steady("breaker")
    stand.ecs.update_service(cluster=CLUSTER, service="breaker", taskDefinition=stand.define(FAILING))
    text = "deployment failed: tasks failed to start."
    eventually(lambda: any(text in each for each in stand.events("breaker")), lambda: stand.events("breaker"))
    assert stand.steady("breaker")["taskDefinition"] == good
    assert any("rolling back to (deployment ecs-svc/" in each for each in stand.events("breaker"))
    assert len(stand.tasks("breaker")) == 3
    stand.gone("breaker")


def test_terraforms_settings_come_back(stand: Stand) -> None:
    """What CreateService is told, DescribeServices tells: a re-plan finds no difference."""
    given: dict[str, Any] = {
        "platformVersion": "1.4.0",
        "schedulingStrategy": "REPLICA",
        "availabilityZoneRebalancing": "DISABLED",
        "deploymentConfiguration": {"maximumPercent": 150, "minimumHealthyPercent": 50},
        "enableECSManagedTags": True,
        "propagateTags": "SERVICE",
        "enableExecuteCommand": False,
        "tags": [{"key": "Lab", "value": "x"}],
    }
    stand.serve("settings", stand.define(QUIET), 0, **given)
    found = stand.ecs.describe_services(cluster=CLUSTER, services=["settings"], include=["TAGS"])["services"][0]
    assert {key: found[key] for key in given if key != "deploymentConfiguration"} == {
        key: given[key] for key in given if key != "deploymentConfiguration"
    }
    assert found["deploymentConfiguration"].items() >= given["deploymentConfiguration"].items()
    assert found["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == stand.subnets
    arn = found["serviceArn"]
    assert arn == f"arn:aws:ecs:ap-northeast-1:123456789012:service/{CLUSTER}/settings"
    stand.ecs.tag_resource(resourceArn=arn, tags=[{"key": "Lab", "value": "y"}, {"key": "b", "value": "c"}])
    stand.ecs.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert stand.ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "Lab", "value": "y"}]
    stand.gone("settings")


def test_a_cluster_in_use_is_not_deleted_and_counts(stand: Stand) -> None:
    """DescribeClusters counts our services and tasks beside moto's cluster."""
    stand.serve("counted", stand.define(QUIET))
    stand.steady("counted")
    cluster = stand.ecs.describe_clusters(clusters=[CLUSTER])["clusters"][0]
    assert cluster["activeServicesCount"] >= 1
    assert cluster["runningTasksCount"] >= 1
    with pytest.raises(ClientError) as caught:
        stand.ecs.delete_cluster(cluster=CLUSTER)
    assert caught.value.response["Error"]["Code"] == "ClusterContainsServicesException"
    stand.gone("counted")


def test_a_service_drains_before_it_is_inactive(stand: Stand) -> None:
    """Deleting stops the tasks; the name is free again afterwards."""
    definition = stand.define(QUIET)
    stand.serve("drain", definition)
    stand.steady("drain")
    with pytest.raises(ClientError, match="scaled above 0"):
        stand.ecs.delete_service(cluster=CLUSTER, service="drain")
    with pytest.raises(ClientError, match="not idempotent"):
        stand.serve("drain", definition)
    stand.gone("drain")
    assert stand.tasks("drain") == []
    assert "drain" not in str(stand.ecs.list_services(cluster=CLUSTER)["serviceArns"])
    with pytest.raises(ClientError, match="ServiceNotActiveException"):
        stand.ecs.update_service(cluster=CLUSTER, service="drain", desiredCount=1)
    stand.serve("drain", definition, 0)
    stand.gone("drain")


def test_behind_a_load_balancer(stand: Stand) -> None:
    """Tasks are registered when they run and deregistered before they stop."""
    group = _target_group(stand)
    target = {"targetGroupArn": group, "containerName": "httpd", "containerPort": 80}
    definition = stand.define(httpd(), ROUTER)
    with pytest.raises(ClientError, match="does not have an associated load balancer"):
        stand.serve("web", definition, loadBalancers=[target])
    _listener(stand, group)
    with pytest.raises(ClientError, match="did not have a container port 81 defined"):
        stand.serve("web", definition, loadBalancers=[{**target, "containerPort": 81}])
    stand.serve("web", definition, loadBalancers=[target], healthCheckGracePeriodSeconds=60)
    stand.steady("web")
    (task,) = stand.tasks("web")
    address = task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    health = stand.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert [each["Target"] for each in health] == [{"Id": address, "Port": 80}]
    stand.gone("web")
    assert stand.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"] == []
    told = " ".join(stand.events("web"))
    words = ["registered 1 targets in", "has stopped 1 running tasks", "deregistered 1 targets", "has begun draining"]
    positions = [told.index(each) for each in words]
    assert positions == sorted(positions)


def _target_group(stand: Stand) -> str:
    made = stand.elbv2.create_target_group(Name="tg", Protocol="HTTP", Port=80, VpcId=stand.vpc, TargetType="ip")
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def _listener(stand: Stand, group: str) -> None:
    made = stand.elbv2.create_load_balancer(Name="alb", Subnets=stand.subnets)["LoadBalancers"][0]
    stand.elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("create_service", {"serviceName": "a b", "taskDefinition": "x"}, "InvalidParameterException"),
        ("create_service", {"serviceName": "a", "taskDefinition": "none"}, "ClientException"),
        ("create_service", {"serviceName": "a", "cluster": "none"}, "ClusterNotFoundException"),
        ("update_service", {"service": "none", "desiredCount": 1}, "ServiceNotFoundException"),
        ("delete_service", {"service": "none"}, "ServiceNotFoundException"),
        ("describe_task_sets", {"service": "a"}, "NotImplemented"),
        ("describe_services", {"services": []}, "InvalidParameterException"),
        ("describe_services", {"services": ["a"], "cluster": "none"}, "ClusterNotFoundException"),
    ],
)
def test_bad_input(stand: Stand, operation: str, params: dict[str, Any], code: str) -> None:
    """AWS's code, never a traceback."""
    with pytest.raises(ClientError) as caught:
        getattr(stand.ecs, operation)(**{"cluster": CLUSTER, **params})
    assert caught.value.response["Error"]["Code"] == code


def test_fargates_capacity_providers_are_there(stand: Stand) -> None:
    """Every account has the two, asked for by name or not."""
    answers = [
        stand.ecs.describe_capacity_providers(),
        stand.ecs.describe_capacity_providers(capacityProviders=["FARGATE"]),
    ]
    names = [[each["name"] for each in answer["capacityProviders"]] for answer in answers]
    assert names == [["FARGATE", "FARGATE_SPOT"], ["FARGATE"]]


def test_an_unknown_service_is_missing(stand: Stand) -> None:
    """DescribeServices answers what it does not know as a failure: Terraform takes it for gone."""
    answer = stand.ecs.describe_services(cluster=CLUSTER, services=["none"])
    assert answer["services"] == []
    assert answer["failures"][0]["reason"] == "MISSING"


def test_a_refused_definition_is_not_registered(stand: Stand) -> None:
    """Fluentd: AWS takes it, the local AWS says why it cannot."""
    router = {**ROUTER, "firelensConfiguration": {"type": "fluentd"}}
    with pytest.raises(ClientError, match="no Fluentd") as caught:
        stand.define(httpd(), router)
    assert caught.value.response["Error"]["Code"] == "ClientException"

"""FireLens: a log line's way from httpd through the router to both destinations, and a configuration that is wrong."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.integration import arrivals
from tests.integration.removal import remove_service
from tests.integration.stack import CONTEXT, SIDECAR, Stack

pytestmark = pytest.mark.account
COUNT = 200


@pytest.fixture(scope="module")
def began_ms() -> int:
    """When this module began: other modules let the same routers complain."""
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def run(stack: Stack, began_ms: int) -> str:  # noqa: ARG001
    """The id of requests whose lines have arrived."""
    run = arrivals.send(stack, COUNT)
    arrivals.arrive_once(stack, run, arrivals.ids_of(run, COUNT))
    return run


def test_every_request_is_one_line_in_cloudwatch_and_one_in_s3(stack: Stack, run: str) -> None:
    """N requests, N lines in each destination, none twice."""
    assert arrivals.in_cloudwatch(stack, run).total() == COUNT
    assert arrivals.in_s3(stack, run).total() == COUNT


def test_both_tasks_serve_and_log_into_streams_of_their_own(stack: Stack, run: str) -> None:
    """A stream is from-httpd-firelens-<task id>: prefix of extra.conf, then the FireLens tag."""
    streams = {each["logStreamName"] for each in arrivals.httpd_events(stack, run)}
    tasks = {each["taskArn"].rsplit("/", 1)[-1] for each in stack.tasks("httpd")}
    assert streams == {f"from-httpd-firelens-{task}" for task in tasks}
    assert len(streams) == 2


def test_a_record_says_where_it_comes_from(stack: Stack, run: str) -> None:
    """Docker's three fields and FireLens's three, around the article's access-log line."""
    record = json.loads(arrivals.httpd_events(stack, run)[0]["message"])
    tasks = {each["taskArn"]: each for each in stack.tasks("httpd")}
    task = tasks[record["ecs_task_arn"]]
    container = next(each for each in task["containers"] if each["name"] == "httpd")
    assert set(record) == {
        "container_id", "container_name", "source", "log", "ecs_cluster", "ecs_task_arn", "ecs_task_definition",
    }  # fmt: skip
    assert record["container_id"] == container["runtimeId"]
    assert (record["source"], record["ecs_cluster"]) == ("stdout", stack.prefix)
    assert record["ecs_task_definition"] == task["taskDefinitionArn"].rsplit("/", 1)[-1]
    assert record["log"].startswith("10.0.1")  # a node of the load balancer
    assert f"?id={run}-" in record["log"]


def test_the_router_makes_its_group_with_retention(stack: Stack, run: str) -> None:  # noqa: ARG001
    """auto_create_group and log_retention_days of extra.conf, with the task role."""
    groups = stack.target.client("logs").describe_log_groups(logGroupNamePrefix=stack.httpd_log_group)["logGroups"]
    assert [each["retentionInDays"] for each in groups] == [90]


def test_the_routers_own_log_is_there(stack: Stack, run: str, began_ms: int) -> None:  # noqa: ARG001
    """Stream <prefix>/<container>/<task id>, written by awslogs; nothing is complained of."""
    for task in stack.tasks("httpd"):
        stream = f"{SIDECAR}/log_router/{task['taskArn'].rsplit('/', 1)[-1]}"
        events = arrivals.events(stack, stack.log_group, logStreamNames=[stream])
        assert any("[ info]" in each["message"] for each in events)
        since = [each["message"] for each in events if each["timestamp"] >= began_ms]
        assert [line for line in since if "[error]" in line] == []


def test_a_broken_extra_conf_stops_the_task_and_says_why(stack: Stack, tmp_path: Path) -> None:
    """Row B4 gone wrong: stopped reason, exit code, the router's own words in its log, the service's events."""
    context = shutil.copytree(CONTEXT, tmp_path / "fluentbit")
    with (context / "extra.conf").open("a") as conf:
        conf.write("    log_retention_day 90\n")
    stack.publish(context, "broken")
    stack.serve("broken", stack.register("broken", *stack.containers(f"{stack.repository_url}:broken")), 1)
    told = "unknown configuration property 'log_retention_day'"
    stack.target.wait(lambda: stack.tasks("broken", "STOPPED"), "a task to fail")
    task = stack.stopped(stack.tasks("broken", "STOPPED")[0]["taskArn"])
    router = next(each for each in task["containers"] if each["name"] == "log_router")
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"].startswith("Essential container in task exited")
    assert router["exitCode"] not in {0, None}
    stack.target.wait(lambda: arrivals.router_log(stack, told), "the router's own words", done=bool)
    assert any("has started 1 tasks" in each for each in stack.events("broken"))
    if stack.target.is_local:  # ours say more than AWS's
        assert told in task["stoppedReason"]
        stack.target.wait(lambda: any(told in each for each in stack.events("broken")), "the service's event")
    remove_service(stack, "broken")

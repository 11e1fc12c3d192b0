"""The running service as a person looks at it: tasks, targets, events; and waiting until it is stable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import NotFoundError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.wait import Tick, wait_until
from lab_helpers.lab import Lab

STABLE_TIMEOUT_S = 600.0
"""Bound on `wait_until_stable`: on an account a first Fargate task takes one to three minutes."""
POLL_S = 1.0

OnTick = Callable[[Tick], None] | None


def describe_service(ecs: Any, cluster: str, service: str) -> dict[str, Any]:
    """Return ECS's own description of a service; raises NotFoundError."""
    with aws_errors("DescribeServices"):
        found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    if not found or found[0]["status"] == "INACTIVE":
        raise NotFoundError("DescribeServices", "ServiceNotFoundException", f"There is no service {service}.")
    return dict(found[0])


def tasks(ecs: Any, cluster: str, status: str = "RUNNING") -> pd.DataFrame:
    """Return the cluster's tasks: task (id), status (ECS's lastStatus), zone, address (of its ENI), revision.

    `status` is the desired status, "RUNNING" or "STOPPED"; stopped tasks also have stop_code and stopped_reason.
    """
    columns = ["task", "status", "zone", "address", "revision", "stop_code", "stopped_reason"]
    found = describe_tasks(ecs, cluster, status)
    return pd.DataFrame([_task_row(task) for task in found], columns=columns)


MAX_TASKS = 100
"""Tasks that one DescribeTasks may name. Source: Amazon ECS API reference."""


def describe_tasks(ecs: Any, cluster: str, status: str = "RUNNING") -> list[dict[str, Any]]:
    """Return ECS's own descriptions of a cluster's tasks, oldest first."""
    with aws_errors("ListTasks"):
        pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=status)
        arns = [arn for page in pages for arn in page["taskArns"]]
        blocks = [arns[first : first + MAX_TASKS] for first in range(0, len(arns), MAX_TASKS)]
        found = [task for block in blocks for task in ecs.describe_tasks(cluster=cluster, tasks=block)["tasks"]]
    return sorted(found, key=lambda task: str(task.get("createdAt", "")))


def stopped_tasks(ecs: Any, cluster: str) -> list[dict[str, Any]]:
    """Return ECS's own descriptions of the tasks that have stopped, in the order of their ends.

    ECS lists those that are wanted to stop; what is still at it has no `stoppedAt`, and no exit codes, and is left out.
    """
    ended = [task for task in describe_tasks(ecs, cluster, "STOPPED") if "stoppedAt" in task]
    return sorted(ended, key=lambda task: task["stoppedAt"])


def events(ecs: Any, cluster: str, service: str, most: int = 10) -> pd.DataFrame:
    """Return the service's last events, newest first: at (UTC), message."""
    found = describe_service(ecs, cluster, service)["events"][:most]
    rows = [{"at": pd.Timestamp(event["createdAt"]).tz_convert("UTC"), "message": event["message"]} for event in found]
    return pd.DataFrame(rows, columns=["at", "message"])


def target_health(elbv2: Any, target_group_arn: str) -> pd.DataFrame:
    """Return the load balancer's targets: address, port, state, reason."""
    with aws_errors("DescribeTargetHealth"):
        found = elbv2.describe_target_health(TargetGroupArn=target_group_arn)["TargetHealthDescriptions"]
    rows = [
        {
            "address": item["Target"]["Id"],
            "port": item["Target"]["Port"],
            "state": item["TargetHealth"]["State"],
            "reason": item["TargetHealth"].get("Reason", ""),
        }
        for item in found
    ]
    return pd.DataFrame(rows, columns=["address", "port", "state", "reason"])


def wait_until_stable(lab: Lab, *, on_tick: OnTick = None) -> pd.DataFrame:
    """Wait until one deployment runs the desired count and every target is healthy; return `target_health`.

    Raises WaitTimeoutError after `STABLE_TIMEOUT_S` with the state last seen and the service's newest event.
    """
    ecs, elbv2, out = lab.client("ecs"), lab.client("elbv2"), lab.outputs

    def look() -> tuple[bool, str]:
        now = describe_service(ecs, out.cluster_name, out.service_name)
        health = target_health(elbv2, out.target_group_arn)
        settled = len(now["deployments"]) == 1 and now["runningCount"] == now["desiredCount"]
        healthy = int((health["state"] == "healthy").sum())
        stable = settled and healthy == now["desiredCount"] == len(health)
        newest = "" if stable or not now["events"] else f"; {now['events'][0]['message']}"
        running, wanted = now["runningCount"], now["desiredCount"]
        told = say(
            "{running} of {wanted} tasks run, {healthy} healthy", running=running, wanted=wanted, healthy=healthy
        )
        return stable, told + newest

    wait_until(
        look,
        STABLE_TIMEOUT_S,
        POLL_S,
        say("the service to be stable and its targets healthy"),
        done=lambda state: state[0],
        describe=lambda state: state[1],
        look_at=say("ecs_service.events, and the stopped reasons of ecs_service.tasks(…, 'STOPPED')"),
        on_tick=on_tick,
    )
    return target_health(elbv2, out.target_group_arn)


def wait_until_unhealthy(lab: Lab, *, on_tick: OnTick = None) -> pd.DataFrame:
    """Wait until the load balancer calls a target unhealthy and none healthy; return `target_health`.

    Raises WaitTimeoutError after `STABLE_TIMEOUT_S`.
    """
    elbv2, group = lab.client("elbv2"), lab.outputs.target_group_arn
    found: pd.DataFrame = wait_until(
        lambda: target_health(elbv2, group),
        STABLE_TIMEOUT_S,
        POLL_S,
        say("the load balancer to call its targets unhealthy"),
        done=lambda health: bool((health["state"] == "unhealthy").any() and not (health["state"] == "healthy").any()),
        describe=lambda health: ", ".join(health["state"]),
        on_tick=on_tick,
    )
    return found


def redeploy(ecs: Any, cluster: str, service: str) -> None:
    """Start a new deployment of the same task definition: new tasks pull the image again."""
    with aws_errors("UpdateService"):
        ecs.update_service(cluster=cluster, service=service, forceNewDeployment=True)


def _task_row(task: dict[str, Any]) -> dict[str, Any]:
    details = {item["name"]: item["value"] for part in task.get("attachments", []) for item in part["details"]}
    return {
        "task": task["taskArn"].rsplit("/", 1)[-1],
        "status": task["lastStatus"],
        "zone": task.get("availabilityZone", ""),
        "address": details.get("privateIPv4Address", ""),
        "revision": task["taskDefinitionArn"].rsplit("/", 1)[-1],
        "stop_code": task.get("stopCode", ""),
        "stopped_reason": task.get("stoppedReason", ""),
    }

"""restartPolicy: a container is started again in place, and its log driver goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from typing import Any

import pytest

from lab_helpers.local_aws.ecs import EcsService
from lab_helpers.local_aws.ecs.logs.ledger import joined
from lab_helpers.local_aws.ecs.operations import container_rules
from lab_helpers.local_aws.ecs.spec import RestartPolicy, parse_container
from tests.local_aws.ecs.kit import CLUSTER, ROUTER, Stand, eventually, shell

GROUP = "/case/21"
TO_LOGS = {
    "Name": "cloudwatch_logs",
    "region": "ap-northeast-1",
    "log_group_name": GROUP,
    "log_stream_name": "s",
    "log_key": "log",
    "auto_create_group": "true",
}
NUMBERS = "n=0; while true; do n=$((n+1)); echo n=$n; sleep 0.1; done"


def _policy(period_s: int, *ignored: int) -> dict[str, Any]:
    return {"enabled": True, "restartAttemptPeriod": period_s, "ignoredExitCodes": list(ignored)}


def _kill_router(stand: Stand, arn: str) -> None:
    """Send SIGKILL to a task's router."""
    runner = next(each for each in stand.aws._services if isinstance(each, EcsService))._runner
    running = runner.find(lambda each: each.task.arn == arn)
    os.kill(running.containers["log_router"].process.pid, signal.SIGKILL)


def _metadata(stand: Stand, task: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Ask task metadata v4; return its containers by name."""
    runtime_id = task["containers"][0]["runtimeId"]
    with urllib.request.urlopen(f"{stand.aws.endpoint_url}/_ecs/v4/{runtime_id}/task") as answer:
        return {each["Name"]: each for each in json.load(answer)["Containers"]}


def _numbers(stand: Stand) -> list[int]:
    if not stand.logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        return []
    if not stand.logs.describe_log_streams(logGroupName=GROUP)["logStreams"]:
        return []
    return [int(each.removeprefix("n=")) for each in stand.messages(GROUP, "s")]


@pytest.mark.parametrize(
    ("exit_code", "ran_s", "allowed"), [(1, 60.0, True), (0, 61.0, True), (1, 59.9, False), (3, 999.0, False)]
)
def test_when_a_container_is_started_again(exit_code: int, ran_s: float, allowed: bool) -> None:
    """After its period, by any exit code that is not ignored."""
    assert RestartPolicy((3,), 60).allows(exit_code, ran_s) is allowed


def test_a_policy_as_the_definition_has_it() -> None:
    """300 s unless said otherwise; one that is not enabled is none."""
    assert parse_container({"name": "a", "restartPolicy": {"enabled": True}}).restart == RestartPolicy((), 300)
    assert parse_container({"name": "a", "restartPolicy": {"enabled": False}}).restart is None
    assert parse_container({"name": "a"}).restart is None


def test_the_router_is_started_again(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 21: essential, and yet the task goes on; the driver finds the socket again and sends what it holds."""
    monkeypatch.setattr(container_rules, "RESTART_PERIOD_S", (0, 1800))  # AWS's 60 s are too long for a test
    app = shell(NUMBERS, "app", logConfiguration={"logDriver": "awsfirelens", "options": TO_LOGS})
    arn = stand.run(stand.define({**ROUTER, "restartPolicy": _policy(0)}, app))
    eventually(lambda: len(_numbers(stand)) > 2, lambda: stand.task(arn))
    before = _metadata(stand, stand.task(arn))
    assert before["log_router"]["RestartCount"] == 0
    assert "RestartCount" not in before["app"]
    _kill_router(stand, arn)
    eventually(lambda: _metadata(stand, stand.task(arn))["log_router"]["RestartCount"] == 1, lambda: stand.task(arn))
    seen = max(_numbers(stand))
    eventually(lambda: max(_numbers(stand)) > seen + 5, lambda: stand.task(arn))
    task = stand.task(arn)
    assert (task["lastStatus"], task["desiredStatus"]) == ("RUNNING", "RUNNING")
    assert all("exitCode" not in each for each in task["containers"])
    stand.ecs.stop_task(cluster=CLUSTER, task=arn)
    stand.stopped(arn)
    numbers = _numbers(stand)
    assert numbers == sorted(set(numbers)), "each line once, in order"
    found = stand.log_records()["tasks"][arn.rsplit("/", 1)[-1]]
    lost = sum(found["losses"].values())
    # The killed run's last account may be a moment old: what it sent since then counts as lost, never the other way.
    assert found["printed"] == max(numbers) <= len(numbers) + lost, found


def test_not_within_its_period(stand: Stand) -> None:
    """Case 21: the second end, 10 s after the first, stops the task; so does an end within the first 60 s."""
    app = shell("sleep 60", "app", logConfiguration={"logDriver": "awsfirelens", "options": TO_LOGS})
    arn = stand.run(stand.define({**ROUTER, "restartPolicy": _policy(60)}, app))
    eventually(lambda: stand.task(arn)["lastStatus"] == "RUNNING", lambda: stand.task(arn))
    _kill_router(stand, arn)
    assert stand.stopped(arn)["stopCode"] == "EssentialContainerExited"


def test_not_for_an_ignored_code(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container ends as it would without a policy, after a start again that its other code brought about."""
    monkeypatch.setattr(container_rules, "RESTART_PERIOD_S", (0, 1800))
    script = "[ -e again ] && exit 3; : > again; exit 1"  # a container's folder outlives its program
    task = stand.stopped(stand.run(stand.define(shell(script, restartPolicy=_policy(0, 3)))))
    assert task["containers"][0]["exitCode"] == 3
    assert task["stopCode"] == "EssentialContainerExited"


def test_the_accounts_of_a_router_before_and_after() -> None:
    """Figures add up; what the first run held is lost with it; without a restart nothing changes."""
    inputs = {"forward.0": {"records": 5, "lost": {"too long": 1}}}
    output = {"received": 5, "sent": 3, "dropped": 0, "held": 2, "lost": {}}
    filters = {"removed": 1, "added": 0}
    run = {"state": "running", "inputs": inputs, "filters": filters, "unrouted": 1, "outputs": {"s3.0": output}}
    assert joined([], run) == run
    both = joined([run], {**run, "state": "ended"})
    assert both == {
        "state": "ended",
        "inputs": {"forward.0": {"records": 10, "lost": {"too long": 2}}},
        "filters": {"removed": 2, "added": 0},
        "unrouted": 2,
        "outputs": {"s3.0": {"received": 10, "sent": 6, "dropped": 2, "held": 2, "lost": {"killed with it": 2}}},
    }

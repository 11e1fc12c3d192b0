"""A deployment: what ran before and after, when nothing is to be done, and what a rollback says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab_helpers import deployment, display, ecs_service
from lab_helpers.deployment import Deployed, Running, deploy

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
FIRST = "arn:aws:ecs:r:1:task-definition/f:1"


class OneService:
    """ECS with one service: an update replaces its task at once, or (`fails`) ends in a rollback."""

    def __init__(self, pushed: str, *, fails: bool = False) -> None:
        self.pushed, self.fails, self.updates = pushed, fails, 0
        self.tasks = {"RUNNING": [self._task("1", OLD)], "STOPPED": []}
        self.state = "COMPLETED"

    def _task(self, name: str, digest: str, **rest: Any) -> dict[str, Any]:
        part = {"name": "log_router", "imageDigest": digest, **rest.pop("part", {})}
        arn = f"arn:aws:ecs:r:1:task/c/{name}"
        return {"taskArn": arn, "group": "service:s", "taskDefinitionArn": FIRST, "containers": [part], **rest}

    def get_paginator(self, _: str) -> Any:
        def paginate(cluster: str, desiredStatus: str) -> list[dict[str, Any]]:  # noqa: N803 (boto3's name)
            del cluster
            return [{"taskArns": [f"{desiredStatus} {n}" for n in range(len(self.tasks[desiredStatus]))]}]

        return SimpleNamespace(paginate=paginate)

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        del cluster
        return {"tasks": [self.tasks[name.split()[0]][int(name.split()[1])] for name in tasks]}

    def describe_task_definition(self, **_: Any) -> dict[str, Any]:
        return {"taskDefinition": {"taskDefinitionArn": FIRST}}

    def update_service(self, **_: Any) -> dict[str, Any]:
        self.updates += 1
        if self.fails:
            stopped = {"stoppedReason": "Essential container in task exited", "part": {"exitCode": 1}}
            scaled = {"stoppedReason": "Scaling activity initiated by (deployment d)", "part": {"exitCode": 143}}
            self.state, self.tasks["STOPPED"] = (
                "FAILED",
                [
                    self._task("0", OLD, stoppedReason="an earlier deployment's", stoppedAt=1),
                    self._task("2", self.pushed, stoppedAt=3, **stopped),
                    self._task("3", self.pushed, stoppedAt=4, **scaled),
                    self._task("4", self.pushed, stopCode="EssentialContainerExited"),  # it is still stopping
                ],
            )
        else:
            self.tasks["RUNNING"] = [self._task("2", self.pushed)]
        return {"service": {"deployments": [{"id": "d", "status": "PRIMARY"}]}}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        made = {"id": "d", "rolloutState": self.state, "runningCount": 1}
        service = {"status": "ACTIVE", "deployments": [made], "desiredCount": 1, "events": [{"message": "m"}]}
        return {"services": [service]}


@pytest.fixture(autouse=True)
def _nothing_to_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image is `pushed` of the service; after a rollback the service is stable at once."""
    monkeypatch.setattr(deployment, "build", lambda lab: [SimpleNamespace(digest=lab.ecs.pushed)])
    monkeypatch.setattr(ecs_service, "wait_until_stable", lambda _, on_tick: on_tick)


def lab(ecs: OneService) -> Any:
    """A lab that asks this ECS; `brought_in` is what it is told of its files."""
    out = SimpleNamespace(cluster_name="c", service_name="s", task_family="f")
    files = SimpleNamespace(fingerprints=lambda: {"fluentbit/extra.conf": "1"})
    told: list[dict[str, str]] = []
    return SimpleNamespace(
        ecs=ecs, outputs=out, client=lambda _: ecs, files=files, brought_in=told,
        keep_brought_in=lambda taken, _: told.append(taken),
    )  # fmt: skip


def test_a_new_image_is_deployed_and_both_are_named() -> None:
    """Digest and task, before and after."""
    done = deploy(lab(OneService(NEW)))
    assert (done.before.digests, done.before.tasks) == ((OLD,), ("1",))
    assert (done.after.digests, done.after.tasks) == ((NEW,), ("2",))
    shown = display.deployed(done).text
    assert OLD[:19] in shown
    assert NEW[:19] in shown


def test_what_runs_already_is_not_deployed_again() -> None:
    """It says so, and starts nothing, unless it is forced to."""
    same, forced = OneService(OLD), OneService(OLD)
    assert "Nothing to deploy" in deploy(lab(same)).sentence()
    deploy(lab(forced), force=True)
    assert (same.updates, forced.updates) == (0, 1)


def test_a_rollback_says_why_in_ecs_words() -> None:
    """In one sentence, with the stopped reason raw and the exit code of the container."""
    done = deploy(lab(OneService(NEW, fails=True)))
    assert "the circuit breaker went back" in done.sentence()
    assert "Essential container in task exited; log_router: exit code 1" in done.sentence()
    assert done.after.digests == (OLD,)


@pytest.mark.parametrize(
    ("ecs", "count"), [(OneService(NEW), 1), (OneService(OLD), 1), (OneService(NEW, fails=True), 0)]
)
def test_files_are_brought_in_unless_ecs_rolled_back(ecs: OneService, count: int) -> None:
    """What the tasks run, new or as before, is what the files said; after a rollback it is not."""
    at = lab(ecs)
    deploy(at)
    assert at.brought_in == [{"fluentbit/extra.conf": "1"}] * count


def test_a_page_shows_reasons_escaped() -> None:
    """A reason holds what a container printed."""
    done = Deployed(Running((), (), ()), Running((), (), ()), NEW, reason="<script>alert(1)</script>")
    assert "<script>" not in display.deployed(done).html

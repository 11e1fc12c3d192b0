"""The store's rule: a changed task gets its next version, and everybody who waits for a change is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lab_helpers.local_aws import ecs
from lab_helpers.local_aws.ecs.lifecycle import StopCode, TaskStatus
from lab_helpers.local_aws.ecs.model import ContainerRecord, NetworkSettings, Service, Task
from lab_helpers.local_aws.ecs.spec import TaskSpec
from lab_helpers.local_aws.ecs.store import Store
from lab_helpers.local_aws.kit.clock import ManualClock

CLUSTER = "arn:aws:ecs:r:1:cluster/c"


@pytest.fixture
def store() -> Store:
    """A store at second 100."""
    return Store(lambda: 100.0)


def _task(number: int = 1) -> Task:
    spec = TaskSpec("arn:aws:ecs:r:1:task-definition/f:1", "f", 1, ())
    arn = f"arn:aws:ecs:r:1:task/c/{number}"
    record = ContainerRecord("web", f"{arn}/web", "id", "image", essential=True)
    return Task(str(number), arn, CLUSTER, spec, "family:f", NetworkSettings(()), 0.0, containers={"web": record})


def _service() -> Service:
    return Service("arn:aws:ecs:r:1:service/c/s", "s", CLUSTER, 0.0, 2, {})


def test_each_change_of_a_task_is_a_version_and_is_told(store: Store) -> None:
    """States, containers, the end: whoever waits for the serial sees each."""
    task = _task()
    record = task.containers["web"]
    store.add_task(task)
    seen = [(task.version, store.serial)]
    changes: list[Callable[[], object]] = [
        lambda: store.move(task, TaskStatus.PENDING),
        lambda: store.container_started(task, record, is_running=True),
        lambda: store.container_restarts(task, record),
        lambda: store.container_ended(task, record, 1, "why"),
        lambda: store.want_stopped(task, StopCode.USER, "because"),
        lambda: store.touch(task),
    ]
    for change in changes:
        change()
        seen.append((task.version, store.serial))
    assert seen == [(1 + step, 1 + step) for step in range(7)]
    assert (record.status, record.exit_code, record.reason, record.restart_count) == ("STOPPED", 1, "why", 1)


def test_only_the_first_reason_counts(store: Store) -> None:
    """The second is no change."""
    task = _task()
    assert store.want_stopped(task, StopCode.USER, "first")
    serial = store.serial
    assert not store.want_stopped(task, StopCode.SCHEDULER, "second")
    assert (task.stopped_reason, store.serial) == ("first", serial)


def test_a_change_that_fails_is_not_told(store: Store) -> None:
    """Nobody is woken for it, and the store is free again."""
    with pytest.raises(LookupError), store.changing(_task()):
        raise LookupError
    assert store.serial == 0


def test_what_the_load_balancer_says_again_is_no_change(store: Store) -> None:
    """A scheduler that was woken by its own look would look for ever."""
    task = _task()
    store.target_is(task, healthy=True)
    store.target_is(task, healthy=True)
    assert store.serial == 1


def test_who_waits_for_a_change_that_was_is_not_kept(store: Store) -> None:
    """A change between the look and the wait is not missed; without one the time is waited for."""
    clock = ManualClock()
    store.touch()
    store.wait_for_change(0, clock, lambda: pytest.fail("waited"))


def test_what_has_been_over_for_long_is_forgotten(store: Store) -> None:
    """Tasks and services; what has just ended stays."""
    old, new, service = _task(1), _task(2), _service()
    old.times["STOPPED"], new.times["STOPPED"] = 0.0, 99.0
    for task in (old, new):
        store.add_task(task)
    store.add_service(service)
    assert store.forget_stopped(50.0) == [old]
    assert store.tasks(CLUSTER) == [new]
    store.drain(service)
    store.deactivate(service)
    store.forget_inactive(service, 1.0)
    assert store.services() == [service]
    store.now = lambda: 200.0
    store.forget_inactive(service, 1.0)
    assert store.services() == []


def test_nobody_outside_reaches_into_the_store() -> None:
    """Its lock and its tables are its own."""
    folder = Path(ecs.__file__).parent
    found = [
        f"{path.name}: {line.strip()}"
        for path in folder.rglob("*.py")
        for line in path.read_text().splitlines()
        if path.name != "store.py" and re.search(r"store\._(changed|services|tasks)\b|store\.changed\b", line)
    ]
    assert found == []

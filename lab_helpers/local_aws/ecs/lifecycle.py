"""The states of a task and the legal moves between them; no I/O.

Source: "Task lifecycle" in the Amazon ECS developer guide.
"""

from __future__ import annotations

from enum import StrEnum


class TaskStatus(StrEnum):
    """`lastStatus` of a task, in the order of a life."""

    PROVISIONING = "PROVISIONING"
    PENDING = "PENDING"
    ACTIVATING = "ACTIVATING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    DEPROVISIONING = "DEPROVISIONING"
    STOPPED = "STOPPED"

    @property
    def is_stopped(self) -> bool:
        return self is TaskStatus.STOPPED

    @property
    def is_starting(self) -> bool:
        return _ORDER[self] < _ORDER[TaskStatus.RUNNING]

    @property
    def is_stopping(self) -> bool:
        return _ORDER[self] > _ORDER[TaskStatus.RUNNING]


_ORDER = {status: number for number, status in enumerate(TaskStatus)}


class StopCode(StrEnum):
    """Why a task stopped, as DescribeTasks says it."""

    FAILED_TO_START = "TaskFailedToStart"
    ESSENTIAL_EXITED = "EssentialContainerExited"
    USER = "UserInitiated"
    SCHEDULER = "ServiceSchedulerInitiated"
    HOST = "TerminationNotice"


class IllegalMoveError(ValueError):
    """A task was asked to go where no task can go from its state."""


def advance(current: TaskStatus, target: TaskStatus) -> TaskStatus:
    """Return `target` when a task in `current` may become that; raises IllegalMoveError otherwise.

    Starting states follow each other one by one; a stop may begin from any of them, and a stopping task may leave
    out states for which it has nothing to do (no load balancer: no DEACTIVATING). Nothing moves backwards.
    """
    step = _ORDER[target] - _ORDER[current]
    if step <= 0 or (step > 1 and not target.is_stopping):
        raise IllegalMoveError(f"A task cannot go from {current} to {target}.")
    return target


def counts_as(status: TaskStatus) -> str:
    """Return in which figure of its service a task counts: "pending", "running" or "" (stopped)."""
    if status.is_starting:
        return "pending"
    return "" if status.is_stopped else "running"

"""What a service should do next: start, stop, or be content; no I/O.

Source: "Deployment configuration", "Service throttle logic", "Deployment circuit breaker", "Replacement of unhealthy
tasks" (ECS developer guide; since October 2023 a replacement starts first).
Not modelled: daemon services, external and blue/green deployment controllers, capacity providers, replacement of an
unhealthy task of an older deployment by that deployment's revision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FIRST_DELAY_S, LONGEST_DELAY_S = 2.0, 900.0
IMPAIRED_AFTER = 3
SHORT_LIFE_S = 10.0
"""A task that ran for less is taken for one that failed to start: a crash loop must not turn without a pause."""
SETTLE_S = 0.5
"""A task counts as healthy when it has run for this long; AWS takes longer than that to see that it runs."""


@dataclass(frozen=True)
class TaskView:
    """What the decision needs to know of a task; `healthy` means running and, behind a load balancer, healthy there.

    `failing`: a health check of the task or of its target fails, so it is to be replaced.
    """

    id: str
    deployment_id: str
    healthy: bool
    leaving: bool
    created_at: float = 0.0
    failing: bool = False


@dataclass(frozen=True)
class Goal:
    """What the service wants: `primary` is the deployment to have `desired` tasks of."""

    primary: str
    desired: int
    minimum_percent: int = 100
    maximum_percent: int = 200
    may_start: bool = True

    @property
    def at_least(self) -> int:
        return math.ceil(self.desired * self.minimum_percent / 100)

    @property
    def at_most(self) -> int:
        return math.floor(self.desired * self.maximum_percent / 100)


@dataclass(frozen=True)
class Decision:
    """Start so many tasks of the primary deployment, stop these; `complete`: as many as wanted run, and no others."""

    start: int = 0
    stop: tuple[str, ...] = ()
    complete: bool = False


def decide(goal: Goal, tasks: Sequence[TaskView]) -> Decision:
    """Return the next step towards `goal`; asking again after each step leads there."""
    alive = [task for task in tasks if not task.leaving]
    new = [task for task in alive if task.deployment_id == goal.primary]
    old = [task for task in alive if task.deployment_id != goal.primary]
    missing = max(0, goal.desired - sum(not task.failing for task in new))
    start = max(0, min(missing, goal.at_most - len(alive))) if goal.may_start else 0
    blocked = missing - start if goal.may_start else 0
    stop = _surplus(new, goal.desired) + _replaced(goal, new, old, blocked)
    if blocked and not start and not stop:
        stop = _in_the_way(new)
    complete = len(new) == goal.desired and all(task.healthy for task in new) and len(tasks) == len(new)
    return Decision(start, tuple(task.id for task in stop), complete and not start and not stop)


def retry_delay_s(failures_in_row: int) -> float:
    """Return how long to wait before the next start after that many failures in a row."""
    if failures_in_row <= 0:
        return 0.0
    return float(min(FIRST_DELAY_S * 2 ** (failures_in_row - 1), LONGEST_DELAY_S))


def breaker_threshold(desired: int) -> int:
    """Return after how many failed tasks the circuit breaker opens: half the desired count, from 3 to 200."""
    return min(200, max(3, math.ceil(desired / 2)))


def _surplus(new: list[TaskView], desired: int) -> list[TaskView]:
    # Unhealthy ones go first, then the youngest. One that fails its checks stays until a healthy one stands in for it.
    sound, failing = [task for task in new if not task.failing], [task for task in new if task.failing]
    healthy = sum(task.healthy for task in sound)
    spare = sorted(sound, key=lambda task: (task.healthy, -task.created_at))[: max(0, len(sound) - desired)]
    replaced = sorted(failing, key=lambda task: task.created_at)[: max(0, len(failing) - max(0, desired - healthy))]
    return spare + replaced


def _in_the_way(new: list[TaskView]) -> list[TaskView]:
    """Return the failing task that must make room for its replacement: one, and none while another is on its way."""
    is_one_on_its_way = any(not task.healthy and not task.failing for task in new)
    return [] if is_one_on_its_way else [task for task in new if task.failing][:1]


def _replaced(goal: Goal, new: list[TaskView], old: list[TaskView], blocked: int) -> list[TaskView]:
    """Return old tasks that may go: replaced by healthy new ones, or in the way of `blocked` new ones."""
    healthy_new = sum(task.healthy for task in new)
    healthy_old = sum(task.healthy for task in old)
    replaced = len(old) - max(0, goal.desired - healthy_new)
    wanted = max(replaced, blocked, 0)
    spare_healthy = max(0, healthy_new + healthy_old - goal.at_least)
    order = sorted(old, key=lambda task: (task.healthy, task.created_at))
    unhealthy = [task for task in order if not task.healthy][:wanted]
    healthy = [task for task in order if task.healthy][: min(spare_healthy, wanted - len(unhealthy))]
    return unhealthy + healthy

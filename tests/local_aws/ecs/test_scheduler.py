"""When a service's target health is asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lab_helpers.local_aws.ecs.scheduler import BUSY_POLL_S, STEADY_POLL_S, Scheduler


def test_a_deployment_does_not_wait_for_the_next_look_at_a_steady_service() -> None:
    """A new task that nobody has called healthy is looked at soon, whenever the last look at its service was."""
    world: Any = SimpleNamespace(store=None, context=SimpleNamespace(clock=None))
    scheduler = Scheduler(world, runner=world)
    service: Any = SimpleNamespace(arn="service")
    old, new = (SimpleNamespace(healthy_target=healthy) for healthy in (True, None))
    tasks: list[Any] = [old, new]
    assert scheduler._next_health(service, tasks) < 0.0  # never looked at
    scheduler._health_at["service"] = 100.0
    assert scheduler._next_health(service, tasks[:1]) == 100.0 + STEADY_POLL_S
    assert scheduler._next_health(service, tasks) == 100.0 + BUSY_POLL_S

"""Container health checks: what is counted, and that they are made at their interval."""

from __future__ import annotations

import threading
from pathlib import Path

from lab_helpers.local_aws.ecs.containers.health import HealthJudge, HealthMonitor, passes
from lab_helpers.local_aws.ecs.model import ContainerRecord
from lab_helpers.local_aws.ecs.spec import HealthCheck
from lab_helpers.local_aws.kit.clock import ManualClock

CHECK = HealthCheck(("CMD-SHELL", "true"), interval_s=5, retries=3)


def test_a_container_is_unhealthy_after_its_retries() -> None:
    """Failures count in a row; a passed check forgets them."""
    judge = HealthJudge(CHECK, 0)
    results = [True, False, False, True, False, False, False, True]
    healths = [judge.judge(passed, 100) for passed in results]
    assert healths == ["HEALTHY"] * 6 + ["UNHEALTHY", "HEALTHY"]


def test_failures_of_the_start_period_do_not_count() -> None:
    """A container that is still starting is UNKNOWN, not UNHEALTHY."""
    judge = HealthJudge(HealthCheck(("CMD", "x"), retries=1, start_period_s=60), 0)
    assert [judge.judge(False, now) for now in (10, 60, 61)] == ["UNKNOWN", "UNKNOWN", "UNHEALTHY"]


def test_the_command_decides() -> None:
    """CMD-SHELL goes through a shell, CMD does not; a command that is missing or slow fails."""
    env = {"PATH": "/usr/bin:/bin", "A": "1"}
    assert passes(HealthCheck(("CMD-SHELL", "test $A = 1")), env)
    assert passes(HealthCheck(("CMD", "true")), env)
    assert not passes(HealthCheck(("CMD", "false")), env)
    assert not passes(HealthCheck(("CMD", "/not/there")), env)
    assert not passes(HealthCheck(("CMD", "sleep", "5"), timeout_s=0), env)


def test_checks_are_made_at_their_interval(tmp_path: Path) -> None:
    """The first after one interval of the clock; a change is told once."""
    clock, told = ManualClock(), threading.Event()
    record = ContainerRecord("c", "arn", "id", "image", True)
    changes: list[str] = []

    def changed(name: str) -> None:
        changes.append(f"{name} {record.health}")
        told.set()

    monitor = HealthMonitor(clock, changed)
    flag = tmp_path / "flag"
    monitor.watch(
        record, HealthCheck(("CMD", "test", "-e", str(flag)), interval_s=5, retries=1), {"PATH": "/usr/bin:/bin"}
    )
    assert not told.wait(0.05)
    for expected in ("UNHEALTHY", "HEALTHY"):
        while not told.wait(0.02):
            clock.advance(5)
        told.clear()
        assert record.health == expected
        flag.touch()
    monitor.stop()
    monitor.stop()
    assert changes[:2] == ["c UNHEALTHY", "c HEALTHY"]

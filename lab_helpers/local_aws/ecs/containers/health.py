"""Container health checks: the definition's command, run beside the container."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Callable, Mapping

from lab_helpers.local_aws.ecs.model import ContainerRecord
from lab_helpers.local_aws.ecs.spec import HealthCheck
from lab_helpers.local_aws.kit.clock import Clock

log = logging.getLogger(__name__)


class HealthMonitor:
    """Owns one thread for each container with a health check; `on_change` gets the container's name.

    Not modelled: the image's file system; the command runs with this machine's programs.
    """

    def __init__(self, clock: Clock, on_change: Callable[[str], None]) -> None:
        self._clock, self._on_change = clock, on_change
        self._changed = threading.Condition()
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def watch(self, record: ContainerRecord, check: HealthCheck, env: Mapping[str, str]) -> None:
        """Check `record`'s container from now on and keep its `health`."""
        name = f"ecs-health-{record.name}"
        thread = threading.Thread(target=self._run, args=(record, check, dict(env)), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Stop all checks."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _run(self, record: ContainerRecord, check: HealthCheck, env: dict[str, str]) -> None:
        judge = HealthJudge(check, self._clock.monotonic())
        while self._pause(check.interval_s):
            passed = passes(check, env)
            health = judge.judge(passed, self._clock.monotonic())
            if health != record.health:
                record.health = health
                self._on_change(record.name)

    def _pause(self, seconds: float) -> bool:
        deadline = self._clock.monotonic() + seconds
        with self._changed:
            while not self._stopped and (left := deadline - self._clock.monotonic()) > 0:
                self._clock.wait(self._changed, left)
            return not self._stopped


class HealthJudge:
    """Results -> UNKNOWN, HEALTHY or UNHEALTHY; no I/O."""

    def __init__(self, check: HealthCheck, started: float) -> None:
        self._check, self._started = check, started
        self._failures = 0
        self._health = "UNKNOWN"

    def judge(self, passed: bool, now: float) -> str:
        """Take one result; failures within the start period do not count until a check has passed."""
        if passed:
            self._failures, self._health = 0, "HEALTHY"
        elif self._health == "HEALTHY" or now - self._started > self._check.start_period_s:
            self._failures += 1
        if self._failures >= self._check.retries:
            self._health = "UNHEALTHY"
        return self._health


def passes(check: HealthCheck, env: Mapping[str, str]) -> bool:
    """Run the command once; it fails when it ends with another status than 0, or not in time."""
    argv = ["/bin/sh", "-c", *check.command[1:2]] if check.command[0] == "CMD-SHELL" else list(check.command)
    if argv[0] == "CMD":
        argv = argv[1:]
    try:
        done = subprocess.run(argv, env=dict(env), timeout=check.timeout_s, capture_output=True, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0

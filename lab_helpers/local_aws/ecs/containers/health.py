"""Container health checks: the definition's command, run beside the container.

A router's ports in it are led to those that its task has here; `nc` and `curl`, which AWS's image has, are stood in for
where this machine lacks them (check_tools.py).
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lab_helpers.firelens.localise import with_ports
from lab_helpers.local_aws.ecs.containers import check_tools
from lab_helpers.local_aws.ecs.model import ContainerRecord
from lab_helpers.local_aws.ecs.spec import HealthCheck
from lab_helpers.local_aws.kit.clock import Clock

log = logging.getLogger(__name__)


class HealthMonitor:
    """Owns one thread for each container with a health check; `on_change` gets the container's name.

    `on_missing` gets it, once, with what the shell says of a program that this machine has not.

    Not modelled: the image's file system; the command runs with this machine's programs.
    """

    def __init__(
        self,
        clock: Clock,
        on_change: Callable[[str], None],
        on_missing: Callable[[str, str], None] = lambda name, told: None,  # noqa: ARG005
    ) -> None:
        self._clock, self._on_change, self._on_missing = clock, on_change, on_missing
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
        judge, missing = HealthJudge(check, self._clock.monotonic()), ""
        while self._pause(check.interval_s):
            outcome = run(check, env)
            if outcome.missing and not missing:
                missing = outcome.missing
                self._on_missing(record.name, missing)
            health = judge.judge(outcome.passed, self._clock.monotonic())
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


@dataclass(frozen=True)
class Outcome:
    """What one run of a check's command came to; `missing`: what the shell said of a program that is not there."""

    passed: bool
    missing: str = ""


def led(check: HealthCheck, ports: Mapping[str, str], paths: Callable[[str], str] = lambda word: word) -> HealthCheck:
    """Return the check with the ports and the paths of its task led to those of this machine."""
    words = _joined(check.command, ports)
    return replace(check, command=tuple(paths(with_ports(word, ports)) for word in words))


def passes(check: HealthCheck, env: Mapping[str, str]) -> bool:
    """Run the command once; it fails when it ends with another status than 0, or not in time."""
    return run(check, env).passed


def run(check: HealthCheck, env: Mapping[str, str]) -> Outcome:
    """Run the command once, in a group of its own: what does not end in time is killed with all it has started."""
    argv = check_tools.argv(check.command, env)
    try:
        process = subprocess.Popen(
            argv,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as exc:
        return Outcome(False, f"{argv[0]}: {exc.strerror}")
    try:
        _, told = process.communicate(timeout=check.timeout_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Outcome(False)
    lines = [line for line in told.decode("utf-8", "replace").splitlines() if line.rstrip().endswith(" not found")]
    return Outcome(process.returncode == 0, lines[-1] if process.returncode and lines else "")


def _joined(command: tuple[str, ...], ports: Mapping[str, str]) -> tuple[str, ...]:
    """Lead a port that is a word of its own: `CMD nc 127.0.0.1 8877`."""
    return tuple(
        ports.get(word, word) if before in ("127.0.0.1", "localhost") else word
        for before, word in zip(("", *command), command, strict=False)
    )

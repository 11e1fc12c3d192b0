"""Many records through one local AWS, and many runs of the workbook in a row."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from lab_helpers.base.config import inherited
from tests.integration import arrivals
from tests.soak.stage import Stage, staged

BATCH = 50_000
RATE_PER_S = 2_000
"""Lines a second from the one task: below Firehose's quota of 1 MiB a second."""
DRAIN_S = 60.0
FLAT = 1.2
"""From the second batch to the last, the server's memory may grow by this factor."""


LAB = [sys.executable, "-c", "import sys; from lab_helpers.cli.main import main; sys.exit(main())"]


def records(home: Path, count: int) -> int:
    """Send records through the whole path in batches, each by a task of its own; 1 when one is missing or memory grows.

    What memory may do is a promise only from the second batch on: the first one warms up.
    """
    memory: list[float] = []
    whole = True
    with staged(home) as stage:
        for number in range(-(-count // BATCH)):
            lines = min(BATCH, count - number * BATCH)
            task = stage.stack.run(_printing(stage, lines, number))
            stage.stack.target.wait(
                lambda task=task: stage.stack.task(task)["lastStatus"],  # type: ignore[misc]
                f"batch {number + 1}",
                done=lambda status: status == "STOPPED",
                timeout_s=lines / RATE_PER_S * 4 + DRAIN_S,
                every_s=1.0,
            )
            arrived = _arrived(stage, task)
            whole = whole and arrived == lines
            memory.append(stage.memory_mb())
            told = f"{number * BATCH + lines:,}: {arrived:,} of {lines:,} in CloudWatch"
            print(f"{told}, server {memory[-1]:.0f} MB", flush=True)
        print(f"lab status: {stage.backend.status()['services']['ecs'].get('log_records', {}).get('totals')}")
    flat = len(memory) < 3 or memory[-1] <= memory[1] * FLAT
    print(f"memory {'flat' if flat else 'GROWS'} after warm-up")
    return 0 if whole and flat else 1


def lab_runs(home: Path, count: int) -> int:
    """Run the whole workbook so often; 1 when one fails or leaves a process."""
    failed = 0
    for number in range(count):
        env = {**inherited(), "LAB_HOME": str(home / str(number)), "LAB_BUFFER_S": "10"}
        began = time.monotonic()
        code = subprocess.run([*LAB, "run"], env=env, check=False).returncode
        subprocess.run([*LAB, "down"], env=env, check=False)
        left = _processes_of(home / str(number))
        failed += code != 0 or bool(left)
        seconds = time.monotonic() - began
        print(f"run {number + 1}: exit status {code}, {seconds:.0f} s, left {left or 'nothing'}", flush=True)
    return 1 if failed else 0


def _printing(stage: Stage, lines: int, number: int) -> str:
    """Register a task that prints so many numbered lines, at a steady rate, and ends."""
    script = (
        f"n=0; while [ $n -lt {lines} ]; do m=$((n+{RATE_PER_S})); [ $m -gt {lines} ] && m={lines}; "
        f"seq -f 'soak {number} %.0f' $((n+1)) $m; n=$m; sleep 1; done"
    )
    _, router = stage.stack.containers()
    app = stage.stack.shell(script, name="httpd", logConfiguration={"logDriver": "awsfirelens"})
    return stage.stack.register(f"soak-{number}", app, router)


def _arrived(stage: Stage, task: str) -> int:
    """Count a task's lines in CloudWatch."""
    stream = f"from-httpd-firelens-{task.rpartition('/')[2]}"
    return len(arrivals.events(stage.stack, stage.stack.httpd_log_group, logStreamNames=[stream]))


def _processes_of(home: Path) -> list[str]:
    """Return the names of the processes that have something below a folder in their command line."""
    mine = os.getpid()
    return [
        each.info["name"]
        for each in psutil.process_iter(["cmdline", "name"])
        if each.pid != mine and any(str(home) in word for word in each.info["cmdline"] or ())
    ]

"""Many records through one local AWS: what arrived of each batch, and how its memory goes."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from tests.integration import arrivals
from tests.soak.promises import EACH_ONCE, Arrival
from tests.soak.stage import Stage, staged

BATCH = 50_000
RATE_PER_S = 2_000
"""Lines a second from the one task: below Firehose's quota of 1 MiB a second."""
TASK_S = 900.0
"""Longest wait for a task that prints a batch, on a machine that has other work."""
QUIET_S = 30.0
"""So long without a new line, all that will come has come."""
LOOK_S = 1.0
WARM = 5
"""Batches until the server's memory counts as warm: caches of objects and events have their size."""
FLAT = 1.1
"""From there to the end, the server's memory may grow by this factor."""


class Delivered:
    """Counts the lines in the bucket: each object is read once, in whichever batch it comes."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._seen: set[str] = set()
        self._found: dict[int, Counter[str]] = {}

    def of(self, batch: int) -> Counter[str]:
        """Return how often each line of a batch is there."""
        new = [key for key in arrivals.keys(self._stage.stack) if key not in self._seen]
        for key in new:
            for number, line in numbered(arrivals.lines_of(self._stage.stack, key)):
                self._found.setdefault(number, Counter())[line] += 1
        self._seen.update(new)
        return self._found.get(batch, Counter())

    def forget(self, batch: int) -> None:
        """Keep a batch no longer."""
        self._found.pop(batch, None)


def records(home: Path, count: int) -> int:
    """Send records through the whole path in batches, each by a task of its own; 1 when one is missing or memory grows.

    What memory may do is a promise only once it is warm: the first batches fill the caches.
    """
    memory: list[float] = []
    whole, began = True, time.monotonic()
    with staged(home) as stage:
        delivered = Delivered(stage)
        for number in range(-(-count // BATCH)):
            lines = min(BATCH, count - number * BATCH)
            task = _printed(stage, lines, number)
            found = _arrived(stage, task, number, lines, delivered)
            whole = whole and all(each.keeps(EACH_ONCE) for each in found.values())
            memory.append(stage.memory_mb())
            told = "; ".join(f"{where} {each}" for where, each in found.items())
            print(f"{number * BATCH + lines:,}: sent {lines:,}; {told}; {_server(stage)}", flush=True)
        print(f"lab status: {stage.backend.status()['services']['ecs'].get('log_records', {}).get('totals')}")
    flat = is_flat(memory)
    promise, course = "held" if whole else "BROKEN", ", ".join(f"{each:.0f}" for each in memory)
    print(f"{count:,} records in {time.monotonic() - began:.0f} s; each line once: {promise}")
    print(f"memory {'flat' if flat else 'GROWS'} after warm-up: {course} MB")
    return 0 if whole and flat else 1


def is_flat(memory: list[float]) -> bool:
    """Whether the last batches need no more memory than the first warm ones, but for a factor; true of too few."""
    return len(memory) <= WARM or max(memory[-2:]) <= memory[WARM - 1] * FLAT


def numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the batch and the number of each line that `_printing` made; others are no records of the soak."""
    for line in lines:
        if found := re.search(r"soak (\d+) (\d+)\b", line):
            yield int(found[1]), found[2]


def _printed(stage: Stage, lines: int, number: int) -> str:
    """Run a task that prints a batch, wait for its end, and return its ARN."""
    task = stage.stack.run(_printing(stage, lines, number))
    stage.stack.target.wait(
        lambda: stage.stack.task(task)["lastStatus"],
        f"batch {number + 1}",
        done=lambda status: status == "STOPPED",
        timeout_s=TASK_S,
        every_s=1.0,
    )
    return task


def _printing(stage: Stage, lines: int, number: int) -> str:
    """Register a task that prints so many numbered lines, at a steady rate, and ends."""
    script = (
        f"n=0; while [ $n -lt {lines} ]; do m=$((n+{RATE_PER_S})); [ $m -gt {lines} ] && m={lines}; "
        f"seq -f 'soak {number} %.0f' $((n+1)) $m; n=$m; sleep 1; done"
    )
    _, router = stage.stack.containers()
    app = stage.stack.shell(script, name="httpd", logConfiguration={"logDriver": "awsfirelens"})
    return stage.stack.register(f"soak-{number}", app, router)


def _arrived(stage: Stage, task: str, number: int, lines: int, delivered: Delivered) -> dict[str, Arrival]:
    """Look until all of a batch is in both places, or nothing new has come for a while."""
    sent = [str(each) for each in range(1, lines + 1)]
    seen, changed = -1, time.monotonic()
    while True:
        found = {"CloudWatch": _in_cloudwatch(stage, task, number), "S3": delivered.of(number)}
        now, total = time.monotonic(), sum(each.total() for each in found.values())
        if total != seen:
            seen, changed = total, now
        if all(len(each) >= lines for each in found.values()) or now - changed >= QUIET_S:
            delivered.forget(number)
            return {where: Arrival.of(sent, each) for where, each in found.items()}
        stage.pause(LOOK_S)


def _in_cloudwatch(stage: Stage, task: str, number: int) -> Counter[str]:
    stream = f"from-httpd-firelens-{task.rpartition('/')[2]}"
    events = arrivals.events(stage.stack, stage.stack.httpd_log_group, logStreamNames=[stream])
    return Counter(line for batch, line in numbered(each["message"] for each in events) if batch == number)


def _server(stage: Stage) -> str:
    """Return what the server needs."""
    server = psutil.Process(stage.backend.status()["pid"])
    needs = f"server {stage.memory_mb():.0f} MB, {server.num_fds()} descriptors, {server.num_threads()} threads"
    return f"{needs}; load {os.getloadavg()[0]:.1f}"

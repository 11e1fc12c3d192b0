"""Tasks that print two lines and end, many side by side: every line has to arrive, and the ledger has to say so.

    python -m tests.soak.short_tasks [TASKS [SIDE_BY_SIDE]]      (1,000 and 16 by default; a quarter of an hour)

Prints tasks, seconds, lines that arrived, what the ledger counts; exit code 1 when a line is missing or there twice.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.local_aws.ecs.kit import CLUSTER, ROUTER, Stand

GROUP = "/short-tasks"
LINES = ("starting", "FATAL")
POLL_S = 0.1
PAGE = 100
"""Source: DescribeTasks takes 100 tasks."""


@dataclass(frozen=True)
class Outcome:
    """What arrived: how many tasks have which lines in their stream, and the ledger's totals."""

    arrived: Counter[tuple[str, ...]]
    exit_codes: Counter[int | None]
    totals: dict[str, int]
    seconds: float

    def is_whole(self, tasks: int) -> bool:
        """Whether each task's lines are there, once, and nothing is counted as lost or held."""
        counted = [self.totals[name] for name in ("printed", "handed", "read", "received", "sent")]
        nothing = [self.totals[name] for name in ("dropped_by_driver", "held_by_driver", "unread", "held", "lost")]
        return self.arrived == {tuple(sorted(LINES)): tasks} and counted == [2 * tasks] * 5 and not any(nothing)


def run(stand: Stand, tasks: int, side_by_side: int) -> Outcome:
    """Run that many tasks, so many at a time, and look at what arrived."""
    definition, began = stand.define(ROUTER, _app()), time.monotonic()
    before = _totals(stand)
    ended = _ended(stand, definition, tasks, side_by_side)
    seconds = time.monotonic() - began
    streams = _streams(stand)
    arrived = Counter(_lines_of(stand, task["taskArn"], streams) for task in ended)
    codes = Counter(each.get("exitCode") for task in ended for each in task["containers"] if each["name"] == "app")
    return Outcome(arrived, codes, {name: count - before[name] for name, count in _totals(stand).items()}, seconds)


def _app() -> dict[str, Any]:
    options = {
        "Name": "cloudwatch_logs", "region": "ap-northeast-1", "log_group_name": GROUP, "log_stream_prefix": "from-",
        "auto_create_group": "true", "log_key": "log",
    }  # fmt: skip
    return {
        "name": "app",
        "image": "busybox",
        "essential": True,
        "command": ["sh", "-c", "echo starting; echo FATAL >&2; exit 1"],
        "logConfiguration": {"logDriver": "awsfirelens", "options": options},
    }


def _ended(stand: Stand, definition: str, tasks: int, side_by_side: int) -> list[dict[str, Any]]:
    alive: list[str] = []
    ended: list[dict[str, Any]] = []
    pause = threading.Event()
    while len(ended) < tasks:
        more = min(side_by_side - len(alive), tasks - len(ended) - len(alive))
        alive += [stand.run(definition) for _ in range(more)]
        pause.wait(POLL_S)
        seen = stand.ecs.describe_tasks(cluster=CLUSTER, tasks=alive[:PAGE])["tasks"]
        over = [task for task in seen if task["lastStatus"] == "STOPPED"]
        ended += over
        alive = [arn for arn in alive if arn not in {task["taskArn"] for task in over}]
    return ended


def _streams(stand: Stand) -> set[str]:
    pages = stand.logs.get_paginator("describe_log_streams").paginate(logGroupName=GROUP)
    return {stream["logStreamName"] for page in pages for stream in page["logStreams"]}


def _lines_of(stand: Stand, arn: str, streams: set[str]) -> tuple[str, ...]:
    stream = f"from-app-firelens-{arn.rsplit('/', 1)[-1]}"
    return tuple(sorted(stand.messages(GROUP, stream))) if stream in streams else ()


def _totals(stand: Stand) -> dict[str, int]:
    return dict(stand.log_records()["totals"])


def main(argv: list[str]) -> int:
    """Run from the command line."""
    tasks, side_by_side = (int(argv[at]) if len(argv) > at else default for at, default in ((0, 1000), (1, 16)))
    with tempfile.TemporaryDirectory() as folder, Stand(Path(folder) / "aws") as stand:
        outcome = run(stand, tasks, side_by_side)
    print(f"{tasks} tasks, {side_by_side} side by side, {outcome.seconds:.0f} s; exit codes {dict(outcome.exit_codes)}")
    print(f"lines arrived, by task: {dict(outcome.arrived)}")
    print(f"ledger: {outcome.totals}")
    return 0 if outcome.is_whole(tasks) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

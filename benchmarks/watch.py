"""`python -m benchmarks.watch`: from a save to the verdict with `lab try --watch`, in seconds, and the memory it takes.

Each round saves the router's file and waits for the verdict that shows the save: once for a task whose role may write,
once for one without a role, which waits for a router that is refused and tries again until it is killed. Memory is that
of all its processes together (PSS), at its highest while they work, looked at twice a second in rounds of its own.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

ROUNDS = 9
MEMORY_ROUNDS = 3
LOOK_S = 0.5
MAIN = "import sys; from lab_helpers.cli.main import main; sys.exit(main())"
EXTRA = """[FILTER]
    Name record_modifier
    Match web-*
    Record round {round}
[OUTPUT]
    Name cloudwatch_logs
    Match web-*
    region eu-west-1
    log_group_name /shop/web
    log_stream_prefix web-
"""
ROUTER = {
    "name": "log_router",
    "image": "shop/router:1",
    "firelensConfiguration": {
        "type": "fluentbit",
        "options": {"config-file-type": "file", "config-file-value": "/extra.conf"},
    },
}
CONTAINERS = [ROUTER, {"name": "web", "image": "web:7", "logConfiguration": {"logDriver": "awsfirelens"}}]
DEFINITION = {
    "family": "shop", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
    "containerDefinitions": CONTAINERS,
}  # fmt: skip
WITH_ROLE = {**DEFINITION, "taskRoleArn": "arn:aws:iam::123456789012:role/shop"}
MAY_WRITE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}


def main() -> int:
    """Save, wait, repeat; print the median and the worst."""
    for name, definition in (("a role that may write", WITH_ROLE), ("no role", DEFINITION)):
        seconds = _measured(definition, _seconds)
        worst = max(seconds)
        print(
            f"from save to verdict, {name}: median {statistics.median(seconds):.1f} s, worst {worst:.1f} s", flush=True
        )
    peak = max(_measured(WITH_ROLE, _memories))
    print(f"memory, all its processes: {peak / 2**20:.0f} MiB at its highest")
    return 0


def _measured(task: Mapping[str, Any], measure: Callable[[subprocess.Popen[str], Path], list[float]]) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as name:
        folder = Path(name)
        definition, extra, lines, policy = (
            folder / each for each in ("task.json", "extra.conf", "lines", "policy.json")
        )
        definition.write_text(json.dumps(task))
        policy.write_text(json.dumps(MAY_WRITE))
        lines.write_text("GET /\n" * 20)
        extra.write_text(EXTRA.format(round=0))
        argv = [sys.executable, "-c", MAIN, "try", str(definition), "--files", str(extra), "--lines", f"web={lines}"]
        argv += ["--task-policy", str(policy)] if "taskRoleArn" in task else []
        with subprocess.Popen(
            [*argv, "--watch"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                _until(process, "watching")
                return measure(process, extra)
            finally:
                process.terminate()


def _seconds(process: subprocess.Popen[str], extra: Path) -> list[float]:
    return [_saved(process, extra, number) for number in range(1, ROUNDS + 1)]


def _memories(process: subprocess.Popen[str], extra: Path) -> list[float]:
    found, ended = list[float](), threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_S):
            found.append(_memory(process.pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for number in range(1, MEMORY_ROUNDS + 1):
            _saved(process, extra, number)
    finally:
        ended.set()
        watcher.join()
    return found


def _saved(process: subprocess.Popen[str], extra: Path, number: int) -> float:
    """Save, and return the seconds until the verdict was told; the next one has been made ready then."""
    saved_at = time.monotonic()
    extra.write_text(EXTRA.format(round=number))
    _until(process, f"Record round {number}")  # the report comes whole
    seconds = time.monotonic() - saved_at
    _until(process, "watching")
    return seconds


def _until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    seen: deque[str] = deque(maxlen=20)
    for line in process.stdout:
        if text in line:
            return
        seen.append(line)
    sys.exit(f"lab try has ended by itself:\n{''.join(seen)}")


def _memory(pid: int) -> int:
    """Return the bytes of it and of all that it has started; what several share counts once."""
    total = 0
    parent = psutil.Process(pid)
    for each in [parent, *parent.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            total += each.memory_full_info().pss
    return total


if __name__ == "__main__":
    sys.exit(main())

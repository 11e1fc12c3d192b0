"""`python -m benchmarks.watch`: from a save to the verdict with `lab try --watch`, in seconds, and the memory it takes.

Each round saves the router's file and waits for the verdict that shows the save. Memory is that of all its processes
together (USS), at its highest.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROUNDS = 9
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
DEFINITION = [ROUTER, {"name": "web", "image": "web:7", "logConfiguration": {"logDriver": "awsfirelens"}}]


def main() -> int:
    """Save, wait, repeat; print the median and the worst."""
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as name:
        folder = Path(name)
        definition, extra, lines = folder / "task.json", folder / "extra.conf", folder / "lines"
        definition.write_text(json.dumps(DEFINITION))
        lines.write_text("GET /\n" * 20)
        extra.write_text(EXTRA.format(round=0))
        argv = [sys.executable, "-c", MAIN, "try", str(definition), "--files", str(extra), "--lines", f"web={lines}"]
        with subprocess.Popen(
            [*argv, "--watch"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                seconds, memory = _rounds(process, extra)
            finally:
                process.terminate()
    print(f"from save to verdict: median {statistics.median(seconds):.1f} s, worst {max(seconds):.1f} s")
    print(f"memory, all its processes: {memory / 2**20:.0f} MiB at its highest")
    return 0


def _rounds(process: subprocess.Popen[str], extra: Path) -> tuple[list[float], int]:
    seconds, memory = [], 0
    _until(process, "watching")
    for number in range(1, ROUNDS + 1):
        saved_at = time.monotonic()
        extra.write_text(EXTRA.format(round=number))
        _until(process, f"Record round {number}")  # the report comes whole
        seconds.append(time.monotonic() - saved_at)
        memory = max(memory, _memory(process.pid))
        _until(process, "watching")
    return seconds, memory


def _until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    sys.exit("lab try has ended by itself.")


def _memory(pid: int) -> int:
    """Return bytes that it and all that it has started have for themselves."""
    total = 0
    parent = psutil.Process(pid)
    for each in [parent, *parent.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            total += each.memory_full_info().uss
    return total


if __name__ == "__main__":
    sys.exit(main())

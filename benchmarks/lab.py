"""The whole lab beside bare Terraform, and what the local AWS takes when it idles. Run: `python -m benchmarks.lab`.

Goals (issue 2): a whole run takes at most 1.35 times what bare `terraform apply` and `destroy` of the same
configuration take against the same local AWS, plus the buffer intervals that the notebooks wait for; the first call is
answered within 2 s of the start; with two tasks running, the process tree stays under 300 MiB and 5 % of one core.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base import config
from lab_helpers.lab import Lab, attach
from lab_helpers.terraform import silent

IDLE_S = 60.0
BUFFER_WAITS = 2
"""Buffer intervals that the notebooks must wait for: one in 06, one in 08 (the healed delivery is a retry)."""
LAB = Path(sys.executable).parent / "lab"


def main() -> None:
    """Measure and print; every figure is of this run."""
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        settings = config.load(home=Path(folder) / "bare")
        first_call_s = start_time(LocalBackend(settings))
        lab = attach(settings)
        lab.display = silent
        apply_s = _timed(lab.terraform.apply)
        memory_mib, cpu = idle(lab)
        destroy_s = _timed(lab.terraform.destroy)
        LocalBackend(settings).stop()
        seconds = whole_run(Path(folder) / "whole")
    print(f"first call answered after   {first_call_s:6.2f} s")
    print(f"idle, two tasks             {memory_mib:6.0f} MiB  {cpu:5.1%} of one core")
    print(f"bare terraform              {apply_s + destroy_s:6.1f} s  (apply {apply_s:.1f}, destroy {destroy_s:.1f})")
    for name, taken_s in seconds.items():
        print(f"  {name:24}  {taken_s:6.1f} s")
    total_s, bound_s = sum(seconds.values()), apply_s + destroy_s + BUFFER_WAITS * settings.buffer_s
    print(f"whole run                   {total_s:6.1f} s  = {total_s / bound_s:.2f} x (bare + buffer {bound_s:.1f} s)")


def start_time(backend: LocalBackend) -> float:
    """Return the seconds from starting the server to the answer of its first call."""
    started = time.monotonic()
    backend.start()
    backend.client("sts").get_caller_identity()
    return time.monotonic() - started


def idle(lab: Lab) -> tuple[float, float]:
    """Return (MiB resident in the whole process tree, share of one core) with two tasks that only answer checks."""
    state = lab.backend.running() if isinstance(lab.backend, LocalBackend) else None
    assert state is not None
    server = psutil.Process(state.pid)
    before = _cpu_s(server)
    threading.Event().wait(IDLE_S)
    tree = [server, *server.children(recursive=True)]
    # proportional set size: what the processes share, such as Python's own code, counts once
    memory = sum(process.memory_full_info().pss for process in tree)
    return memory / 2**20, (_cpu_s(server) - before) / IDLE_S


def whole_run(home: Path) -> dict[str, float]:
    """Run the workbook headless and return the seconds of each notebook."""
    subprocess.run([LAB, "run"], env={**os.environ, "LAB_HOME": str(home)}, check=True, stdout=subprocess.DEVNULL)
    report = json.loads((home / "report" / "report.json").read_text())
    return {book["name"]: book["seconds"] for book in report["notebooks"]}


def _timed(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def _cpu_s(server: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in [server, *server.children(recursive=True)])


if __name__ == "__main__":
    main()

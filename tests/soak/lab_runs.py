"""Runs of the whole workbook in a row, each in a folder of its own, and what each leaves behind.

A run is good when it passes by its own report and leaves nothing: no process that knows its folder, no socket that such
a process listens on, no file in its TMPDIR.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from lab_helpers.base.config import inherited

LAB = [sys.executable, "-c", "import sys; from lab_helpers.cli.main import main; sys.exit(main())"]
BUFFER_S = "10"
REPORT = Path("report", "report.json")


@dataclass(frozen=True)
class Left:
    """What is left of a run: processes by name, addresses and paths that are listened on, files by path."""

    processes: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.processes or self.sockets or self.files)

    def __str__(self) -> str:
        parts = {"processes": self.processes, "sockets": self.sockets, "files": self.files}
        return "; ".join(f"{name} {', '.join(found)}" for name, found in parts.items() if found) or "nothing"


@dataclass(frozen=True)
class LabRun:
    """One run: its exit status, what its report says, what was left when it ended and after `lab down`."""

    number: int
    exit_status: int
    seconds: float
    load: float
    """Load average of the machine's last minute, at the end."""
    report: str
    passed: bool
    left_by_run: Left
    left: Left

    @property
    def is_good(self) -> bool:
        """Whether it passed and left nothing."""
        return self.exit_status == 0 and self.passed and not self.left

    def __str__(self) -> str:
        return (
            f"run {self.number}: exit status {self.exit_status}, {self.seconds:.0f} s at load {self.load:.1f}; "
            f"{self.report}; left by the run {self.left_by_run}, after lab down {self.left}"
        )


def lab_runs(home: Path, count: int, first: int = 1) -> int:
    """Run the whole workbook so often; 1 when one fails or leaves something. Each run's output is `N/run.log`."""
    good = 0
    for number in range(first, first + count):
        run = one(home / str(number), number)
        good += run.is_good
        print(run, flush=True)
    print(f"{good} of {count} runs passed and left nothing", flush=True)
    return 0 if good == count else 1


def one(folder: Path, number: int) -> LabRun:
    """Run the workbook once in a folder."""
    lab, scratch = folder / "lab", folder / "tmp"
    scratch.mkdir(parents=True)
    env = {
        **inherited(), "LAB_HOME": str(lab), "LAB_BUFFER_S": BUFFER_S, "TMPDIR": str(scratch),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
    }  # fmt: skip
    began = time.monotonic()
    with (folder / "run.log").open("wb") as log:
        code = subprocess.run([*LAB, "run"], env=env, stdout=log, stderr=log, check=False).returncode
        seconds, left_by_run = time.monotonic() - began, left_of(folder)
        subprocess.run([*LAB, "down"], env=env, stdout=log, stderr=log, check=False)
    report, passed = told(lab / REPORT)
    return LabRun(number, code, seconds, os.getloadavg()[0], report, passed, left_by_run, left_of(folder))


def told(report: Path) -> tuple[str, bool]:
    """Return what a run's report says in a line, and whether all of it passed; no report is not passed."""
    if not report.exists():
        return "no report", False
    figures = json.loads(report.read_text(encoding="utf-8"))
    notebooks, checks, steps = figures["notebooks"], figures["checks"], figures["teardown"]
    bad = [each["name"] for each in notebooks if each["status"] != "passed"]
    bad += [each["name"] for each in checks if not each["passed"]] + [each["what"] for each in steps if each["error"]]
    counts = f"{len(notebooks)} notebooks, {len(checks)} checks, {len(steps)} steps of the teardown"
    whole = bool(figures["passed"] and notebooks and checks and steps and not bad)
    return f"{counts}: {'all passed' if whole else 'not passed: ' + ', '.join(bad)}", whole


def left_of(folder: Path) -> Left:
    """Look for processes with a path below a folder in command line or environment, their listeners, and files."""
    found = [each for each in psutil.process_iter() if each.pid != os.getpid() and _knows(each, f"{folder}/")]
    sockets = [told for each in found for told in _listening(each)]
    files = [str(each.relative_to(folder)) for each in (folder / "tmp").rglob("*") if not each.is_dir()]
    return Left([_name(each) for each in found], sockets, files)


def _knows(process: psutil.Process, folder: str) -> bool:
    try:
        words = [*process.cmdline(), *process.environ().values()]
    except psutil.Error:
        return False
    return any(folder in word for word in words)


def _listening(process: psutil.Process) -> list[str]:
    try:
        found = process.net_connections("all")
    except psutil.Error:
        return []
    inet = [f"{each.laddr.ip}:{each.laddr.port}" for each in found if each.status == psutil.CONN_LISTEN]
    return inet + [each.laddr for each in found if isinstance(each.laddr, str) and each.laddr]


def _name(process: psutil.Process) -> str:
    try:
        return f"{process.name()} ({process.pid})"
    except psutil.Error:
        return str(process.pid)

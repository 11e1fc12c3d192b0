"""The way in, for people who learn and people who change the code. Run: `python -m benchmarks.way_in [open] [quick]`.

`open`: a notebook's first cell, in a fresh process as heavy as a kernel, `--rounds` times. Goals (issue 13): `open_lab`
returns within 4 s when the local AWS must be started and within 1.5 s when it runs; the kernel is under 120 MB before
its first frame. `quick`: `make quick` under 60 s on two cores, its collection under 5 s.
Python's bytecode is there, as from the second time on: one round before the others writes it to a temporary folder.
CPU seconds are of the process and, for a start, of the server; they say more than seconds on a machine with other work.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST_CELL = """
import time
from ipykernel import kernelapp
import psutil
me = psutil.Process()
def timed():
    started, cpu = time.perf_counter(), time.process_time()
    from lab_helpers import audit, cloudwatch, display, drills, faults, s3_logs, sql, traffic
    from lab_helpers.session import open_lab
    lab = open_lab("00_setup")
    return lab, time.perf_counter() - started, time.process_time() - cpu
lab, seconds, cpu = timed()
server = psutil.Process(lab.backend.running().pid).cpu_times()
print(seconds, cpu, server.user + server.system, me.memory_info().rss)
"""


@dataclass(frozen=True)
class Opened:
    """One first cell: seconds, CPU seconds of it and of the server, bytes of the kernel afterwards."""

    seconds: float
    cpu_s: float
    server_cpu_s: float
    kernel_bytes: float


def main() -> None:
    """Measure what is asked for and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["open", "quick"], help="open, quick")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="way-in-") as folder:
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environ["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        if "open" in asked.parts:
            opening(Path(folder), environ, asked.rounds)
        if "quick" in asked.parts:
            quick(environ)


def opening(folder: Path, environ: dict[str, str], rounds: int) -> None:
    """Print what the first cell takes where the local AWS must be started, and where it runs."""
    print(f"{'first cell':26}{'seconds':>9}{'CPU s':>8}{'server CPU s':>14}{'kernel MB':>11}")
    for number in range(rounds + 1):
        env = environ | {"LAB_HOME": str(folder / f"home-{number}")}
        try:
            found = {"local AWS started": _opened(env), "local AWS runs": _opened(env)}
        finally:
            subprocess.run([Path(sys.executable).parent / "lab", "down"], env=env, check=True, capture_output=True)
        for name, o in found.items() if number else ():
            row = f"{o.seconds:9.2f}{o.cpu_s:8.2f}{o.server_cpu_s:14.2f}{o.kernel_bytes / 1e6:11.0f}"
            print(f"{name:26}{row}", flush=True)


def quick(environ: dict[str, str]) -> None:
    """Print what `make quick` takes, and its collection alone."""
    folders = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith("QUICK := "))
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:nbval"]
    names = folders.removeprefix("QUICK := ").split()
    print(f"{'quick tests':26}{'seconds':>9}{'CPU s':>8}")
    _timed("collection", [*tests, "--collect-only", *names], environ)
    _timed("make quick", [*tests, "--numprocesses", "3", "--dist", "loadfile", *names], environ)


def _opened(environ: dict[str, str]) -> Opened:
    done = subprocess.run([sys.executable, "-c", FIRST_CELL], env=environ, check=True, capture_output=True, text=True)
    return Opened(*map(float, done.stdout.split()[-4:]))


def _timed(name: str, argv: list[str], environ: dict[str, str]) -> None:
    before, started = _children_s(), time.perf_counter()
    done = subprocess.run(argv, cwd=ROOT, env=environ, check=False, capture_output=True, text=True)
    seconds, cpu_s = time.perf_counter() - started, _children_s() - before
    print(f"{name:26}{seconds:9.1f}{cpu_s:8.1f}  {done.stdout.strip().splitlines()[-1]}", flush=True)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

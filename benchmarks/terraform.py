"""What Terraform costs, and what it would with Go's own setting of its collector: `python -m benchmarks.terraform`.

On a local AWS of its own: `validate` and `plan` of the lab's configuration, nothing of it made yet, in turn with
GOGC=100 and as the lab sets it.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path

import psutil

RUNS = 3
GO_S_OWN = "100"


def main() -> None:
    """Print CPU seconds (median, lowest, highest) and peak memory of each command with each setting."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["LAB_HOME"] = home
        from lab_helpers.session import open_lab  # the home is read when it is loaded

        lab = open_lab("02")
        try:
            lab.terraform.init()
            ours = lab.terraform.environment
            options = [f"-var-file={lab.terraform.workspace.variables}"]
            lab.terraform.workspace.write_variables(lab.terraform.variables)
            for command in (["validate"], ["plan", *options]):
                argv = [str(lab.terraform.binary.path), *command]
                _measure(argv, lab.terraform.source_dir, {"Go's own": {**ours, "GOGC": GO_S_OWN}, "the lab's": ours})
        finally:
            subprocess.run(["lab", "down"], check=True, stdout=subprocess.DEVNULL)


def _measure(argv: list[str], folder: Path, settings: dict[str, dict[str, str]]) -> None:
    seen: dict[str, list[tuple[float, int]]] = {name: [] for name in settings}
    for _ in range(RUNS):
        for name, env in settings.items():
            seen[name].append(_run(argv, folder, env))
    for name, some in seen.items():
        seconds = [each for each, _ in some]
        print(
            f"terraform {argv[1]:9} {name:10} {statistics.median(seconds):5.1f} s of CPU "
            f"({min(seconds):.1f} to {max(seconds):.1f}), {max(peak for _, peak in some) >> 20} MiB at most"
        )


def _run(argv: list[str], folder: Path, env: dict[str, str]) -> tuple[float, int]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = psutil.Popen(argv, cwd=folder, env=env, stdout=subprocess.DEVNULL)
    peak = 0
    while True:
        try:
            peak = max(peak, _memory(running))
            running.wait(timeout=0.2)
            break
        except psutil.TimeoutExpired:
            continue
    if running.returncode:
        raise SystemExit(f"terraform {argv[1]} ended with {running.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


def _memory(running: psutil.Popen) -> int:
    try:
        return sum(each.memory_info().rss for each in (running, *running.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


if __name__ == "__main__":
    main()

"""A checkpoint of the lab as it stands, and back: goals (issue 16) under 2 s to take, under 10 s to restore.

    LAB_HOME=… lab goto 04 && LAB_HOME=… python -m benchmarks.checkpoint [--rounds 10]

Works on the lab in LAB_HOME while its service runs; seconds are those of the commands as a person types them, Python's
start included. The checkpoint is deleted at the end.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

NAME = "benchmark"
MAIN = "import sys; from lab_helpers.cli.main import main; sys.exit(main())"
TAKE_S, RESTORE_S = 2.0, 10.0


def main() -> int:
    """Print a line each; return 1 when a median is over its goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    took, restored = [], []
    try:
        for _ in range(rounds):
            took.append(_timed("checkpoint", NAME, "--replace"))
            restored.append(_timed("goto", NAME))
    finally:
        _timed("checkpoints", "--delete", NAME)
    return max([_told("checkpoint", took, TAKE_S), _told("restore", restored, RESTORE_S)])


def _timed(*arguments: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", MAIN, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def _told(what: str, seconds: list[float], goal_s: float) -> int:
    median = statistics.median(seconds)
    print(f"{what}: {median:.2f} s at the median of {len(seconds)}, {max(seconds):.2f} s at most; goal {goal_s:g} s")
    return int(median > goal_s)


if __name__ == "__main__":
    sys.exit(main())

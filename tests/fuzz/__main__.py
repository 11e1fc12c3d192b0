"""Fuzz what comes from outside: `python -m tests.fuzz [--seconds 60] [TARGET ...]`.

Targets: layers, names, heads, bodies, configuration, frames, sql. New examples each time, so many seconds a target;
what fails is made small and printed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, Attempt

ROUND = 50
"""Examples of one attempt before the next one has its turn."""


def main() -> int:
    """Run the targets that were asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="odd input for what comes from outside")
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="default: all")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    args = parser.parse_args()
    return max([fuzz(name, args.seconds) for name in args.targets or TARGETS])


def fuzz(name: str, seconds: float) -> int:
    """Fuzz one target for so long; return 1 when something failed."""
    examples, until = 0, time.monotonic() + seconds
    with TARGETS[name]() as attempts:
        while time.monotonic() < until:
            for attempt in attempts:
                try:
                    examples += one_round(attempt, ROUND)
                except Exception:
                    traceback.print_exc()
                    print(f"{name}: {attempt.name} failed after {examples:,} examples", flush=True)
                    return 1
    print(f"{name}: {examples:,} examples, none failed", flush=True)
    return 0


def one_round(attempt: Attempt, examples: int, *, is_free: bool = True) -> int:
    """Try so many examples, new ones unless not `is_free`; return how many were run. Raises what a check raises."""
    count = 0

    def check(drawn: tuple[object, ...]) -> None:
        nonlocal count
        count += 1
        attempt.check(*drawn)

    rule = settings(
        max_examples=examples, derandomize=not is_free, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    rule(given(st.tuples(*attempt.drawn))(check))()
    return count


if __name__ == "__main__":
    sys.exit(main())

"""Run random cases through this router and through a real Fluent Bit, and keep those that come out differently.

    python -m tests.golden.drawn --seed 1 --cases 100 --fluent-bit /path/to/fluent-bit [--keep FOLDER] [--jobs 3]

Prints each case that differs, in which of the four aspects of `conformance`, and what. A case that differs is run once
more, and one that agrees then is told, too: something in it races. `--keep` writes it there with the real one's
outcome, as one that `tests/golden/cases` can take (under a name and with an `about` that say what it shows). The exit
code is 1 when something differed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.golden.drawn.cases import case
from tests.golden.record import REFERENCE, conformance

OURS = (sys.executable, "-m", "lab_helpers.router")
ONCE = " (in one of two runs)"
PROJECT = Path(__file__).resolve().parents[3]
Differences = dict[str, list[str]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    args = _arguments(argv)
    os.environ["GOLDEN_TLS"] = "1"
    os.environ["PYTHONPATH"] = str(PROJECT)
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    isolated = os.geteuid() == 0 and shutil.which("unshare") is not None and shutil.which("ip") is not None
    cases = [case(args.seed, number) for number in range(args.first, args.first + args.cases)]
    differing = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs if isolated else 1) as pool:
        for one, found in zip(
            cases, pool.map(lambda one: compared(one, args.fluent_bit, isolated), cases), strict=True
        ):
            differing += bool(found)
            if found:
                _tell(one, found)
            if found and args.keep:
                (args.keep / f"{one['name']}.json").write_text(
                    json.dumps(one, indent=1, ensure_ascii=False), encoding="utf-8"
                )
    print(f"{len(cases)} cases, {differing} differ")
    return int(bool(differing))


def compared(one: dict[str, Any], fluent_bit: Path, isolated: bool) -> Differences:
    """Run a case through both, and again if it differs; return what differs, by aspect (`ONCE` behind it: not again).

    The real one's outcome becomes what `one` expects.
    """
    with tempfile.TemporaryDirectory(prefix="drawn-") as folder:
        path = Path(folder) / "case.json"
        path.write_text(json.dumps(one), encoding="utf-8")
        first = _once(one, path, fluent_bit, isolated)
        if not first:
            return first
        return _once(one, path, fluent_bit, isolated) or {aspect + ONCE: rows for aspect, rows in first.items()}


def _once(one: dict[str, Any], path: Path, fluent_bit: Path, isolated: bool) -> Differences:
    runner = conformance()
    real = runner.run(path, [str(fluent_bit)], isolated)
    if "harness_error" in real:
        return {"ending": [f"the real one: {real['harness_error']}"]}
    ours = runner.run(path, list(OURS), isolated)
    for seen in (real, ours):  # of several tags: they race
        seen.get("malformed_requests", []).sort(key=json.dumps)
    one["expect"] = {REFERENCE: real}
    found: Differences = runner.judge(one, REFERENCE, ours)
    return found


def _tell(one: dict[str, Any], found: Differences) -> None:
    print(f"{one['name']}: {one['about']}")
    for aspect, rows in found.items():
        for row in rows:
            print(f"    {aspect} {row}")
    sys.stdout.flush()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden.drawn", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=0, help="number of the first: --first 17 --cases 1 is one of them")
    parser.add_argument("--fluent-bit", type=Path, required=True, metavar="PATH", help="the real program")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where cases that differ are written")
    parser.add_argument("--jobs", type=int, default=3, help="side by side, where that is allowed (root and iproute2)")
    args = parser.parse_args(argv)
    if shutil.which(args.fluent_bit) is None:
        parser.error(f"--fluent-bit: {args.fluent_bit} is no program that can be run")
    return args


if __name__ == "__main__":
    sys.exit(main())

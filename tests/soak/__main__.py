"""The soak: `make soak`, or

    python -m tests.soak [--rows kill,throttle] [--seconds 20] [--home FOLDER]
    python -m tests.soak --records 1000000
    python -m tests.soak --lab-runs 20

Exit status 1 when a promise is broken. One line a row, as it is done; nothing here asserts a speed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.soak import endurance, faults, lab_runs, promises, rows
from tests.soak.stage import staged


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="faults, load and endurance")
    parser.add_argument("--rows", default="", help="parts of names, with commas; default: all rows")
    parser.add_argument("--seconds", type=float, default=20.0, help="of requests in each row")
    parser.add_argument("--records", type=int, default=0, help="send so many records, and tell the server's memory")
    parser.add_argument("--lab-runs", type=int, default=0, help="run the workbook so often, with 10 s buffers")
    parser.add_argument("--home", type=Path, help="folder for the local AWS (a small tmpfs for the full disk)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        home = args.home or Path(made) / "home"
        if args.lab_runs:
            return lab_runs.lab_runs(home, args.lab_runs)
        if args.records:
            return endurance.records(home, args.records)
        return _table(home, faults.named(args.rows) if args.rows else list(faults.ROWS), args.seconds)


def _table(home: Path, wanted: list[faults.Row], seconds: float) -> int:
    print(promises.HEAD, flush=True)
    with staged(home) as stage:
        holds = True
        for row in wanted:
            outcome = rows.run(stage, row, seconds)
            print(outcome, flush=True)
            holds = holds and outcome.holds
        print(f"server: {stage.memory_mb():.0f} MB at the end")
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Run suites that nobody here wrote against the local AWS: `make truth`, or

    python -m tests.truth --moto CHECKOUT [--localstack CHECKOUT] [--services sts,ecr] [--limit N] [--python PYTHON]

The checkouts are fetched by whoever runs it; `--python` is a Python that has the suite's requirements. Each test gets a
local AWS without anything in it. Prints each fault, and the table as it stands in docs/truth.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.truth.verdicts import HEAD, Outcome, Verdict, judge, read_judged, row, short

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TEST_S = 400
"""A test that takes longer has failed; Firehose buffers 300 s where nothing is said."""
_WHOLE = (0, 1)
"""pytest's exit statuses of a run to the end."""
_FOLDERS = {"moto": "tests/test_{}", "localstack": "tests/aws/services/{}"}


def main() -> int:
    """Run what was asked for; exit status 1 when something is a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description="suites of others on the local AWS")
    for suite in _FOLDERS:
        parser.add_argument(f"--{suite}", type=Path, help=f"a checkout of {suite}")
    parser.add_argument("--services", default="sts,ecr,logs", help="with commas")
    parser.add_argument("--limit", type=int, default=0, help="tests of each service; 0: all")
    parser.add_argument("--select", default="", help="pytest's -k")
    parser.add_argument("--python", default=sys.executable, help="has the suite's requirements")
    parser.add_argument("--save", type=Path, help="a folder for the outcomes, one JSON line each")
    parser.add_argument("--again", action="store_true", help="sort what --save has from before instead of running")
    args = parser.parse_args()
    asked = {suite: getattr(args, suite) for suite in _FOLDERS if getattr(args, suite)}
    if not asked:
        parser.error("no checkout: --moto FOLDER or --localstack FOLDER")
    judged = read_judged((HERE / "judged.txt").read_text().splitlines())
    rows, faults = [], 0
    for suite, checkout in asked.items():
        print(f"{suite}: {_commit(checkout)}", flush=True)
        for service in args.services.split(","):
            kept = args.save / f"{suite}-{service}.jsonl" if args.save else None
            outcomes = _kept(kept) if args.again else _run(suite, checkout.resolve(), service, args)
            if kept and not args.again:
                args.save.mkdir(parents=True, exist_ok=True)
                kept.write_text("".join(json.dumps(asdict(outcome)) + "\n" for outcome in outcomes))
            verdicts = [judge(each, judged) for each in outcomes]
            faults += verdicts.count(Verdict.FAULT)
            _tell(outcomes, verdicts)
            rows.append(row(suite, service, verdicts))
    print("\n".join([HEAD, *rows]))
    return 1 if faults else 0


def _run(suite: str, checkout: Path, service: str, args: argparse.Namespace) -> list[Outcome]:
    folder = _FOLDERS[suite].format(service)
    if not (checkout / folder).is_dir():
        print(f"{suite} has no {folder}")
        return []
    with tempfile.TemporaryDirectory() as made:
        outcomes = Path(made) / "outcomes.jsonl"
        told = {"python": sys.executable, "root": str(ROOT), "folder": made, "outcomes": str(outcomes), "suite": suite}
        paths = [str(HERE / "plugin"), *([str(checkout / "localstack-core")] if suite == "localstack" else [])]
        environment = {
            **os.environ,
            "LAB_TRUTH": json.dumps({**told, "limit": args.limit}),
            "PYTHONPATH": os.pathsep.join(paths),
        }
        select = ["-k", args.select] if args.select else []
        command = [
            args.python, "-m", "pytest", "-q", "-p", "lab_truth", "-p", "no:cacheprovider",
            "--continue-on-collection-errors", f"--timeout={TEST_S}", *select, folder,
        ]  # fmt: skip
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
        ended = _kept(outcomes)
        if not ended or done.returncode not in _WHOLE:
            print(f"{suite}'s {service} was broken off after {len(ended)} tests", file=sys.stderr)
            print((done.stdout + done.stderr)[-3000:], file=sys.stderr)
    return ended


def _kept(file: Path | None) -> list[Outcome]:
    lines = file.read_text().splitlines() if file and file.exists() else []
    return [Outcome(**json.loads(line)) for line in lines]


def _tell(outcomes: list[Outcome], verdicts: list[Verdict]) -> None:
    for outcome, verdict in zip(outcomes, verdicts, strict=True):
        if verdict not in (Verdict.PASS, Verdict.SKIPPED):
            text = " ".join(outcome.text.split())[:160]
            print(f"{verdict.value}: {short(outcome.test)}: {outcome.error}: {text}", flush=True)


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "log", "-1", "--format=%h of %cs"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or "no git checkout"


if __name__ == "__main__":
    raise SystemExit(main())

"""Ask a real Fluent Bit and this router the same queries of stream tasks, and compare what they make.

    python -m tests.golden.queries /path/to/fluent-bit

The queries are those of tests/router/streams/cases.py. Exit status 1 where one is answered otherwise.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.router.streams.cases import CONDITIONS, KEYS, RECORDS

ROOT = Path(__file__).parents[2]
RUN_S = 5.0
"""Time enough for one record of each input, the tasks' half second and a flush."""
SERVICE = "[SERVICE]\n    Flush 0.5\n    Grace 3\n    Log_Level error\n    Streams_File streams.conf\n"
OUTPUT = "[OUTPUT]\n    Name stdout\n    Match made.*\n"
_LINE = re.compile(r"\[\d+\] made\.(\d+): \[\[[\d.]+, \{\}\], (.*)\]")


def main() -> int:
    """Compare; print each query that is answered otherwise."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    queries = [f"SELECT * FROM TAG:'in.*' WHERE {condition};" for condition, _ in CONDITIONS]
    queries += [f"SELECT {keys} FROM TAG:'in.*';" for keys, _ in KEYS if "RECORD_TIME" not in keys]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, queries)
        real = _answers([sys.argv[1]], folder)
        ours = _answers([sys.executable, "-m", "lab_helpers.router"], folder)
    other = [at for at in range(len(queries)) if real.get(at) != ours.get(at)]
    for at in other:
        print(f"{queries[at]}\n  real: {real.get(at, [])}\n  ours: {ours.get(at, [])}")
    made = sum(map(len, real.values()))
    print(f"{len(queries)} queries, {made} records by the real one, {len(other)} answered otherwise")
    return 1 if other or not real else 0


def _write(folder: Path, queries: list[str]) -> None:
    tasks = [
        f"[STREAM_TASK]\n    Name t{at}\n    Exec CREATE STREAM s{at} WITH (tag='made.{at}') AS {query}\n"
        for at, query in enumerate(queries)
    ]
    (folder / "streams.conf").write_text("".join(tasks))
    inputs = [
        f"[INPUT]\n    Name dummy\n    Tag in.{at}\n    Samples 1\n    Dummy {json.dumps(body)}\n"
        for at, body in enumerate(RECORDS)
    ]
    (folder / "router.conf").write_text("".join([SERVICE, *inputs, OUTPUT]))


def _answers(program: list[str], folder: Path) -> dict[int, list[str]]:
    """Run a program for a while; return the bodies that each query made, sorted."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*program, "-c", "router.conf"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            out, _ = process.communicate(timeout=RUN_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=30)
    found: dict[int, list[str]] = {}
    for line in _LINE.finditer(out):
        found.setdefault(int(line[1]), []).append(line[2])
    return {at: sorted(bodies) for at, bodies in found.items()}


if __name__ == "__main__":
    raise SystemExit(main())

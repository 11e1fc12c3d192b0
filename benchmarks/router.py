"""The log router: records/s, CPU a record, memory, start-up; beside a real Fluent Bit where one is given or found.

Goals, against a real one run in turn (`--versus`): 1.5 x its records/s, 0.6 x its CPU a record, 0.6 x its memory; at
most 80 MiB within FireLens' 25 MB buffer limit with nothing lost; 1.2 x into `null`; 1.0 x at no more CPU with filters,
1.4 x with times of nanoseconds. What waits (chunks for a retry, events for a call) costs the same, however many wait.
Run: `python -m benchmarks.router` (`--runs`, `--records`, `--versus /path/to/fluent-bit`; else the environment's
FLUENT_BIT, else `fluent-bit` on PATH). Each figure is the median that tests/golden/throughput prints; sender, sink and
router share the machine. The sink speaks plain HTTP: a Fluent Bit as it is released keeps its AWS outputs on TLS, so
only one that honours `tls off` there can be compared in the AWS runs; what has not delivered is said, not compared.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks import router_growth, router_loss

ROOT = Path(__file__).resolve().parents[1]
THROUGHPUT = ROOT / "tests" / "golden" / "throughput"
ROUTER = [sys.executable, "-m", "lab_helpers.router"]
SHAPES = (
    ("the article's two outputs", "article", "2000MB"),
    ("the same within FireLens' buffer limit", "article", "25MB"),
    ("cloudwatch_logs only", "cloudwatch", "2000MB"),
    ("null", "null", "2000MB"),
    ("a pipeline as people have it: grep, Apache parser with types, rewrite_tag, two outputs", "pipeline", "2000MB"),
    ("the article's two outputs, times of nanoseconds", "article", "2000MB", "--nanoseconds"),
)


def measure(output: str, limit: str, *more: str, runs: int, records: int, versus: str | None) -> str:
    """Return what the throughput script prints for one shape."""
    command = [sys.executable, str(THROUGHPUT), "--router", shlex.join(ROUTER), "--output", output, "--runs", str(runs)]
    command += ["--records", str(records), "--mem-buf-limit", limit, *more, *(["--versus", versus] if versus else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout if done.returncode == 0 else f"failed: {done.stderr[-500:]}\n"


def start_up() -> tuple[float, float]:
    """Return (seconds until the router accepts connections, resident MiB when idle)."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "f.sock")
        Path(folder, "c.conf").write_text(
            f"[INPUT]\n    Name forward\n    unix_path {path}\n[OUTPUT]\n    Name null\n    Match *\n"
        )
        started = time.perf_counter()
        process = subprocess.Popen([*ROUTER, "-c", f"{folder}/c.conf"], cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            while not _accepts(path):
                if process.poll() is not None:
                    raise SystemExit("the router did not start")
            seconds = time.perf_counter() - started
            status = Path(f"/proc/{process.pid}/status").read_text()
            kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
            return seconds, kib / 1024
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            threading.Event().wait(0.005)
            return False
        return True


def peer() -> str | None:
    """Return the real Fluent Bit to compare with: FLUENT_BIT, or `fluent-bit` on PATH; None where there is none."""
    return os.environ.get("FLUENT_BIT") or shutil.which("fluent-bit")


def main() -> int:
    """Print the table; return 1 when something acknowledged was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--versus", default=peer(), help="a real fluent-bit, run in turn")
    arguments = parser.parse_args()
    settings = {"runs": arguments.runs, "records": arguments.records, "versus": arguments.versus}
    for title, *shape in SHAPES:
        print(f"{title}:")
        print(measure(*shape, **settings), end="", flush=True)
    growth = router_growth.worst()
    print(f"four times the waiting chunks or events: {growth:.1f} x the time an item (1 is linear)", flush=True)
    print("nothing acknowledged is lost, 25 MB and a slow destination:", flush=True)
    is_kept = router_loss.measure(arguments.records, 0.2)
    seconds, mebibytes = start_up()
    print(f"start-up: {seconds:.2f} s until it accepts connections, {mebibytes:.1f} MiB resident when idle")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())

"""What stands open all day: memory of the board and of a class's server with thirty trainees, minute by minute.

    LAB_HOME=… lab goto 04 && LAB_HOME=… python -m benchmarks.standing [--minutes 60]

The board looks at the lab in LAB_HOME every two seconds, as in a notebook; the class is served to thirty who report
every ten seconds and a page that asks every two. Goal (issue 16): flat, so that after the first tenth of the time (one
minute at least) nothing grows by more than a tenth. Not measured: what a browser takes for either.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import urllib3

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base import config
from lab_helpers.board.look import Watcher
from lab_helpers.classroom import fingerprint, member
from lab_helpers.classroom.report import Report
from lab_helpers.classroom.server import ClassServer
from lab_helpers.classroom.serving import open_class
from lab_helpers.display import Board
from lab_helpers.lab import attach

TRAINEES, REPORT_S, PAGE_S = 30, 10.0, 2.0
GROWTH = 1.1
MIB = 2**20


def main() -> int:
    """Print a row a minute; return 1 when something grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    minutes = parser.parse_args().minutes
    settings = config.load()
    lab = attach(settings)
    server = LocalBackend(settings).running()
    assert server is not None, "the local AWS does not run"
    board = Board(Watcher(lab).look, lambda _: ())
    ended, rows = threading.Event(), list[tuple[float, float]]()
    with tempfile.TemporaryDirectory() as home, open_class(Path(home), port=0, encrypted=True) as room:
        threads = [_repeating(ended, REPORT_S, _reports(room)), _repeating(ended, PAGE_S, _page(room))]
        board.start()
        for minute in range(minutes + 1):
            gc.collect()
            rows.append((psutil.Process().memory_info().rss / MIB, psutil.Process(server.pid).memory_info().rss / MIB))
            here, there = rows[-1]
            print(f"minute {minute}: board and class {here:.1f} MiB, the local AWS {there:.1f} MiB", flush=True)
            ended.wait(60 if minute < minutes else 0)
        ended.set()
        for thread in threads:
            thread.join()
        is_there = board.is_running and len(room.room.seats) == TRAINEES
        board.stop()
    settled = rows[max(1, minutes // 10) :]
    flat = all(column[-1] <= column[0] * GROWTH for column in zip(*settled, strict=True))
    print(f"memory {'flat' if flat else 'GROWS'}; board and class {'stood' if is_there else 'ENDED'}")
    return 0 if flat and is_there else 1


def _repeating(ended: threading.Event, every_s: float, act: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        while not ended.is_set():
            began = time.monotonic()
            act()
            ended.wait(max(0.0, every_s - (time.monotonic() - began)))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def _reports(server: ClassServer) -> Callable[[], None]:
    """Thirty machines report, each as `lab join` would: a connection and a handshake each time."""
    tokens = [server.room.join(f"trainee {number}")[0] for number in range(TRAINEES)]
    pin = _pin(server)

    def act() -> None:
        for token in tokens:
            report = Report(here="04_traffic", section=2, quiet_s=20, minutes={"04_traffic": 5})
            member.post(f"{_where(server)}/report", token, report.as_dict(), pin)

    return act


def _page(server: ClassServer) -> Callable[[], None]:
    """The page asks by one connection, as a browser does."""
    pin = _pin(server)
    pool = urllib3.PoolManager(cert_reqs="CERT_NONE", assert_fingerprint=pin)
    headers = {"Authorization": f"Bearer {server.room.trainer}"}

    def act() -> None:
        assert pool.request("GET", f"{_where(server)}/class", headers=headers).status == 200

    return act


def _pin(server: ClassServer) -> str:
    assert server.tls is not None
    return fingerprint.pin(server.tls.certificate)


def _where(server: ClassServer) -> str:
    return f"https://127.0.0.1:{server.port}"


if __name__ == "__main__":
    sys.exit(main())

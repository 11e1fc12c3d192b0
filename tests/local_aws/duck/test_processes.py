"""Processes that SQL runs in: kept, killed, replaced, and gone with their server."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab_helpers.base.wait import wait_until
from lab_helpers.local_aws.duck.processes import Bounds, CancelledError, SqlError, Workers, confined

PRINTED = "lab_helpers.local_aws.athena.result:printed"
ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range < 0"
OWNER = f"""
from pathlib import Path
from lab_helpers.local_aws.duck.processes import Bounds, Workers
with Workers(Bounds()).one() as worker, worker.session([]):
    print(worker.pid, flush=True)
    worker.select({ENDLESS!r}, {PRINTED!r})
"""


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(Bounds())
    yield made
    made.close()


def asked(workers: Workers, folder: Path, sql: str) -> tuple[int, str]:
    """Run a statement in a session of its own; the process, and the kind of error that came."""
    with workers.one() as worker:
        try:
            with worker.session(confined(workers.bounds, folder)):
                worker.execute(sql)
        except SqlError as error:
            return worker.pid, error.kind
    return worker.pid, ""


def test_a_worker_is_kept_for_the_next_query(workers: Workers, tmp_path: Path) -> None:
    """Also after a statement that DuckDB refuses; what a session made is gone with it."""
    told = [asked(workers, tmp_path, sql) for sql in ("CREATE TABLE t AS SELECT 1", "SELECT nosuch", "SELECT * FROM t")]
    assert [kind for _, kind in told] == ["", "BinderException", "CatalogException"]
    assert len({pid for pid, _ in told}) == 1


def test_a_killed_query_ends_at_once_and_its_worker_is_replaced(workers: Workers) -> None:
    """Whatever it was at; the machine has its memory back."""
    with workers.one() as worker:
        stop = threading.Timer(0.2, worker.kill, (CancelledError("stopped"),))
        stop.start()
        with pytest.raises(CancelledError), worker.session([]):
            worker.select(ENDLESS, PRINTED)
    assert not psutil.pid_exists(worker.pid)
    with workers.one() as other, other.session([]):
        assert other.select("SELECT 42", PRINTED)[1] == [("42",)]
    assert other.pid != worker.pid


def test_a_worker_ends_with_its_server() -> None:
    """Killed in the middle of a statement, it leaves nothing that computes on."""
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.kill()
    wait_until(lambda: not psutil.pid_exists(pid), 10, 0.05, "the worker to end")


@pytest.mark.parametrize(
    "sql",
    ["SELECT * FROM read_text('/etc/hostname')", "COPY (SELECT 1) TO '/x/y'", "SET memory_limit='9GB'", "ATTACH 'x'"],
)
def test_a_session_reaches_nothing_but_its_folder(sql: str, workers: Workers, tmp_path: Path) -> None:
    """Files, settings, other databases."""
    assert asked(workers, tmp_path, sql)[1] in {"PermissionException", "InvalidInputException"}

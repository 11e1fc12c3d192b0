"""The catalogue of faults: what is done while requests are sent, and what is promised all the same."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lab_helpers.backends.faults import injected
from tests.integration import policies
from tests.soak.promises import AS_RETRIES_SAY, AT_LEAST_ONCE, EACH_ONCE, Promise, at_most
from tests.soak.stage import Stage

RATE_PER_S = 150.0
FLUSH_S = 1.0
"""Flush of the article's configuration: what a router holds in memory at most, at its task's rate."""
IN_MEMORY = round(RATE_PER_S * FLUSH_S * 1.5)
PAUSE_S, DENIED_S, FULL_S = 10.0, 8.0, 10.0
SMALL_BYTES = 512 * 2**20
"""Only a file system of at most this size is filled up."""

Remarks = dict[str, object]
Act = Callable[[Stage, float], Remarks | None]
"""Does the fault to a stage that has so many seconds until the sending ends; returns what else the row should say."""


@dataclass(frozen=True)
class Row:
    """One row of the table; `act` runs once the sending is on, and returns when the fault is over."""

    name: str
    promise: Promise
    act: Act
    why_not: Callable[[Stage], str] = lambda _: ""
    """Says why the row cannot be run here; empty: it can."""


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def _nothing(_: Stage, __: float) -> None:
    """No fault."""


def _injected(**members: Any) -> Act:
    def act(stage: Stage, left_s: float) -> Remarks:
        fault = {"operation": "Put*", "role": f"{stage.stack.prefix}-task", **members}
        with injected(stage.backend, **fault) as force:
            _wait(left_s)
        return {"hit": f"{force.hit} of {force.matched} calls"}

    return act


def _paused(stage: Stage, _: float) -> None:
    router = stage.processes("router")[0]
    router.send_signal(signal.SIGSTOP)
    _wait(PAUSE_S)
    router.send_signal(signal.SIGCONT)


def _deployed_and_killed(stage: Stage, _: float) -> None:
    stage.deploy()
    _wait(2)
    stage.kill("httpd")


def _two_at_once(stage: Stage, left_s: float) -> None:
    with injected(stage.backend, operation="Put*", role=f"{stage.stack.prefix}-task", kind="slow", delay_s=1.0):
        stage.stop_task()
        _wait(left_s / 2)


def _denied(stage: Stage, _: float) -> None:
    iam, role = stage.stack.target.client("iam"), stage.stack.role("firehose")
    with policies.inline(iam, role, policies.deny(["s3:*"])):
        _wait(DENIED_S)


def _full(stage: Stage, _: float) -> None:
    with _ballast(stage):
        _wait(FULL_S)


@contextmanager
def _ballast(stage: Stage) -> Iterator[None]:
    file = stage.backend.folder / "ballast"
    try:
        with file.open("wb", buffering=0) as full:
            try:
                while full.write(bytes(2**20)):
                    pass
            except OSError:
                yield
                return
        yield
    finally:
        file.unlink(missing_ok=True)


def _is_too_large(stage: Stage) -> str:
    size = shutil.disk_usage(stage.backend.folder).total
    return "" if size <= SMALL_BYTES else "give --home a file system of at most 512 MiB (a tmpfs) to be filled"


ROWS = (
    Row("none", EACH_ONCE, _nothing),
    Row("kill -9 one httpd", EACH_ONCE, lambda stage, _: stage.kill("httpd")),
    Row("kill -9 a router", at_most(IN_MEMORY, "one Flush of one task"), lambda stage, _: stage.kill("router")),
    Row("kill -9 a whole task", at_most(IN_MEMORY, "one Flush of one task"), lambda stage, _: stage.kill_task()),
    Row("StopTask", EACH_ONCE, lambda stage, _: stage.stop_task()),
    Row("deployment", EACH_ONCE, lambda stage, _: stage.deploy()),
    Row("router stopped 10 s", EACH_ONCE, _paused),
    Row("throttle 70 %", AS_RETRIES_SAY, _injected(kind="throttle", share=0.7)),
    Row("HTTP 500 70 %", AS_RETRIES_SAY, _injected(kind="500", share=0.7)),
    Row("dropped before 40 %", AS_RETRIES_SAY, _injected(kind="drop-before", share=0.4)),
    Row("dropped after 40 %", AS_RETRIES_SAY, _injected(kind="drop-after", share=0.4)),
    Row("answers 3 s late", EACH_ONCE, _injected(kind="slow", delay_s=3.0)),
    Row("never answered 40 %", AS_RETRIES_SAY, _injected(kind="silence", share=0.4)),
    Row("Firehose denied 8 s", AT_LEAST_ONCE, _denied),
    Row("httpd killed in a deployment", EACH_ONCE, _deployed_and_killed),
    Row("StopTask while answers are late", EACH_ONCE, _two_at_once),
    Row("full disk that becomes free", AS_RETRIES_SAY, _full, _is_too_large),
)
"""In the order of the table."""
QUICK = ("none", "StopTask", "throttle 70 %")
"""What `make test` runs of it."""


def named(names: str) -> list[Row]:
    """Return rows by a comma-separated list of parts of their names; raises ValueError for one that is in none."""
    wanted = [part.strip() for part in names.split(",") if part.strip()]
    lacking = [part for part in wanted if not any(part in row.name for row in ROWS)]
    if lacking:
        raise ValueError(f"no row has {lacking[0]!r} in its name; there are: {', '.join(row.name for row in ROWS)}")
    return [row for row in ROWS if any(part in row.name for part in wanted)]

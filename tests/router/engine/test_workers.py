"""A worker: what waits behind it, and how much of that is in memory."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from lab_helpers.router.engine.workers import LONG_QUEUE, Worker
from lab_helpers.router.plugin import FlushResult


class _Chunk:
    is_up = True

    def let_go(self) -> None:
        self.is_up = False


class _Stuck:
    """An output that cannot send until it is let."""

    tick_every_s = 0.0

    def __init__(self) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()

    def flush(self, _chunk: Any) -> FlushResult:
        self.entered.set()
        assert self.go_on.wait(30)
        return FlushResult.OK


@pytest.mark.parametrize(("most_up", "up"), [(0, 1), (2, 3), (1000, LONG_QUEUE + 1)])
def test_no_more_chunks_wait_in_memory_than_max_chunks_up(most_up: int, up: int) -> None:
    """Those behind it wait in their files; the one that finds the queue just full is still up."""
    output, done = _Stuck(), []
    worker: Any = Worker("stuck.0", output, None, most_up)  # type: ignore[arg-type]
    worker.done = lambda chunk, _result: done.append(chunk)
    worker.submit(_Chunk())
    assert output.entered.wait(30)
    behind = [_Chunk() for _ in range(20)]
    for chunk in behind:
        worker.submit(chunk)
    assert sum(chunk.is_up for chunk in behind) == up
    output.go_on.set()
    assert worker.stop(30)
    assert len(done) == 21

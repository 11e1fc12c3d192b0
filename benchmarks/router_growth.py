"""What waits in the log router costs the same an item, however many wait: chunks for a retry, events for one call."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab_helpers.router.core.counters import Counters
from lab_helpers.router.core.log import ComponentLog, Level, Sink
from lab_helpers.router.core.loop import Loop
from lab_helpers.router.core.retry import RetryPolicy
from lab_helpers.router.engine.pressure import Pressure
from lab_helpers.router.engine.tasks import TaskBoard
from lab_helpers.router.plugins.out_cloudwatch import Stream
from lab_helpers.router.records.buffer import Chunk

FEW, MANY = 2_000, 8_000
RUNS = 5


def waiting_chunks(count: int) -> None:
    """Start so many tasks that none of them ends."""
    loop = Loop()
    log = ComponentLog(Sink(Level.OFF))
    board = TaskBoard(loop, RetryPolicy(), Counters(), log, Pressure(), lambda _task: None)
    for number in range(count):
        board.start(Chunk("tag", "in.0", name=f"{number}"), [])
    loop.close()


def waiting_events(count: int) -> None:
    """Have so many events wait for one call."""
    stream = Stream("group", "stream")
    for number in range(count):
        if stream.has_room_for(number, 100):
            stream.add(number, "message", 100)


def worst() -> float:
    """Return how many times longer an item takes among four times as many, the worse of both; 1 is linear."""
    return max(_seconds(one, MANY) / MANY / (_seconds(one, FEW) / FEW) for one in (waiting_chunks, waiting_events))


def _seconds(work: Callable[[int], None], count: int) -> float:
    """Return the least CPU time of several runs."""
    found = []
    for _ in range(RUNS):
        started = time.process_time()
        work(count)
        found.append(time.process_time() - started)
    return min(found)


if __name__ == "__main__":
    print(f"{worst():.1f} x the time an item")

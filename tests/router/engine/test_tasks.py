"""A chunk's way through its outputs: retries, limits, and counters that add up."""

from __future__ import annotations

import io
import random
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab_helpers.router.core.counters import Counters
from lab_helpers.router.core.log import ComponentLog, Sink
from lab_helpers.router.core.loop import Loop
from lab_helpers.router.core.retry import NO_RETRIES, UNLIMITED, RetryPolicy, may_retry, parse_limit
from lab_helpers.router.engine.pressure import Pressure
from lab_helpers.router.engine.tasks import Numbers, OutputInstance, Task, TaskBoard
from lab_helpers.router.plugin import FlushResult
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.record import Record

RETRY, OK, ERROR = FlushResult.RETRY, FlushResult.OK, FlushResult.ERROR


@dataclass
class Hand:
    """A worker that settles a chunk at once, with the results it was given in turn."""

    results: list[FlushResult]
    board: Any = None
    output: Any = None
    flushed: list[str] = field(default_factory=list)

    def submit(self, chunk: Chunk) -> None:
        self.flushed.append(chunk.tag)
        self.board.finished(self.output, chunk, self.results.pop(0) if self.results else OK)


class Board:
    """A task board under a manual clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.text = io.StringIO()
        self.loop = Loop(clock=lambda: self.now)
        self.counters, self.over = Counters(), list[Task]()
        log = ComponentLog(Sink(stream=self.text))
        self.board = TaskBoard(
            self.loop, RetryPolicy(5, 2000), self.counters, log, Pressure(), self.over.append
        )  # fmt: skip

    def output(self, limit: int, *results: FlushResult, limit_bytes: int = 0) -> OutputInstance:
        hand = Hand(list(results))
        number = len(self.board._outputs)
        one = OutputInstance(
            number, "out", f"out.{number}", lambda _tag: True, limit, None, hand, limit_bytes  # type: ignore[arg-type]
        )  # fmt: skip
        hand.board, hand.output = self.board, one
        self.board.add_output(one)
        return one

    def start(self, *outputs: OutputInstance, records: int = 3) -> Chunk:
        chunk = Chunk("t", "in.0")
        chunk.add(Batch(records=[Record(1, {"n": n}) for n in range(records)]))
        self.board.start(chunk, list(outputs))
        self.turn()
        return chunk

    def turn(self, seconds: float = 0.0) -> None:
        self.now += seconds
        for _ in range(2):  # what a timer hands in is done in the following turn
            self.loop.turn(0)

    def counts(self, name: str) -> dict[str, int]:
        return self.counters.snapshot()["output"][name]


@pytest.fixture
def board() -> Any:
    """A board, and its loop closed at the end."""
    one = Board()
    yield one
    one.loop.close()


def test_a_delivered_chunk_is_over(board: Board) -> None:
    """All outputs took it: sent is counted at each."""
    first, second = board.output(1), board.output(1)
    board.start(first, second)
    assert [task.is_over() for task in board.over] == [True]
    assert board.counts("out.0")["proc_records"] == board.counts("out.1")["proc_records"] == 3


def test_outputs_retry_each_on_their_own(board: Board) -> None:
    """One output fails twice and gets the chunk three times, the other once."""
    failing, fine = board.output(3, RETRY, RETRY, OK), board.output(1)
    board.start(failing, fine)
    for _ in range(2):
        board.turn(2000)
    assert (len(failing.worker.flushed), len(fine.worker.flushed)) == (3, 1)  # type: ignore[attr-defined]
    assert "succeeded at retry 2" in board.text.getvalue()
    assert len(board.over) == 1


def test_the_first_retry_comes_six_to_eleven_seconds_later(board: Board) -> None:
    """scheduler.base 5: full jitter between 5 and 10 seconds, plus one."""
    failing = board.output(1, RETRY, OK)
    board.start(failing)
    delay = int(re.search(r"retry in (\d+) seconds", board.text.getvalue()).group(1))  # type: ignore[union-attr]
    assert 6 <= delay <= 11
    board.turn(delay - 0.5)
    assert len(failing.worker.flushed) == 1  # type: ignore[attr-defined]
    board.turn(0.5)
    assert len(failing.worker.flushed) == 2  # type: ignore[attr-defined]


def test_retry_limit_one_means_two_calls(board: Board) -> None:
    """Then the chunk is dropped, with an error and a count."""
    failing = board.output(1, RETRY, RETRY, RETRY)
    board.start(failing)
    board.turn(2000)
    assert len(failing.worker.flushed) == 2  # type: ignore[attr-defined]
    assert "cannot be retried: task_id=0, input=in.0 > output=out.0" in board.text.getvalue()
    assert board.counts("out.0")["dropped_records"] == 3
    assert board.counts("out.0")["retries_failed"] == 1


@pytest.mark.parametrize(("limit", "result"), [(NO_RETRIES, RETRY), (UNLIMITED, ERROR)])
def test_no_retries_and_hopeless_errors_drop_at_once(board: Board, limit: int, result: FlushResult) -> None:
    """Nothing is waited for."""
    board.start(board.output(limit, result))
    assert len(board.over) == 1
    assert board.counts("out.0")["dropped_records"] == 3


def test_stopping_retries_at_once_and_then_every_second(board: Board) -> None:
    """What waits is tried immediately; a new failure waits one second."""
    failing = board.output(UNLIMITED, RETRY, RETRY, OK)
    board.start(failing)
    board.board.retry_now()
    board.turn()
    assert "retry in 1 seconds" in board.text.getvalue()
    board.turn(1)
    assert len(board.over) == 1


def test_sent_dropped_and_held_are_all_that_was_received(board: Board) -> None:
    """Through successes, retries and drops, nothing is lost count of."""
    output = board.output(1, OK, RETRY, RETRY, ERROR, RETRY)
    for _ in range(4):
        board.start(output)
    board.turn(11)
    counted = board.counts("out.0")
    held = sum(task.chunk.count for task in board.board.pending())
    assert counted["proc_records"] + counted["dropped_records"] + held == 12


def test_the_oldest_waiting_chunk_gives_way_at_the_size_limit(board: Board) -> None:
    """storage.total_limit_size: the oldest chunk that waits for a retry is dropped and counted."""
    output = board.output(UNLIMITED, RETRY, RETRY, RETRY)
    output.limit_bytes = int(2.5 * board.start(output).size_bytes)
    board.start(output)
    board.start(output)
    assert board.counts("out.0")["dropped_records"] == 3
    assert len(board.board.pending()) == 2
    assert "storage.total_limit_size" in board.text.getvalue()


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("3", (3, True)),
        ("False", (UNLIMITED, True)),
        ("no_limits", (UNLIMITED, True)),
        ("no_retries", (NO_RETRIES, True)),
        ("abc", (1, False)),
        (None, (1, True)),
    ],
)
def test_retry_limit_is_read(text: str | None, limit: tuple[int, bool]) -> None:
    """Numbers, words for no limit, no retries; anything else warns and becomes the default."""
    assert parse_limit(text) == limit


def test_the_wait_grows_to_the_cap() -> None:
    """base * 2^attempt, never above the cap."""
    policy = RetryPolicy(1, 3)
    waits = {policy.delay_s(attempt, False, random.Random(attempt)) for attempt in range(1, 200)}
    assert waits <= {2, 3, 4}
    assert may_retry(UNLIMITED, 10**6)


def test_a_task_takes_the_lowest_number_that_is_free() -> None:
    """Numbers of ended tasks are used again, the lowest first, without looking at all tasks."""
    numbers = Numbers()
    assert [numbers.take() for _ in range(4)] == [0, 1, 2, 3]
    for number in (2, 0):
        numbers.give_back(number)
    assert [numbers.take() for _ in range(3)] == [0, 2, 4]

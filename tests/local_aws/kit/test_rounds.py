"""The thread that looks again every so often: when it goes its round, and what ends it."""

from __future__ import annotations

import queue
import threading

import pytest

from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.kit.rounds import Rounds

EVERY_S = 10.0
PATIENCE_S = 20.0


class WatchedClock(ManualClock):
    """A clock moved by hand of which a test knows that the thread waits: then only may it be moved."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = threading.Semaphore(0)

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> bool:
        self._begun.release()
        return super().wait(condition, timeout_s)

    def wait_for_waiter(self, condition: threading.Condition) -> None:
        """Return when the thread waits, for each of its waits once."""
        assert self._begun.acquire(timeout=PATIENCE_S)
        with condition:  # it has let go of the lock
            pass


class Rota:
    """Rounds every EVERY_S of a clock that is moved by hand; `at_s` gives when each was gone, in its order."""

    def __init__(self) -> None:
        self.clock = WatchedClock()
        self.at_s: queue.Queue[float] = queue.Queue()
        self.ended: list[str] = []
        self.fails, self.next_s = False, EVERY_S
        self.rounds = Rounds("rota", self.clock, self.go, self.due_in_s, at_end=lambda: self.ended.append("end"))

    def go(self) -> None:
        """Note the time; fail if it is to."""
        self.next_s = self.clock.monotonic() + EVERY_S
        self.at_s.put(self.clock.monotonic())
        if self.fails:
            raise LookupError("nothing there")

    def due_in_s(self) -> float:
        """Return the seconds until the next round."""
        return self.next_s - self.clock.monotonic()

    def advance(self, seconds: float) -> None:
        """Move the clock once the thread waits."""
        self.clock.wait_for_waiter(self.rounds.changed)
        self.clock.advance(seconds)

    def next_round_s(self) -> float:
        """Wait for a round; return when it was gone."""
        return self.at_s.get(timeout=PATIENCE_S)


def test_a_round_is_gone_when_it_is_due() -> None:
    """Not at the start, nor when the clock moves by less; a clock that moves by more makes one round, not several."""
    rota = Rota()
    rota.rounds.start()
    rota.advance(EVERY_S - 1)
    rota.advance(1)
    assert rota.next_round_s() == EVERY_S
    rota.advance(5 * EVERY_S)
    assert rota.next_round_s() == 6 * EVERY_S
    rota.rounds.stop()
    assert rota.at_s.empty()


def test_a_change_makes_it_look_again() -> None:
    """Whoever changes what is due notifies, and need not wait for the time that was due before."""
    rota = Rota()
    rota.rounds.start()
    rota.clock.wait_for_waiter(rota.rounds.changed)
    with rota.rounds.changed:
        rota.next_s = 0.0
        rota.rounds.changed.notify_all()
    assert rota.next_round_s() == 0.0
    rota.rounds.stop()


def test_without_anything_due_it_waits_for_a_change() -> None:
    """None is no time at all: the clock alone starts no round."""
    clock, gone = WatchedClock(), threading.Event()
    work: list[str] = []

    def go() -> None:
        work.clear()
        gone.set()

    rounds = Rounds("idle", clock, go, lambda: 0.0 if work else None)
    rounds.start()
    for _ in range(2):
        clock.wait_for_waiter(rounds.changed)
        clock.advance(1000)
    clock.wait_for_waiter(rounds.changed)
    assert not gone.is_set()
    with rounds.changed:
        work.append("something")
        rounds.changed.notify_all()
    assert gone.wait(PATIENCE_S)
    rounds.stop()


def test_a_round_that_fails_is_told_and_the_next_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the error: a thread that ended unseen would leave everything unread until the server's end."""
    rota = Rota()
    rota.fails = True
    rota.rounds.start()
    rota.advance(EVERY_S)
    assert rota.next_round_s() == EVERY_S
    rota.advance(EVERY_S)
    assert rota.next_round_s() == 2 * EVERY_S
    rota.rounds.stop()
    assert [record.getMessage() for record in caplog.records] == ["rota: a round failed"] * 2
    assert "nothing there" in caplog.text
    assert rota.ended == ["end"]


def test_stop_ends_it_once() -> None:
    """Safe before the start and twice; what is left is done once, and nothing starts after the end."""
    never = Rota()
    never.rounds.stop()
    never.next_s = 0.0
    never.rounds.start()
    never.rounds.stop()
    assert never.at_s.empty()
    assert never.ended == []
    rota = Rota()
    rota.rounds.start()
    rota.rounds.start()
    rota.rounds.stop()
    rota.rounds.stop()
    assert rota.ended == ["end"]
    assert not [each for each in threading.enumerate() if each.name == "rota"]


def test_a_pause_within_a_round_ends_with_the_thread() -> None:
    """It lasts as long as the clock says; when the thread is to end, it is over at once, and says so."""
    clock, went_on = WatchedClock(), queue.Queue[bool]()
    rounds = Rounds("pausing", clock, lambda: went_on.put(rounds.pause(EVERY_S)), lambda: 0.0)
    rounds.start()
    for _ in range(2):
        clock.wait_for_waiter(rounds.changed)
        assert went_on.empty()
        clock.advance(EVERY_S / 2)
    assert went_on.get(timeout=PATIENCE_S) is True
    clock.wait_for_waiter(rounds.changed)
    rounds.stop()
    assert went_on.get(timeout=PATIENCE_S) is False
    assert went_on.empty()

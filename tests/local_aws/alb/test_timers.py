"""Timers run by the lab's clock, in one thread that has an owner."""

from __future__ import annotations

import threading

import pytest

from lab_helpers.local_aws.alb.timers import Timers
from lab_helpers.local_aws.kit.clock import ManualClock
from tests.local_aws.alb.kit import wait_until


def test_actions_run_in_the_order_of_their_times() -> None:
    """However they were added, and none before its time."""
    clock, done = ManualClock(), []
    timers = Timers(clock, "test")
    timers.call_later(3, lambda: done.append("c"))
    timers.start()
    timers.call_later(1, lambda: done.append("a"))
    timers.call_later(2, lambda: done.append("b")).cancel()
    for _ in range(2):
        clock.advance(1)
        wait_until(lambda: done == ["a"])
    wait_until(lambda: clock.advance(0.5) is None and done == ["a", "c"])
    timers.stop()


def test_a_failing_action_does_not_end_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, the next one runs."""
    clock, done = ManualClock(), threading.Event()
    timers = Timers(clock, "test")
    timers.start()
    timers.call_later(0, lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    timers.call_later(0, done.set)
    assert done.wait(5)
    assert "ZeroDivisionError" in caplog.text
    timers.stop()


def test_stop_is_safe_before_start_and_twice() -> None:
    """And nothing runs after it."""
    clock, done = ManualClock(), threading.Event()
    timers = Timers(clock, "test")
    timers.stop()
    timers.start()
    timers.call_later(1, done.set)
    timers.stop()
    timers.stop()
    clock.advance(5)
    assert not done.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "test"]

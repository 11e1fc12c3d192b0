from __future__ import annotations

import pytest

from lab_helpers.base.errors import WaitTimeoutError
from lab_helpers.base.wait import Tick, wait_until


class Clock:
    """A clock that only `pause` moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def test_returns_the_state_that_is_done() -> None:
    """The first state that satisfies `done` comes back, and the probe is asked no more."""
    clock, states = Clock(), iter(["pending", "pending", "active", "never"])
    state = wait_until(
        lambda: next(states), 60, 5, "x", done=lambda s: s == "active", monotonic=clock.monotonic, pause=clock.pause
    )
    assert state == "active"
    assert clock.now == 10
    assert next(states) == "never"


def test_a_bound_that_passes_names_the_last_state() -> None:
    """The error says what was waited for, how long, and what was seen last; the last look is at the bound itself."""
    clock, ticks = Clock(), list[Tick]()
    with pytest.raises(WaitTimeoutError, match=r"Waited 12 s for two tasks\. Last seen: 0") as caught:
        wait_until(lambda: 0, 12, 5, "two tasks", on_tick=ticks.append, monotonic=clock.monotonic, pause=clock.pause)
    assert [tick.elapsed_s for tick in ticks] == [0, 5, 10, 12]
    assert caught.value.seen == "0"


def test_what_the_probe_raises_is_passed_on() -> None:
    """An error of the probe is no reason to go on waiting."""
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 // 0, 60, 5, "x")

"""The engine's loop runs what is due, in order, on one thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from lab_helpers.router.core.loop import Loop


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Time zero."""
    return Clock()


@pytest.fixture
def loop(clock: Clock) -> Iterator[Loop]:
    """A loop under the manual clock."""
    one = Loop(clock)
    yield one
    one.close()
    one.close()


def test_timers_run_when_due(loop: Loop, clock: Clock) -> None:
    """Once, repeatedly, or never when cancelled."""
    seen: list[str] = []
    loop.call_after(5, lambda: seen.append("once"))
    every = loop.call_every(2, lambda: seen.append("every"))
    loop.call_after(3, lambda: seen.append("never")).cancel()
    for clock.now in (1.0, 2.0, 5.0, 6.0):
        loop.turn(0)
    assert seen == ["every", "every", "once", "every"]
    every.cancel()
    clock.now = 100.0
    loop.turn(0)
    assert len(seen) == 4


def test_readable_sockets_are_called_until_removed(loop: Loop) -> None:
    """A removed reader is not called; removing it twice does no harm."""
    here, there = socket.socketpair()
    with here, there:
        seen: list[bytes] = []
        loop.add_reader(here, lambda: seen.append(here.recv(10)))
        there.send(b"one")
        loop.turn(1)
        loop.remove_reader(here)
        loop.remove_reader(here)
        there.send(b"two")
        loop.turn(0)
    assert seen == [b"one"]


def test_other_threads_hand_calls_in() -> None:
    """run() wakes for them and ends with stop()."""
    loop = Loop()
    seen: list[int] = []

    def other() -> None:
        loop.hand_in(lambda: seen.append(threading.get_ident()))
        loop.hand_in(loop.stop)

    thread = threading.Thread(target=other)
    thread.start()
    loop.run()
    thread.join()
    loop.close()
    assert seen == [threading.get_ident()]


def test_an_error_goes_to_its_owner_and_the_others_go_on(loop: Loop) -> None:
    """With on_error set one failing callback does not end the turn; without, it is raised."""
    seen: list[object] = []
    loop.hand_in(lambda: 1 / 0)
    loop.hand_in(lambda: seen.append("next"))
    loop.on_error = seen.append
    loop.turn(0)
    assert [type(one) for one in seen] == [ZeroDivisionError, str]
    loop.on_error = None
    loop.hand_in(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loop.turn(0)


def test_waits_are_passed_over_where_that_is_said(loop: Loop) -> None:
    """The time stands still: timers come in their order, each at its own time, and the loop's clock says so."""
    seen: list[tuple[str, float]] = []

    def note(name: str) -> None:
        seen.append((name, loop.clock()))

    loop.passes_waits = lambda: True
    loop.call_after(60, loop.stop)
    loop.call_after(7, lambda: note("once"))
    every = loop.call_every(5, lambda: note("every"))
    loop.call_after(12, every.cancel)
    loop.run()
    assert seen == [("every", 5.0), ("once", 7.0), ("every", 10.0)]


def test_what_other_threads_hand_in_is_done_before_a_wait_is_passed_over(loop: Loop) -> None:
    """Only waiting is left out, nothing that is to be done."""
    seen: list[float] = []
    loop.passes_waits = lambda: True
    loop.call_after(5, loop.stop)
    loop.hand_in(lambda: seen.append(loop.clock()))
    loop.run()
    assert seen == [0.0]

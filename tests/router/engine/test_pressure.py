"""The reader waits while outputs have much in hand, and no longer."""

from __future__ import annotations

import threading

from lab_helpers.router.engine.pressure import Pressure

LIMIT_BYTES = 150
"""Of an input: its reader waits above 100."""


def _is_waiting(pressure: Pressure, chunk: str = "") -> bool:
    """Tell whether a reader, or an output before this chunk, would still be waiting after a moment."""
    done = threading.Event()

    def wait() -> None:
        pressure.wait_turn(chunk, 60) if chunk else pressure.wait_to_read(LIMIT_BYTES, 60)
        done.set()

    threading.Thread(target=wait, daemon=True).start()
    return not done.wait(0.2)


def test_what_two_outputs_have_in_hand_counts_once() -> None:
    """A chunk is one piece of memory, whoever works on it."""
    pressure = Pressure()
    pressure.add("a", 80)
    pressure.add("a", 80)
    assert not _is_waiting(pressure)
    pressure.add("b", 30)
    assert _is_waiting(pressure)


def test_a_chunk_is_let_go_when_its_last_output_is_done() -> None:
    """The first one that is done changes nothing; a retry counts again."""
    pressure = Pressure()
    for _ in range(2):
        pressure.add("a", 120)
    pressure.remove("a", 120)
    assert _is_waiting(pressure)
    pressure.remove("a", 120)
    assert not _is_waiting(pressure)
    pressure.add("a", 120)
    assert _is_waiting(pressure)


def test_the_reader_goes_on_when_there_is_room_and_after_its_time() -> None:
    """Somebody who waits is woken; a slow destination does not stop the reader."""
    pressure, woken = Pressure(), threading.Event()
    pressure.add("a", 120)
    reader = threading.Thread(target=lambda: (pressure.wait_to_read(LIMIT_BYTES, 600), woken.set()), daemon=True)
    reader.start()
    assert not woken.wait(0.1)
    pressure.remove("a", 120)
    assert woken.wait(60)
    pressure.add("b", 120)
    pressure.wait_to_read(LIMIT_BYTES, 0.01)
    assert _is_waiting(pressure)


def test_an_output_that_is_ahead_waits_for_the_others() -> None:
    """Two chunks ahead it may be; the one behind goes on, and what both are done with is forgotten."""
    pressure = Pressure()
    for chunk in "abcd" * 2:
        pressure.add(chunk, 10)
    for chunk in "ab":
        pressure.remove(chunk, 10)
    assert not _is_waiting(pressure, "c")
    pressure.remove("c", 10)
    assert _is_waiting(pressure, "d")
    assert not _is_waiting(pressure, "a")
    pressure.remove("a", 10)
    assert not _is_waiting(pressure, "d")


def test_an_output_waits_no_longer_than_its_time() -> None:
    """The others may be dead."""
    pressure = Pressure()
    for chunk in "abcd" * 2:
        pressure.add(chunk, 10)
    for chunk in "abc":
        pressure.remove(chunk, 10)
    pressure.wait_turn("d", 0.01)


def test_an_output_alone_never_waits() -> None:
    """What it is done with is done."""
    pressure = Pressure()
    for chunk in "abcdef":
        pressure.add(chunk, 10)
    for chunk in "abcde":
        pressure.remove(chunk, 10)
    assert not _is_waiting(pressure, "f")

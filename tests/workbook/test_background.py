"""A run beside the reading: waited for, interrupted while it is waited for, and failing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from lab_helpers.base.errors import InterruptedWait, TerraformError
from lab_helpers.terraform import RunResult
from lab_helpers.terraform.events import ChangeCounts
from lab_helpers.workbook.background import Background

RESULT = RunResult(ChangeCounts(1, 0, 0, "apply"), 1.0, {})


class _Waited(threading.Event):
    """An event that knows whether somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.entered.set()
        return super().wait(timeout)


def _interrupt_when(entered: threading.Event, thread: int) -> None:
    assert entered.wait(20)
    signal.pthread_kill(thread, signal.SIGINT)


@pytest.fixture
def interrupted_as_in_a_kernel() -> Iterator[None]:
    """Whatever an earlier test of this process, or the shell that started it, did with SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupted_as_in_a_kernel")
def test_who_interrupts_the_waiting_does_not_end_the_run() -> None:
    """It goes on, is known to go on, and is waited for again."""
    go, waits = threading.Event(), threading.Event()

    def run(_: object) -> RunResult:
        waits.set()
        assert go.wait(20)
        return RESULT

    running = Background(run, "terraform apply")
    assert waits.wait(20)
    running._ended = end = _Waited()  # so that nobody is interrupted before the waiting has begun
    threading.Thread(target=_interrupt_when, args=(end.entered, threading.get_ident())).start()
    with pytest.raises(InterruptedWait, match="terraform apply goes on"):
        running.wait()
    assert running.is_running
    go.set()
    assert running.wait() is running.wait() is RESULT
    assert not running.is_running


def test_what_a_run_raises_is_raised_by_who_waits() -> None:
    """Each time."""

    def run(_: object) -> RunResult:
        raise TerraformError("terraform apply", "exit status 1", "")

    running = Background(run, "terraform apply")
    for _ in range(2):
        with pytest.raises(TerraformError):
            running.wait()

"""Terraform beside the reading: the run goes on in a thread while the next cells are read, its bar stays alive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from lab_helpers import display
from lab_helpers.base.errors import InterruptedWait
from lab_helpers.base.messages import say
from lab_helpers.terraform import Display, RunResult

_SLICE_S = 0.2
"""Python looks for an interrupt before it blocks: one that comes in between is seen when the slice has passed."""


class Background:
    """One run in a thread of its own. `wait` gives its result, or raises what it raised."""

    def __init__(self, run: Callable[[Display], RunResult], label: str) -> None:
        bar = display.Bar(label)  # made here: it belongs to the cell that starts the run
        self._label = label
        self._shown = display.TerraformBar(label, bar)

        def shown(_: str) -> AbstractContextManager[Any]:
            return self._shown

        # Not Thread.join: interrupted, Python takes a thread that runs for one that has ended, and the kernel then
        # closes what that thread shows its bar with.
        self._ended = threading.Event()
        self._result: RunResult | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._run, args=(run, shown), name=label).start()

    @property
    def is_running(self) -> bool:
        """Whether the run still goes on."""
        return not self._ended.is_set()

    def wait(self) -> RunResult:
        """Wait for the end and return the result; raises what the run raised. May be called twice.

        Raises InterruptedWait when somebody interrupts the waiting; the run goes on.
        """
        try:
            while not self._ended.wait(_SLICE_S):
                pass
        except KeyboardInterrupt as exc:
            raise InterruptedWait(self._label) from exc
        if self._error is not None:
            raise self._error
        assert self._result is not None, "a run without an error has a result"
        return self._result

    def _run(self, run: Callable[[Display], RunResult], shown: Display) -> None:
        try:
            self._result = run(shown)
        except BaseException as exc:  # told in the cell that waits
            self._error = exc
        finally:
            self._ended.set()

    def __repr__(self) -> str:
        return say("{label} goes on while you read; .wait() waits for its end", label=self._label)

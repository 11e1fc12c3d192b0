"""Wait for something with a documented bound; tells what was seen last when the bound passes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lab_helpers.base.errors import WaitTimeoutError

State = TypeVar("State")


@dataclass(frozen=True)
class Tick:
    """One look at what is waited for: seconds since the start, the bound in seconds, and the state in words."""

    what: str
    elapsed_s: float
    timeout_s: float
    seen: str


def wait_until(
    probe: Callable[[], State],
    timeout_s: float,
    every_s: float,
    what: str,
    *,
    done: Callable[[State], bool] = bool,
    describe: Callable[[State], str] = repr,
    look_at: str = "",
    on_tick: Callable[[Tick], None] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    pause: Callable[[float], object] | None = None,
) -> State:
    """Call `probe` every `every_s` seconds until `done(state)` holds, and return that state.

    The probe is asked at once, and a last time when the bound has passed. `what` completes "Waited 60 s for …",
    `look_at` the sentence "Look at …." of the error.
    Raises WaitTimeoutError with the last state (`describe`d). What the probe raises is passed on.
    """
    pause = pause or threading.Event().wait
    started = monotonic()
    while True:
        state = probe()
        elapsed_s = monotonic() - started
        if on_tick:
            on_tick(Tick(what, elapsed_s, timeout_s, describe(state)))
        if done(state):
            return state
        if elapsed_s >= timeout_s:
            raise WaitTimeoutError(what, timeout_s, describe(state), look_at)
        pause(min(every_s, timeout_s - elapsed_s))

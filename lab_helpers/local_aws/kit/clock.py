"""Time as an argument: the real clock, and one that tests move by hand."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What every part of the local AWS that waits or stamps is given."""

    def now(self) -> datetime:
        """Return the time of day, in UTC and aware of it."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> bool:
        """Wait on the held `condition` until it is notified (True) or `timeout_s` of this clock passed (False)."""


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> bool:
        return condition.wait(timeout_s)


class ManualClock:
    """Time that stands still until `advance` is called."""

    def __init__(self, start: datetime = datetime(2021, 11, 7, 9, 14, 2, tzinfo=UTC)) -> None:
        self._lock = threading.Lock()
        self._now = start
        self._elapsed_s = 0.0
        self._waiting: list[threading.Condition] = []

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Move time on and wake everybody who waits, so that each looks at the clock again."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._elapsed_s += seconds
            waiting = list(self._waiting)
        for condition in waiting:
            with condition:
                condition.notify_all()

    def wait(self, condition: threading.Condition, timeout_s: float | None) -> bool:
        # A notification may be advance()'s or the caller's own; both return, and the caller looks at its state again.
        started = self.monotonic()
        with self._lock:
            self._waiting.append(condition)
        try:
            if timeout_s is not None and timeout_s <= 0:
                return False
            condition.wait()
        finally:
            with self._lock:
                self._waiting.remove(condition)
        return timeout_s is None or self.monotonic() - started < timeout_s

"""One thread that calls things later, by the lab's clock."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable

from lab_helpers.local_aws.kit.clock import Clock

_LOG = logging.getLogger(__name__)


class Timer:
    """A call to come."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Forget the call; without effect once it was made."""
        self._action = None

    def fire(self) -> None:
        """Make the call, unless cancelled; what it raises is logged, other timers go on."""
        action, self._action = self._action, None
        if action is None:
            return
        try:
            action()
        except Exception:
            _LOG.exception("A timer's action failed; the load balancer goes on without it.")


class Timers:
    """Owns the thread. Actions run in it, one after the other: they must be short."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock, self._name = clock, name
        self._changed = threading.Condition()
        self._queue: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self) -> None:
        """Start the thread; timers set before are kept."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and forget all timers; safe twice and before start."""
        with self._changed:
            self._stopping = True
            self._queue.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def call_later(self, delay_s: float, action: Callable[[], None]) -> Timer:
        """Call `action` in the timers' thread once `delay_s` have passed."""
        timer = Timer(action)
        with self._changed:
            heapq.heappush(self._queue, (self._clock.monotonic() + delay_s, next(self._numbers), timer))
            self._changed.notify_all()
        return timer

    def _run(self) -> None:
        while (timer := self._next()) is not None:
            timer.fire()

    def _next(self) -> Timer | None:
        with self._changed:
            while not self._stopping:
                left_s = self._queue[0][0] - self._clock.monotonic() if self._queue else None
                if left_s is not None and left_s <= 0:
                    return heapq.heappop(self._queue)[2]
                self._clock.wait(self._changed, left_s)
        return None

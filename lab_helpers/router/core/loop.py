"""The engine's event loop: sockets and timers on one thread, and a way in for other threads.

Small on purpose (asyncio costs 6 MiB and some start-up time). The clock is an argument, so tests need not wait.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import selectors
import time
from collections import deque
from collections.abc import Callable
from typing import Any

Callback = Callable[[], object]


class Timer:
    """A call that is due at a time; cancel() makes it never happen."""

    __slots__ = ("callback", "cancelled", "every_s")

    def __init__(self, callback: Callback, every_s: float | None) -> None:
        self.callback, self.every_s, self.cancelled = callback, every_s, False

    def cancel(self) -> None:
        """Forget the call; safe at any time, from the loop's thread."""
        self.cancelled = True


class Loop:
    """Run callbacks for readable sockets, due timers and calls from other threads, until stop().

    What a callback raises goes to `on_error` where that is set, else out of run(). Where `passes_waits` says so, run()
    does not wait for the next timer: the loop's clock moves on to it, and to nothing else.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._real_clock, self._passed_s = clock, 0.0
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._handed_in: deque[Callback] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._drain_wake)
        self._running = False
        self.on_error: Callable[[Exception], None] | None = None
        self.passes_waits: Callable[[], bool] = lambda: False

    def clock(self) -> float:
        """Return the loop's time in seconds: the clock's, and the waits that were passed over."""
        return self._real_clock() + self._passed_s

    def add_reader(self, source: Any, callback: Callback) -> None:
        """Call back whenever the socket (or file descriptor) is readable."""
        self._selector.register(source, selectors.EVENT_READ, callback)

    def remove_reader(self, source: Any) -> None:
        """Stop watching; unknown sockets are ignored."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(source)

    def call_after(self, delay_s: float, callback: Callback) -> Timer:
        """Call once, `delay_s` seconds from now."""
        return self._schedule(self.clock() + delay_s, Timer(callback, None))

    def call_every(self, every_s: float, callback: Callback) -> Timer:
        """Call every `every_s` seconds, the first time one interval from now."""
        return self._schedule(self.clock() + every_s, Timer(callback, every_s))

    def hand_in(self, callback: Callback) -> None:
        """Have the loop's thread call this soon; the one method other threads and signal handlers may use."""
        self._handed_in.append(callback)
        with contextlib.suppress(BlockingIOError, OSError):  # full: it wakes anyway; closed: nobody is left
            os.write(self._wake_write, b"\0")

    def run(self) -> None:
        """Run until stop() is called."""
        self._running = True
        while self._running:
            wait_s = self._until_next()
            if wait_s and self.passes_waits():
                self._passed_s, wait_s = self._passed_s + wait_s, 0.0
            self.turn(wait_s)

    def turn(self, wait_s: float | None) -> None:
        """Wait at most this long for something to do, and do what is due."""
        for key, _ in self._selector.select(wait_s):
            self._call(key.data)
        self.run_handed_in()
        self._run_due()

    def run_handed_in(self) -> None:
        """Do what other threads have handed in by now."""
        while self._handed_in:
            self._call(self._handed_in.popleft())

    def stop(self) -> None:
        """End run() after the current turn; from the loop's thread."""
        self._running = False

    def close(self) -> None:
        """Free the loop's own descriptors; safe twice."""
        self._selector.close()
        for descriptor in (self._wake_read, self._wake_write):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _call(self, callback: Callback) -> None:
        try:
            callback()
        except Exception as exc:  # one connection's trouble must not end all others, where the owner says so
            if self.on_error is None:
                raise
            self.on_error(exc)

    def _schedule(self, due: float, timer: Timer) -> Timer:
        heapq.heappush(self._timers, (due, next(self._order), timer))
        return timer

    def _until_next(self) -> float | None:
        if self._handed_in:
            return 0.0
        return max(0.0, self._timers[0][0] - self.clock()) if self._timers else None

    def _run_due(self) -> None:
        now = self.clock()
        while self._timers and self._timers[0][0] <= now:
            due, _, timer = heapq.heappop(self._timers)
            if timer.cancelled:
                continue
            self._call(timer.callback)
            if timer.every_s is not None and not timer.cancelled:
                self._schedule(max(due + timer.every_s, now), timer)

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)

"""What carries a container's lines away: the seam, the bounded queue that all drivers share, and the choice.

Drivers are `awslogs` (log_awslogs.py), `awsfirelens` (log_firelens.py) and `none`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from lab_helpers.local_aws.ecs.logs.lines import LogLine
from lab_helpers.local_aws.kit.clock import Clock


class LogDriver(Protocol):
    """Takes lines from the reading thread and delivers them from its own."""

    def write(self, lines: list[LogLine]) -> None:
        """Take lines; blocks, or drops and counts, when the driver's buffer is full (its mode decides)."""

    def end_of_output(self) -> None:
        """Be told that no line will follow."""

    def close(self, timeout_s: float) -> None:
        """Deliver what is left, for `timeout_s` at most, and end the driver's thread."""

    def counters(self) -> dict[str, int]:
        """Return lines `received`, `sent`, `dropped` and `held`; received = sent + dropped + held."""


class LoggerArgsError(Exception):
    """A log driver could not be set up: the task fails to start with this as its reason."""


class NoLog:
    """No logConfiguration: lines are counted and forgotten."""

    def __init__(self) -> None:
        self._received = 0

    def write(self, lines: list[LogLine]) -> None:
        self._received += len(lines)

    def end_of_output(self) -> None:
        return

    def close(self, timeout_s: float) -> None:
        del timeout_s

    def counters(self) -> dict[str, int]:
        return {"received": self._received, "sent": 0, "dropped": self._received, "held": 0}


class Stamped(NamedTuple):
    """A line and when it was read, in nanoseconds since the epoch."""

    line: LogLine
    time_ns: int


def one(line: LogLine) -> int:
    """Let a queue's limit be a number of lines."""
    del line
    return 1


def size_bytes(line: LogLine) -> int:
    """Let a queue's limit be bytes of lines, as Docker's buffer counts them."""
    return len(line.text)


class LineQueue:
    """A bounded queue of stamped lines between the reader and a driver's thread; `measure` says what `limit` counts.

    Full: with `blocking` the reader waits (and with it the container); else the newest lines are dropped and counted.
    An empty queue takes any line.
    """

    def __init__(self, clock: Clock, limit: int, *, blocking: bool, measure: Callable[[LogLine], int] = one) -> None:
        self._clock, self._limit, self._blocking, self._measure = clock, limit, blocking, measure
        self._lines: deque[Stamped] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._taken = 0
        self._received = self._dropped = self._sent = 0
        self.closed = False

    def put(self, lines: list[LogLine]) -> None:
        """Add lines, stamped with now."""
        time_ns = int(self._clock.now().timestamp() * 1e6) * 1000
        size = len(lines) if self._measure is one else sum(map(self._measure, lines))
        with self._changed:
            self._received += len(lines)
            if self._size + size <= self._limit:
                self._lines.extend([Stamped(line, time_ns) for line in lines])
                self._size += size
            else:
                for line in lines:
                    self._put_one(Stamped(line, time_ns))
            self._changed.notify_all()

    def take(self, most: int, timeout_s: float | None = None) -> list[Stamped]:
        """Return up to `most` lines, waiting for the first; [] after `timeout_s`, or when closed and empty."""
        with self._changed:
            if not self._lines and not self.closed:
                self._clock.wait(self._changed, timeout_s)
            batch = [self._lines.popleft() for _ in range(min(most, len(self._lines)))]
            self._taken += len(batch)
            self._size -= len(batch) if self._measure is one else sum(self._measure(each.line) for each in batch)
            self._changed.notify_all()
            return batch

    def pause(self, seconds: float) -> bool:
        """Wait between two tries; returns False at once, or as soon as it is so, when the queue is closed."""
        with self._changed:
            deadline = self._clock.monotonic() + seconds
            while not self.closed and (left := deadline - self._clock.monotonic()) > 0:
                self._clock.wait(self._changed, left)
            return not self.closed

    def done(self, count: int, *, sent: bool) -> None:
        """Account for `count` lines that were taken: delivered, or given up."""
        with self._changed:
            self._taken -= count
            if sent:
                self._sent += count
            else:
                self._dropped += count

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    @property
    def drained(self) -> bool:
        with self._changed:
            return self.closed and not self._lines

    def counters(self) -> dict[str, int]:
        """Return the figures of `LogDriver.counters`."""
        with self._changed:
            held = len(self._lines) + self._taken
            return {"received": self._received, "sent": self._sent, "dropped": self._dropped, "held": held}

    def _put_one(self, stamped: Stamped) -> None:
        size = self._measure(stamped.line)
        while self._blocking and not self._takes(size) and not self.closed:
            self._changed.notify_all()
            self._clock.wait(self._changed, None)
        if self._takes(size):
            self._lines.append(stamped)
            self._size += size
        else:
            self._dropped += 1

    def _takes(self, size: int) -> bool:
        return not self._lines or self._size + size <= self._limit

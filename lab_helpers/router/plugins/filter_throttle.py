"""Let through so many records per interval, on the average of a sliding window.

Source: Fluent Bit 4.2.8: a pane per tick; a record passes while the window's sum divided by its size is below the
rate, so a burst of `Rate * Window` passes at once.
"""

from __future__ import annotations

import re

from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin
from lab_helpers.router.records.record import Record

DEFAULT_RATE, DEFAULT_WINDOW = 1.0, 5
UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Window:
    """Counters of the last ticks."""

    def __init__(self, size: int) -> None:
        self._stamps, self._counts = [0] * size, [0] * size
        self._newest, self._current = -1, 0

    @property
    def average(self) -> float:
        """Records per tick."""
        return sum(self._counts) / len(self._counts)

    def tick(self, stamp: int) -> None:
        """Begin a pane for this second; the oldest one makes room."""
        self._current = stamp
        self.add(0)

    def add(self, count: int) -> None:
        """Count records in the current pane."""
        if self._current in self._stamps:
            self._counts[self._stamps.index(self._current)] += count
            return
        self._newest = (self._newest + 1) % len(self._counts)
        self._stamps[self._newest], self._counts[self._newest] = self._current, count


class Throttle(Filter):
    """The filter: a window and a ticking timer."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._context = context
        self._rate = options["rate"] if options["rate"] > 1.0 else DEFAULT_RATE
        self._size = options["window"] if options["window"] > 1 else DEFAULT_WINDOW
        self._interval: str = options["interval"]
        self._prints: bool = options["print_status"]
        self._window = Window(self._size)
        self._tick()
        self._timer = context.loop.call_every(self._interval_s(), self._tick)

    def filter(self, _tag: str, records: list[Record]) -> list[Record] | None:
        """Return the records that fit."""
        kept = [record for record in records if self._passes()]
        return None if len(kept) == len(records) else kept

    def stop(self) -> None:
        """Stop ticking."""
        self._timer.cancel()

    def _passes(self) -> bool:
        if self._window.average >= self._rate:
            return False
        self._window.add(1)
        return True

    def _tick(self) -> None:
        stamp = int(self._context.loop.clock())
        self._window.tick(stamp)
        if self._prints:
            self._context.log.info(
                f"{stamp}: limit is {self._rate:.2f} per {self._interval} with window size of {self._size}, "
                f"current rate is: {int(self._window.average)} per interval"
            )

    def _interval_s(self) -> int:
        found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)([smhd]?)", self._interval)
        if not found or float(found[1]) <= 0:
            self._context.log.warn(f"invalid time interval {self._interval} falling back to default: 1 second")
            return 1
        return max(1, int(float(found[1]) * UNITS_S[found[2]]))  # panes are whole seconds


PLUGIN = FilterPlugin(
    "throttle",
    "Let through so many records per interval, on the average of a sliding window.",
    Throttle,
    (
        Option("rate", Kind.DECIMAL, "Records per interval.", default="1"),
        Option("window", Kind.INTEGER, "Intervals that the average is taken over.", default="5"),
        Option("print_status", Kind.FLAG, "Write the current rate to the log at each interval.", default="false"),
        Option("interval", help="Length of an interval: 1, 30s, 2m, 1h, 1d.", default="1"),
    ),
    config_error="unable to load configuration",
)

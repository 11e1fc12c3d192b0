"""The thread that looks at the alarms when their periods end.

An alarm is looked at every period, once a minute at least, LAG_S after a period's end, so that what was measured in it
has arrived; a new one at once.
Source: "Using Amazon CloudWatch alarms" (evaluation once a minute, every 10, 20 or 30 seconds for such periods).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from lab_helpers.local_aws.cloudwatch.alarm import Alarm, Watch
from lab_helpers.local_aws.cloudwatch.book import AlarmBook
from lab_helpers.local_aws.cloudwatch.evaluation import EXTRA_PERIODS, Point, evaluate, reason_data
from lab_helpers.local_aws.cloudwatch.metrics import Amount, MetricStore
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.rounds import Rounds

_LOG = logging.getLogger(__name__)
LAG_S = 2.0
LOOK_AT_LEAST_S = 60


class Watcher:
    """Owns the thread; `act` is called for each alarm that entered another state."""

    def __init__(self, book: AlarmBook, store: MetricStore, clock: Clock, act: Callable[[Alarm], None]) -> None:
        self._book, self._store, self._clock, self._act = book, store, clock, act
        self._due: dict[str, float] = {}
        self._rounds = Rounds("cloudwatch-alarms", clock, self.step, self._due_in_s, changed=book.lock)

    def start(self) -> None:
        """Start looking; a second call changes nothing."""
        self._rounds.start()

    def stop(self) -> None:
        """End the thread; safe before start and twice."""
        self._rounds.stop()

    def look_again(self, alarm: Alarm) -> None:
        """Look at an alarm at once: it is new, or another one. The book's lock is held."""
        self._due.pop(alarm.arn, None)
        self._book.lock.notify_all()

    def step(self) -> None:
        """Look at all alarms that are due."""
        now_s = self._clock.now().timestamp()
        with self._book.lock:
            due = [alarm for alarm in self._book.alarms.values() if self._due.get(alarm.arn, 0.0) <= now_s]
        for alarm in due:
            self._due[alarm.arn] = _next_look(alarm.watch, now_s)
            self._look(alarm, now_s)

    def _look(self, alarm: Alarm, now_s: float) -> None:
        points = recent(self._store, alarm.watch, now_s - LAG_S)
        with self._book.lock:
            verdict = evaluate(alarm.watch, points, alarm.state)
            if verdict is None:
                return
            at = self._clock.now()
            data = reason_data(alarm.watch, points, at)
            moved = self._book.change(alarm, verdict.state, verdict.reason, data, at)
        self._book.keep()
        if moved:
            _LOG.info("alarm %s is %s: %s", alarm.name, alarm.state, alarm.reason)
            self._act(alarm)
            self._book.keep()

    def _due_in_s(self) -> float | None:
        """Return the seconds until an alarm is due, None when there is none; the book's lock is held."""
        arns = [alarm.arn for alarm in self._book.alarms.values()]
        if not arns:
            return None
        now_s = self._clock.now().timestamp()
        return min(self._due.get(arn, 0.0) for arn in arns) - now_s


def recent(store: MetricStore, watch: Watch, now_s: float) -> list[Point]:
    """Return the last whole periods of a watched metric, oldest first, those without data too."""
    step = _step(watch)
    end = int(now_s // step * step)
    count = watch.periods + EXTRA_PERIODS
    start = end - count * watch.period_s
    merged: dict[int, Amount] = {}
    for periods in store.periods(watch.metric, start, end, watch.period_s, watch.unit).values():
        for begin, amount in periods.items():
            merged.setdefault(begin, Amount()).add(amount)
    begins = range(start, end, watch.period_s)
    return [
        Point(begin, merged[begin].statistic(watch.statistic), merged[begin].count)
        if begin in merged else Point(begin, None)
        for begin in begins
    ]  # fmt: skip


def _step(watch: Watch) -> int:
    return min(watch.period_s, LOOK_AT_LEAST_S)


def _next_look(watch: Watch, now_s: float) -> float:
    step = _step(watch)
    return ((now_s - LAG_S) // step + 1) * step + LAG_S

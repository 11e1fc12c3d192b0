"""Alarms by the clock: when they are looked at, and what is kept of it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from lab_helpers.local_aws.cloudwatch.alarm import ALARM, INSUFFICIENT, OK, Alarm
from lab_helpers.local_aws.cloudwatch.alarm_operations import watch_of
from lab_helpers.local_aws.cloudwatch.book import AlarmBook
from lab_helpers.local_aws.cloudwatch.metrics import Amount, MetricId, MetricStore
from lab_helpers.local_aws.cloudwatch.watcher import LAG_S, Watcher
from lab_helpers.local_aws.kit.clock import ManualClock

REGION = "ap-northeast-1"
SILENT = {
    "AlarmName": "no-lines", "Namespace": "AWS/Logs", "MetricName": "IncomingLogEvents", "Statistic": "Sum",
    "Period": 60, "EvaluationPeriods": 5, "Threshold": 1.0, "ComparisonOperator": "LessThanThreshold",
    "TreatMissingData": "breaching",
}  # fmt: skip


class Lookout:
    """A watcher over a clock that is moved by hand, with one alarm; `acted` are the states that it entered."""

    def __init__(self, **settings: object) -> None:
        self.clock = ManualClock(datetime(2026, 11, 29, 10, tzinfo=UTC))
        self.book, self.store = AlarmBook(), MetricStore()
        self.acted: list[str] = []
        self.watcher = Watcher(self.book, self.store, self.clock, lambda alarm: self.acted.append(alarm.state))
        given = {**SILENT, **settings}
        self.watch = watch_of(REGION, given)
        now = self.clock.now()
        self.alarm = self.book.alarms[REGION, "no-lines"] = Alarm("arn", given, self.watch, now, now)

    def lines(self, count: float) -> None:
        """Measure lines now."""
        second = int(self.clock.now().timestamp())
        self.store.put(self.watch.metric, "None", second, Amount(1, count, count, count))

    def go(self, seconds: float) -> None:
        """Move the clock second by second, and look."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.watcher.step()


def test_no_lines_for_five_minutes_is_an_alarm() -> None:
    """While lines come the alarm is OK; AWS's two further periods pass before missing ones count; lines end it."""
    look = Lookout()
    for _ in range(8):
        look.lines(3)
        look.go(60)
    assert look.alarm.state == OK
    look.go(4 * 60)
    assert look.alarm.state == OK
    look.go(4 * 60)
    assert look.alarm.state == ALARM
    assert "missing datapoints were treated as [Breaching]" in look.alarm.reason
    look.lines(1)
    look.go(60 + LAG_S)
    assert look.alarm.state == OK
    assert look.acted[-2:] == [ALARM, OK]


def test_an_alarm_of_ten_seconds_is_looked_at_every_ten_seconds() -> None:
    """A training session does not wait for minutes."""
    look = Lookout(Period=10, EvaluationPeriods=1, TreatMissingData="notBreaching", Threshold=0.0,
                   ComparisonOperator="GreaterThanThreshold")  # fmt: skip
    look.go(5)
    assert look.alarm.state == OK
    look.lines(1)
    look.go(5 + LAG_S)
    assert look.alarm.state == ALARM
    look.go(30 + LAG_S)
    assert look.alarm.state == OK


def test_a_new_alarm_is_looked_at_at_once() -> None:
    """Without data it lacks data, and says so."""
    look = Lookout(TreatMissingData="missing")
    look.alarm.state = OK
    look.watcher.step()
    assert (look.alarm.state, look.alarm.reason) == (
        INSUFFICIENT, "Insufficient Data: 5 datapoints were unknown."
    )  # fmt: skip
    assert [item.summary for item in look.book.history] == ["Alarm updated from OK to INSUFFICIENT_DATA"]


def test_the_thread_ends() -> None:
    """Start and stop are safe twice, and stop before start."""
    look = Lookout()
    Watcher(look.book, look.store, look.clock, lambda _: None).stop()
    acted = threading.Event()
    watcher = Watcher(look.book, look.store, look.clock, lambda _: acted.set())
    watcher.start()
    watcher.start()
    assert acted.wait(20)
    watcher.stop()
    watcher.stop()
    assert look.alarm.state == ALARM


@pytest.mark.parametrize(("statistic", "value"), [("Sum", 15.0), ("Average", 3.0), ("SampleCount", 5.0), ("p80", 4.0)])
def test_statistics_of_a_period(statistic: str, value: float) -> None:
    """Seconds add up to periods; percentiles count values."""
    store, metric = MetricStore(), MetricId(REGION, "lab", "m")
    for number in range(1, 6):
        store.put(metric, "Count", 60 + number, Amount(1, number, number, number, {number: 1}))
    periods = store.periods(metric, 60, 120, 60)
    assert {begin: amount.statistic(statistic) for begin, amount in periods["Count"].items()} == {60: value}


def test_what_is_dumped_can_be_restored() -> None:
    """A store that keeps state over a restart needs nothing else."""
    store, metric = MetricStore(), MetricId(REGION, "lab", "m")
    store.put(metric, "Count", 60, Amount(1, 2, 2, 2, {2: 1}))
    other = MetricStore()
    other.restore(store.dump())
    assert other.dump() == store.dump()

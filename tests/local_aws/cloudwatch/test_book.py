"""What is kept of alarms: a change costs what changed, and the next server has all of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.cloudwatch import book as books
from lab_helpers.local_aws.cloudwatch.alarm import Alarm
from lab_helpers.local_aws.cloudwatch.alarm_operations import watch_of
from lab_helpers.local_aws.cloudwatch.book import AlarmBook
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.server import REGION, LocalAws
from lab_helpers.local_aws.state.rooms import Room
from lab_helpers.local_aws.state.store import StateStore
from tests.local_aws.state.kit import killed_at_the_end, until_killed

NOW = datetime.now(UTC).replace(microsecond=0)
SETTINGS = {
    "AlarmName": "errors", "Namespace": "lab", "MetricName": "errors", "Statistic": "Sum", "Period": 60,
    "EvaluationPeriods": 1, "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip
SOME = {**SETTINGS, "Tags": [{"Key": "team", "Value": "blue"}]}
OTHER = f"arn:aws:cloudwatch:{REGION}:123456789012:alarm:other"
SET = {"AlarmName": "errors", "StateReason": "tried", "StateValue": "ALARM"}


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    """A local AWS that keeps its state, and whose alarms nobody looks at: its time stands still."""
    with LocalAws(tmp_path / "lived", factories=[], keeps_state=True, clock=ManualClock(NOW)) as running:
        for name in ("errors", "other"):
            running.client("cloudwatch").put_metric_alarm(**{**SOME, "AlarmName": name})
        yield running


def kept_anew(aws: LocalAws) -> tuple[Any, Any]:
    """What the next server takes over, of what is in the file now."""
    assert aws._state is not None
    found = AlarmBook(kept=aws._state.room("cloudwatch"))
    found.take_over()
    return found.alarms, found.history


def live(aws: LocalAws) -> AlarmBook:
    found: AlarmBook = next(each.book for each in aws._services if each.name == "cloudwatch")  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("put_metric_alarm", {**SOME, "AlarmName": "third"}),
        ("put_metric_alarm", {**SETTINGS, "Threshold": 9.0}),
        ("set_alarm_state", SET),
        ("set_alarm_state", {**SET, "AlarmName": "other", "StateReasonData": '{"a": 1}'}),
        ("disable_alarm_actions", {"AlarmNames": ["other"]}),
        ("tag_resource", {"ResourceARN": OTHER, "Tags": [{"Key": "team", "Value": "red"}]}),
        ("untag_resource", {"ResourceARN": OTHER, "TagKeys": ["team"]}),
        ("delete_alarms", {"AlarmNames": ["other"]}),
    ],
)
def test_what_an_operation_changes_is_kept_when_it_is_answered(
    aws: LocalAws, operation: str, given: dict[str, Any]
) -> None:
    """All alarms with tags and states, and the whole history: as they are in memory, and not as they were."""
    before = kept_anew(aws)
    getattr(aws.client("cloudwatch"), operation)(**given)
    assert kept_anew(aws) == (live(aws).alarms, live(aws).history)
    assert kept_anew(aws) != before


def test_a_state_that_is_refused_is_not_set(aws: LocalAws) -> None:
    """Its data are no JSON: alarm and history are as they were."""
    with pytest.raises(ClientError, match="StateReasonData is not valid JSON"):
        aws.client("cloudwatch").set_alarm_state(**SET, StateReasonData="{")
    (alarm,) = aws.client("cloudwatch").describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    assert alarm["StateValue"] == "INSUFFICIENT_DATA"
    assert kept_anew(aws) == (live(aws).alarms, live(aws).history)


def test_a_change_adds_a_row_until_all_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list has all, then a row a change; past MOST it begins again; at each length it tells the same."""
    monkeypatch.setattr(books, "MOST", 3)
    store = StateStore(tmp_path / "state.db", "v")
    book, lengths = AlarmBook(kept=Room(store, "own/cloudwatch")), []
    for number in range(9):
        put(book, f"a{number % 4}", float(number))
        book.keep()
        book.keep()
        lengths.append(len(store.grown("own/cloudwatch/alarms-changed")))
        again = AlarmBook(kept=Room(store, "own/cloudwatch"))
        again.take_over()
        assert (again.alarms, again.history) == (book.alarms, book.history)
    assert lengths == [1, 2, 3, 4, 1, 2, 3, 4, 1]
    store.close()


def test_alarms_that_an_older_lab_kept_are_taken_over(tmp_path: Path) -> None:
    """They were one value; what changes from now on is beside it."""
    store = StateStore(tmp_path / "state.db", "v")
    old = AlarmBook()
    put(old, "old", 1.0)
    Room(store, "own/cloudwatch").save("alarms", (old.alarms, old.history))
    book = AlarmBook(kept=Room(store, "own/cloudwatch"))
    book.take_over()
    assert (book.alarms, book.history) == (old.alarms, old.history)
    put(book, "new", 2.0)
    del book.alarms[REGION, "old"]
    book.keep()
    again = AlarmBook(kept=Room(store, "own/cloudwatch"))
    again.take_over()
    assert (list(again.alarms), again.history) == ([(REGION, "new")], book.history)
    store.close()


def test_what_could_not_be_written_is_written_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: nothing that changed meanwhile is missing once there is room."""
    room = Room(StateStore(tmp_path / "state.db", "v"), "own/cloudwatch")
    book = AlarmBook(kept=room)
    put(book, "first", 1.0)
    book.keep()
    put(book, "second", 2.0)
    with monkeypatch.context() as disk:
        disk.setattr(Room, "append", full)
        with pytest.raises(OSError, match="disk is full"):
            book.keep()
    put(book, "third", 3.0)
    book.keep()
    again = AlarmBook(kept=room)
    again.take_over()
    assert (again.alarms, again.history) == (book.alarms, book.history)


def full(*_: object) -> None:
    raise OSError("disk is full")


def put(book: AlarmBook, name: str, threshold: float) -> None:
    """Make an alarm, with an entry in the history."""
    given = {**SETTINGS, "AlarmName": name, "Threshold": threshold}
    alarm = book.alarms[REGION, name] = Alarm(f"arn:{name}", given, watch_of(REGION, given), NOW, NOW)
    book.note(alarm, NOW, "ConfigurationUpdate", f"{name} is {threshold}", {})


class Maker:
    """Makes alarms one by one, moves and deletes some; `answered` and `removed` are those that AWS said so of."""

    def __init__(self, client: Callable[[str], Any], mark: str) -> None:
        self._cloudwatch, self._mark = client("cloudwatch"), mark
        self.answered: set[tuple[str, str]] = set()
        self.removed: set[str] = set()

    def make(self, number: int) -> None:
        """Make the next, whose state is set by hand; every fourth goes again."""
        name = f"{self._mark}-{number}"
        reason = f"reason of {name}"
        self._cloudwatch.put_metric_alarm(**{**SETTINGS, "AlarmName": name, "Period": 3600})
        self._cloudwatch.set_alarm_state(AlarmName=name, StateReason=reason, StateValue="OK")
        if number % 4:
            self.answered.add((name, reason))
        else:
            self._cloudwatch.delete_alarms(AlarmNames=[name])
            self.removed.add(name)


@pytest.mark.timeout(180)
def test_killed_at_any_moment_no_answered_alarm_is_lost(tmp_path: Path) -> None:
    """Alarms with the state that they were given, and those that were deleted stay away, over three kills."""
    answered: set[tuple[str, str]] = set()
    removed: set[str] = set()
    for kill in range(3):
        with killed_at_the_end(tmp_path) as server:
            maker = Maker(server.client, f"m{kill}")
            worker = threading.Thread(target=until_killed, args=(maker,))
            worker.start()
            worker.join(0.5 + kill)  # it does not end by itself: this is the moment
        worker.join()
        answered |= maker.answered
        removed |= maker.removed
    assert len(answered) > 10
    assert removed
    with killed_at_the_end(tmp_path) as server:
        cloudwatch = server.client("cloudwatch")
        alarms = cloudwatch.get_paginator("describe_alarms").paginate().build_full_result()["MetricAlarms"]
        history = cloudwatch.get_paginator("describe_alarm_history").paginate(HistoryItemType="StateUpdate")
        moved = {each["AlarmName"] for each in history.build_full_result()["AlarmHistoryItems"]}
    assert {name for name, _ in answered} <= {each["AlarmName"] for each in alarms}
    assert removed.isdisjoint({each["AlarmName"] for each in alarms})
    assert {name for name, _ in answered} | removed <= moved

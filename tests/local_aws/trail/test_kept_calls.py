"""The feed's calls on disk: there again after a restart, also after a kill, never more than so many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.local_aws.kit.api import Caller
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.kit.service import NOTHING_KEPT
from lab_helpers.local_aws.state.rooms import Room
from lab_helpers.local_aws.state.store import StateStore
from lab_helpers.local_aws.trail import kept_calls
from lab_helpers.local_aws.trail.feed import DATA_KEPT, MANAGEMENT_KEPT, CallFeed, Recorded
from lab_helpers.local_aws.trail.kept_calls import LIST, NOT_TOLD_AGAIN, KeptCalls

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/task"
TASK = Caller("role", f"arn:aws:sts::{ACCOUNT}:assumed-role/task/one", ACCOUNT, role_arn=ROLE, access_key_id="ASIA1")
AGENT = {"REMOTE_ADDR": "127.0.0.1", "HTTP_USER_AGENT": "aws-fluent-bit-plugin"}


class Disk:
    """A state file, opened anew by each server over it."""

    def __init__(self, path: Path) -> None:
        self._path, self._stores = path, list[StateStore]()

    def server(self) -> tuple[CallFeed, KeptCalls]:
        """Begin a server: its feed, and what keeps it. The one before was killed: it closes nothing."""
        feed = CallFeed(ManualClock())
        return feed, KeptCalls(feed, self.room())

    def room(self) -> Room:
        """Open the file."""
        self._stores.append(StateStore(self._path, "v"))
        return Room(self._stores[-1], "own/trail")

    def close(self) -> None:
        """Close what the servers have left open."""
        for store in self._stores:
            store.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A state file without anything."""
    made = Disk(tmp_path / "state.db")
    yield made
    made.close()


def _call(feed: CallFeed, operation: str = "PutLogEvents", code: str = "", **names: Any) -> None:
    feed.add(TASK, "logs", operation, "ap-northeast-1", names, AGENT, code, f"{code} because" if code else "")


def test_calls_are_told_after_a_kill(disk: Disk) -> None:
    """Each member of a call that was kept is as it was, and CloudTrail's management events and the latest are told."""
    feed, kept = disk.server()
    _call(feed, "CreateLogGroup", logGroupName="/g")
    kept.keep()
    _call(feed, code="AccessDeniedException", logGroupName="/g", logStreamName="s")
    kept.keep()
    before = feed.calls()
    again, _ = disk.server()
    assert again.calls() == before
    assert [call.operation for call in again.management_events()] == ["CreateLogGroup"]
    assert again.latest([("logs", "PutLogEvents")]) == feed.latest([("logs", "PutLogEvents")])


def test_numbers_go_on_above_all_that_were_told(disk: Disk) -> None:
    """Who follows the feed misses no call of the next server, also if the killed one told some that it did not keep."""
    feed, kept = disk.server()
    _call(feed)
    kept.keep()
    for _ in range(50):
        _call(feed)
    told = feed.calls()[-1].number
    again, _ = disk.server()
    _call(again, "CreateLogStream")
    assert [call.operation for call in again.calls(told)] == ["CreateLogStream"]
    assert again.calls()[-1].number == 1 + NOT_TOLD_AGAIN


def test_each_call_is_kept_once(disk: Disk) -> None:
    """A turn without a new call writes nothing; a restart writes nothing of what is there."""
    feed, kept = disk.server()
    _call(feed)
    kept.keep()
    kept.keep()
    _, kept = disk.server()
    kept.keep()
    assert [len(batch) for batch in disk.room().appended(LIST)] == [1]


def test_what_is_on_disk_is_bounded(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many calls are made, the list has not many more than the feed, and the newest of each kind are in it."""
    monkeypatch.setattr(kept_calls, "MOST_ON_DISK", DATA_KEPT + 200)
    feed, kept = disk.server()
    _call(feed, "CreateLogGroup", logGroupName="/first")
    for _ in range(2 * DATA_KEPT // 100):
        for _ in range(100):
            _call(feed)
        kept.keep()
        assert sum(map(len, disk.room().appended(LIST))) <= DATA_KEPT + 200
    again, _ = disk.server()
    assert [call.number for call in again.calls()] == [call.number for call in feed.calls()]
    assert again.calls()[0].operation == "CreateLogGroup"


def test_the_list_has_room_for_all_that_the_feed_has() -> None:
    """Else it would be written whole each second."""
    assert kept_calls.MOST_ON_DISK >= 2 * (MANAGEMENT_KEPT + DATA_KEPT)


def test_without_a_state_nothing_is_kept() -> None:
    """A server in memory has its feed, and no other."""
    feed = CallFeed(ManualClock())
    kept = KeptCalls(feed, NOTHING_KEPT)
    _call(feed)
    kept.keep()
    assert [call.number for call in feed.calls()] == [1]


def test_the_shape_of_what_is_kept_has_not_changed() -> None:
    """A member more, less or of another name: raise FORMAT in state/version.py, and renew this."""
    assert Recorded._fields == (
        "number", "at", "caller", "service", "operation", "region", "names", "code", "message", "source_ip",
        "user_agent",
    )  # fmt: skip
    assert kept_calls.OF_CALLER == ("kind", "arn", "account_id", "role_arn", "principal", "access_key_id")

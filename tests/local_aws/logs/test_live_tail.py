"""Live Tail through boto3."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.api import ApiRequest, Caller
from lab_helpers.local_aws.clock import ManualClock
from lab_helpers.local_aws.logs.live_tail import SESSION_S, UPDATE_EVENTS, LiveTail
from lab_helpers.local_aws.moto_bridge import LogGroupView
from lab_helpers.local_aws.server import LocalAws

GROUP = "/ecs/firelens/live"
ARN = f"arn:aws:logs:ap-northeast-1:123456789012:log-group:{GROUP}"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One local AWS for this module."""
    folder: Path = tmp_path_factory.mktemp("live")
    with LocalAws(folder, factories=[]) as running:
        yield running


@pytest.fixture
def logs(aws: LocalAws) -> Iterator[Any]:
    """A client, and a group with two streams."""
    client = aws.client("logs")
    client.create_log_group(logGroupName=GROUP)
    for name in ("from-a", "other"):
        client.create_log_stream(logGroupName=GROUP, logStreamName=name)
    yield client
    client.delete_log_group(logGroupName=GROUP)


def _put(logs: Any, stream: str, *messages: str) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def _told(stream: Any, count: int) -> list[str]:
    """Return the first `count` messages."""
    messages: list[str] = []
    for event in stream:
        messages += [each["message"] for each in event.get("sessionUpdate", {}).get("sessionResults", [])]
        if len(messages) >= count:
            break
    return messages


def test_what_arrives_after_the_start_is_shown(logs: Any) -> None:
    """Start, then updates: nothing from before, every stream, with stream, group and times."""
    _put(logs, "from-a", "before")
    stream = logs.start_live_tail(logGroupIdentifiers=[ARN])["responseStream"]
    events = iter(stream)
    start = next(events)["sessionStart"]
    assert start["logGroupIdentifiers"] == [ARN]
    assert start["sessionId"] != start["requestId"]
    _put(logs, "from-a", "one")
    _put(logs, "other", "two")
    results: list[dict[str, Any]] = []
    while len(results) < 2:
        update = next(events)["sessionUpdate"]
        assert update["sessionMetadata"] == {"sampled": False}
        results += update["sessionResults"]
    stream.close()
    assert [(each["logStreamName"], each["message"]) for each in results] == [("from-a", "one"), ("other", "two")]
    assert {each["logGroupIdentifier"] for each in results} == {ARN}
    assert all(abs(each["ingestionTime"] - each["timestamp"]) < 60_000 for each in results)


@pytest.mark.parametrize(
    "choice",
    [{"logStreamNames": ["from-a"]}, {"logStreamNamePrefixes": ["from-"]}, {"logEventFilterPattern": "wanted"}],
    ids=["names", "prefixes", "pattern"],
)
def test_streams_and_patterns_choose(logs: Any, choice: dict[str, Any]) -> None:
    """The session says what was asked for, and shows no more."""
    stream = logs.start_live_tail(logGroupIdentifiers=[ARN], **choice)["responseStream"]
    assert choice.items() <= next(iter(stream))["sessionStart"].items()
    _put(logs, "other", "not this")
    _put(logs, "from-a", "wanted")
    assert _told(stream, 1) == ["wanted"]
    stream.close()


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"logGroupIdentifiers": [f"{ARN}-not"]}, "ResourceNotFoundException"),
        ({"logGroupIdentifiers": [GROUP]}, "InvalidParameterException"),
        ({"logGroupIdentifiers": [ARN] * 11}, "InvalidParameterException"),
        ({"logGroupIdentifiers": [ARN, ARN], "logStreamNames": ["a"]}, "InvalidParameterException"),
        ({"logGroupIdentifiers": [ARN], "logStreamNames": ["a"], "logStreamNamePrefixes": ["b"]},
         "InvalidParameterException"),
        ({"logGroupIdentifiers": [ARN], "logEventFilterPattern": "{ $.x = "}, "InvalidParameterException"),
    ],
)  # fmt: skip
def test_refusals(logs: Any, asked: dict[str, Any], code: str) -> None:
    """Before anything is streamed."""
    with pytest.raises(ClientError) as caught:
        logs.start_live_tail(**asked)
    assert caught.value.response["Error"]["Code"] == code


def test_sessions_end_with_the_server(tmp_path: Path) -> None:
    """A client that still listens does not hold up the stop; its stream ends."""
    with LocalAws(tmp_path, factories=[]) as aws:
        client = aws.client("logs")
        client.create_log_group(logGroupName="/ends")
        arn = "arn:aws:logs:ap-northeast-1:123456789012:log-group:/ends"
        stream = client.start_live_tail(logGroupIdentifiers=[arn])["responseStream"]
        assert "sessionStart" in next(iter(stream))
        client.delete_log_group(logGroupName="/ends")
    assert all(event["sessionUpdate"]["sessionResults"] == [] for event in stream)


class _Source:
    """A group with one stream, in memory."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def log_group(self, region: str, name: str) -> LogGroupView:  # noqa: ARG002
        return LogGroupView(GROUP, None, {"s": self.events})


def _session(source: _Source, clock: ManualClock) -> Iterator[tuple[str, Any]]:
    caller = Caller("operator", "arn", "123456789012")
    request = ApiRequest(
        "logs", "StartLiveTail", "ap-northeast-1", "123456789012", caller, {"logGroupIdentifiers": [ARN]}
    )
    return iter(LiveTail(source, clock).start(request)["responseStream"].events)


class _Event:
    def __init__(self, number: int) -> None:
        self.timestamp = self.ingestion_time = self.event_id = number
        self.message = str(number)


class _Hurried(ManualClock):
    """Time that jumps to the end of each wait."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self._factor = factor

    def wait(self, condition: Any, timeout_s: float | None) -> bool:  # noqa: ARG002
        self.advance((timeout_s or 0) * self._factor)
        return False


def test_more_than_five_hundred_are_sampled() -> None:
    """One update holds 500 events at most, and says that some were left out."""
    source = _Source()
    session = _session(source, _Hurried())
    next(session)
    source.events += map(_Event, range(UPDATE_EVENTS + 1))
    _, update = next(session)
    assert update["sessionMetadata"] == {"sampled": True}
    assert len(update["sessionResults"]) == UPDATE_EVENTS


def test_a_session_ends_after_three_hours() -> None:
    """With SessionTimeoutException, as the last message of the stream."""
    session = _session(_Source(), _Hurried(factor=SESSION_S + 1))
    next(session)
    with pytest.raises(Exception, match="SessionTimeoutException"):
        next(session)

"""Live Tail through boto3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.local_aws.kit.api import ApiRequest, Caller
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.logs.live_tail import SESSION_S, UPDATE_EVENTS, LiveTail
from lab_helpers.local_aws.moto_bridge import LogGroupView
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.logs.log_group import ARN, GROUP, put, refusal


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
    put(logs, "from-a", "before")
    stream = logs.start_live_tail(logGroupIdentifiers=[ARN])["responseStream"]
    events = iter(stream)
    start = next(events)["sessionStart"]
    assert start["logGroupIdentifiers"] == [ARN]
    assert start["sessionId"] != start["requestId"]
    put(logs, "from-a", "one")
    put(logs, "from-b", "two")
    results: list[dict[str, Any]] = []
    while len(results) < 2:
        update = next(events)["sessionUpdate"]
        assert update["sessionMetadata"] == {"sampled": False}
        results += update["sessionResults"]
    stream.close()
    assert [(each["logStreamName"], each["message"]) for each in results] == [("from-a", "one"), ("from-b", "two")]
    assert {each["logGroupIdentifier"] for each in results} == {ARN}
    assert all(60_000 <= each["ingestionTime"] - each["timestamp"] < 120_000 for each in results)


@pytest.mark.parametrize(
    "choice",
    [{"logStreamNames": ["from-a"]}, {"logStreamNamePrefixes": ["from-a"]}, {"logEventFilterPattern": "wanted"}],
    ids=["names", "prefixes", "pattern"],
)
def test_streams_and_patterns_choose(logs: Any, choice: dict[str, Any]) -> None:
    """The session says what was asked for, and shows no more."""
    stream = logs.start_live_tail(logGroupIdentifiers=[ARN], **choice)["responseStream"]
    assert choice.items() <= next(iter(stream))["sessionStart"].items()
    put(logs, "from-b", "not this")
    put(logs, "from-a", "wanted")
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
    assert refusal(logs.start_live_tail, **asked)[0] == code


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

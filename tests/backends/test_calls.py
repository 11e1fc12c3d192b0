"""The feed of API calls as the lab reads it: from the local AWS, and from CloudTrail on an account."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from unittest.mock import MagicMock

from lab_helpers.backends.calls import CallReader, lines, row_of_event
from lab_helpers.backends.local import LocalBackend

DENIED = {
    "at": "2026-01-31T09:30:00.125+00:00",
    "principal": "arn:aws:sts::123456789012:assumed-role/task/one",
    "action": "s3:PutObject",
    "resource": "arn:aws:s3:::logs/key",
    "outcome": "AccessDenied",
    "message": "User … is not authorized",
}
USER = "arn:aws:iam::123456789012:user/lab-operator"
ALLOWED = {**DENIED, "principal": USER, "outcome": "allowed", "message": ""}


def _event(number: int, **record: Any) -> dict[str, Any]:
    told = {"userIdentity": {"arn": USER}, **record}
    return {
        "EventId": f"event-{number}",
        "EventName": "CreateLogGroup",
        "EventSource": "logs.amazonaws.com",
        "EventTime": datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
        "Resources": [{"ResourceType": "AWS::Logs::LogGroup", "ResourceName": "/there"}],
        "CloudTrailEvent": json.dumps(told),
    }


def test_local_calls_are_read_once_each() -> None:
    """The next look asks for what is behind the last number only."""
    backend = MagicMock(spec=LocalBackend)
    backend.events.side_effect = [[{"number": 3}, {"number": 7}], [], [{"number": 8}]]
    reader = CallReader(backend)
    assert [row["number"] for row in reader.new()] == [3, 7]
    assert reader.new() == []
    assert [row["number"] for row in reader.new()] == [8]
    assert [call.args for call in backend.events.call_args_list] == [(0,), (7,), (7,)]


def test_account_is_asked_by_cloudtrail_and_each_event_shown_once() -> None:
    """Events come oldest first; one that was seen and comes again, since events may be late, is not shown again."""
    backend = MagicMock()
    backend.events.return_value = None
    paginate = backend.client.return_value.get_paginator.return_value.paginate
    paginate.side_effect = [[{"Events": [_event(2), _event(1)]}], [{"Events": [_event(3), _event(2), _event(1)]}]]
    reader = CallReader(backend)
    assert len(reader.new()) == 2
    assert len(reader.new()) == 1
    backend.client.assert_called_with("cloudtrail")


def test_event_becomes_a_row() -> None:
    """Who, what and which refusal are taken from the record, the resource from the event."""
    row = row_of_event(_event(1, errorCode="AccessDenied", errorMessage="no"))
    assert row == {
        "at": "2026-01-31T09:30:00+00:00",
        "principal": USER,
        "action": "logs:CreateLogGroup",
        "resource": "/there",
        "outcome": "AccessDenied",
        "message": "no",
    }
    assert row_of_event(_event(1))["outcome"] == "allowed"


def test_refusal_stands_below_its_line_in_awss_words() -> None:
    """A line a call: time, mark, action, who in short, resource; a refused one has a second line."""
    allowed, denied, words = lines([ALLOWED, DENIED])
    assert allowed.split() == ["09:30:00.125", "✔", "s3:PutObject", "lab-operator", "arn:aws:s3:::logs/key"]
    assert denied.split() == ["09:30:00.125", "✘", "s3:PutObject", "task/one", "arn:aws:s3:::logs/key"]
    assert words.strip() == "AccessDenied: User … is not authorized"

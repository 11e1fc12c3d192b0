"""CloudWatch Logs: quotas and errors of PutLogEvents, filter patterns, reading in order, Insights."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.stack import Stack

pytestmark = pytest.mark.account
STREAM = "stream"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
STATUSES = (200, 200, 404, 200, 500)


@pytest.fixture(scope="module")
def group(stack: Stack) -> Iterator[str]:
    """A log group with one event for each of STATUSES, a millisecond apart."""
    logs, name = stack.target.client("logs"), f"{stack.log_group}/tests"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName=STREAM)
    now = _now_ms() - 60_000
    _put(stack, name, [(now + number, json.dumps({"status": status})) for number, status in enumerate(STATUSES)])
    yield name
    logs.delete_log_group(logGroupName=name)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _put(stack: Stack, group: str, events: list[tuple[int, str]]) -> dict[str, Any]:
    return dict(
        stack.target.client("logs").put_log_events(
            logGroupName=group, logStreamName=STREAM,
            logEvents=[{"timestamp": at, "message": message} for at, message in events],
        )
    )  # fmt: skip


def test_events_are_read_in_order_from_both_ends(stack: Stack, group: str) -> None:
    """From the head page by page to a token that repeats itself; from the tail the newest."""
    logs, seen, token = stack.target.client("logs"), [], {}
    where = {"logGroupName": group, "logStreamName": STREAM}
    while True:
        page = logs.get_log_events(**where, startFromHead=True, limit=2, **token)
        seen += [json.loads(each["message"])["status"] for each in page["events"]]
        if token.get("nextToken") == page["nextForwardToken"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert tuple(seen) == STATUSES
    newest = logs.get_log_events(**where, limit=1)["events"]
    assert [json.loads(each["message"])["status"] for each in newest] == [500]


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("404", 1),
        ("{ $.status = 200 }", 3),
        ("{ $.status >= 400 && $.status < 500 }", 1),
        ("?404 ?500", 2),
        ("status -200", 2),
        ("%40[0-9]%", 1),
    ],
)
def test_filter_patterns(stack: Stack, group: str, pattern: str, count: int) -> None:
    """Terms, JSON conditions, alternatives, exclusions and regular expressions."""
    logs = stack.target.client("logs")
    found = logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
    assert len(found) == count


def test_insights_counts_by_a_field_of_json(stack: Stack, group: str) -> None:
    """StartQuery and GetQueryResults."""
    logs, now = stack.target.client("logs"), int(time.time())
    text = "stats count(*) as lines by status | sort status asc"
    query = logs.start_query(logGroupName=group, startTime=now - 3600, endTime=now + 60, queryString=text)["queryId"]
    answer = stack.target.wait(
        lambda: logs.get_query_results(queryId=query), "the query", done=lambda it: it["status"] == "Complete"
    )
    rows = [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]
    assert [(row["status"], row["lines"]) for row in rows] == [("200", "3"), ("404", "1"), ("500", "1")]


def test_live_tail_shows_what_arrives(stack: Stack, group: str) -> None:
    """StartLiveTail: a start, then an update a second with what came since."""
    logs, target = stack.target.client("logs"), stack.target
    arn = f"arn:aws:logs:{target.region}:{target.account}:log-group:{group}"
    stream = logs.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="live")["responseStream"]
    seen: list[str] = []
    for event in stream:
        if "sessionStart" in event:
            _put(stack, group, [(_now_ms(), "live 1"), (_now_ms() + 1, "not this"), (_now_ms() + 2, "live 2")])
        seen += [each["message"] for each in event.get("sessionUpdate", {}).get("sessionResults", [])]
        if len(seen) == 2:
            break
    stream.close()
    assert seen == ["live 1", "live 2"]


def test_events_too_old_or_too_new_are_rejected_one_by_one(stack: Stack, group: str) -> None:
    """Older than 14 days, more than 2 hours ahead: the rest is taken."""
    now = _now_ms()
    old = _put(stack, group, [(now - 14 * DAY_MS - HOUR_MS, "old"), (now - 14 * DAY_MS + HOUR_MS, "not yet")])
    assert old["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    new = _put(stack, group, [(now, "now"), (now + 3 * HOUR_MS, "new")])
    assert new["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}


@pytest.mark.parametrize(
    "events",
    [
        [(2, "later"), (1, "earlier")],
        [(number, "x") for number in range(10_001)],
        [(0, "x" * 700_000), (DAY_MS * 2, "x")],
    ],
    ids=["not in order", "too many", "more than 24 hours"],
)
def test_batches_that_are_refused_whole(stack: Stack, group: str, events: list[tuple[int, str]]) -> None:
    """InvalidParameterException, and nothing of the batch is kept."""
    logs, now = stack.target.client("logs"), _now_ms() - 3 * DAY_MS
    with pytest.raises(logs.exceptions.InvalidParameterException):
        _put(stack, group, [(now + at, message) for at, message in events])
    assert logs.filter_log_events(logGroupName=group, startTime=now, endTime=now + 2 * DAY_MS)["events"] == []


def test_what_is_not_there_and_what_is_there_already(stack: Stack, group: str) -> None:
    """ResourceNotFoundException and ResourceAlreadyExistsException."""
    logs = stack.target.client("logs")
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log group does not exist"):
        _put(stack, f"{group}/not", [(_now_ms(), "x")])
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log stream does not exist"):
        logs.put_log_events(logGroupName=group, logStreamName="not", logEvents=[{"timestamp": 1, "message": "x"}])
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.put_retention_policy(logGroupName=group, retentionInDays=91)

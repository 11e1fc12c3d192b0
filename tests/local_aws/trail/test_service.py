"""CloudTrail's LookupEvents over the feed of API calls, on a running local AWS."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.conftest import allow


def _events(aws: LocalAws, **asked: Any) -> list[dict[str, Any]]:
    return list(aws.client("cloudtrail").lookup_events(**asked)["Events"])


def _by(key: str, value: str) -> dict[str, Any]:
    return {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}


def test_event_says_who_did_what_to_what(aws: LocalAws) -> None:
    """An event has AWS's members, and the record in it says the same."""
    aws.client("logs").create_log_group(logGroupName="/there")
    (event,) = _events(aws, **_by("EventName", "CreateLogGroup"))
    assert (event["EventSource"], event["Username"], event["ReadOnly"]) == (
        "logs.amazonaws.com",
        "lab-operator",
        "false",
    )
    assert {"ResourceType": "AWS::Logs::LogGroup", "ResourceName": "/there"} in event["Resources"]
    assert datetime.now(UTC) - event["EventTime"] < timedelta(minutes=1)
    record = json.loads(event["CloudTrailEvent"])
    assert (record["eventID"], record["eventName"], record["awsRegion"]) == (
        event["EventId"],
        "CreateLogGroup",
        "ap-northeast-1",
    )
    assert record["userIdentity"]["userName"] == "lab-operator"
    assert record["requestParameters"] == {"logGroupName": "/there"}
    assert "errorCode" not in record
    assert _events(aws, **_by("EventId", event["EventId"])) == [event]


def test_refused_call_of_a_role_has_iams_sentence(aws: LocalAws, task_role: str) -> None:
    """IAM's refusal is an event of the role's session, with code and sentence; the same stands in the feed."""
    client = aws.clients.as_role("logs", task_role, "a-task", "ecs-tasks.amazonaws.com", "ap-northeast-1")
    with pytest.raises(ClientError):
        client.create_log_group(logGroupName="/forbidden")
    (event,) = _events(aws, **_by("Username", "a-task"))
    record = json.loads(event["CloudTrailEvent"])
    assert record["errorCode"] == "AccessDeniedException"
    assert "is not authorized to perform: logs:CreateLogGroup" in record["errorMessage"]
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == task_role
    row = next(row for row in reversed(aws.events()) if row["action"] == "logs:CreateLogGroup")
    assert (row["outcome"], row["message"]) == (record["errorCode"], record["errorMessage"])
    assert row["resource"].startswith("arn:aws:logs:ap-northeast-1:123456789012:log-group:/forbidden")


def test_data_events_are_in_the_feed_and_not_in_the_history(aws: LocalAws, task_role: str) -> None:
    """What works with contents is no management event: the feed has it, LookupEvents never."""
    allow(aws, "logs:*", "*")
    logs = aws.clients.as_role("logs", task_role, "writer", "ecs-tasks.amazonaws.com", "ap-northeast-1")
    logs.create_log_group(logGroupName="/written")
    logs.create_log_stream(logGroupName="/written", logStreamName="one")
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    logs.put_log_events(
        logGroupName="/written", logStreamName="one", logEvents=[{"timestamp": now_ms, "message": "a secret"}]
    )
    assert {event["EventName"] for event in _events(aws, **_by("Username", "writer"))} == {
        "CreateLogGroup",
        "CreateLogStream",
    }
    put = [row for row in aws.events() if row["action"] == "logs:PutLogEvents"]
    assert put[-1]["outcome"] == "allowed"
    assert "a secret" not in json.dumps(aws.events())


def test_pages_are_the_newest_first_and_each_event_once(aws: LocalAws) -> None:
    """MaxResults makes pages; a token leads on, also where new calls came meanwhile, and fits its own question only."""
    for number in range(5):
        aws.client("logs").create_log_group(logGroupName=f"/page/{number}")
    asked = _by("EventName", "CreateLogGroup")
    pages = aws.client("cloudtrail").get_paginator("lookup_events").paginate(**asked, PaginationConfig={"PageSize": 2})
    found = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    names = [record["requestParameters"]["logGroupName"] for record in found][:5]
    assert names == [f"/page/{number}" for number in (4, 3, 2, 1, 0)]
    token = aws.client("cloudtrail").lookup_events(**asked, MaxResults=1)["NextToken"]
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        _events(aws, NextToken=token)


def test_times_and_region_choose(aws: LocalAws) -> None:
    """StartTime and EndTime bound the events, and each region has its own."""
    aws.client("logs").create_log_group(logGroupName="/timed")
    now, hour = datetime.now(UTC), timedelta(hours=1)
    asked = _by("EventName", "CreateLogGroup")
    assert _events(aws, **asked, StartTime=now - hour, EndTime=now + hour)
    assert not _events(aws, **asked, StartTime=now + hour)
    assert not _events(aws, **asked, EndTime=now - hour)
    elsewhere = aws.client("cloudtrail", "eu-west-1").lookup_events(**asked)["Events"]
    assert not elsewhere


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"StartTime": datetime(2026, 2, 1, tzinfo=UTC), "EndTime": datetime(2026, 1, 1, tzinfo=UTC)},
         "InvalidTimeRangeException"),
        ({"LookupAttributes": 2 * _by("EventName", "A")["LookupAttributes"]}, "InvalidLookupAttributesException"),
        (_by("Colour", "red"), "InvalidLookupAttributesException"),
        ({"MaxResults": 51}, "InvalidMaxResultsException"),
        ({"NextToken": "no token"}, "InvalidNextTokenException"),
        ({"EventCategory": "gossip"}, "InvalidEventCategoryException"),
    ],
)  # fmt: skip
def test_bad_question_gets_awss_refusal(aws: LocalAws, asked: dict[str, Any], code: str) -> None:
    """Each bad member is refused with the code that AWS has for it."""
    with pytest.raises(ClientError, match=code):
        _events(aws, **asked)


def test_insights_are_none(aws: LocalAws) -> None:
    """There are no Insights events here: the question is a good one, and its answer is empty."""
    assert _events(aws, EventCategory="insight") == []

"""CloudWatch Logs through boto3."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.logs.log_group import ARN, GROUP, put, refusal


def test_events_of_streams_come_in_order_of_time(logs: Any) -> None:
    """Streams are merged by time; ids have AWS's 56 digits."""
    now = int(time.time() * 1000)
    put(logs, "from-a", "1", "3", at=now)
    logs.put_log_events(logGroupName=GROUP, logStreamName="from-b", logEvents=[{"timestamp": now, "message": "2"}])
    events = logs.filter_log_events(logGroupName=GROUP)["events"]
    assert [(e["message"], e["logStreamName"]) for e in events] == [("1", "from-a"), ("2", "from-b"), ("3", "from-a")]
    assert {len(e["eventId"]) for e in events} == {56}


def test_pages_hold_each_event_once(logs: Any) -> None:
    """A token leads to the next page; the last page has none."""
    put(logs, "from-a", *map(str, range(7)))
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, PaginationConfig={"PageSize": 3})
    assert [[e["message"] for e in page["events"]] for page in pages] == [list("012"), list("345"), list("6")]


def test_page_is_at_most_a_mebibyte(logs: Any) -> None:
    """Large events make more pages."""
    for _ in range(3):
        put(logs, "from-a", "x" * 400_000)
    first = logs.filter_log_events(logGroupName=GROUP)
    assert (len(first["events"]), "nextToken" in first) == (2, True)


def test_filters_combine(logs: Any) -> None:
    """Pattern, streams, prefix and time, by name or by ARN; both ends of the time belong to it."""
    now = int(time.time() * 1000)
    put(logs, "from-a", '{"status": 200}', '{"status": 404}', '{"status": 404}', at=now)
    put(logs, "from-b", '{"status": 404}', at=now)
    pattern = {"filterPattern": "{ $.status = 404 }"}
    assert len(logs.filter_log_events(logGroupName=GROUP, **pattern)["events"]) == 3
    assert len(logs.filter_log_events(logGroupIdentifier=ARN, logStreamNames=["from-b"], **pattern)["events"]) == 1
    assert len(logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="from-a")["events"]) == 3
    span = {"startTime": now + 1, "endTime": now + 1}
    assert len(logs.filter_log_events(logGroupName=GROUP, **span)["events"]) == 1


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"logGroupName": "/none"}, "ResourceNotFoundException"),
        ({"logGroupName": GROUP, "logStreamNames": ["none"]}, "ResourceNotFoundException"),
        (
            {"logGroupName": GROUP, "logStreamNames": ["from-a"], "logStreamNamePrefix": "f"},
            "InvalidParameterException",
        ),
        ({"logGroupName": GROUP, "logGroupIdentifier": GROUP}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "nextToken": "nonsense"}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "filterPattern": "{ $.a"}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "limit": 10_001}, "InvalidParameterException"),
    ],
)
def test_bad_filters_are_refused(logs: Any, params: dict[str, Any], code: str) -> None:
    """With AWS's codes."""
    assert refusal(logs.filter_log_events, **params)[0] == code


def test_rejected_events_are_told_and_the_others_kept(logs: Any) -> None:
    """Events outside the window are left out of a batch that is otherwise good."""
    now = int(time.time() * 1000)
    ahead = [{"timestamp": now + hours * 3_600_000, "message": str(hours)} for hours in (0, 1, 3)]
    answer = logs.put_log_events(logGroupName=GROUP, logStreamName="from-a", logEvents=ahead)
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 2}
    assert [e["message"] for e in logs.filter_log_events(logGroupName=GROUP)["events"]] == ["0", "1"]


def test_bad_calls_are_refused_in_the_words_of_aws(logs: Any) -> None:
    """Streams and groups that are there already or are not, retention that is not offered, reserved names."""
    stream = {"logGroupName": GROUP, "logStreamName": "none"}
    missing = ("ResourceNotFoundException", "The specified log stream does not exist.")
    one = [{"timestamp": int(time.time() * 1000), "message": "x"}]
    assert refusal(logs.put_log_events, **stream, logEvents=one) == missing
    assert refusal(logs.get_log_events, **stream) == missing
    assert refusal(logs.delete_log_stream, **stream) == missing
    assert refusal(logs.create_log_stream, **{**stream, "logStreamName": "from-a"}) == (
        "ResourceAlreadyExistsException", "The specified log stream already exists",
    )  # fmt: skip
    assert refusal(logs.create_log_stream, logGroupName="/none", logStreamName="s") == (
        "ResourceNotFoundException", "The specified log group does not exist.",
    )  # fmt: skip
    assert refusal(logs.create_log_group, logGroupName="aws/mine")[1].endswith("are reserved for AWS.")
    code, message = refusal(logs.put_retention_policy, logGroupName=GROUP, retentionInDays=91)
    assert (code, "Value '91' at 'retentionInDays'" in message) == ("InvalidParameterException", True)


def test_query_is_answered(logs: Any) -> None:
    """StartQuery, then GetQueryResults, with the figures of what was read."""
    put(logs, "from-a", '{"status": 200}', '{"status": 404}', '{"status": 200}')
    now = int(time.time())
    span = {"startTime": now - 600, "endTime": now}
    query = "filter ispresent(status) | stats count(*) as n by status | sort n desc"
    query_id = logs.start_query(logGroupName=GROUP, queryString=query, **span)["queryId"]
    found = logs.get_query_results(queryId=query_id)
    assert found["status"] == "Complete"
    assert [[cell["value"] for cell in row] for row in found["results"]] == [["200", "2"], ["404", "1"]]
    assert (found["statistics"]["recordsMatched"], found["statistics"]["recordsScanned"]) == (3.0, 3.0)
    described = {each["queryId"]: each for each in logs.describe_queries(logGroupName=GROUP)["queries"]}
    start, end = span["startTime"], span["endTime"]
    assert described[query_id]["queryString"] == f'SOURCE "{GROUP}" START={start}000 END={end}999 | {query}'


def test_bad_queries_are_refused(logs: Any) -> None:
    """The error names what is not understood, and where."""
    span = {"startTime": 0, "endTime": 1}
    with pytest.raises(ClientError, match="unexpected symbol found frob") as caught:
        logs.start_query(logGroupName=GROUP, queryString="frob", **span)
    assert caught.value.response["queryCompileError"]["location"]["startCharOffset"] == 0
    assert (
        refusal(logs.start_query, logGroupName="/none", queryString="limit 1", **span)[0] == "ResourceNotFoundException"
    )
    assert refusal(logs.start_query, queryString="limit 1", **span)[0] == "InvalidParameterException"
    assert refusal(logs.get_query_results, queryId="none")[0] == "ResourceNotFoundException"


def test_metric_filter_can_be_tried(logs: Any) -> None:
    """TestMetricFilter answers which messages fit."""
    found = logs.test_metric_filter(filterPattern="ERROR", logEventMessages=["ok", "an ERROR"])["matches"]
    assert [match["eventNumber"] for match in found] == [2]

"""The last records of a hop, read by AWS's API and shown raw."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab_helpers.base.errors import NotFoundError
from lab_helpers.board.look import of_answer
from lab_helpers.board.records import last_records
from lab_helpers.local_aws.server import LocalAws
from tests.board.test_look import OUT, REGION

GROUP, STREAM, BUCKET = "/ecs/lab/httpd", "from-httpd-1", "board-logs"
LINE = '10.0.0.1 - - [31/Jan/2026:09:30:00 +0000] "GET /?id=1 HTTP/1.1" 200 45'
RECORD = {"log": LINE, "ecs_cluster": "lab"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A local AWS with one log event and one delivered object, as a lab."""
    with LocalAws(Path(tmp_path_factory.mktemp("board")) / "aws", factories=[]) as aws:
        logs, s3 = aws.client("logs"), aws.client("s3")
        for group in (GROUP, "/ecs/lab"):
            logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
        event = {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": json.dumps(RECORD)}
        logs.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=[event])
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.create_bucket(Bucket="board-alb", CreateBucketConfiguration={"LocationConstraint": REGION})
        key = f"{datetime.now(UTC):%Y/%m/%d/%H}/lab-1-{datetime.now(UTC):%Y-%m-%d-%H-%M-%S}-a.gz"
        s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress((json.dumps(RECORD) + "\n").encode()))
        outputs = SimpleNamespace(
            httpd_log_group=GROUP, log_group="/ecs/lab", log_bucket=BUCKET, alb_log_bucket="board-alb"
        )
        yield SimpleNamespace(client=aws.client, outputs=outputs, settings=SimpleNamespace(buffer_s=60), aws=aws)
        logs.delete_log_group(logGroupName=GROUP)
        logs.delete_log_group(logGroupName="/ecs/lab")
        s3.delete_object(Bucket=BUCKET, Key=key)
        s3.delete_bucket(Bucket=BUCKET)
        s3.delete_bucket(Bucket="board-alb")


def test_same_record_is_shown_as_each_hop_has_it(lab: Any) -> None:
    """Apache's line, the record with what was added, the event of CloudWatch, Firehose's data, the line in S3."""
    assert last_records(lab, "httpd") == (LINE,)
    assert [json.loads(text) for text in last_records(lab, "router")] == [RECORD]
    (event,) = (json.loads(text) for text in last_records(lab, "cloudwatch"))
    assert json.loads(event["message"]) == RECORD
    assert {"timestamp", "ingestionTime"} <= set(event)
    assert json.loads(last_records(lab, "firehose")[0])["Data"] == json.dumps(RECORD) + "\n"
    address, line = last_records(lab, "s3")
    assert address.startswith(f"s3://{BUCKET}/")
    assert json.loads(line) == RECORD


def test_hop_without_records_says_when_there_will_be_some(lab: Any) -> None:
    """The load balancer's log comes every five minutes: until then there is a sentence."""
    (told,) = last_records(lab, "alb")
    assert "5 minutes" in told


def test_group_that_is_not_there_yet_is_no_error(lab: Any) -> None:
    """Before the router has made its group the hop says so."""
    elsewhere = SimpleNamespace(**{**vars(lab.outputs), "httpd_log_group": "/none"})
    (told,) = last_records(SimpleNamespace(**{**vars(lab), "outputs": elsewhere}), "httpd")
    assert "flushes every second" in told


def test_bucket_that_is_gone_is_a_lab_error(lab: Any) -> None:
    """After the teardown the board shows the reason: the error is one of the lab's."""
    elsewhere = SimpleNamespace(**{**vars(lab.outputs), "log_bucket": "gone-bucket"})
    with pytest.raises(NotFoundError):
        last_records(SimpleNamespace(**{**vars(lab), "outputs": elsewhere}), "s3")


def test_server_answers_a_whole_look_at_once(lab: Any) -> None:
    """One answer of a running local AWS has its time, the group's events and the calls; the look is made of it."""
    look = of_answer(json.loads(json.dumps(lab.aws.board())), OUT, REGION)
    assert {hop.key: hop.total for hop in look.hops}["cloudwatch"] == 1
    assert "s3:PutObject" in {call["action"] for call in look.calls}
    assert abs((datetime.now(UTC) - look.at).total_seconds()) < 60

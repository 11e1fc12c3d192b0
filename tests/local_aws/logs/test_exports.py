"""Exports of log groups to S3."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.logs.log_group import GROUP

BUCKET = "exports-of-logs"


@pytest.fixture(scope="module")
def s3(aws: LocalAws) -> Any:
    """A client, and a bucket."""
    client = aws.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    return client


def test_an_export_has_a_file_for_each_stream(logs: Any, s3: Any) -> None:
    """Only streams with the prefix and events in the range; a line is the time, a space and the message."""
    put = logs.put_log_events(
        logGroupName=GROUP, logStreamName="from-a", logEvents=[{"timestamp": _now(logs), "message": "one"}]
    )
    assert "rejectedLogEventsInfo" not in put
    moment = logs.filter_log_events(logGroupName=GROUP)["events"][0]["timestamp"]
    span = {"fromTime": moment - 1000, "to": moment}
    task = logs.create_export_task(
        logGroupName=GROUP, destination=BUCKET, destinationPrefix="out", logStreamNamePrefix="from-", **span
    )["taskId"]
    key = f"out/{task}/from-a/000000.gz"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["aws-logs-write-test", key]
    line = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()).decode()
    assert line.endswith(f".{moment % 1000:03}Z one\n")
    told = logs.describe_export_tasks(taskId=task)["exportTasks"][0]
    assert (told["destinationPrefix"], told["from"], told["to"]) == ("out", moment - 1000, moment)
    assert told["status"] == {"code": "COMPLETED", "message": "Completed successfully"}


def test_an_export_to_a_bucket_that_is_not_there_is_refused(logs: Any) -> None:
    """InvalidParameterException, and no task is left."""
    with pytest.raises(ClientError) as error:
        logs.create_export_task(logGroupName=GROUP, destination="nobodys-bucket", fromTime=1, to=2)
    assert error.value.response["Error"]["Code"] == "InvalidParameterException"
    assert error.value.response["Error"]["Message"].startswith("The given bucket does not exist.")
    assert not [each for each in logs.describe_export_tasks()["exportTasks"] if each["to"] == 2]


def _now(logs: Any) -> int:
    """The server's time in epoch milliseconds, from when the group was made."""
    return int(logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["creationTime"])

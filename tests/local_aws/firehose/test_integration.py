"""Firehose in the running local AWS: real boto3 clients, moto's S3 and Logs, IAM's decisions."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.firehose import FirehoseService
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.firehose.fakes import BUCKET, STREAM, destination, work

pytestmark = pytest.mark.usefixtures("answers_as_described")
GROUP, ERRORS, NAME = "/ecs/firelens", "kinesis_error", "inomaso-dev-firehose-role"


class Lab:
    """The article's resources around the stream."""

    def __init__(self, aws: LocalAws, service: FirehoseService, clock: ManualClock) -> None:
        self.aws, self.service, self.clock = aws, service, clock
        self.s3, self.logs, self.iam = aws.client("s3"), aws.client("logs"), aws.client("iam")
        self.firehose = aws.client("firehose")
        self.s3.create_bucket(
            Bucket=BUCKET.split(":::")[1], CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"}
        )
        self.logs.create_log_group(logGroupName=GROUP)
        self.logs.create_log_stream(logGroupName=GROUP, logStreamName=ERRORS)
        trust = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
        self.role = self.iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
        self.allow(BUCKET)

    def allow(self, bucket_arn: str) -> None:
        """Give the role the article's policy for a bucket ARN."""
        s3 = {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": f"{bucket_arn}/*"}
        logs = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": f"arn:aws:logs:*:*:log-group:{GROUP}:*"}
        self.iam.put_role_policy(RoleName=NAME, PolicyName="access", PolicyDocument=policy(s3, logs))

    def remove(self) -> None:
        """Undo everything: moto's memory is the process's, the next test would find it."""
        if STREAM in self.firehose.list_delivery_streams()["DeliveryStreamNames"]:
            self.firehose.delete_delivery_stream(DeliveryStreamName=STREAM)
        bucket = BUCKET.split(":::")[1]
        for item in self.s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            self.s3.delete_object(Bucket=bucket, Key=item["Key"])
        self.s3.delete_bucket(Bucket=bucket)
        self.logs.delete_log_group(logGroupName=GROUP)
        self.iam.delete_role_policy(RoleName=NAME, PolicyName="access")
        self.iam.delete_role(RoleName=NAME)

    def create(self) -> None:
        """Make the stream."""
        self.firehose.create_delivery_stream(
            DeliveryStreamName=STREAM, ExtendedS3DestinationConfiguration=destination(RoleARN=self.role)
        )

    def put(self, *records: bytes) -> dict[str, Any]:
        """Put a batch."""
        answer: dict[str, Any] = self.firehose.put_record_batch(
            DeliveryStreamName=STREAM, Records=[{"Data": data} for data in records]
        )
        assert answer["FailedPutCount"] == 0
        return answer

    def pass_time(self, seconds: float) -> None:
        """Move the clock on and let Firehose do what is due."""
        self.clock.advance(seconds)
        work(self.service)

    def delivered(self) -> list[bytes]:
        """Return the objects in the bucket, decompressed, by key."""
        bucket = BUCKET.split(":::")[1]
        keys = [item["Key"] for item in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return [gzip.decompress(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]

    def errors(self) -> list[dict[str, Any]]:
        """Return the events of kinesis_error."""
        events = self.logs.get_log_events(logGroupName=GROUP, logStreamName=ERRORS)["events"]
        return [json.loads(event["message"]) for event in events]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    # botocore looks at the real time to tell whether credentials are still good
    clock, made = ManualClock(datetime.now(UTC)), list[FirehoseService]()

    def factory(context: Any) -> FirehoseService:
        made.append(FirehoseService(context))
        return made[0]

    with LocalAws(tmp_path, clock=clock, factories=[factory]) as aws:
        lab = Lab(aws, made[0], clock)
        yield lab
        lab.remove()


def test_injected_error_and_healing(lab: Lab):
    """Rows D1 to D3 in the running server: denied by IAM, one event, everything delivered after the policy is back."""
    lab.create()
    lab.put(b"before\n")
    lab.pass_time(60)
    assert lab.delivered() == [b"before\n"]
    assert lab.errors() == []
    lab.allow(f"{BUCKET}:errortest")
    for number in range(6):
        lab.put(b"during %d\n" % number)
        lab.pass_time(30)
    assert lab.delivered() == [b"before\n"]
    (event,) = lab.errors()
    assert list(event) == ["deliveryStreamARN", "destination", "deliveryStreamVersionId", "message", "errorCode"]
    assert event["errorCode"] == "S3.AccessDenied"
    lab.allow(BUCKET)
    lab.pass_time(15)
    assert b"".join(lab.delivered()) == b"before\n" + b"".join(b"during %d\n" % number for number in range(6))
    assert len(lab.errors()) == 1


def test_no_log_stream_no_event_nothing_created(lab: Lab):
    """Row E5 against moto's Logs: the stream is not made by Firehose."""
    lab.logs.delete_log_stream(logGroupName=GROUP, logStreamName=ERRORS)
    lab.create()
    lab.allow(f"{BUCKET}:errortest")
    lab.put(b"x")
    lab.pass_time(60)
    assert lab.logs.describe_log_streams(logGroupName=GROUP)["logStreams"] == []
    assert lab.service.status()["streams"][f"ap-northeast-1/{STREAM}"]["held"] == 1


def test_role_that_does_not_trust_firehose(lab: Lab):
    """Trust given to somebody else later is S3.AccessDenied; healed trust lets everything through."""
    lab.create()
    for principal, expected in (("ecs-tasks.amazonaws.com", []), ("firehose.amazonaws.com", [b"x"])):
        trust = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
        lab.iam.update_assume_role_policy(RoleName=NAME, PolicyDocument=policy(trust))
        if not expected:
            lab.put(b"x")
        lab.pass_time(60)
        assert lab.delivered() == expected


def test_describe_round_trip_and_update(lab: Lab):
    """What was created is described; an update merges, raises the version, and a stale version is refused."""
    lab.create()
    described = lab.firehose.describe_delivery_stream(DeliveryStreamName=STREAM)["DeliveryStreamDescription"]
    assert (described["VersionId"], described["DeliveryStreamStatus"]) == ("1", "ACTIVE")
    update = {"BufferingHints": {"SizeInMBs": 2, "IntervalInSeconds": 30}}
    given = {
        "DeliveryStreamName": STREAM,
        "CurrentDeliveryStreamVersionId": "1",
        "DestinationId": described["Destinations"][0]["DestinationId"],
    }
    lab.firehose.update_destination(**given, ExtendedS3DestinationUpdate=update)
    described = lab.firehose.describe_delivery_stream(DeliveryStreamName=STREAM)["DeliveryStreamDescription"]
    (found,) = described["Destinations"]
    assert described["VersionId"] == "2"
    for name in ("ExtendedS3DestinationDescription", "S3DestinationDescription"):
        assert found[name]["BufferingHints"] == update["BufferingHints"]
        assert found[name]["CompressionFormat"] == "GZIP"
        assert found[name]["CloudWatchLoggingOptions"]["LogStreamName"] == ERRORS
    with pytest.raises(ClientError, match="ConcurrentModificationException"):
        lab.firehose.update_destination(**given, ExtendedS3DestinationUpdate=update)


def test_metrics_are_in_cloudwatch(lab: Lab):
    """Delivered records can be asked of CloudWatch."""
    lab.create()
    lab.put(b"a", b"b")
    lab.pass_time(60)
    lab.service._metrics.send()
    found = lab.aws.client("cloudwatch").list_metrics(Namespace="AWS/Firehose")["Metrics"]
    assert {item["MetricName"] for item in found} >= {"DeliveryToS3.Records", "IncomingRecords"}


def test_deleted_stream(lab: Lab):
    """ResourceNotFoundException in AWS's words."""
    lab.create()
    lab.firehose.delete_delivery_stream(DeliveryStreamName=STREAM)
    with pytest.raises(ClientError) as error:
        lab.put(b"x")
    assert error.value.response["Error"] == {
        "Code": "ResourceNotFoundException",
        "Message": f"Firehose {STREAM} under account 123456789012 not found.",
    }

"""Subscription filters: through our Firehose, with the filter's role, and PutLogEvents never fails for them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.local_aws.firehose import FirehoseService
from lab_helpers.local_aws.logs.service import LogsService
from lab_helpers.local_aws.server import REGION, LocalAws
from tests.local_aws.logs.log_group import GROUP, put, refusal

STREAM, BUCKET = "subscribed", "subscribed-logs"


def document(*statements: dict[str, Any]) -> str:
    """A policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def role(iam: Any, name: str, service: str, action: str) -> str:
    """A role that a service may assume, with one permission."""
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": action, "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allowed))
    return str(arn)


def documents(text: str) -> Iterator[dict[str, Any]]:
    """JSON documents that stand one after the other."""
    at = 0
    while at < len(text):
        found, at = json.JSONDecoder().raw_decode(text, at)
        yield found


class Stage:
    """A local AWS with Firehose, a stream that delivers at once, and the roles."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws, self.iam, self.s3, self.firehose = (aws, *map(aws.client, ("iam", "s3", "firehose")))
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.delivering = role(self.iam, "delivering", "firehose.amazonaws.com", "s3:PutObject")
        self.sending = role(self.iam, "sending", "logs.amazonaws.com", "firehose:PutRecordBatch")
        destination = {
            "RoleARN": self.delivering, "BucketARN": f"arn:aws:s3:::{BUCKET}",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
        }  # fmt: skip
        self.stream = self.firehose.create_delivery_stream(
            DeliveryStreamName=STREAM, ExtendedS3DestinationConfiguration=destination
        )["DeliveryStreamARN"]

    def delivered(self) -> list[dict[str, Any]]:
        """What is in the bucket by now, the test message first."""
        logs = next(service for service in self.aws._services if isinstance(service, LogsService))
        assert logs._forwarder.wait_idle(20)
        firehose = next(service for service in self.aws._services if isinstance(service, FirehoseService))
        for worker in list(firehose._workers.values()):
            worker.flush()
        keys = [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
        bodies = [self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys]
        found = [document for body in bodies for document in documents(gzip.decompress(body).decode())]
        return sorted(found, key=lambda document: str(document["messageType"]))

    def remove(self) -> None:
        """moto's memory is the process's."""
        self.firehose.delete_delivery_stream(DeliveryStreamName=STREAM)
        for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self.s3.delete_object(Bucket=BUCKET, Key=item["Key"])
        self.s3.delete_bucket(Bucket=BUCKET)
        for name in ("delivering", "sending"):
            self.iam.delete_role_policy(RoleName=name, PolicyName="p")
            self.iam.delete_role(RoleName=name)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One local AWS with Firehose."""
    folder: Path = tmp_path_factory.mktemp("subscriptions")
    with LocalAws(folder, factories=[FirehoseService]) as running:
        yield running


@pytest.fixture
def stage(aws: LocalAws) -> Iterator[Stage]:
    """The stage, taken down again."""
    made = Stage(aws)
    yield made
    made.remove()


def subscribe(stage: Stage, **changes: Any) -> dict[str, Any]:
    """Parameters of the filter."""
    given = {
        "logGroupName": GROUP, "filterName": "to-firehose", "filterPattern": "GET",
        "destinationArn": stage.stream, "roleArn": stage.sending,
    }  # fmt: skip
    return {name: value for name, value in (given | changes).items() if value is not None}


def test_events_that_fit_are_delivered_as_aws_packs_them(logs: Any, stage: Stage) -> None:
    """A test message first, then a message for each batch: group, stream, filter, events with their own ids."""
    logs.put_subscription_filter(**subscribe(stage))
    put(logs, "from-a", "GET /", "POST /", "GET /x")
    test, data = stage.delivered()
    assert test["messageType"] == "CONTROL_MESSAGE"
    assert (data["messageType"], data["logGroup"], data["logStream"]) == ("DATA_MESSAGE", GROUP, "from-a")
    assert data["subscriptionFilters"] == ["to-firehose"]
    assert [event["message"] for event in data["logEvents"]] == ["GET /", "GET /x"]
    stored = logs.filter_log_events(logGroupName=GROUP, filterPattern="GET")["events"]
    assert [event["id"] for event in data["logEvents"]] == [event["eventId"] for event in stored]


def test_put_log_events_never_fails_for_it(logs: Any, stage: Stage) -> None:
    """A role that lost its permission costs the subscription its events, the caller nothing."""
    logs.put_subscription_filter(**subscribe(stage))
    stage.iam.put_role_policy(
        RoleName="sending", PolicyName="p",
        PolicyDocument=document({"Effect": "Deny", "Action": "*", "Resource": "*"}),
    )  # fmt: skip
    put(logs, "from-a", "GET /")
    assert [each["messageType"] for each in stage.delivered()] == ["CONTROL_MESSAGE"]
    assert len(logs.filter_log_events(logGroupName=GROUP)["events"]) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"roleArn": None}, "destinationArn for vendor firehose cannot be used without roleArn"),
        (
            {"roleArn": "arn:aws:iam::123456789012:role/delivering"},
            "Could not deliver test message to specified Firehose",
        ),
        (
            {"destinationArn": f"arn:aws:firehose:{REGION}:123456789012:deliverystream/none"},
            "Could not deliver test message to specified Firehose",
        ),
        ({"logGroupName": "/none"}, "The specified log group does not exist."),
    ],
)
def test_filters_that_are_refused(logs: Any, stage: Stage, changes: dict[str, Any], message: str) -> None:
    """No role, a role of another service, no stream, no group: nothing is made."""
    assert message in refusal(logs.put_subscription_filter, **subscribe(stage, **changes))[1]
    assert not logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]

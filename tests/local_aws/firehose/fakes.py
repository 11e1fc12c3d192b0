"""Stand-ins for what Firehose speaks to, and builders of its API structures."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from lab_helpers.local_aws.firehose import FirehoseService
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Caller, Credentials
from lab_helpers.local_aws.kit.clock import Clock, ManualClock
from lab_helpers.local_aws.kit.network import Network
from lab_helpers.local_aws.kit.service import NOTHING_KEPT, Kept, ServiceContext

ACCOUNT, REGION, STREAM = "123456789012", "ap-northeast-1", "inomaso-dev-kinesis-firehose"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/inomaso-dev-firehose-role"
BUCKET = "arn:aws:s3:::inomaso-dev-firelens"
OPERATOR = Caller("operator", f"arn:aws:iam::{ACCOUNT}:user/lab", ACCOUNT)


def destination(**changes: Any) -> dict[str, Any]:
    """Return the article's destination: 1 MiB, 60 s, GZIP, errors logged."""
    log = {"Enabled": True, "LogGroupName": "/ecs/firelens", "LogStreamName": "kinesis_error"}
    return {
        "RoleARN": ROLE,
        "BucketARN": BUCKET,
        "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
        "CompressionFormat": "GZIP",
        "CloudWatchLoggingOptions": log,
        **changes,
    }


class Fakes:
    """S3, Logs, CloudWatch and moto's Firehose in one place; `refuse` makes S3 fail with that code."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.events: list[tuple[str, str, str]] = []
        self.metrics: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.log_streams = {("/ecs/firelens", "kinesis_error")}
        self.refuse: str | None = None
        self.refuse_role: str | None = None
        self.streams: dict[str, dict[str, Any]] = {}
        self.service: FirehoseService | None = None

    # Clients
    def as_role(self, service: str, role_arn: str, session_name: str, principal: str, region: str) -> Any:
        if self.refuse_role:
            raise _client_error(self.refuse_role, "AssumeRole")
        self.calls.append((service, f"{role_arn} {principal} {region} {session_name}"))
        return self

    def as_service(self, service: str, principal: str, region: str) -> Any:  # noqa: ARG002
        return self

    def assume(self, role_arn: str, session_name: str, principal: str, region: str) -> Credentials:
        if self.refuse_role:
            raise _client_error(self.refuse_role, "AssumeRole")
        return Credentials("ASIA", "secret", f"{session_name} {principal} {region}", 0.0, role_arn)

    # boto3 methods
    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        if self.refuse:
            raise _client_error(self.refuse, "PutObject")
        self.objects[Bucket, Key] = Body

    def put_log_events(self, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]) -> None:  # noqa: N803
        if (logGroupName, logStreamName) not in self.log_streams:
            raise _client_error("ResourceNotFoundException", "PutLogEvents")
        self.events += [(logGroupName, logStreamName, event["message"]) for event in logEvents]

    def put_metric_data(self, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803
        assert Namespace == "AWS/Firehose"
        self.metrics += MetricData

    def describe_delivery_stream(self, DeliveryStreamName: str) -> dict[str, Any]:  # noqa: N803
        try:
            return self.call("DescribeDeliveryStream", {"DeliveryStreamName": DeliveryStreamName})
        except AwsError as exc:
            raise _client_error(exc.code, "DescribeDeliveryStream") from exc

    # the gateway
    def call(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Do one API call on the service."""
        assert self.service is not None
        forward = _forward(self, operation, params)
        request = ApiRequest("firehose", operation, REGION, ACCOUNT, OPERATOR, params, forward=forward)
        return self.service.overrides()["firehose", operation](request)

    def answer(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as moto does."""
        name = params["DeliveryStreamName"]
        if operation == "CreateDeliveryStream":
            config = copy.deepcopy(params["ExtendedS3DestinationConfiguration"])
            arn = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{name}"
            self.streams[name] = {
                "DeliveryStreamName": name,
                "DeliveryStreamARN": arn,
                "VersionId": "1",
                "Destinations": [{"DestinationId": "d1", "ExtendedS3DestinationDescription": config}],
            }
            return {"DeliveryStreamARN": arn}
        if name not in self.streams:
            raise AwsError("ResourceNotFoundException", f"Firehose {name} under account {ACCOUNT} not found.")
        if operation == "UpdateDestination":
            described = self.streams[name]["Destinations"][0]
            described["ExtendedS3DestinationDescription"].update(params["ExtendedS3DestinationUpdate"])
            self.streams[name]["VersionId"] = str(int(self.streams[name]["VersionId"]) + 1)
        if operation == "DeleteDeliveryStream":
            del self.streams[name]
        if operation == "DescribeDeliveryStream":
            return {"DeliveryStreamDescription": copy.deepcopy(self.streams[name])}
        return {}

    def create(self, **changes: Any) -> None:
        """Make the article's stream."""
        self.call(
            "CreateDeliveryStream",
            {"DeliveryStreamName": STREAM, "ExtendedS3DestinationConfiguration": destination(**changes)},
        )


def make_service(
    data_dir: Path, fakes: Fakes, clock: Clock, kept: Kept = NOTHING_KEPT, **options: Any
) -> FirehoseService:
    """Return a service over the fakes, not started."""
    context = ServiceContext(
        "http://127.0.0.1:1", 1, data_dir / "ca.pem", ACCOUNT, data_dir, clock, Network(), fakes, kept=kept
    )
    fakes.service = FirehoseService(context, **options)
    return fakes.service


def work(service: FirehoseService) -> None:
    """Do what the workers' threads would do now (the service is not started in these tests)."""
    for worker in list(service._workers.values()):
        worker.step()


def _forward(fakes: Fakes, operation: str, params: Mapping[str, Any]) -> Callable[..., dict[str, Any]]:
    return lambda other: fakes.answer(operation, params if other is None else other)


def _client_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


__all__ = ["BUCKET", "REGION", "ROLE", "STREAM", "Fakes", "ManualClock", "destination", "make_service", "work"]

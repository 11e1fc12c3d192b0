"""The pipeline's figures: the local AWS's own, an account's metrics."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from lab_helpers.backends.account import AwsBackend
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings
from lab_helpers.base.errors import LabError
from lab_helpers.pipeline import figures

OUT = SimpleNamespace(
    alb_arn="arn:aws:elasticloadbalancing:r:1:loadbalancer/app/lab-alb/50dc6c495c0c9188",
    target_group_arn="arn:aws:elasticloadbalancing:r:1:targetgroup/lab-alb-tg/943f017f100becff",
    delivery_stream_name="lab-kinesis-firehose",
    httpd_log_group="/ecs/lab/httpd",
)
TASK = {
    "printed": 322, "handed": 320, "read": 320, "unread": 0,
    "outputs": {"cloudwatch_logs.1": {"sent": 320, "held": 0}, "kinesis_firehose.2": {"sent": 310, "held": 10}},
    "losses": {"log driver: buffer full, or no router": 2},
}  # fmt: skip
NOT_COUNTED = {"printed": 3, "handed": 3, "read": "not counted", "unread": "not counted", "outputs": {}, "losses": {}}
STATUS = {
    "services": {
        "ecs": {
            "log_records": {
                "tasks": {"a": TASK, "b": NOT_COUNTED},
                "totals": {"printed": 325, "handed": 323, "held": 10, "lost": 2},
            }
        },
        "alb": {"target_groups": {"lab-alb-tg": {"requests": 301}}},
        "firehose": {
            "streams": {"ap-northeast-1/lab-kinesis-firehose": {"received": 322, "delivered": 112, "held": 210}}
        },
    }
}


ACCOUNT = AwsBackend(Settings(backend="aws"))


def _client(service: str) -> tuple[Any, Stubber]:
    client = boto3.client(service, "ap-northeast-1", aws_access_key_id="-", aws_secret_access_key="-")
    return client, Stubber(client)


class Local(LocalBackend):
    """A local AWS of which only the figures are asked."""

    def __init__(self) -> None:
        """Start nothing."""

    def status(self) -> dict[str, Any]:
        """Return what a running server told."""
        return STATUS


def _lab(backend: Any, client: Any) -> Any:
    settings = SimpleNamespace(region="ap-northeast-1")
    return SimpleNamespace(backend=backend, outputs=OUT, settings=settings, client=lambda _: client)


@pytest.mark.parametrize("is_made", [True, False])
def test_a_local_moment_is_the_servers(is_made: bool) -> None:
    """Requests, records in and out, and those that Firehose holds; before its first line the group counts as empty."""
    logs, stubber = _client("logs")
    if is_made:
        stubber.add_response("start_query", {"queryId": "1"})
        rows = [[{"field": "records", "value": "322"}]]
        stubber.add_response("get_query_results", {"results": rows, "status": "Complete"}, {"queryId": "1"})
    else:
        stubber.add_client_error("start_query", "ResourceNotFoundException")
    with stubber:
        found = figures.moment(_lab(Local(), logs))
    assert _stops(found) == {
        "alb": 301, "cloudwatch": 322 if is_made else 0, "firehose": 322, "s3": 112, "held": 210,
    }  # fmt: skip


def test_log_records_by_task() -> None:
    """A row a task; outputs together, losses with their places, and NA for what a router does not say."""
    found = figures.log_records(_lab(Local(), None))
    assert found.set_index("task").T["a"].tolist() == [
        322, 320, 320, 630, 10, 2, "2 log driver: buffer full, or no router",
    ]  # fmt: skip
    assert found["read"].isna().tolist() == [False, True]
    with pytest.raises(LabError, match="counted by the local AWS only"):
        figures.log_records(_lab(ACCOUNT, None))


def test_an_account_is_asked_for_its_metrics() -> None:
    """Each hop is a metric of CloudWatch with its dimension, summed over the span."""
    cloudwatch, stubber = _client("cloudwatch")
    metrics = [
        ("AWS/ApplicationELB", "RequestCount", "LoadBalancer", "app/lab-alb/50dc6c495c0c9188"),
        ("AWS/Logs", "IncomingLogEvents", "LogGroupName", "/ecs/lab/httpd"),
        ("AWS/Firehose", "IncomingRecords", "DeliveryStreamName", "lab-kinesis-firehose"),
        ("AWS/Firehose", "DeliveryToS3.Records", "DeliveryStreamName", "lab-kinesis-firehose"),
    ]
    for count, (namespace, name, dimension, value) in enumerate(metrics):
        asked = {
            "Namespace": namespace, "MetricName": name, "Dimensions": [{"Name": dimension, "Value": value}],
            "StartTime": ANY, "EndTime": ANY, "Period": 300, "Statistics": ["Sum"],
        }  # fmt: skip
        points = [{"Sum": 1000.0}, {"Sum": float(count)}]
        stubber.add_response("get_metric_statistics", {"Datapoints": points}, asked)
    with stubber:
        found = figures.moment(_lab(ACCOUNT, cloudwatch))
    assert _stops(found) == {"alb": 1000, "cloudwatch": 1001, "firehose": 1002, "s3": 1003, "held": 0}


def test_an_account_that_refuses_says_so() -> None:
    """A moment is whole, or an error of the lab's."""
    cloudwatch, stubber = _client("cloudwatch")
    stubber.add_client_error("get_metric_statistics", "AccessDenied")
    with stubber, pytest.raises(LabError, match="GetMetricStatistics"):
        figures.moment(_lab(ACCOUNT, cloudwatch))


def _stops(found: figures.Moment) -> dict[str, Any]:
    return {name: value for name, value in vars(found).items() if name != "at"}

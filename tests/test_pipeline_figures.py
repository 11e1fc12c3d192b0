"""The pipeline's figures: the local AWS's own, an account's metrics."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import boto3
import pandas as pd
import pytest
from botocore.stub import ANY, Stubber

from lab_helpers import pipeline_figures
from lab_helpers.backends.local import LocalBackend

OUT = SimpleNamespace(
    alb_arn="arn:aws:elasticloadbalancing:r:1:loadbalancer/app/lab-alb/50dc6c495c0c9188",
    target_group_arn="arn:aws:elasticloadbalancing:r:1:targetgroup/lab-alb-tg/943f017f100becff",
    delivery_stream_name="lab-kinesis-firehose",
    httpd_log_group="/ecs/lab/httpd",
)
STATUS = {
    "services": {
        "alb": {"target_groups": {"lab-alb-tg": {"requests": 301}}},
        "firehose": {
            "streams": {"ap-northeast-1/lab-kinesis-firehose": {"received": 322, "delivered": 112, "held": 210}}
        },
    }
}


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
def test_local_figures_are_the_servers(is_made: bool) -> None:
    """Requests, records in and out, and those that Firehose holds; before its first line the group counts as empty."""
    logs, stubber = _client("logs")
    if is_made:
        stubber.add_response("start_query", {"queryId": "1"})
        rows = [[{"field": "records", "value": "322"}]]
        stubber.add_response("get_query_results", {"results": rows, "status": "Complete"}, {"queryId": "1"})
    else:
        stubber.add_client_error("start_query", "ResourceNotFoundException")
    with stubber:
        found = pipeline_figures._local(_lab(Local(), logs))
    assert found == {
        "load balancer": "301 requests",
        "Fluent Bit to CloudWatch Logs": f"{322 if is_made else 0} records in",
        "Fluent Bit to Firehose": "322 records in",
        "Firehose to S3": "112 records out, 210 held",
    }


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
        found = pipeline_figures._metrics(_lab(None, cloudwatch))
    assert list(found.values()) == ["1,000 requests", "1,001 records in", "1,002 records in", "1,003 records out"]


def test_states_are_counted() -> None:
    """Tasks and targets are told by their states."""
    assert pipeline_figures._counted(pd.Series(["healthy", "healthy", "initial"])) == "2 healthy, 1 initial"
    assert pipeline_figures._counted(pd.Series([], dtype=str)) == "none"


def test_counts_are_the_stops_of_the_picture() -> None:
    """The numbers behind the figures, by the keys that `display.log_path` takes; nothing where nothing can be read."""
    logs, stubber = _client("logs")
    stubber.add_client_error("start_query", "ResourceNotFoundException")
    with stubber:
        assert pipeline_figures.counts(_lab(Local(), logs)) == {"alb": 301, "cloudwatch": 0, "firehose": 322, "s3": 112}
    cloudwatch, stubber = _client("cloudwatch")
    stubber.add_client_error("get_metric_statistics", "AccessDenied")
    with stubber:
        assert pipeline_figures.counts(_lab(None, cloudwatch)) == {}

"""What a load balancer tells CloudWatch."""

from __future__ import annotations

from typing import Any

from lab_helpers.local_aws.alb.metrics import Tally
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.kit.metrics import MetricPublisher

ARN = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/httpd/0123"
BALANCER = "app/alb/4567"


class CloudWatch:
    """Takes data."""

    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []

    def put_metric_data(self, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803
        assert Namespace == "AWS/ApplicationELB"
        self.data += MetricData


def test_requests_by_answer_and_time() -> None:
    """Each request counts for the load balancer and for its target group; its own answers count for itself alone."""
    taken, tally = CloudWatch(), Tally()
    publisher = MetricPublisher(lambda _: taken, ManualClock())
    for status, by_target, response_s in ((200, True, 0.010), (200, True, 0.010), (404, True, 0.030), (503, False, -1)):
        tally.count(ARN, by_target, status, response_s)
    tally.publish(publisher, "ap-northeast-1", BALANCER, {ARN: 2})
    tally.publish(publisher, "ap-northeast-1", BALANCER, {ARN: 2})
    publisher.send()
    sums = {
        (item["MetricName"], len(item["Dimensions"])): item["StatisticValues"]["Sum"]
        for item in taken.data if "StatisticValues" in item
    }  # fmt: skip
    assert sums == {
        ("RequestCount", 1): 4, ("RequestCount", 2): 4,
        ("HTTPCode_Target_2XX_Count", 1): 2, ("HTTPCode_Target_2XX_Count", 2): 2,
        ("HTTPCode_Target_4XX_Count", 1): 1, ("HTTPCode_Target_4XX_Count", 2): 1,
        ("HTTPCode_ELB_5XX_Count", 1): 1,
        ("RequestCountPerTarget", 1): 1.5, ("RequestCountPerTarget", 2): 1.5,
    }  # fmt: skip
    (times,) = [i for i in taken.data if i["MetricName"] == "TargetResponseTime" and len(i["Dimensions"]) == 1]
    assert dict(zip(times["Values"], times["Counts"], strict=True)) == {0.01: 2, 0.03: 1}
    group = {"Name": "TargetGroup", "Value": "targetgroup/httpd/0123"}
    assert {"Name": "LoadBalancer", "Value": BALANCER} in times["Dimensions"]
    assert any(group in item["Dimensions"] for item in taken.data)

"""When figures are sent to CloudWatch, and states measured."""

from __future__ import annotations

import queue
from typing import Any

from lab_helpers.local_aws.kit.clock import SystemClock
from lab_helpers.local_aws.kit.metrics import Metric, MetricPublisher, Sample

REGION = "ap-northeast-1"
LINES = Metric("AWS/Logs", "IncomingLogEvents", "Count")


class CloudWatch:
    """Takes calls: (metric's name, sum) of each datum."""

    def __init__(self) -> None:
        self.calls: queue.Queue[list[tuple[str, float]]] = queue.Queue()

    def put_metric_data(self, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: ARG002, N803
        self.calls.put([(each["MetricName"], each["StatisticValues"]["Sum"]) for each in MetricData])


def test_figures_are_gathered_and_sent_together() -> None:
    """What comes within a second goes in one call, by itself."""
    taken = CloudWatch()
    publisher = MetricPublisher(lambda _: taken, SystemClock())
    publisher.start()
    publisher.add(REGION, LINES, 2, at_s=60)
    publisher.add(REGION, LINES, 3, at_s=60)
    assert taken.calls.get(timeout=20) == [("IncomingLogEvents", 5)]
    publisher.stop()
    assert taken.calls.empty()


def test_what_is_left_is_sent_at_the_end() -> None:
    """Once; states are not measured for it, and a publisher that never ran sends nothing."""
    taken, asked = CloudWatch(), list[str]()

    def sample() -> list[Sample]:
        asked.append("sample")
        return []

    never = MetricPublisher(lambda _: taken, SystemClock(), sample)
    never.add(REGION, LINES, 1, at_s=60)
    never.stop()
    assert taken.calls.empty()
    publisher = MetricPublisher(lambda _: taken, SystemClock(), sample)
    publisher.start()
    publisher.add(REGION, LINES, 4, at_s=60)
    publisher.stop()
    publisher.stop()
    assert taken.calls.get_nowait() == [("IncomingLogEvents", 4)]
    assert taken.calls.empty()
    assert asked == []

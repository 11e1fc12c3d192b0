"""What follows from events that were taken: metrics of the group, metric filters, embedded metrics, subscriptions.

Source: "CloudWatch Logs metrics" of the CloudWatch Logs User Guide (namespace AWS/Logs; with LogGroupName, and without
any dimension for the account).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab_helpers.local_aws.kit.api import ApiRequest
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.metrics import Metric, MetricPublisher
from lab_helpers.local_aws.logs import embedded_metrics, metric_filters
from lab_helpers.local_aws.logs.events import ID_SHIFT, EventSource, StoredEvent
from lab_helpers.local_aws.logs.subscriptions import NAMESPACE, Batch, Forwarder


class Ingestion:
    """Looks at each batch once it is stored."""

    def __init__(self, source: EventSource, clock: Clock, metrics: MetricPublisher, forwarder: Forwarder) -> None:
        self._source, self._clock, self._metrics, self._forwarder = source, clock, metrics, forwarder

    def took(self, request: ApiRequest, group: str, events: Sequence[Mapping[str, Any]], size_bytes: int) -> None:
        """Count a batch of events, measure it, and hand it to the group's subscriptions."""
        region = request.region
        for dimensions in ((("LogGroupName", group),), ()):
            self._metrics.add(region, Metric(NAMESPACE, "IncomingLogEvents", "None", dimensions), len(events))
            self._metrics.add(region, Metric(NAMESPACE, "IncomingBytes", "Bytes", dimensions), size_bytes)
        filters = [each for each in self._source.metric_filters(region) if each["logGroupName"] == group]
        now_s = self._clock.now().timestamp()
        for metric, value, at_s in metric_filters.measure(filters, events, now_s):
            self._metrics.add(region, metric, value, at_s)
        for metric, value, at_s in embedded_metrics.measure(events):
            self._metrics.add(region, metric, value, at_s)

    def forward(self, request: ApiRequest, group: str, stream: str, stored: Sequence[StoredEvent]) -> None:
        """Hand stored events to the group's subscriptions."""
        for subscription in self._source.subscriptions(request.region, group):
            events = [
                {"id": str((e.timestamp << ID_SHIFT) + e.event_id), "timestamp": e.timestamp, "message": e.message}
                for e in stored
            ]
            self._forwarder.send(Batch(request.region, request.account_id, group, stream, subscription, events))

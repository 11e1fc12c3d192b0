"""What a delivery stream publishes to CloudWatch (namespace AWS/Firehose, dimension DeliveryStreamName).

Source: "Monitor Amazon Data Firehose metrics".
Not modelled: quota, latency of calls, data format conversion and encryption metrics.
"""

from __future__ import annotations

from lab_helpers.local_aws.firehose.journal import Segment
from lab_helpers.local_aws.kit.metrics import Metric, MetricPublisher

NAMESPACE = "AWS/Firehose"


class StreamMetrics:
    """One stream's figures."""

    def __init__(self, publisher: MetricPublisher, region: str, stream: str) -> None:
        self._publisher, self._region = publisher, region
        self._dimensions = (("DeliveryStreamName", stream),)

    def accepted(self, call: str, records: int, size_bytes: int, throttled: int) -> None:
        """A call (PutRecord or PutRecordBatch) was answered: what was taken, and how many records were not."""
        self._add(f"{call}.Requests", 1)
        self._add(f"{call}.Bytes", size_bytes, "Bytes")
        if call == "PutRecordBatch":
            self._add(f"{call}.Records", records)
        if records:
            self._add("IncomingRecords", records)
            self._add("IncomingBytes", size_bytes, "Bytes")
        self._add("IncomingPutRequests", 1)
        self._add("ThrottledRecords", throttled)

    def delivered(self, segment: Segment, succeeded: bool, now_s: float) -> None:
        """An attempt to deliver was made."""
        self._add("DeliveryToS3.Success", 1.0 if succeeded else 0.0)
        if succeeded:
            self._add("DeliveryToS3.Records", segment.records)
            self._add("DeliveryToS3.Bytes", segment.size_bytes, "Bytes")
        self.waiting(segment.oldest_at, now_s)

    def waiting(self, oldest_at: float, now_s: float) -> None:
        """The oldest record that is held arrived at `oldest_at` (epoch seconds)."""
        self._add("DeliveryToS3.DataFreshness", max(0.0, now_s - oldest_at), "Seconds")

    def _add(self, name: str, value: float, unit: str = "Count") -> None:
        metric = Metric(NAMESPACE, name, unit, self._dimensions, is_spread=unit == "Seconds")
        self._publisher.add(self._region, metric, value)

"""Delivery metrics in CloudWatch (namespace AWS/Firehose, dimension DeliveryStreamName).

Source: Monitor Amazon Data Firehose metrics. Sent when a delivery was tried, for what that delivery held; AWS sends
every minute, so sums agree and the time axis is coarser here.
Not modelled: throttling, quota and API-level metrics.
"""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.firehose.journal import Segment
from lab_helpers.local_aws.kit.clock import Clock

_LOG = logging.getLogger(__name__)
NAMESPACE = "AWS/Firehose"


def delivery_data(stream: str, segment: Segment, succeeded: bool, clock: Clock) -> list[dict[str, Any]]:
    """Return the MetricData of one attempt; Incoming* only with the attempt that succeeded."""
    at = clock.now()
    freshness_s = max(0.0, at.timestamp() - segment.oldest_at)
    data = [("DeliveryToS3.Success", 1.0 if succeeded else 0.0, "Count")]
    if succeeded:
        data += [
            ("DeliveryToS3.Records", float(segment.records), "Count"),
            ("DeliveryToS3.Bytes", float(segment.size_bytes), "Bytes"),
            ("IncomingRecords", float(segment.records), "Count"),
            ("IncomingBytes", float(segment.size_bytes), "Bytes"),
        ]
    data.append(("DeliveryToS3.DataFreshness", freshness_s, "Seconds"))
    dimensions = [{"Name": "DeliveryStreamName", "Value": stream}]
    return [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value, "Unit": unit}
        for name, value, unit in data
    ]


def send(cloudwatch: Any, data: list[dict[str, Any]]) -> None:
    """Put the metrics; a failure is logged and costs nothing but the figures."""
    try:
        cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
    except (ClientError, BotoCoreError) as exc:
        _LOG.warning("Firehose metrics were not taken: %s", exc)

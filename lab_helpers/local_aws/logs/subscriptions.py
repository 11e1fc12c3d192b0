"""Subscription filters at work: events that fit go to a Firehose or Kinesis stream with the filter's role.

PutLogEvents never waits for it and never fails for it: batches stand in a queue, and one thread sends them.
Source: "Real-time processing of log data with subscriptions" of the CloudWatch Logs User Guide (form of a record,
retries for up to 24 hours); PutSubscriptionFilter (the test message).
Not modelled: Lambda; destinations of other accounts (moto's). A queue of QUEUE_MAX batches instead of AWS's 24 hours.
"""

from __future__ import annotations

import gzip
import json
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.metrics import Metric, MetricPublisher
from lab_helpers.local_aws.kit.rounds import Rounds
from lab_helpers.local_aws.kit.service import Clients
from lab_helpers.local_aws.logs.events import Subscription
from lab_helpers.local_aws.logs.filter_pattern import compile_pattern

_LOG = logging.getLogger(__name__)
VENDORS = {"firehose": "Firehose", "kinesis": "Kinesis"}
QUEUE_MAX = 1_000
RECORD_BYTES = 900_000
"""Messages in one record before they are compressed: what does not shrink must still fit."""
RETRY_S, ATTEMPTS = 1.0, 30
NAMESPACE = "AWS/Logs"
_RETRIED = {"ServiceUnavailableException", "ProvisionedThroughputExceededException", "InternalFailure", "Throttling"}


@dataclass(frozen=True)
class Batch:
    """Events of one stream of a log group, as stored (id, timestamp, message), for one filter."""

    region: str
    account_id: str
    group: str
    stream: str
    subscription: Subscription
    events: Sequence[Mapping[str, Any]]


class Forwarder:
    """Owns the queue and the thread that empties it."""

    def __init__(self, clients: Clients, clock: Clock, metrics: MetricPublisher) -> None:
        self._clients, self._clock, self._metrics = clients, clock, metrics
        self._queue: deque[Batch] = deque()
        self._busy = False
        self._rounds = Rounds("logs-subscriptions", clock, self._send_next, self._due_in_s, at_end=self._send_all)
        self._changed = self._rounds.changed

    def check(self, request: ApiRequest) -> None:
        """Send AWS's test message to a new filter's destination; raises AwsError InvalidParameterException."""
        params = request.params
        vendor = str(params["destinationArn"]).split(":")[2] if params["destinationArn"].count(":") > 4 else ""
        if vendor not in VENDORS:
            return
        if not params.get("roleArn"):
            raise AwsError(
                "InvalidParameterException", f"destinationArn for vendor {vendor} cannot be used without roleArn"
            )
        name = VENDORS[vendor]
        record = _packed(
            "CONTROL_MESSAGE", "CloudwatchLogs", "", "", [],
            [{"id": "", "timestamp": _ms(self._clock),
              "message": f"CWL CONTROL MESSAGE: Checking health of destination {name}."}],
        )  # fmt: skip
        try:
            self._put(request.region, params["destinationArn"], params["roleArn"], [record])
        except (ClientError, BotoCoreError) as exc:
            raise AwsError(
                "InvalidParameterException",
                f"Could not deliver test message to specified {name} stream. Check if the given {name} stream is in "
                "ACTIVE state.",
            ) from exc

    def send(self, batch: Batch) -> None:
        """Take the events of a batch that the filter's pattern fits."""
        if batch.subscription.destination_arn.split(":")[2] not in VENDORS:
            return
        fits = compile_pattern(batch.subscription.pattern)
        events = [event for event in batch.events if fits(event["message"])]
        if not events:
            return
        kept = Batch(batch.region, batch.account_id, batch.group, batch.stream, batch.subscription, events)
        with self._changed:
            if len(self._queue) >= QUEUE_MAX:
                lost = self._queue.popleft()
                _LOG.error("subscription %s is behind: %d events are lost", lost.subscription.name, len(lost.events))
            self._queue.append(kept)
            self._changed.notify_all()

    def start(self) -> None:
        """Start sending; a second call changes nothing."""
        self._rounds.start()

    def stop(self) -> None:
        """Send what is queued, once, and end."""
        self._rounds.stop()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until everything was sent or given up; for tests."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout_s)

    def _due_in_s(self) -> float | None:
        return 0.0 if self._queue else None

    def _send_all(self) -> None:
        while self._queue:
            self._send_next()

    def _send_next(self) -> None:
        with self._changed:
            batch, self._busy = self._queue.popleft(), True
        try:
            self._deliver(batch)
        except Exception:
            _LOG.exception("subscription %s: a batch could not be sent", batch.subscription.name)
        with self._changed:
            self._busy = False
            self._changed.notify_all()

    def _deliver(self, batch: Batch) -> None:
        records = [
            _packed("DATA_MESSAGE", batch.account_id, batch.group, batch.stream, [batch.subscription.name], events)
            for events in _parts(batch.events)
        ]
        for attempt in range(ATTEMPTS):
            try:
                records = self._put(
                    batch.region, batch.subscription.destination_arn, batch.subscription.role_arn, records
                )
            except (ClientError, BotoCoreError) as exc:
                if not _is_passing(exc):
                    self._count(batch, "DeliveryErrors", 1)
                    _LOG.warning("subscription %s: events not delivered: %s", batch.subscription.name, exc)
                    return
            if not records:
                self._count(batch, "ForwardedLogEvents", len(batch.events))
                self._count(batch, "ForwardedBytes", sum(len(event["message"].encode()) for event in batch.events))
                return
            self._count(batch, "DeliveryThrottling", 1)
            if not self._rounds.pause(RETRY_S) or attempt + 1 == ATTEMPTS:
                _LOG.error("subscription %s: %d events are lost", batch.subscription.name, len(batch.events))
                return

    def _put(self, region: str, arn: str, role: str, records: Sequence[bytes]) -> list[bytes]:
        """Put records; return those that were refused for now."""
        _, _, vendor, _, _, resource = arn.split(":", 5)
        client = self._clients.as_role(vendor, role, "CloudWatchLogs", "logs.amazonaws.com", region)
        name = resource.partition("/")[2]
        if vendor == "firehose":
            answer = client.put_record_batch(DeliveryStreamName=name, Records=[{"Data": data} for data in records])
            return [r for r, one in zip(records, answer["RequestResponses"], strict=True) if one.get("ErrorCode")]
        for at, data in enumerate(records):  # the permission that AWS's guide asks for is kinesis:PutRecord
            try:
                client.put_record(StreamName=name, Data=data, PartitionKey=f"{hash(data) & 0xFFFFFFFF:x}")
            except (ClientError, BotoCoreError) as exc:
                if not _is_passing(exc):
                    raise
                return list(records[at:])
        return []

    def _count(self, batch: Batch, name: str, value: float) -> None:
        vendor = VENDORS[batch.subscription.destination_arn.split(":")[2]]
        dimensions = (
            ("DestinationType", vendor),
            ("FilterName", batch.subscription.name),
            ("LogGroupName", batch.group),
        )
        unit = "Bytes" if name.endswith("Bytes") else "Count"
        self._metrics.add(batch.region, Metric(NAMESPACE, name, unit, dimensions), value)


def _packed(
    kind: str, owner: str, group: str, stream: str, filters: Sequence[str], events: Sequence[Mapping[str, Any]]
) -> bytes:
    members = {
        "messageType": kind,
        "owner": owner,
        "logGroup": group,
        "logStream": stream,
        "subscriptionFilters": list(filters),
        "logEvents": list(events),
    }
    return gzip.compress(json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def _parts(events: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    part, size = list[Mapping[str, Any]](), 0
    for event in events:
        length = len(event["message"].encode()) + 100
        if part and size + length > RECORD_BYTES:
            yield part
            part, size = [], 0
        part.append(event)
        size += length
    yield part


def _is_passing(exc: ClientError | BotoCoreError) -> bool:
    return not isinstance(exc, ClientError) or exc.response["Error"]["Code"] in _RETRIED


def _ms(clock: Clock) -> int:
    return int(clock.now().timestamp() * 1000)

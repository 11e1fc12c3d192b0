"""One delivery stream at work: takes records, keeps them on disk, hands them to delivery in order.

Records counted: received = delivered + held + expired + discarded.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Protocol

from lab_helpers.local_aws.firehose import buffering, journal, limits
from lab_helpers.local_aws.firehose.account import Account
from lab_helpers.local_aws.firehose.definition import Definition
from lab_helpers.local_aws.firehose.error_log import DeliveryError
from lab_helpers.local_aws.firehose.journal import Journal, Segment
from lab_helpers.local_aws.firehose.metrics import StreamMetrics
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.kit.clock import Clock

_LOG = logging.getLogger(__name__)


class Delivery(Protocol):
    """Where a stream's pieces go; see `delivery.S3Delivery`."""

    def put(self, definition: Definition, object_id: str, records: Sequence[bytes], oldest_at: float) -> None:
        """Write one object; raises DeliveryError."""

    def log_error(self, definition: Definition, error: DeliveryError) -> bool:
        """Write one event; return whether it was taken."""


class StreamWorker:
    """Owns one stream's journal and the thread that delivers it.

    Until `define` is called nothing is delivered: a journal that a killed server left waits for its stream.
    """

    def __init__(
        self,
        book: Journal,
        delivery: Delivery,
        clock: Clock,
        quota: limits.Quota,
        metrics: StreamMetrics,
        account: Account | None = None,
    ) -> None:
        self._book, self._delivery, self._clock, self._metrics = book, delivery, clock, metrics
        self._account = account or Account()
        self._condition = threading.Condition()
        self._delivering = threading.Lock()
        self._definition: Definition | None = None
        self._throttle = limits.Throttle(quota, clock.monotonic())
        self._opened_at_s = self._retry_at_s = 0.0
        self._failures = 0
        self._failing_with: str | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.counters = self._account.begin(book.held_records)

    @property
    def held(self) -> tuple[int, int]:
        """Records and bytes that are accepted and not delivered."""
        with self._condition:
            return self._book.held_records, self._book.held_bytes

    def figures(self) -> dict[str, Any]:
        """Return the counters and what is held, of one moment: received = delivered + held + expired + discarded."""
        with self._condition:
            figures = {**asdict(self.counters), "held": self._book.held_records, "held_bytes": self._book.held_bytes}
            return {**figures, "failing_with": self._failing_with}

    @property
    def failing_with(self) -> str | None:
        """Firehose's code of the running outage, None when all is well."""
        return self._failing_with

    def define(self, definition: Definition) -> None:
        """Take a new version of the stream's definition, and try at once what is waiting for a retry."""
        with self._condition:
            self._definition, self._retry_at_s = definition, 0.0
            self._condition.notify_all()

    def accept(self, records: Sequence[bytes], call: str = "PutRecordBatch") -> int:
        """Keep as many of the records, from the first on, as the quota allows; return how many.

        They are on disk when this returns. Raises AwsError when the disk does not take them, or the stream ends.
        """
        with self._condition:
            if self._stopping:
                raise AwsError("ServiceUnavailableException", "The delivery stream is being stopped or deleted.", 503)
            now_s = self._clock.monotonic()
            admitted = self._throttle.admit([len(data) for data in records], now_s)
            self.counters.throttled += len(records) - admitted
            if admitted:
                self._keep(records[:admitted], now_s)
        self._metrics.accepted(call, admitted, sum(map(len, records[:admitted])), len(records) - admitted)
        return admitted

    def publish_age(self) -> None:
        """Tell CloudWatch how old the oldest held record is."""
        with self._condition:
            oldest_at = self._book.oldest_at
        if oldest_at is not None:
            self._metrics.waiting(oldest_at, self._clock.now().timestamp())

    def start(self) -> None:
        """Start delivering; a second call changes nothing."""
        with self._condition:
            if self._thread is None and not self._stopping:
                name = f"firehose-{self._book.folder.name}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Stop the thread, then try once to deliver everything held; what does not go stays on disk."""
        self._end_thread()
        self.flush()

    def discard(self) -> None:
        """Stop, and forget what is held: the stream is deleted."""
        self._end_thread()
        with self._delivering, self._condition:
            self.counters.discarded += self._book.held_records
            self._book.discard()
        self._account.forget()

    def step(self) -> None:
        """Deliver what is due now."""
        with self._delivering:
            while (segment := self._next_due()) is not None:
                self._deliver(segment)

    def due_in_s(self) -> float | None:
        """Return the seconds until something is due, None when nothing is held or nothing is defined."""
        with self._condition:
            if self._definition is None:
                return None
            now_s = self._clock.monotonic()
            if self._book.closed:
                return max(0.0, self._retry_at_s - now_s)
            if not self._book.is_open:
                return None
            hints = self._definition.destination.hints
            return buffering.due_in_s(self._book.open_bytes, self._opened_at_s, hints, now_s)

    def flush(self) -> None:
        """Deliver everything held, due or not; stops at the first failure."""
        with self._delivering:
            with self._condition:
                self._book.cut()
                waiting = list(self._book.closed) if self._definition is not None else []
            for segment in waiting:
                if not self._deliver(segment):
                    return

    def _keep(self, records: Sequence[bytes], now_s: float) -> None:
        if not self._book.is_open:
            self._opened_at_s = now_s
        try:
            self._book.append(records, self._clock.now().timestamp())
        except OSError as exc:
            raise AwsError("InternalFailure", f"Firehose's journal could not be written: {exc}", 500) from exc
        self.counters.received += len(records)
        # While deliveries fail only the size cuts, so that an outage leaves few large objects, not one an interval.
        if self._definition and self._book.open_bytes >= self._definition.destination.hints.size_bytes:
            self._book.cut()
        self._condition.notify_all()

    def _run(self) -> None:
        while True:
            pause_s = self._step_safely()
            with self._condition:
                due_in_s = self.due_in_s() if pause_s is None else pause_s
                if not self._stopping and due_in_s != 0:
                    self._clock.wait(self._condition, due_in_s)
                if self._stopping:
                    return

    def _step_safely(self) -> float | None:
        """Do a step; after a fault of ours return the seconds to pause: without this thread nothing is delivered."""
        try:
            self.step()
        except Exception:
            _LOG.exception("%s: a step of delivery failed", self._book.folder.name)
            return buffering.RETRY_FIRST_S
        return None

    def _end_thread(self) -> None:
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _next_due(self) -> Segment | None:
        with self._condition:
            if self._stopping or self.due_in_s() != 0:
                return None
            if not self._book.closed:
                self._book.cut()
            return self._book.closed[0]

    def _deliver(self, segment: Segment) -> bool:
        definition = self._definition
        assert definition is not None
        try:
            self._delivery.put(definition, segment.object_id, journal.read(segment), segment.oldest_at)
        except DeliveryError as error:
            self._failed(definition, segment, error)
            return False
        except Exception as exc:  # a fault of ours counts as a failed attempt, and is retried like one
            _LOG.exception("%s: an attempt to deliver failed", definition.name)
            self._failed(definition, segment, DeliveryError("InternalError", repr(exc)))
            return False
        with self._condition:
            self._book.drop(segment)
            self._failures, self._failing_with, self._retry_at_s = 0, None, 0.0
            self.counters.delivered += segment.records
            self.counters.objects += 1
            self._account.keep(self.counters)
        self._metrics.delivered(segment, True, self._clock.now().timestamp())
        return True

    def _failed(self, definition: Definition, segment: Segment, error: DeliveryError) -> None:
        is_news = error.code != self._failing_with
        with self._condition:
            self._failures += 1
            self.counters.failed_attempts += 1
            self._failing_with = error.code
            self._retry_at_s = self._clock.monotonic() + buffering.retry_in_s(self._failures)
            self._expire()
        if is_news:
            _LOG.warning("%s cannot deliver, everything is kept and tried again: %s", definition.name, error)
            self.counters.error_events += self._delivery.log_error(definition, error)
        self._metrics.delivered(segment, False, self._clock.now().timestamp())

    def _expire(self) -> None:
        kept_since = self._clock.now().timestamp() - buffering.RETENTION_S
        for segment in [found for found in self._book.closed if found.newest_at < kept_since]:
            _LOG.error("%d records could not be delivered for 24 hours and are lost", segment.records)
            self._book.drop(segment)
            self.counters.expired += segment.records
            self._account.keep(self.counters)

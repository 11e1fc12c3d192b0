"""FirehoseService: one worker a delivery stream, journals on disk, definitions asked of the API."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from lab_helpers.base.paths import inside
from lab_helpers.local_aws.firehose import limits
from lab_helpers.local_aws.firehose.account import Account
from lab_helpers.local_aws.firehose.definition import Definition, parse_definition
from lab_helpers.local_aws.firehose.delivery import PRINCIPAL, S3Delivery
from lab_helpers.local_aws.firehose.journal import Journal, identity_of
from lab_helpers.local_aws.firehose.metrics import StreamMetrics
from lab_helpers.local_aws.firehose.operations import Operations, Streams
from lab_helpers.local_aws.firehose.stream import StreamWorker
from lab_helpers.local_aws.kit.api import Handler, WsgiApp
from lab_helpers.local_aws.kit.metrics import MetricPublisher, Sample
from lab_helpers.local_aws.kit.service import ServiceContext

_LOG = logging.getLogger(__name__)


class FirehoseService:
    """Firehose of the local AWS; `quota_of` gives a region's quota (AWS's own unless told otherwise)."""

    name = "firehose"

    def __init__(self, context: ServiceContext, quota_of: Callable[[str], limits.Quota] = limits.quota_of) -> None:
        self._context, self._quota_of = context, quota_of
        self._lock = threading.Lock()
        self._workers: dict[tuple[str, str], StreamWorker] = {}
        self._defined: set[tuple[str, str]] = set()
        self._running = False
        self._metrics = MetricPublisher(
            lambda region: context.clients.as_service("cloudwatch", PRINCIPAL, region), context.clock, self._ages
        )

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        """Return the operations that this service answers itself."""
        return Operations(Streams(self._worker, self._define, self._delete, self._may_assume, self._s3_of)).table()

    def routes(self) -> Mapping[str, WsgiApp]:
        """Firehose has no plain HTTP endpoints."""
        return {}

    def start(self) -> None:
        """Start delivering, also what an earlier server accepted for streams that are still there."""
        with self._lock:
            self._running = True
            for worker in self._workers.values():
                worker.start()
        self._metrics.start()
        for folder in sorted(self._context.data_dir.glob("*/*")):
            self._take_up(folder)

    def _take_up(self, folder: Path) -> None:
        if self._define(folder.parent.name, _stream_in(folder)) is None:
            records = Journal(folder, identity_of(folder)).held_records
            _LOG.warning("%s is no more: %d records that it had accepted are dropped", folder.name, records)
            shutil.rmtree(folder)

    def stop(self) -> None:
        """Stop, and deliver once more what is held."""
        with self._lock:
            workers, self._workers = list(self._workers.values()), {}
            self._defined.clear()
            self._running = False
        for worker in workers:
            worker.stop()
        self._metrics.stop()

    def status(self) -> dict[str, Any]:
        """Return the counters of each stream; received = delivered + held + expired + discarded."""
        with self._lock:
            workers = dict(self._workers)
        return {"streams": {f"{region}/{name}": worker.figures() for (region, name), worker in workers.items()}}

    def _ages(self) -> Iterable[Sample]:
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            worker.publish_age()
        return ()

    def _worker(self, region: str, name: str) -> StreamWorker | None:
        with self._lock:
            if (region, name) in self._defined:
                return self._workers[region, name]
        # A stream that was made before this service saw its creation.
        return self._define(region, name)

    def _define(self, region: str, name: str) -> StreamWorker | None:
        definition = self._describe(region, name)
        if definition is None:
            return None
        with self._lock:
            worker = self._open(region, name, definition.identity)
            self._defined.add((region, name))
        worker.define(definition)
        return worker

    def _may_assume(self, region: str, role_arn: str, name: str) -> bool:
        try:
            self._context.clients.assume(role_arn, name, PRINCIPAL, region)
        except ClientError:
            return False
        return True

    def _delete(self, region: str, name: str) -> None:
        with self._lock:
            self._defined.discard((region, name))
            worker = self._workers.pop((region, name), None)
        if worker is not None:
            worker.discard()

    def _describe(self, region: str, name: str) -> Definition | None:
        description = self._description(region, name)
        return None if description is None else parse_definition(description)

    def _s3_of(self, region: str, name: str) -> Mapping[str, Any]:
        """Return a stream's extended S3 description; empty where there is none."""
        destinations = (self._description(region, name) or {}).get("Destinations") or [{}]
        found: Mapping[str, Any] = destinations[0].get("ExtendedS3DestinationDescription") or {}
        return found

    def _description(self, region: str, name: str) -> Mapping[str, Any] | None:
        client = self._context.clients.as_service("firehose", PRINCIPAL, region)
        try:
            answer = client.describe_delivery_stream(DeliveryStreamName=name)
        except ClientError as exc:
            if exc.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        found: Mapping[str, Any] = answer["DeliveryStreamDescription"]
        return found

    def _open(self, region: str, name: str, identity: str) -> StreamWorker:
        """Return the stream's worker, made if need be; the lock is held."""
        if (region, name) not in self._workers:
            context = self._context
            book = Journal(inside(context.data_dir, region, _folder_of(name)), identity)
            if book.dropped:
                _LOG.warning("%s: %d records of another stream of that name are dropped", name, book.dropped)
            delivery = S3Delivery(context.clients, context.clock, region)
            metrics = StreamMetrics(self._metrics, region, name)
            account = Account(context.kept, f"{region}/{name}", identity)
            worker = StreamWorker(book, delivery, context.clock, self._quota_of(region), metrics, account)
            if book.held_records:
                _LOG.warning("%s: %d records kept from before this start", name, book.held_records)
            self._workers[region, name] = worker
            if self._running:
                worker.start()
        return self._workers[region, name]


def _folder_of(stream: str) -> str:
    """Return the name of a stream's folder; AWS takes the names `.` and `..`."""
    return f"_{stream}" if stream in {".", ".."} else stream


def _stream_in(folder: Path) -> str:
    return folder.name[1:] if folder.name in {"_.", "_.."} else folder.name

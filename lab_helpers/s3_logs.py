"""Objects that Firehose delivered to S3 -> a DataFrame of log lines, in parallel over objects."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from botocore.exceptions import IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import NotFoundError
from lab_helpers.base.lazy import np, pa, pd
from lab_helpers.base.parallel import OnProgress, Progress, in_order
from lab_helpers.logs import frames, records
from lab_helpers.logs.compression import Unpacked, size_hint, unpack
from lab_helpers.logs.frames import TIME, Moment

logger = logging.getLogger(__name__)

WORKERS = 8
BODY_ATTEMPTS = 4
READERS = min(os.cpu_count() or 1, 2)
"""Threads that unpack objects and turn their text into tables. More would take the interpreter from each other."""
BATCH_BYTES = 8 << 20
"""Objects are read together up to so much text: with less, more time goes into calls of few rows each, and the threads
take the interpreter from each other more often; more falls out of the processor's cache.
"""
DAMAGED = "damaged_objects"
"""Name in `frame.attrs` of the list of objects that could not be read in full."""

OBJECT_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("size", pa.int64()),
        ("first_record_at", TIME),
        ("delivered_at", TIME),
        ("fill_s", pa.float64()),
    ]
)
_FIREHOSE_KEY = re.compile(r"-(\d{4})-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-[0-9a-fA-F-]{36}")


@dataclass(frozen=True)
class StoredObject:
    """One object of a listing; `size` in bytes as stored (compressed)."""

    key: str
    size: int
    delivered_at: datetime


Fetched = tuple[StoredObject, bytes | None]
"""An object and its bytes as stored; None: deleted since it was listed."""


@dataclass(frozen=True)
class Damage:
    """An object that could not be read in full, why, and the number of lines that were read all the same."""

    key: str
    why: str
    lines_read: int


def read_objects(
    client: Any,
    bucket: str,
    prefix: str = "",
    since: Moment | None = None,
    until: Moment | None = None,
    *,
    workers: int = WORKERS,
    on_progress: OnProgress | None = None,
) -> pd.DataFrame:
    """Log lines of all objects under a prefix (columns: `frames`), in the order of keys and lines.

    The range is over delivery time (LastModified, whole seconds): `since` included, `until` not. Objects that are
    truncated or not what their name says are read as far as possible and listed by `damaged(frame)`. Raises
    NotFoundError for an unknown bucket, AccessDeniedError, SettingsError for a reversed range; no objects give an
    empty frame with all columns.
    """
    damages: list[Damage] = []
    # a generator: with no other reference to a table its memory is given back while the frame is being made
    frame = frames.to_frame(_tables(_read(client, bucket, prefix, since, until, workers, on_progress), damages))
    return with_damages(frame, damages)


def iter_objects(
    client: Any,
    bucket: str,
    prefix: str = "",
    since: Moment | None = None,
    until: Moment | None = None,
    *,
    workers: int = WORKERS,
    on_progress: OnProgress | None = None,
) -> Iterator[pd.DataFrame]:
    """Like `read_objects`, a frame for some objects each (about `BATCH_BYTES` of text): for logs beyond memory."""
    for table, found in _read(client, bucket, prefix, since, until, workers, on_progress):
        yield with_damages(frames.to_frame([table]), found)


def damaged(frame: pd.DataFrame) -> pd.DataFrame:
    """The objects that a frame of `read_objects` could not read in full: key, why, lines_read."""
    return pd.DataFrame(frame.attrs.get(DAMAGED, []), columns=["key", "why", "lines_read"])


def list_objects(
    client: Any, bucket: str, prefix: str = "", since: Moment | None = None, until: Moment | None = None
) -> pd.DataFrame:
    """The delivered objects: key, size (bytes as stored), first_record_at, delivered_at, fill_s.

    `first_record_at` is the time in Firehose's key; `fill_s` the seconds from it to the delivery. Errors as
    `read_objects`.
    """
    found = _listing(client, bucket, prefix, since, until)
    opened = [key_time(item.key) for item in found]
    columns = {
        "key": [item.key for item in found],
        "size": [item.size for item in found],
        "first_record_at": opened,
        "delivered_at": [item.delivered_at for item in found],
        "fill_s": [
            (item.delivered_at - start).total_seconds() if start else None
            for item, start in zip(found, opened, strict=True)
        ],
    }
    return frames.to_frame([frames.from_columns(columns, len(found), OBJECT_SCHEMA)], OBJECT_SCHEMA)


def head(client: Any, bucket: str, key: str, lines: int = 5, containing: str = "") -> str:
    """Return the first lines (that contain a text) of an object, unpacked, as they are. Errors as `read_objects`."""
    with aws_errors("GetObject"):
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    content = unpack(body, key).data
    found = (line for line in bytes(content).decode("utf-8", "replace").splitlines() if containing in line)
    return "\n".join(islice(found, lines))


def key_time(key: str) -> datetime | None:
    """The time in a Firehose key `…/<stream>-<version>-YYYY-MM-DD-HH-MM-SS-<uuid>`; None for other keys."""
    found = _FIREHOSE_KEY.search(key)
    try:
        return datetime(*(int(part) for part in found.groups()), tzinfo=UTC) if found else None  # type: ignore[misc, arg-type]
    except ValueError:
        return None


def each_object(
    client: Any,
    bucket: str,
    prefix: str = "",
    since: Moment | None = None,
    until: Moment | None = None,
    workers: int = WORKERS,
    on_progress: OnProgress | None = None,
    damages: list[Damage] | None = None,
) -> Iterator[tuple[StoredObject, Unpacked]]:
    """The unpacked objects under a prefix in the order of their keys, for logs of other forms.

    As `read_objects` else.
    """
    for item, body in _fetched(client, bucket, prefix, since, until, workers, on_progress):
        unpacked = _unpack(item, body)
        if unpacked.why and damages is not None:
            damages.append(Damage(item.key, unpacked.why, unpacked.data.count(b"\n")))
        yield item, unpacked


def with_damages(frame: pd.DataFrame, damages: list[Damage]) -> pd.DataFrame:
    """The frame, with the list that `damaged` reads."""
    frame.attrs[DAMAGED] = [asdict(damage) for damage in damages]
    return frame


def _read(
    client: Any,
    bucket: str,
    prefix: str,
    since: Moment | None,
    until: Moment | None,
    workers: int,
    on_progress: OnProgress | None,
) -> Iterator[tuple[pa.Table, list[Damage]]]:
    """Tables of some objects each: fetched by `workers` threads, unpacked and read by `READERS`."""
    reader = records.Reader()
    batches = _batches(_fetched(client, bucket, prefix, since, until, workers, on_progress))
    for table, damages in in_order(lambda batch: _read_batch(batch, reader), batches, READERS, ahead=READERS + 1):
        for damage in damages:
            logger.warning("%s: %s, %s lines read", damage.key, damage.why, damage.lines_read)
        yield table, damages


def _fetched(
    client: Any,
    bucket: str,
    prefix: str,
    since: Moment | None,
    until: Moment | None,
    workers: int,
    on_progress: OnProgress | None,
) -> Iterator[Fetched]:
    found = _listing(client, bucket, prefix, since, until)
    bodies = in_order(lambda item: (item, _body(client, bucket, item.key)), found, workers)
    for done, fetched in enumerate(bodies, start=1):
        if on_progress:
            on_progress(Progress(done, len(found), "objects"))
        yield fetched


def _tables(read: Iterator[tuple[pa.Table, list[Damage]]], damages: list[Damage]) -> Iterator[pa.Table]:
    for table, found in read:
        damages += found
        yield table


def _batches(objects: Iterable[Fetched]) -> Iterator[list[Fetched]]:
    batch, size = list[Fetched](), 0
    for item, body in objects:
        batch.append((item, body))
        size += size_hint(body or b"")
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read_batch(batch: list[Fetched], reader: records.Reader) -> tuple[pa.Table, list[Damage]]:
    reasons: list[str] = []
    table, owner = reader.read_parts(_texts(batch, reasons))
    delivered = np.array([item.delivered_at.replace(tzinfo=None) for item, _ in batch], "datetime64[us]")
    columns = {
        "s3_key": pa.DictionaryArray.from_arrays(pa.array(owner.astype(np.int32)), [item.key for item, _ in batch]),
        "delivered_at": pa.array(delivered[owner]).cast(TIME),
    }
    rows = np.bincount(owner, minlength=len(batch)).tolist()
    found = zip(batch, reasons, rows, strict=True)
    return frames.with_columns(table, columns), [Damage(item.key, why, n) for (item, _), why, n in found if why]


def _texts(batch: list[Fetched], reasons: list[str]) -> Iterator[bytes]:
    """Each object's text, unpacked when it is asked for, so that it is read while the processor still has it at hand;
    why it is not whole (empty: it is) goes to `reasons`.
    """
    for item, body in batch:
        unpacked = _unpack(item, body)
        reasons.append(unpacked.why)
        yield unpacked.data


def _listing(client: Any, bucket: str, prefix: str, since: Moment | None, until: Moment | None) -> list[StoredObject]:
    start, end = frames.time_range(since, until)
    with aws_errors("ListObjectsV2"):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = [
            StoredObject(item["Key"], item["Size"], item["LastModified"].astimezone(UTC))
            for page in pages
            for item in page.get("Contents", ())
            if not item["Key"].startswith("_")  # hidden, as for Athena, which keeps its answers in such a folder
        ]
    if start and start == end:
        return []  # an empty range stays empty; the whole second below would let objects in
    # LastModified has whole seconds: an object of the same second as `since` belongs to the range
    floor = start.replace(microsecond=0) if start else None
    return [o for o in found if (not floor or o.delivered_at >= floor) and (not end or o.delivered_at < end)]


def _unpack(item: StoredObject, body: bytes | None) -> Unpacked:
    return Unpacked(b"", "deleted since it was listed") if body is None else unpack(body, item.key)


def _body(client: Any, bucket: str, key: str) -> bytes | None:
    """An object's bytes, None when it is gone. boto3 retries the call, but not a body that breaks off."""
    with suppress(NotFoundError), aws_errors("GetObject"):
        for attempt in range(BODY_ATTEMPTS):
            try:
                return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
            except (IncompleteReadError, ReadTimeoutError, ResponseStreamingError):
                logger.info("%s broke off, attempt %d", key, attempt + 1)
                if attempt + 1 == BODY_ATTEMPTS:
                    raise
    return None

"""What a trial left behind: records in each destination, calls by role, the balance of its lines."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.router.recording.recorder import Recorded
from lab_helpers.router.records.json_text import dumps
from lab_helpers.trying.outside.sent import address
from lab_helpers.trying.place import DELIVERY_BUCKET

_AS_PRINTED = re.compile(r"\[\d+\] \S*: \[\[")
"""The beginning of a record in stdout's own format."""
MOST_RECORDS = 10_000
"""Shown of one object or one file."""


@dataclass(frozen=True)
class Arrived:
    """One record: the kind of its destination, which one, and where in it (stream or key); `record` is a text or JSON.

    `kind` is "cloudwatch", "firehose", "kinesis", "s3", "stdout" (what the router printed itself), or the name of a
    plugin that leads outside AWS.
    """

    kind: str
    destination: str
    place: str
    record: Any


def in_cloudwatch(logs: Any) -> Iterator[Arrived]:
    """Return the events of all groups, the router's own log with them."""
    with aws_errors("FilterLogEvents"):
        for page in logs.get_paginator("describe_log_groups").paginate():
            for group in (each["logGroupName"] for each in page["logGroups"]):
                yield from _events(logs, group)


def in_s3(s3: Any) -> Iterator[Arrived]:
    """Return the records of all objects; those that delivery streams wrote are of kind "firehose"."""
    with aws_errors("ListObjectsV2"):
        for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for item in page.get("Contents", []):
                    body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
                    yield from _in_object(bucket, item["Key"], body)


def in_kinesis(kinesis: Any) -> Iterator[Arrived]:
    """Return the records of all data streams."""
    with aws_errors("GetRecords"):
        for stream in kinesis.list_streams()["StreamNames"]:
            for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
                start = kinesis.get_shard_iterator(
                    StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
                )
                read = kinesis.get_records(ShardIterator=start["ShardIterator"], Limit=MOST_RECORDS)
                for each in read["Records"]:
                    text = each["Data"].decode(errors="replace").rstrip("\n")
                    yield Arrived("kinesis", stream, shard["ShardId"], _record(text))


def outside(recordings: Sequence[Recorded]) -> Iterator[Arrived]:
    """Return the records that were kept in place of being sent outside AWS, as they were before the output's form."""
    for each in recordings:
        where = address(each.plugin, each.options, each.core)
        for tag, records in each.chunks:
            for record in records[:MOST_RECORDS]:
                yield Arrived(each.plugin, where, tag, json.loads(dumps(record.body)))


def printed(events: Iterable[Arrived]) -> Iterator[Arrived]:
    """Return the records that an output `stdout` printed, in any of its formats, among the router's own log."""
    for each in events:
        for record in _printed(each.record):
            yield Arrived("stdout", "of the router", each.place, record)


def _printed(said: Any) -> Iterable[Any]:
    if not isinstance(said, str):
        return [said]  # json_lines
    if said.startswith("[{"):
        return _list_of(said)
    if said.startswith("{"):
        return _records_of(said)  # json_stream
    return [said] if _AS_PRINTED.match(said) else []


def _list_of(text: str) -> list[Any]:
    try:
        return list(json.loads(text))
    except (ValueError, RecursionError):
        return [text]  # a piece of a long line


def _events(logs: Any, group: str) -> Iterator[Arrived]:
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
        for event in page["events"]:
            yield Arrived("cloudwatch", group, event["logStreamName"], _record(event["message"]))


def _in_object(bucket: str, key: str, body: bytes) -> Iterator[Arrived]:
    if body.startswith(b"\x1f\x8b"):
        body = gzip.decompress(body)
    kind, destination = ("firehose", key.partition("/")[0]) if bucket == DELIVERY_BUCKET else ("s3", bucket)
    for line in body.decode(errors="replace").splitlines()[:MOST_RECORDS]:
        for record in _records_of(line):
            yield Arrived(kind, destination, key, record)


def _records_of(line: str) -> Iterator[Any]:
    """Firehose puts records behind each other as they came: the router's have no line break between them."""
    decoder, at = json.JSONDecoder(), 0
    if not line.startswith("{"):
        yield line
        return
    while at < len(line):
        try:
            found, at = decoder.raw_decode(line, at)
        except (ValueError, RecursionError):
            yield line[at:]
            return
        yield found


def _record(text: str) -> Any:
    try:
        found = json.loads(text) if text.startswith("{") else text
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, Mapping) else text

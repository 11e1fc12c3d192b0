"""What happens to records between arrival and delivery: unpacked, taken apart, sorted by partition keys. Pure.

Order: decompression, message extraction, deaggregation, metadata extraction; the delimiter comes at the end.
Source: "Apply dynamic partitioning to aggregated data", "Decompress CloudWatch Logs", "Partition streaming data" of the
Firehose guide (500 parts of a record, 500 active partitions).
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.base import nested_json
from lab_helpers.local_aws.firehose import jq_query

DEAGGREGATED_MAX = 500
PARTITIONS_MAX = 500
METADATA_FAILED = "DynamicPartitioning.MetadataExtractionFailed"
TOO_MANY = "DynamicPartitioning.ActivePartitionsLimitExceeded"
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True)
class Failure:
    """A record that goes to the error prefix, and why; `kind` is the error-output-type."""

    data: bytes
    code: str
    why: str
    kind: str = "processing-failed"


@dataclass(frozen=True)
class Processing:
    """A destination's processors; `deaggregate` is "", "JSON" or the delimiter that separates records."""

    decompress: bool = False
    extract_messages: bool = False
    deaggregate: str | bytes = ""
    query: str = ""
    is_partitioned: bool = False


@dataclass
class Sorted:
    """Records by partition keys, as ((name, value), …) in order of names, and those that failed."""

    partitions: dict[tuple[tuple[str, str], ...], list[bytes]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def parse(configuration: Mapping[str, Any], *, is_partitioned: bool) -> Processing:
    """Read a ProcessingConfiguration."""
    given = {each.get("Type"): parameters(each) for each in processors(configuration)}
    deaggregate: str | bytes = ""
    if "RecordDeAggregation" in given:
        asked = given["RecordDeAggregation"]
        is_json = asked.get("SubRecordType", "JSON") == "JSON"
        deaggregate = "JSON" if is_json else base64.b64decode(asked.get("Delimiter", ""))
    return Processing(
        "Decompression" in given,
        given.get("CloudWatchLogProcessing", {}).get("DataMessageExtraction") == "true",
        deaggregate,
        given.get("MetadataExtraction", {}).get("MetadataExtractionQuery", ""),
        is_partitioned,
    )


def processors(configuration: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the processors that are switched on."""
    return list(configuration.get("Processors") or []) if configuration.get("Enabled") else []


def parameters(processor: Mapping[str, Any]) -> dict[str, str]:
    """Return a processor's parameters by name."""
    return {each["ParameterName"]: str(each["ParameterValue"]) for each in processor.get("Parameters") or []}


def sort(processing: Processing, records: Sequence[bytes]) -> Sorted:
    """Return what becomes of some records."""
    done = Sorted()
    for record in records:
        try:
            for part in _parts(processing, record):
                _place(processing, part, done)
        except (OSError, EOFError, zlib.error, ValueError) as exc:
            done.failures.append(Failure(record, "Decompression.Failed", f"The record could not be unpacked: {exc}"))
    return done


def _parts(processing: Processing, record: bytes) -> Iterator[bytes]:
    data = gzip.decompress(record) if processing.decompress else record
    for part in _messages(data) if processing.extract_messages else [data]:
        if processing.deaggregate == "JSON":
            yield from _json_objects(part)
        elif isinstance(processing.deaggregate, bytes):
            pieces = part.split(processing.deaggregate) if processing.deaggregate else [part]
            yield from (piece for piece in pieces[:DEAGGREGATED_MAX] if piece)
        else:
            yield part


def _messages(data: bytes) -> list[bytes]:
    """Return the messages that CloudWatch Logs packed into a record; none of its test message."""
    document = nested_json.loads(data)
    if not isinstance(document, dict) or document.get("messageType") != "DATA_MESSAGE":
        return []
    return [str(event["message"]).encode() + b"\n" for event in document["logEvents"]]


def _json_objects(data: bytes) -> Iterator[bytes]:
    """Yield the JSON objects that stand one after the other; what is none comes as it is, as the last."""
    text, at = data.decode("utf-8", "replace"), 0
    decoder = json.JSONDecoder()
    for _ in range(DEAGGREGATED_MAX):
        at = _end_of(_SPACE.match(text, at))
        if at >= len(text):
            return
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            value, end = None, len(text)
        if not isinstance(value, dict):
            yield text[at:].encode()
            return
        yield text[at:end].encode()
        at = end


def _end_of(found: re.Match[str] | None) -> int:
    return found.end() if found else 0


def _place(processing: Processing, part: bytes, done: Sorted) -> None:
    if not processing.is_partitioned or not processing.query:
        done.partitions.setdefault((), []).append(part)
        return
    try:
        keys = tuple(sorted(jq_query.extract(processing.query, part).items()))
    except jq_query.ExtractionError as exc:
        done.failures.append(Failure(part, METADATA_FAILED, str(exc)))
        return
    if keys not in done.partitions and len(done.partitions) >= PARTITIONS_MAX:
        why = f"The active partitions limit of {PARTITIONS_MAX} is exceeded."
        done.failures.append(Failure(part, TOO_MANY, why))
        return
    done.partitions.setdefault(keys, []).append(part)

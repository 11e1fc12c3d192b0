"""The objects that a piece of a stream becomes: keys and bytes. Pure, so that a repeated attempt makes the same again.

Source: "Understand data delivery in Amazon Data Firehose": records are concatenated as they are; "Troubleshoot dynamic
partitioning" and "Handling errors for data format conversion" (the documents under the error prefix).
Not modelled: a buffer for each active partition: here the stream has one, and each delivery makes one object for each
partition in it. Error objects are not compressed.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from lab_helpers.local_aws.firehose import conversion, keys, processing
from lab_helpers.local_aws.firehose.compression import compress
from lab_helpers.local_aws.firehose.definition import Definition, S3Destination
from lab_helpers.local_aws.firehose.processing import Failure

PARQUET = ".parquet"


@dataclass(frozen=True)
class Made:
    """An object to be written."""

    key: str
    body: bytes


@dataclass(frozen=True)
class Piece:
    """A closed piece of a stream; times are epoch seconds, `now` that of the attempt."""

    object_id: str
    records: Sequence[bytes]
    oldest_at: float
    now: float


def plain(definition: Definition, target: S3Destination, piece: Piece) -> list[Made]:
    """Return the one object of records that are taken as they are: an S3 backup."""
    body = compress(_join(piece.records, target.delimiter), target.compression)
    return [Made(_key(definition, target, piece, piece.object_id), body)]


def processed(
    definition: Definition, target: S3Destination, piece: Piece, columns: Mapping[str, str], account: tuple[str, str]
) -> list[Made]:
    """Return the objects of a piece: one for each partition, and one for each kind of failure.

    `columns` are those of the table that records are converted by; `account` is (account id, region).
    """
    found = processing.sort(target.processing, piece.records)
    failures = list(found.failures)
    made = []
    for partition, records in found.partitions.items():
        object_id = _id(piece.object_id, partition) if target.processing.is_partitioned else piece.object_id
        body, failed = _body(target, records, columns)
        failures += failed
        if body or target.conversion is None:
            made.append(Made(_key(definition, target, piece, object_id, partition=dict(partition)), body))
    return made + list(_error_objects(definition, target, piece, failures, account))


def _body(target: S3Destination, records: Sequence[bytes], columns: Mapping[str, str]) -> tuple[bytes, list[Failure]]:
    if target.conversion is not None:
        return conversion.to_parquet(target.conversion, columns, records)
    return compress(_join(records, target.delimiter), target.compression), []


def _error_objects(
    definition: Definition, target: S3Destination, piece: Piece, failures: Sequence[Failure], account: tuple[str, str]
) -> Iterator[Made]:
    for kind in dict.fromkeys(failure.kind for failure in failures):
        some = [failure for failure in failures if failure.kind == kind]
        lines = [json.dumps(_document(target, piece, failure, account)) for failure in some]
        object_id = _id(piece.object_id, kind)
        plain_target = replace(target, prefix=target.error_prefix, compression="UNCOMPRESSED", file_extension="")
        key = _key(definition, replace(plain_target, conversion=None), piece, object_id, error_type=kind)
        yield Made(key, "".join(f"{line}\n" for line in lines).encode())


def _document(target: S3Destination, piece: Piece, failure: Failure, account: tuple[str, str]) -> dict[str, Any]:
    is_conversion = failure.kind == conversion.FAILED
    name = ("lastErrorCode", "lastErrorMessage") if is_conversion else ("errorCode", "errorMessage")
    document = {
        "attemptsMade": 1,
        "arrivalTimestamp": int(piece.oldest_at * 1000),
        name[0]: failure.code,
        name[1]: failure.why,
        "attemptEndingTimestamp": int(piece.now * 1000),
        "rawData": base64.b64encode(failure.data).decode(),
    }
    if is_conversion and target.conversion is not None:
        document |= {"sequenceNumber": None, "subSequenceNumber": None}
        document |= conversion.failure_document(target.conversion, *account)
    return document


def _key(
    definition: Definition,
    target: S3Destination,
    piece: Piece,
    object_id: str,
    *,
    error_type: str = "",
    partition: Mapping[str, str] | None = None,
) -> str:
    return keys.object_key(
        prefix=target.prefix,
        stream=definition.name,
        version=definition.version,
        at=datetime.fromtimestamp(piece.oldest_at, UTC),
        object_id=object_id,
        compression=target.compression,
        time_zone=target.time_zone,
        file_extension=target.file_extension or (PARQUET if target.conversion else ""),
        error_type=error_type,
        partition=partition,
    )


def _id(object_id: str, of: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{object_id}/{of}"))


def _join(records: Sequence[bytes], delimiter: bytes) -> bytes:
    return b"".join(record + delimiter for record in records) if delimiter else b"".join(records)

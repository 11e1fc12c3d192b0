"""Firehose's API: definitions stay with moto and are mended here; PutRecord and PutRecordBatch are ours.

What moto gets wrong and this mends: defaults of the destination (buffering hints, compression, encryption, backup mode,
logging) are missing in DescribeDeliveryStream; after UpdateDestination the S3 description holds the update alone.
Not modelled: server-side encryption of the stream (`Encrypted` is always false).
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from lab_helpers.local_aws.firehose import limits
from lab_helpers.local_aws.firehose.checks import S3_INPUTS, check_destination, check_source
from lab_helpers.local_aws.firehose.stream import StreamWorker
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler, NobodyAnswersError

NAME_LENGTH = 64
_WORDS = "[a-zA-Z0-9_.-]+"
_NAME = re.compile(_WORDS)
_DESCRIPTIONS = ("ExtendedS3DestinationDescription", "S3DestinationDescription")
_EXTENDED_ONLY = frozenset(
    {
        "ProcessingConfiguration",
        "S3BackupMode",
        "S3BackupDescription",
        "DataFormatConversionConfiguration",
        "DynamicPartitioningConfiguration",
        "CustomTimeZone",
        "FileExtension",
    }
)
_INPUT_ONLY = frozenset({"S3BackupConfiguration", "S3BackupUpdate"})


class Streams:
    """What the operations need of the service.

    `worker` of a stream; what to do after its definition changed (`defined`, `deleted`); `may_assume` tells whether
    Firehose gets the credentials of a role (region, role, stream); `described` gives a stream's extended S3
    description, empty where there is none.
    """

    def __init__(
        self,
        worker: Callable[[str, str], StreamWorker | None],
        defined: Callable[[str, str], object],
        deleted: Callable[[str, str], None],
        may_assume: Callable[[str, str, str], bool],
        described: Callable[[str, str], Mapping[str, Any]],
    ) -> None:
        self.worker, self.defined, self.deleted, self.may_assume = worker, defined, deleted, may_assume
        self.described = described


class Operations:
    """The handlers."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def table(self) -> dict[tuple[str, str], Handler]:
        """Return the operations by (signing name, operation)."""
        handlers: dict[str, Handler] = {
            "CreateDeliveryStream": self.create,
            "DescribeDeliveryStream": self.describe,
            "UpdateDestination": self.update,
            "DeleteDeliveryStream": self.delete,
            "PutRecord": self.put_record,
            "PutRecordBatch": self.put_record_batch,
            "StartDeliveryStreamEncryption": self.unanswered,
            "StopDeliveryStreamEncryption": self.unanswered,
        }
        return {("firehose", operation): handler for operation, handler in handlers.items()}

    def create(self, request: ApiRequest) -> dict[str, Any]:
        """Make a stream; it is ACTIVE at once."""
        _check_name(request.params.get("DeliveryStreamName"))
        check_source(request.params)
        check_destination(request.params)
        self._check_roles(request)
        answer = request.forward(as_extended(request.params))
        self._streams.defined(request.region, request.params["DeliveryStreamName"])
        return answer

    def describe(self, request: ApiRequest) -> dict[str, Any]:
        """Answer with moto's description, completed."""
        answer = request.forward(None)
        description = answer["DeliveryStreamDescription"]
        description["Destinations"] = [complete(found) for found in description.get("Destinations", [])]
        return answer

    def update(self, request: ApiRequest) -> dict[str, Any]:
        """Change the destination; the version goes up by one."""
        check_destination(request.params, self._streams.described(request.region, request.params["DeliveryStreamName"]))
        self._check_roles(request)
        answer = request.forward(as_extended(request.params))
        self._streams.defined(request.region, request.params["DeliveryStreamName"])
        return answer

    def delete(self, request: ApiRequest) -> dict[str, Any]:
        """Delete a stream, and what it holds: AWS gives no guarantee for the data of a stream that is deleted."""
        answer = request.forward(None)
        self._streams.deleted(request.region, request.params["DeliveryStreamName"])
        return answer

    def put_record(self, request: ApiRequest) -> dict[str, Any]:
        """Take one record."""
        data = limits.decode_record(request.params.get("Record"), "record")
        if not self._worker(request).accept([data], "PutRecord"):
            raise AwsError(*limits.SLOW_DOWN, status=500)
        return {"RecordId": _record_id(), "Encrypted": False}

    def put_record_batch(self, request: ApiRequest) -> dict[str, Any]:
        """Take up to 500 records; those beyond the quota fail one by one, as AWS does it."""
        records = limits.decode_batch(request.params.get("Records"))
        admitted = self._worker(request).accept(records)
        code, message = limits.SLOW_DOWN
        refused = [{"ErrorCode": code, "ErrorMessage": message}] * (len(records) - admitted)
        taken = [{"RecordId": _record_id()} for _ in range(admitted)]
        return {"FailedPutCount": len(refused), "Encrypted": False, "RequestResponses": taken + refused}

    def _check_roles(self, request: ApiRequest) -> None:
        """Refuse a role that does not trust Firehose, as AWS does when a stream is made or changed."""
        for given in (request.params.get(name) or {} for name in S3_INPUTS):
            role = given.get("RoleARN")
            if role and not self._streams.may_assume(request.region, role, request.params["DeliveryStreamName"]):
                raise AwsError(
                    "InvalidArgumentException",
                    f"Firehose is unable to assume role {role}. Please check the role provided.",
                )

    def unanswered(self, request: ApiRequest) -> dict[str, Any]:
        """Refuse what the local AWS does not have; `lab status` counts it."""
        raise NobodyAnswersError(f"{request.operation} is not modelled")

    def _worker(self, request: ApiRequest) -> StreamWorker:
        name = _named(request.params.get("DeliveryStreamName"))
        worker = self._streams.worker(request.region, name)
        if worker is None:
            raise limits.not_found(name, request.account_id)
        return worker


def complete(destination: Mapping[str, Any]) -> dict[str, Any]:
    """Return a destination's description with the members that AWS always answers."""
    s3 = next((destination[name] for name in _DESCRIPTIONS if name in destination), None)
    if s3 is None:
        return dict(destination)
    completed = _complete_s3(s3)
    extended = {"S3BackupMode": "Disabled", "ProcessingConfiguration": {"Enabled": False}, **completed}
    extended = {key: value for key, value in extended.items() if key not in _INPUT_ONLY}
    plain = {key: value for key, value in completed.items() if key not in _EXTENDED_ONLY | _INPUT_ONLY}
    return {
        "DestinationId": destination["DestinationId"],
        "S3DestinationDescription": plain,
        "ExtendedS3DestinationDescription": extended,
    }


def as_extended(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return params with the older S3Destination… structure said as ExtendedS3Destination….

    On AWS every stream to S3 has both descriptions, whichever structure made it; moto keeps them apart.
    """
    said = dict(params)
    for end in ("Configuration", "Update"):
        older = said.pop(f"S3Destination{end}", None)
        if older:
            said.setdefault(f"ExtendedS3Destination{end}", older)
    return said


def _complete_s3(s3: Mapping[str, Any]) -> dict[str, Any]:
    hints = s3.get("BufferingHints") or {}
    return {
        **s3,
        "BufferingHints": {
            "SizeInMBs": hints.get("SizeInMBs", 5),
            "IntervalInSeconds": hints.get("IntervalInSeconds", 300),
        },
        "CompressionFormat": s3.get("CompressionFormat") or "UNCOMPRESSED",
        "EncryptionConfiguration": s3.get("EncryptionConfiguration") or {"NoEncryptionConfig": "NoEncryption"},
        "CloudWatchLoggingOptions": s3.get("CloudWatchLoggingOptions") or {"Enabled": False},
    }


def _check_name(given: Any) -> None:
    name = _named(given)
    if not _NAME.fullmatch(name) or not name.strip("."):
        raise limits.invalid(
            f"'{name}'", "deliveryStreamName", f"Member must satisfy regular expression pattern: {_WORDS}"
        )
    if len(name) > NAME_LENGTH:
        bound = f"Member must have length less than or equal to {NAME_LENGTH}"
        raise limits.invalid(f"'{name}'", "deliveryStreamName", bound)


def _named(given: Any) -> str:
    if not isinstance(given, str) or not given:
        raise limits.invalid("null", "deliveryStreamName", "Member must not be null")
    return given


def _record_id() -> str:
    return base64.b64encode(os.urandom(168)).decode()

"""Writes one piece of a stream to S3 with the Firehose role, and says in AWS's words why not.

Source: Understand data delivery in Amazon Data Firehose: records are concatenated as they are.
Not modelled: data format conversion, Lambda transformation, dynamic partitioning, multipart upload.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.firehose import error_log, keys
from lab_helpers.local_aws.firehose.compression import compress
from lab_helpers.local_aws.firehose.definition import Definition, S3Destination
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.service import Clients

PRINCIPAL = "firehose.amazonaws.com"


class S3Delivery:
    """Delivers for all streams of one region; holds no state of its own."""

    def __init__(self, clients: Clients, clock: Clock, region: str) -> None:
        self._clients, self._clock, self._region = clients, clock, region

    def put(self, definition: Definition, object_id: str, records: Sequence[bytes], oldest_at: float) -> None:
        """Write one object (and its backup); `oldest_at` in epoch seconds. Raises DeliveryError.

        The key depends on the arguments only: an attempt repeated after a crash writes the same object again.
        """
        if definition.backup is not None:
            self._put_to(definition.backup, definition, object_id, records, oldest_at)
        self._put_to(definition.destination, definition, object_id, records, oldest_at)

    def log_error(self, definition: Definition, error: error_log.DeliveryError) -> bool:
        """Write one event to the stream's error log; return whether it was taken."""
        if definition.destination.error_log is None:
            return False
        try:
            logs = self._client("logs", definition.destination, definition)
        except (ClientError, BotoCoreError):
            return False  # a role that cannot be assumed cannot write either, as on AWS
        return error_log.write_event(definition, error.code, self._clock.now(), logs)

    def _put_to(
        self, target: S3Destination, definition: Definition, object_id: str, records: Sequence[bytes], oldest_at: float
    ) -> None:
        key = keys.object_key(
            prefix=target.prefix,
            stream=definition.name,
            version=definition.version,
            at=datetime.fromtimestamp(oldest_at, UTC),
            object_id=object_id,
            compression=target.compression,
            time_zone=target.time_zone,
            file_extension=target.file_extension,
        )
        body = compress(_join(records, target.delimiter), target.compression)
        try:
            s3 = self._client("s3", target, definition)
            s3.put_object(
                Bucket=target.bucket,
                Key=key,
                Body=body,
                ContentType="application/octet-stream",
                **_encryption(target),
            )
        except (ClientError, BotoCoreError) as exc:
            raise error_log.delivery_error(exc) from exc

    def _client(self, service: str, target: S3Destination, definition: Definition) -> Any:
        session = f"firehose-{definition.name}"[:64]
        return self._clients.as_role(service, target.role_arn, session, PRINCIPAL, self._region)


def _join(records: Sequence[bytes], delimiter: bytes) -> bytes:
    return b"".join(record + delimiter for record in records) if delimiter else b"".join(records)


def _encryption(target: S3Destination) -> dict[str, str]:
    if target.kms_key_arn is None:
        return {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": target.kms_key_arn}

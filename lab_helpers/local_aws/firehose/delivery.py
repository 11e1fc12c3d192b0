"""Writes one piece of a stream to S3 with the Firehose role, and says in AWS's words why not.

Not modelled: Lambda transformation, multipart upload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.firehose import error_log, objects
from lab_helpers.local_aws.firehose.conversion import Conversion
from lab_helpers.local_aws.firehose.definition import Definition, S3Destination
from lab_helpers.local_aws.firehose.objects import Made, Piece
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.service import Clients

PRINCIPAL = "firehose.amazonaws.com"


class S3Delivery:
    """Delivers for all streams of one region; holds no state of its own."""

    def __init__(self, clients: Clients, clock: Clock, region: str) -> None:
        self._clients, self._clock, self._region = clients, clock, region

    def put(self, definition: Definition, object_id: str, records: Sequence[bytes], oldest_at: float) -> None:
        """Write a piece's objects (and its backup); `oldest_at` in epoch seconds. Raises DeliveryError.

        Keys depend on the arguments only: an attempt repeated after a crash writes the same objects again.
        """
        piece = Piece(object_id, records, oldest_at, self._clock.now().timestamp())
        target = definition.destination
        columns = self._columns(target.conversion, definition) if target.conversion else {}
        account = (definition.arn.split(":")[4], self._region)
        made = objects.processed(definition, target, piece, columns, account)
        if definition.backup is not None:
            self._write(definition.backup, definition, objects.plain(definition, definition.backup, piece))
        self._write(target, definition, made)

    def log_error(self, definition: Definition, error: error_log.DeliveryError) -> bool:
        """Write one event to the stream's error log; return whether it was taken."""
        if definition.destination.error_log is None:
            return False
        try:
            logs = self._client("logs", definition.destination.role_arn, definition)
        except (ClientError, BotoCoreError):
            return False  # a role that cannot be assumed cannot write either, as on AWS
        return error_log.write_event(definition, error.code, self._clock.now(), logs)

    def _write(self, target: S3Destination, definition: Definition, made: Sequence[Made]) -> None:
        try:
            s3 = self._client("s3", target.role_arn, definition)
            for each in made:
                s3.put_object(
                    Bucket=target.bucket,
                    Key=each.key,
                    Body=each.body,
                    ContentType="application/octet-stream",
                    **_encryption(target),
                )
        except (ClientError, BotoCoreError) as exc:
            raise error_log.delivery_error(exc) from exc

    def _columns(self, conversion: Conversion, definition: Definition) -> Mapping[str, str]:
        """Return the columns of the table that records are converted by; raises DeliveryError."""
        try:
            glue = self._client("glue", conversion.role_arn, definition, conversion.region)
            table = glue.get_table(DatabaseName=conversion.database, Name=conversion.table)["Table"]
        except (ClientError, BotoCoreError) as exc:
            raise error_log.schema_error(exc) from exc
        return {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}

    def _client(self, service: str, role_arn: str, definition: Definition, region: str | None = None) -> Any:
        session = f"firehose-{definition.name}"[:64]
        return self._clients.as_role(service, role_arn, session, PRINCIPAL, region or self._region)


def _encryption(target: S3Destination) -> dict[str, str]:
    if target.kms_key_arn is None:
        return {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": target.kms_key_arn}

"""Firehose's delivery-error events: what went wrong, in AWS's words, and the log stream they go to.

Source: Monitor Amazon Data Firehose using CloudWatch Logs (data delivery errors, Amazon S3), and the article's event.
AWS says that it samples the events. Here one is written when a delivery starts to fail, none for its retries; a new one
when the reason changes or when a delivery fails again after one succeeded. Group and stream are never created: without
them the event is dropped.
Not modelled: attributes beyond the five of the article's event.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.firehose.definition import Definition

_LOG = logging.getLogger(__name__)

MESSAGES = {
    "S3.AccessDenied": (
        "Access was denied. Ensure that the trust policy for the provided IAM role allows Firehose to assume the "
        "role, and the access policy allows access to the S3 bucket."
    ),
    "S3.NoSuchBucket": (
        "The specified bucket does not exist. Create the bucket or use a different bucket that does exist."
    ),
    "S3.MethodNotAllowed": (
        "The specified method is not allowed against this resource. Modify the bucket's policy to allow the correct "
        "Amazon S3 operation permissions."
    ),
    "S3.KMS.NotFoundException": (
        "The provided AWS KMS key was not found. If you are using what you believe to be a valid AWS KMS key with the "
        "correct role, check if there is a problem with the account to which the AWS KMS key is attached."
    ),
    "DataFormatConversion.EntityNotFound": (
        "The specified table/database could not be found. Please ensure that the table/database exists and that the "
        "values provided in the schema configuration are correct, especially with regards to casing."
    ),
    "DataFormatConversion.AccessDenied": (
        "Access was denied. Ensure that the access policy of the schema configuration's role allows glue:GetTable, "
        "glue:GetTableVersion and glue:GetTableVersions."
    ),
    "InternalError": (
        "An internal error occurred while attempting to deliver data. Delivery will be retried; if the error persists, "
        "then it will be reported to AWS for resolution."
    ),
}
_CODES = {
    "AccessDenied": "S3.AccessDenied",
    "AccessDeniedException": "S3.AccessDenied",
    "NoSuchEntity": "S3.AccessDenied",
    "NoSuchBucket": "S3.NoSuchBucket",
    "MethodNotAllowed": "S3.MethodNotAllowed",
    "KMS.NotFoundException": "S3.KMS.NotFoundException",
}


class DeliveryError(Exception):
    """A delivery did not succeed; `code` is Firehose's error code, `why` the answer that led to it."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code, self.why = code, why


def delivery_error(exc: ClientError | BotoCoreError) -> DeliveryError:
    """Return Firehose's error for what S3, STS or the connection said."""
    if isinstance(exc, ClientError):
        return DeliveryError(_CODES.get(exc.response["Error"]["Code"], "InternalError"), str(exc))
    return DeliveryError("InternalError", str(exc))


def schema_error(exc: ClientError | BotoCoreError) -> DeliveryError:
    """Return Firehose's error for what Glue said about the table that records are converted by."""
    code = exc.response["Error"]["Code"] if isinstance(exc, ClientError) else ""
    known = {"EntityNotFoundException": "EntityNotFound", "AccessDeniedException": "AccessDenied",
             "AccessDenied": "AccessDenied"}  # fmt: skip
    return DeliveryError(f"DataFormatConversion.{known[code]}" if code in known else "InternalError", str(exc))


def event_message(definition: Definition, code: str) -> str:
    """Return the event's text: one JSON object, as AWS writes it."""
    version = definition.version
    return json.dumps(
        {
            "deliveryStreamARN": definition.arn,
            "destination": definition.destination.bucket_arn,
            "deliveryStreamVersionId": int(version) if version.isdigit() else version,
            "message": MESSAGES[code],
            "errorCode": code,
        }
    )


def write_event(definition: Definition, code: str, at: datetime, logs: Any) -> bool:
    """Write one event through `logs`, a client with the Firehose role; return whether it was taken."""
    target = definition.destination.error_log
    if target is None:
        return False
    event = {"timestamp": int(at.timestamp() * 1000), "message": event_message(definition, code)}
    try:
        logs.put_log_events(logGroupName=target.group, logStreamName=target.stream, logEvents=[event])
    except (ClientError, BotoCoreError) as exc:
        _LOG.warning("delivery error of %s not logged to %s/%s: %s", definition.name, target.group, target.stream, exc)
        return False
    return True

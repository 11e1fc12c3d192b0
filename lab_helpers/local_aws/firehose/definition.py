"""A delivery stream's definition as delivery needs it, read from DescribeDeliveryStream's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.local_aws.firehose import conversion, processing
from lab_helpers.local_aws.firehose.buffering import BufferingHints
from lab_helpers.local_aws.firehose.conversion import Conversion
from lab_helpers.local_aws.firehose.processing import Processing


@dataclass(frozen=True)
class ErrorLog:
    """Where delivery errors are written; neither group nor stream is ever created."""

    group: str
    stream: str


@dataclass(frozen=True)
class S3Destination:
    """Where and how objects are written; `delimiter` follows every record (AppendDelimiterToRecord)."""

    bucket_arn: str
    role_arn: str
    prefix: str = ""
    compression: str = "UNCOMPRESSED"
    hints: BufferingHints = field(default_factory=BufferingHints)
    error_log: ErrorLog | None = None
    delimiter: bytes = b""
    time_zone: str = "UTC"
    file_extension: str = ""
    kms_key_arn: str | None = None
    error_prefix: str = ""
    processing: Processing = field(default_factory=Processing)
    conversion: Conversion | None = None

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.bucket_arn.split(":::", 1)[-1]


@dataclass(frozen=True)
class Definition:
    """One version of a delivery stream; `backup` gets the records as they came, when S3 backup is on."""

    name: str
    arn: str
    version: str
    destination: S3Destination
    backup: S3Destination | None = None
    created: str = ""

    @property
    def identity(self) -> str:
        """What tells this stream from a later one of the same name."""
        return f"{self.arn} {self.created}"


def parse_definition(description: Mapping[str, Any]) -> Definition:
    """Read a DeliveryStreamDescription; raises ValueError for what is not to S3 or has impossible hints."""
    first = description["Destinations"][0]
    s3 = first.get("ExtendedS3DestinationDescription") or first.get("S3DestinationDescription")
    if s3 is None:
        raise ValueError("only S3 destinations are delivered by the local AWS")
    backup = s3.get("S3BackupDescription") if s3.get("S3BackupMode") == "Enabled" else None
    return Definition(
        description["DeliveryStreamName"],
        description["DeliveryStreamARN"],
        str(description["VersionId"]),
        parse_destination(s3),
        parse_destination(backup) if backup else None,
        str(description.get("CreateTimestamp", "")),
    )


def parse_destination(s3: Mapping[str, Any]) -> S3Destination:
    """Read an (Extended)S3 destination structure of the API; raises ValueError."""
    log = s3.get("CloudWatchLoggingOptions") or {}
    kms = (s3.get("EncryptionConfiguration") or {}).get("KMSEncryptionConfig") or {}
    return S3Destination(
        bucket_arn=s3["BucketARN"],
        role_arn=s3["RoleARN"],
        prefix=s3.get("Prefix") or "",
        compression=s3.get("CompressionFormat") or "UNCOMPRESSED",
        hints=BufferingHints.parse(s3.get("BufferingHints") or {}),
        error_log=ErrorLog(log["LogGroupName"], log["LogStreamName"]) if _is_logging(log) else None,
        delimiter=_delimiter(s3.get("ProcessingConfiguration") or {}),
        time_zone=s3.get("CustomTimeZone") or "UTC",
        file_extension=s3.get("FileExtension") or "",
        kms_key_arn=kms.get("AWSKMSKeyARN"),
        error_prefix=s3.get("ErrorOutputPrefix") or "",
        processing=processing.parse(
            s3.get("ProcessingConfiguration") or {},
            is_partitioned=bool((s3.get("DynamicPartitioningConfiguration") or {}).get("Enabled")),
        ),
        conversion=conversion.parse(s3.get("DataFormatConversionConfiguration") or {}),
    )


def _is_logging(log: Mapping[str, Any]) -> bool:
    return bool(log.get("Enabled") and log.get("LogGroupName") and log.get("LogStreamName"))


def _delimiter(configuration: Mapping[str, Any]) -> bytes:
    for processor in processing.processors(configuration):
        if processor.get("Type") == "AppendDelimiterToRecord":
            given = processing.parameters(processor)
            # The API takes the two characters \n; the console writes them so too.
            return str(given.get("Delimiter", "\\n")).replace("\\n", "\n").replace("\\t", "\t").encode()
    return b""

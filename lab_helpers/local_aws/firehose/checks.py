"""What CreateDeliveryStream and UpdateDestination refuse about an S3 destination, in AWS's words where they are known.

Source: the Firehose API reference; refusals as users of CloudFormation, CDK and Terraform quote them.
Not modelled, and refused: sources other than Direct PUT, destinations other than S3, Lambda transformation (and with it
`partitionKeyFromLambda`), conversion to ORC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.base import extras
from lab_helpers.local_aws.firehose import conversion, jq_query, keys, limits, processing
from lab_helpers.local_aws.firehose.buffering import BufferingHints
from lab_helpers.local_aws.kit.api import AwsError

S3_INPUTS = (
    "ExtendedS3DestinationConfiguration",
    "S3DestinationConfiguration",
    "ExtendedS3DestinationUpdate",
    "S3DestinationUpdate",
)
PROCESSORS = (
    "AppendDelimiterToRecord", "CloudWatchLogProcessing", "Decompression", "MetadataExtraction", "RecordDeAggregation",
)  # fmt: skip
PARTITIONED_MIB, PARTITIONED_S = 64, 60
"""The least buffer of a stream with dynamic partitioning (and, its size, with format conversion)."""


def check_source(params: Mapping[str, Any]) -> None:
    """Refuse a source that is not Direct PUT."""
    kind = params.get("DeliveryStreamType") or "DirectPut"
    if kind != "DirectPut":
        raise _refusal(f"The local AWS has no source {kind}; use DirectPut.")


def check_destination(params: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> None:
    """Refuse an impossible destination; `before` is the extended S3 description that an update changes."""
    others = [name for name in params if _is_destination(name) and name not in S3_INPUTS and params[name]]
    if others:
        raise _refusal(f"The local AWS delivers to S3 only, not by {others[0]}.")
    for name in S3_INPUTS:
        if params.get(name):
            if before is not None:
                _check_change(before, params[name])
            _check_s3({**(before or {}), **params[name]})


def _check_change(before: Mapping[str, Any], update: Mapping[str, Any]) -> None:
    asked = update.get("DynamicPartitioningConfiguration")
    if asked is not None and _is_on(asked) and not _is_on(before.get("DynamicPartitioningConfiguration")):
        raise _refusal("Dynamic Partitioning cannot be enabled for an existing delivery stream.")


def _check_s3(s3: Mapping[str, Any]) -> None:
    _check_values(s3)
    _check_processors(s3)
    _check_partitioning(s3)
    _check_conversion(s3)


def _check_values(s3: Mapping[str, Any]) -> None:
    compression = s3.get("CompressionFormat") or "UNCOMPRESSED"
    if compression not in keys.EXTENSIONS:
        enum = "[UNCOMPRESSED, GZIP, ZIP, Snappy, HADOOP_SNAPPY]"
        raise limits.invalid(f"'{compression}'", "compressionFormat", f"Member must satisfy enum value set: {enum}")
    if "snappy" in compression.lower():
        extras.require("pyarrow")
    try:
        BufferingHints.parse(s3.get("BufferingHints") or {})
        keys.check_prefixes(s3.get("Prefix") or "", s3.get("ErrorOutputPrefix") or "")
        keys.check_time_zone(s3.get("CustomTimeZone") or "UTC")
    except ValueError as exc:
        raise _refusal(str(exc)) from exc


def _check_processors(s3: Mapping[str, Any]) -> None:
    given = [each.get("Type") for each in processing.processors(s3.get("ProcessingConfiguration") or {})]
    unknown = [kind for kind in given if kind not in PROCESSORS]
    if unknown:
        raise _refusal(f"The local AWS has no processor {unknown[0]}.")
    if "CloudWatchLogProcessing" in given and "Decompression" not in given:
        raise _refusal("CloudWatchLogProcessing processor can only be enabled with Decompression processor")
    for each in processing.processors(s3.get("ProcessingConfiguration") or {}):
        _check_parameters(str(each.get("Type")), processing.parameters(each))


def _check_parameters(kind: str, given: Mapping[str, str]) -> None:
    if kind == "MetadataExtraction":
        if given.get("JsonParsingEngine") != "JQ-1.6" or not given.get("MetadataExtractionQuery"):
            raise _refusal("MetadataExtraction processor needs JsonParsingEngine JQ-1.6 and MetadataExtractionQuery.")
        try:
            jq_query.check(given["MetadataExtractionQuery"])
        except jq_query.QueryError as exc:
            raise _refusal(str(exc)) from exc
    if kind == "RecordDeAggregation" and given.get("SubRecordType") not in ("JSON", "DELIMITED"):
        raise _refusal("RecordDeAggregation processor needs SubRecordType JSON or DELIMITED.")
    if kind == "RecordDeAggregation" and given.get("SubRecordType") == "DELIMITED":
        try:
            processing.parse(
                {"Enabled": True, "Processors": [{"Type": kind, "Parameters": [
                    {"ParameterName": name, "ParameterValue": value} for name, value in given.items()]}]},
                is_partitioned=False,
            )  # fmt: skip
        except ValueError as exc:
            raise _refusal("Delimiter of RecordDeAggregation must be base64-encoded.") from exc


def _check_partitioning(s3: Mapping[str, Any]) -> None:
    names = keys.partition_keys(s3.get("Prefix") or "")
    if not _is_on(s3.get("DynamicPartitioningConfiguration")):
        if names:
            raise _refusal(
                "Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic Partitioning is "
                "enabled."
            )
        return
    if not names:
        raise _refusal("S3 Prefix should contain Dynamic Partitioning namespaces when Dynamic Partitioning is enabled")
    if any(namespace == keys.FROM_LAMBDA for namespace, _ in names):
        raise _refusal("Lambda should be present when S3 Prefix contains keys from partitionKeyFromLambda namespace")
    _check_query(s3, [name for _, name in names])
    hints = s3.get("BufferingHints") or {}
    if int(hints.get("SizeInMBs", PARTITIONED_MIB)) < PARTITIONED_MIB:
        raise _refusal(
            f"BufferingHints.SizeInMBs must be at least {PARTITIONED_MIB} when Dynamic Partitioning is enabled."
        )
    if int(hints.get("IntervalInSeconds", PARTITIONED_S)) < PARTITIONED_S:
        raise _refusal(
            f"BufferingHints.IntervalInSeconds must be at least {PARTITIONED_S} seconds when Dynamic Partitioning is "
            "enabled."
        )


def _check_query(s3: Mapping[str, Any], names: list[str]) -> None:
    found = processing.parse(s3.get("ProcessingConfiguration") or {}, is_partitioned=True)
    if not processing.processors(s3.get("ProcessingConfiguration") or {}):
        raise _refusal("Processing Configuration is not enabled when DataPartitioning is enabled")
    if not found.query:
        raise _refusal(
            "MetadataExtraction processor should be present when S3 Prefix has partitionKeyFromQuery namespace"
        )
    asked = jq_query.keys_of(found.query)
    if asked and set(asked) - set(names):
        raise _refusal(
            "MetaDataExtraction JQ Query can't contain keys that are not present in the S3 Prefix expression"
        )
    if asked and set(names) - set(asked):  # AWS's words for this one are not known
        raise _refusal(
            "S3 Prefix expression can't contain keys that are not present in the MetaDataExtraction JQ Query"
        )


def _check_conversion(s3: Mapping[str, Any]) -> None:
    given = s3.get("DataFormatConversionConfiguration") or {}
    if not given or given.get("Enabled") is False:
        return
    extras.require("pyarrow")
    found = conversion.parse(given)
    serializer = (given.get("OutputFormatConfiguration") or {}).get("Serializer") or {}
    if "OrcSerDe" in serializer and serializer["OrcSerDe"] is not None:
        raise _refusal("The local AWS does not convert to ORC; use ParquetSerDe.")
    if found is None or not (found.database and found.table and found.role_arn):
        raise _refusal("SchemaConfiguration needs RoleARN, DatabaseName and TableName when conversion is enabled.")
    if (s3.get("CompressionFormat") or "UNCOMPRESSED") != "UNCOMPRESSED":
        raise _refusal("Compression is not supported on the S3 destination when Data Format Conversion is enabled.")
    if int((s3.get("BufferingHints") or {}).get("SizeInMBs", PARTITIONED_MIB)) < PARTITIONED_MIB:
        raise _refusal(
            f"BufferingHints.SizeInMBs must be at least {PARTITIONED_MIB} when data format conversion is enabled."
        )


def _is_on(configuration: Mapping[str, Any] | None) -> bool:
    return bool((configuration or {}).get("Enabled"))


def _is_destination(name: str) -> bool:
    return name.endswith(("DestinationConfiguration", "DestinationUpdate"))


def _refusal(message: str) -> AwsError:
    return AwsError("InvalidArgumentException", message)

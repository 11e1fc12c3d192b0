"""Which calls are data events: CloudTrail's event history, and LookupEvents, have the others only.

Source: "Logging data events" of the CloudTrail User Guide; for S3, CloudWatch Logs, CloudWatch and Firehose their own
pages on logging with CloudTrail (Firehose's list has neither PutRecord nor PutRecordBatch).
"""

from __future__ import annotations

_DATA_EVENTS = {
    "firehose": {"PutRecord", "PutRecordBatch"},
    "kinesis": {"GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"},
    "logs": {"FilterLogEvents", "GetLogEvents", "GetLogRecord", "PutLogEvents", "StartLiveTail"},
    "monitoring": {"GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData"},
    "s3": {
        "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject",
        "DeleteObjects", "DeleteObjectTagging", "GetObject", "GetObjectAcl", "GetObjectAttributes",
        "GetObjectTagging", "HeadBucket", "HeadObject", "ListMultipartUploads", "ListObjects", "ListObjectsV2",
        "ListObjectVersions", "ListParts", "PutObject", "PutObjectAcl", "PutObjectTagging", "RestoreObject",
        "SelectObjectContent", "UploadPart", "UploadPartCopy", "GetObjectLegalHold", "GetObjectRetention",
        "PutObjectLegalHold", "PutObjectRetention",
    },
}  # fmt: skip
_READS = ("BatchGet", "Check", "Describe", "Filter", "Get", "Head", "List", "Lookup", "Search", "Select", "Simulate")


def is_data_event(service: str, operation: str) -> bool:
    """Whether a call works with what a resource holds; `service` is the signing name."""
    return operation in _DATA_EVENTS.get(service, ())


def is_read_only(operation: str) -> bool:
    """Whether a call changes nothing, by its name."""
    return operation.startswith(_READS)

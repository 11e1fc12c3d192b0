"""Send records to Amazon Kinesis Data Streams. Source: Fluent Bit 5.1.1; see put_records.py."""

from __future__ import annotations

import itertools
import uuid

from lab_helpers.router.aws.put_records import Api, RecordStream
from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.plugin import OutputContext, OutputPlugin

_PREFIX = uuid.uuid4().hex[:10]
_NUMBERS = itertools.count()


def partition_key() -> bytes:
    """Return what stands behind the data of a record: a partition key of its own, so that all shards are used."""
    return b'","PartitionKey":"%b%d"}' % (_PREFIX.encode(), next(_NUMBERS))


KINESIS = Api(
    service="kinesis",
    host_prefix="kinesis",
    target="Kinesis_20131202.PutRecords",
    call="PutRecords",
    product="Kinesis",
    stream_option="stream",
    name_key="StreamName",
    failed_key="FailedRecordCount",
    responses_key="Records",
    throttled_code="ProvisionedThroughputExceededException",
    max_record_bytes=1_048_556,
    max_body_bytes=10_485_760,
    request_bytes=34,
    record_bytes=48,
    between=partition_key,
    last_newline=False,
    failure="Failed to send records to kinesis",
)


def create(options: Options, context: OutputContext) -> RecordStream:
    """Build the output."""
    return RecordStream(KINESIS, options, context)


PLUGIN = OutputPlugin(
    "kinesis_streams",
    "Send records to Amazon Kinesis Data Streams.",
    create,
    (
        Option("region", help="AWS region of the stream; required."),
        Option("stream", help="Data stream; required."),
        Option("time_key", help="Append the record's time under this key."),
        Option("time_key_format", help="strftime format of time_key; %3N, %9N, %L are fractions."),
        Option("role_arn", help="Role to assume for the calls; without it the task role's credentials."),
        Option("endpoint", help="Host to use instead of AWS's (the core property `port` goes with it)."),
        Option("sts_endpoint", help="STS to ask for the role, in the place of the region's."),
        Option("external_id", help="ExternalId of the AssumeRole."),
        Option("log_key", help="Send only the value of this key, JSON escapes left in."),
        Option("auto_retry_requests", Kind.FLAG, "Try once more at once where no connection came about.", "true"),
        Option("profile", help="Accepted, not modelled: see AWS_PROFILE."),
        Option("simple_aggregation", Kind.FLAG, "Join records up to the size of one.", "false"),
        Option("compression", help="gzip, zstd or snappy: compress each record."),
    ),
    core=("port", "retry_limit", "tls", "tls.ca_file"),
    config_error="configuration error\nInitialization failed",
)

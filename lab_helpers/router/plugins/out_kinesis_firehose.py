"""Send records to Amazon Data Firehose. Source: Fluent Bit 4.2.8; see put_records.py."""

from __future__ import annotations

from lab_helpers.router.aws.put_records import Api, RecordStream
from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.plugin import OutputContext, OutputPlugin

FIREHOSE = Api(
    service="firehose",
    host_prefix="firehose",
    target="Firehose_20150804.PutRecordBatch",
    call="PutRecordBatch",
    product="Firehose",
    stream_option="delivery_stream",
    name_key="DeliveryStreamName",
    failed_key="FailedPutCount",
    responses_key="RequestResponses",
    throttled_code="ServiceUnavailableException",
    max_record_bytes=1_024_000,
    max_body_bytes=4_194_304,
    request_bytes=46,
    record_bytes=12,
)


def create(options: Options, context: OutputContext) -> RecordStream:
    """Build the output."""
    return RecordStream(FIREHOSE, options, context)


PLUGIN = OutputPlugin(
    "kinesis_firehose",
    "Send records to Amazon Data Firehose.",
    create,
    (
        Option("region", help="AWS region of the delivery stream; required."),
        Option("delivery_stream", help="Delivery stream; required."),
        Option("time_key", help="Append the record's time under this key."),
        Option("time_key_format", help="strftime format of time_key; %3N, %9N, %L are fractions."),
        Option("role_arn", help="Role to assume for the calls; without it the task role's credentials."),
        Option("endpoint", help="Host to use instead of AWS's (the core property `port` goes with it)."),
        Option("sts_endpoint", help="STS to ask for the role, in the place of the region's."),
        Option("external_id", help="ExternalId of the AssumeRole."),
        Option("compression", help="gzip, zstd or snappy: compress each record."),
        Option("log_key", help="Send only the value of this key, JSON escapes left in."),
        Option("auto_retry_requests", Kind.FLAG, "Try once more at once where no connection came about.", "true"),
        Option("profile", help="Accepted, not modelled: see AWS_PROFILE."),
        Option("simple_aggregation", Kind.FLAG, "Join records up to the size of one.", "false"),
    ),
    core=("port", "retry_limit", "tls", "tls.ca_file"),
    config_error="configuration error\nInitialization failed",
)

"""AWS's older Kinesis plugin (Go). Enabled with `-e kinesis.so`, as in AWS's image. See go_records.py."""

from __future__ import annotations

from lab_helpers.router.aws.go_records import GoApi, GoRecords
from lab_helpers.router.core.options import Option, Options
from lab_helpers.router.plugin import OutputContext, OutputPlugin

NAMES = (
    "stream", "region", "data_keys", "partition_key", "role_arn", "endpoint", "sts_endpoint", "append_newline",
    "time_key", "time_key_format", "experimental_concurrency", "experimental_concurrency_retries", "log_key",
    "aggregation", "compression", "replace_dots", "http_request_timeout",
)  # fmt: skip
KINESIS = GoApi(
    plugin="kinesis",
    service="kinesis",
    target="Kinesis_20131202.PutRecords",
    call="PutRecords",
    stream_option="stream",
    name_key="StreamName",
    failed_key="FailedRecordCount",
    responses_key="Records",
    throttled_code="ProvisionedThroughputExceededException",
    max_record_bytes=1_048_576,
    max_call_bytes=5_242_880,
    shown_size="1MB",
    parameters=NAMES,
    is_keyed=True,
)


def create(options: Options, context: OutputContext) -> GoRecords:
    """Build the output."""
    return GoRecords(KINESIS, options, context)


PLUGIN = OutputPlugin(
    "kinesis",
    "AWS's older plugin for Amazon Kinesis Data Streams.",
    create,
    (
        Option("stream", help="Data stream; required."),
        Option("region", help="AWS region; required."),
        Option("data_keys", help="Send only these keys, comma separated."),
        Option("partition_key", help="Key whose value is the partition key; else a random one."),
        Option("role_arn", help="Role to assume for the calls; without it the task role's credentials."),
        Option("endpoint", help="URL to use instead of AWS's."),
        Option("sts_endpoint", help="STS to ask for the role, in the place of the region's."),
        Option("append_newline", help="true ends each record with a newline; the default does not."),
        Option("time_key", help="Add the record's time under this key."),
        Option("time_key_format", help="strftime format of time_key."),
        Option("experimental_concurrency", help="Accepted, not modelled."),
        Option("experimental_concurrency_retries", help="Accepted, not modelled."),
        Option("log_key", help="Send only the value of this key, raw."),
        Option("aggregation", help="Accepted, not modelled."),
        Option("compression", help="gzip, zlib or none."),
        Option("replace_dots", help="Put this in the place of dots in keys."),
        Option("http_request_timeout", help="Accepted, not modelled."),
    ),
    accepts_any=True,
    is_external=True,
)

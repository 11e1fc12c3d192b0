"""AWS's older Firehose plugin (Go). Enabled with `-e firehose.so`, as in AWS's image. See go_records.py."""

from __future__ import annotations

from lab_helpers.router.aws.go_records import GoApi, GoRecords
from lab_helpers.router.core.options import Option, Options
from lab_helpers.router.plugin import OutputContext, OutputPlugin

NAMES = (
    "delivery_stream", "region", "data_keys", "role_arn", "endpoint", "sts_endpoint", "time_key", "time_key_format",
    "log_key", "replace_dots", "simple_aggregation",
)  # fmt: skip
FIREHOSE = GoApi(
    plugin="firehose",
    service="firehose",
    target="Firehose_20150804.PutRecordBatch",
    call="PutRecordBatch",
    stream_option="delivery_stream",
    name_key="DeliveryStreamName",
    failed_key="FailedPutCount",
    responses_key="RequestResponses",
    throttled_code="ServiceUnavailableException",
    max_record_bytes=1_024_000,
    max_call_bytes=4_194_304,
    shown_size="1000Kib",
    parameters=NAMES,
    is_keyed=False,
)


def create(options: Options, context: OutputContext) -> GoRecords:
    """Build the output."""
    return GoRecords(FIREHOSE, options, context)


PLUGIN = OutputPlugin(
    "firehose",
    "AWS's older plugin for Amazon Data Firehose.",
    create,
    (
        Option("delivery_stream", help="Delivery stream; required."),
        Option("region", help="AWS region; required."),
        Option("data_keys", help="Send only these keys, comma separated."),
        Option("role_arn", help="Role to assume for the calls; without it the task role's credentials."),
        Option("endpoint", help="URL to use instead of AWS's."),
        Option("sts_endpoint", help="STS to ask for the role, in the place of the region's."),
        Option("time_key", help="Add the record's time under this key."),
        Option("time_key_format", help="strftime format of time_key."),
        Option("log_key", help="Send only the value of this key, raw."),
        Option("replace_dots", help="Put this in the place of dots in keys."),
        Option("simple_aggregation", help="true joins records up to the size of one."),
    ),
    accepts_any=True,
    is_external=True,
)

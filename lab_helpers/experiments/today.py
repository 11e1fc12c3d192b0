"""What the article of 2021 does not have: AWS's `init` image, and dynamic partitioning of Firehose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.drills import streams
from lab_helpers.drills.rights import allow, logs_without, make_role
from lab_helpers.drills.scripts import numbered, to_cloudwatch
from lab_helpers.drills.stage import POLL_S, OnTick, Setup, Stage
from lab_helpers.experiments.experiment import Experiment
from lab_helpers.lab import Lab

LINES = 100
INIT_IMAGE = "public.ecr.aws/aws-observability/aws-for-fluent-bit:init-3.5.10"
WITHOUT, WITH = "without", "with"
MIN_MIB, MIN_S = 64, 60
"""The least buffer that AWS takes for a stream with dynamic partitioning."""
DELIVERY_TIMEOUT_S = 240.0


class InitImage(Experiment):
    """AWS's `init` image fetches its configuration from S3, where the task role may."""

    name = "faq_init_image"
    question = "Can the configuration come from S3 on Fargate, without an image of one's own?"

    def run(self, on_tick: OnTick = None) -> None:
        self.undo()
        bucket, key = self.lab.outputs.log_bucket, f"{streams.folder(self.stage)}extra.conf"
        self.stage.opened.add("objects", bucket, streams.folder(self.stage))
        with aws_errors("PutObject"):
            self.lab.client("s3").put_object(Bucket=bucket, Key=key, Body=to_cloudwatch().encode())
        arn = f"arn:aws:s3:::{bucket}"
        read = allow(["s3:GetObject", "s3:GetBucketLocation"], arn, f"{arn}/*")
        roles = {
            WITHOUT: make_role(self.stage, WITHOUT, logs_without()),
            WITH: make_role(self.stage, WITH, logs_without(), read),
        }
        for take, role in roles.items():
            setup = Setup(
                numbered(LINES),
                "",
                router={"firelensConfiguration": {"type": "fluentbit"}},
                variables={"aws_fluent_bit_init_s3_1": f"{arn}/{key}"},
                task_role=role,
            )
            self.tasks[take] = self.stage.run(take, setup, INIT_IMAGE)
        for task in self.tasks.values():
            self.stage.wait_for(task, "STOPPED", on_tick)

    def result(self) -> pd.DataFrame:
        """Return both takes: s3:GetObject (without, with), exit code of log_router, lines in CloudWatch Logs."""
        rows = []
        for take, arn in self.tasks.items():
            codes = {each["name"]: each.get("exitCode") for each in self.stage.task(arn)["containers"]}
            rows.append((take, str(codes["log_router"]), len(self.stage.events(take))))
        return pd.DataFrame(rows, columns=["s3:GetObject", "exit code of log_router", "lines"])

    def said(self) -> list[str]:
        """Return the errors of the init process where it may not read: what it printed, unedited."""
        messages = self.stage.router_log(self.tasks[WITHOUT])["message"]
        return [text for text in messages if "level=error" in text or "level=fatal" in text or "AccessDenied" in text]


def partitioned(lab: Lab, query: str, prefix: str, records: Sequence[dict[str, Any]], on_tick: OnTick = None) -> Any:
    """Send records to a delivery stream that sorts them by a JQ query; return folder and records of what arrived.

    `prefix` has a `!{partitionKeyFromQuery:…}` for each key; it lies below a folder of the experiment's own. Raises
    AwsCallError with Firehose's words when it refuses them. The stream and its objects are removed again.
    """
    stage = Stage(lab, "faq_partitioned")
    stage.opened.close()
    try:
        _make_stream(stage, query, prefix, on_tick)
        with aws_errors("PutRecordBatch"):
            lab.client("firehose").put_record_batch(
                DeliveryStreamName=stage.family, Records=[{"Data": _line(each)} for each in records]
            )
        return wait_until(
            lambda: _folders(stage),
            DELIVERY_TIMEOUT_S,
            POLL_S,
            say("{count:,} records in S3", count=len(records)),
            done=lambda found: int(found["records"].sum()) >= len(records),
            describe=lambda found: say("{count} folders", count=len(found)),
            on_tick=on_tick,
        )
    finally:
        stage.opened.close()


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def _make_stream(stage: Stage, query: str, prefix: str, on_tick: OnTick) -> None:
    out, folder = stage.lab.outputs, streams.folder(stage)
    parameters = {"MetadataExtractionQuery": query, "JsonParsingEngine": "JQ-1.6"}
    named = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    stage.opened.add("objects", out.log_bucket, folder)
    stage.opened.add("delivery stream", stage.family)
    firehose = stage.lab.client("firehose")
    with aws_errors("CreateDeliveryStream"):
        firehose.create_delivery_stream(
            DeliveryStreamName=stage.family,
            DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration={
                "RoleARN": out.firehose_role_arn,
                "BucketARN": f"arn:aws:s3:::{out.log_bucket}",
                "Prefix": f"{folder}{prefix}",
                "ErrorOutputPrefix": f"{folder}failed/!{{firehose:error-output-type}}/",
                "BufferingHints": {"SizeInMBs": MIN_MIB, "IntervalInSeconds": MIN_S},
                "DynamicPartitioningConfiguration": {"Enabled": True},
                "ProcessingConfiguration": {
                    "Enabled": True,
                    "Processors": [{"Type": "MetadataExtraction", "Parameters": named}],
                },
            },
        )
        wait_until(
            lambda: firehose.describe_delivery_stream(DeliveryStreamName=stage.family)["DeliveryStreamDescription"],
            DELIVERY_TIMEOUT_S,
            POLL_S,
            say("the delivery stream {name} to be active", name=stage.family),
            done=lambda found: found["DeliveryStreamStatus"] == "ACTIVE",
            describe=lambda found: str(found["DeliveryStreamStatus"]),
            on_tick=on_tick,
        )


def _folders(stage: Stage) -> pd.DataFrame:
    """Return what was delivered: folder (below the experiment's own), records; failed ones are in `failed/…`."""
    s3, bucket, begin = stage.lab.client("s3"), stage.lab.outputs.log_bucket, streams.folder(stage)
    with aws_errors("ListObjectsV2"):
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=begin).get("Contents", [])]
        counts: dict[str, int] = {}
        for key in keys:
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            folder = key.removeprefix(begin).rpartition("/")[0] + "/"
            counts[folder] = counts.get(folder, 0) + len(body.splitlines())
    return pd.DataFrame(sorted(counts.items()), columns=["folder", "records"])

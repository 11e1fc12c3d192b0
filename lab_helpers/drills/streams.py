"""A delivery stream of a drill's own, into a folder of the lab's log bucket; and what it delivered there."""

from __future__ import annotations

import gzip
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.drills.stage import POLL_S, OnTick, Stage

DELIVERY_TIMEOUT_S = 240.0
"""Bound on a delivery: the stream's buffer is as short as can be, but a new stream on an account takes a minute."""

SETTLE_S = 2.0
"""Longer than the stream's buffer interval."""


def folder(stage: Stage) -> str:
    """Return the drill's folder in the lab's log bucket, with a slash at its end."""
    return f"drills/{stage.slug}/"


def make_delivery_stream(
    stage: Stage, role_arn: str = "", errors_to: str = "", on_tick: OnTick = None, take: str = ""
) -> str:
    """Make the stream with the shortest buffer, unless it is there, and wait until it is active; return its ARN.

    `role_arn` is the lab's Firehose role unless given; `errors_to` the log stream for delivery errors, in the lab's
    log group; `take` tells streams of one drill apart.
    """
    out, firehose = stage.lab.outputs, stage.lab.client("firehose")
    name = f"{stage.family}-{take}" if take else stage.family
    stage.opened.add("objects", out.log_bucket, folder(stage))
    stage.opened.add("delivery stream", name)
    destination: dict[str, Any] = {
        "RoleARN": role_arn or out.firehose_role_arn,
        "BucketARN": f"arn:aws:s3:::{out.log_bucket}",
        "Prefix": folder(stage),
        "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1},
        "CompressionFormat": "UNCOMPRESSED",
    }
    if errors_to:
        logging = {"Enabled": True, "LogGroupName": out.log_group, "LogStreamName": errors_to}
        destination["CloudWatchLoggingOptions"] = logging
    with aws_errors("CreateDeliveryStream"):
        if name not in firehose.list_delivery_streams(Limit=1000)["DeliveryStreamNames"]:
            firehose.create_delivery_stream(
                DeliveryStreamName=name,
                DeliveryStreamType="DirectPut",
                ExtendedS3DestinationConfiguration=destination,
            )
        description = wait_until(
            lambda: firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"],
            DELIVERY_TIMEOUT_S,
            POLL_S,
            say("the delivery stream {name} to be active", name=name),
            done=lambda found: found["DeliveryStreamStatus"] == "ACTIVE",
            describe=lambda found: str(found["DeliveryStreamStatus"]),
            on_tick=on_tick,
        )
    return str(description["DeliveryStreamARN"])


def delivered(stage: Stage, prefix: str = "", containing: str = "") -> list[bytes]:
    """Return the lines of all objects under a prefix of the log bucket (default: the drill's folder).

    `containing` takes only those with a text in their key.
    """
    s3, bucket = stage.lab.client("s3"), stage.lab.outputs.log_bucket
    with aws_errors("read the drill's objects"):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix or folder(stage))
        keys = [found["Key"] for page in pages for found in page.get("Contents", []) if containing in found["Key"]]
        bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    return [line for body in bodies for line in _plain(body).splitlines()]


def wait_for_lines(stage: Stage, count: int, on_tick: OnTick = None) -> list[bytes]:
    """Return what was delivered, once it is at least `count` lines; raises WaitTimeoutError."""
    return wait_until(
        lambda: delivered(stage),
        DELIVERY_TIMEOUT_S,
        POLL_S,
        say("{count:,} lines in S3", count=count),
        done=lambda lines: len(lines) >= count,
        describe=lambda lines: say("{done:,} of {count:,} lines in S3", done=len(lines), count=count),
        on_tick=on_tick,
    )


def wait_until_drained(stage: Stage, on_tick: OnTick = None) -> list[bytes]:
    """Return what was delivered, once two looks a few seconds apart see the same; raises WaitTimeoutError."""
    looks: list[int] = []

    def look() -> list[bytes]:
        lines = delivered(stage)
        looks.append(len(lines))
        return lines

    return wait_until(
        look,
        DELIVERY_TIMEOUT_S,
        SETTLE_S,
        say("the deliveries to end"),
        done=lambda lines: bool(lines) and looks[-2:] == [len(lines)] * 2,
        describe=lambda lines: say("{count:,} lines in S3", count=len(lines)),
        on_tick=on_tick,
    )


def _plain(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body

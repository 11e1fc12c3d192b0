"""The local AWS as a process of its own, killed with SIGKILL: what Firehose accepted is delivered by the next one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from lab_helpers.base.wait import wait_until
from tests.local_aws.firehose.fakes import BUCKET, REGION, STREAM, destination


@contextmanager
def running(data_dir: Path) -> Iterator[Any]:
    """Start a server over `data_dir`, yield a maker of clients, kill the server."""
    argv = [sys.executable, "-m", "lab_helpers.local_aws", "--data-dir", str(data_dir)]
    state_file = data_dir / "server.json"
    state_file.unlink(missing_ok=True)
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until(state_file.exists, timeout_s=60, every_s=0.1, what="the local AWS to be ready")
            state = json.loads(state_file.read_text())

            def client(service: str) -> Any:
                return boto3.client(
                    service,
                    region_name=REGION,
                    endpoint_url=state["endpoint_url"],
                    aws_access_key_id=state["access_key_id"],
                    aws_secret_access_key=state["secret_access_key"],
                )

            yield client
        finally:
            server.kill()


def make_stream(client: Any, interval_s: int) -> None:
    """Make bucket, role and stream."""
    trust = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
    access = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"{BUCKET}/*"}
    iam, bucket = client("iam"), BUCKET.split(":::")[1]
    client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    role = iam.create_role(RoleName="fh", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="fh", PolicyName="s3", PolicyDocument=policy(access))
    hints = {"SizeInMBs": 1, "IntervalInSeconds": interval_s}
    target = destination(RoleARN=role, BufferingHints=hints, CompressionFormat="UNCOMPRESSED")
    client("firehose").create_delivery_stream(DeliveryStreamName=STREAM, ExtendedS3DestinationConfiguration=target)


def shorten(client: Any) -> None:
    """Let the stream deliver at once."""
    firehose = client("firehose")
    stream = firehose.describe_delivery_stream(DeliveryStreamName=STREAM)["DeliveryStreamDescription"]
    firehose.update_destination(
        DeliveryStreamName=STREAM,
        CurrentDeliveryStreamVersionId=stream["VersionId"],
        DestinationId=stream["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}},
    )


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def delivered(client: Any) -> bytes:
    s3, bucket = client("s3"), BUCKET.split(":::")[1]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return b"".join(s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)


def test_killed_server_loses_nothing_accepted(tmp_path: Path):
    """Put, SIGKILL, start again over the same folder, shorten the interval: every record arrives, once."""
    expected = b"".join(b"record %d\n" % number for number in range(1000))
    with running(tmp_path) as client:
        make_stream(client, interval_s=900)
        records = [{"Data": b"record %d\n" % number} for number in range(1000)]
        for at in range(0, 1000, 500):
            client("firehose").put_record_batch(DeliveryStreamName=STREAM, Records=records[at : at + 500])
    with running(tmp_path) as client:
        shorten(client)
        wait_until(lambda: delivered(client) == expected, timeout_s=30, every_s=0.2, what="the records in S3")
        journals = tmp_path / "firehose"
        wait_until(lambda: not list(journals.rglob("*.records")), timeout_s=30, every_s=0.2, what="an empty journal")

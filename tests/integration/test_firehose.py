"""Firehose: what is put in comes out once, in order, compressed, under AWS's keys; limits and changes as AWS's."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.stack import BUFFER_S, Stack

pytestmark = pytest.mark.account
RECORDS = 300


@pytest.fixture(scope="module")
def stream(stack: Stack) -> Iterator[str]:
    """A delivery stream of these tests' own, into a part of the stack's bucket."""
    firehose, name = stack.target.client("firehose"), f"{stack.prefix}-direct"
    firehose.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": stack.roles["firehose"],
            "BucketARN": f"arn:aws:s3:::{stack.bucket}",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": BUFFER_S},
            "CompressionFormat": "GZIP",
            "Prefix": "direct/",
            "ErrorOutputPrefix": "failed/",
        },
    )
    stack.target.wait(lambda: _described(stack, name)["DeliveryStreamStatus"] == "ACTIVE", "the delivery stream")
    yield name
    firehose.delete_delivery_stream(DeliveryStreamName=name)


def _described(stack: Stack, name: str) -> dict[str, Any]:
    found = stack.target.client("firehose").describe_delivery_stream(DeliveryStreamName=name)
    return dict(found["DeliveryStreamDescription"])


def _objects(stack: Stack, prefix: str) -> dict[str, list[str]]:
    """Return the lines of each object under a prefix, by key."""
    s3 = stack.target.client("s3")
    found = s3.list_objects_v2(Bucket=stack.bucket, Prefix=prefix).get("Contents", [])
    bodies = {each["Key"]: s3.get_object(Bucket=stack.bucket, Key=each["Key"])["Body"].read() for each in found}
    return {key: gzip.decompress(body).decode().splitlines() for key, body in bodies.items()}


def _put(stack: Stack, stream: str, lines: list[str]) -> None:
    answer = stack.target.client("firehose").put_record_batch(
        DeliveryStreamName=stream, Records=[{"Data": f"{line}\n".encode()} for line in lines]
    )
    assert answer["FailedPutCount"] == 0


def test_records_come_out_once_in_order_and_under_awss_keys(stack: Stack, stream: str) -> None:
    """Prefix, then YYYY/MM/DD/HH/, then name, version, time and a random part."""
    lines = [f"record {number}" for number in range(RECORDS)]
    _put(stack, stream, lines)
    found = stack.target.wait(
        lambda: _objects(stack, "direct/"), "all records", done=lambda it: sum(map(len, it.values())) >= RECORDS
    )
    assert [line for key in sorted(found) for line in found[key]] == lines
    pattern = re.compile(
        rf"direct/(\d{{4}}/\d\d/\d\d/\d\d)/{stream}-1-\d{{4}}(-\d\d){{5}}-[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\.gz"
    )
    assert [key for key in found if not pattern.fullmatch(key)] == []


def test_a_size_that_is_reached_does_not_wait_for_the_interval(stack: Stack, stream: str) -> None:
    """2 MiB into a buffer of 1 MiB and 15 minutes: the first MiB is there at once."""
    _update(stack, stream, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900}, Prefix="by-size/")
    for number in range(4):
        _put(stack, stream, [f"{number:04d}" + "x" * 524_000])
    stack.target.wait(lambda: _objects(stack, "by-size/"), "the first object", timeout_s=10)


def test_an_update_raises_the_version_and_counts_for_what_comes(stack: Stack, stream: str) -> None:
    """UpdateDestination merges; with a version that is not the newest it is refused."""
    firehose, before = stack.target.client("firehose"), _described(stack, stream)
    _update(stack, stream, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": BUFFER_S}, Prefix="moved/")
    after = _described(stack, stream)
    assert int(after["VersionId"]) == int(before["VersionId"]) + 1
    assert after["Destinations"][0]["ExtendedS3DestinationDescription"]["CompressionFormat"] == "GZIP"
    _put(stack, stream, ["after the move"])
    stack.target.wait(
        lambda: [line for lines in _objects(stack, "moved/").values() for line in lines], "the object",
        done=lambda lines: "after the move" in lines,
    )  # fmt: skip
    with pytest.raises(firehose.exceptions.ConcurrentModificationException):
        _update(stack, stream, before["VersionId"], Prefix="late/")


def _update(stack: Stack, stream: str, version: str = "", **changes: Any) -> None:
    described = _described(stack, stream)
    stack.target.client("firehose").update_destination(
        DeliveryStreamName=stream,
        CurrentDeliveryStreamVersionId=version or described["VersionId"],
        DestinationId=described["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate=changes,
    )


def test_limits(stack: Stack, stream: str) -> None:
    """At most 500 records a batch, 4 MiB together, 1,000 KiB each."""
    firehose = stack.target.client("firehose")
    too_many, too_large = [{"Data": b"x"}] * 501, {"Data": b"x" * (1000 * 1024 + 1)}
    for refused in (
        lambda: firehose.put_record_batch(DeliveryStreamName=stream, Records=too_many),
        lambda: firehose.put_record_batch(DeliveryStreamName=stream, Records=[{"Data": b"x" * 1_000_000}] * 5),
        lambda: firehose.put_record(DeliveryStreamName=stream, Record=too_large),
    ):
        with pytest.raises(ClientError) as error:
            refused()
        assert error.value.response["Error"]["Code"] in {"InvalidArgumentException", "ValidationException"}


def test_a_stream_that_is_not_there(stack: Stack) -> None:
    """ResourceNotFoundException in AWS's words."""
    firehose = stack.target.client("firehose")
    with pytest.raises(firehose.exceptions.ResourceNotFoundException) as error:
        firehose.put_record(DeliveryStreamName="nowhere", Record={"Data": b"x"})
    expected = f"Firehose nowhere under account {stack.target.account} not found."
    assert error.value.response["Error"]["Message"] == expected


def test_a_second_stream_of_the_same_name(stack: Stack, stream: str) -> None:
    """ResourceInUseException."""
    firehose = stack.target.client("firehose")
    with pytest.raises(firehose.exceptions.ResourceInUseException):
        firehose.create_delivery_stream(
            DeliveryStreamName=stream,
            ExtendedS3DestinationConfiguration={
                "RoleARN": stack.roles["firehose"], "BucketARN": f"arn:aws:s3:::{stack.bucket}",
            },
        )  # fmt: skip

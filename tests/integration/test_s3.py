"""S3: what the lab asks of the bucket that Firehose delivers to."""

from __future__ import annotations

import gzip
import json

import pytest
from botocore.exceptions import ClientError

from tests.integration import arrivals
from tests.integration.stack import Stack

pytestmark = pytest.mark.account


def test_a_delivered_object_is_gzip_of_json_lines(stack: Stack) -> None:
    """Key YYYY/MM/DD/HH/<stream>-1-…gz, encrypted as the bucket says, one record a line."""
    run = arrivals.send(stack, 5)
    arrivals.arrive_once(stack, run, arrivals.ids_of(run, 5))
    s3 = stack.target.client("s3")
    key = next(key for key in reversed(arrivals.keys(stack)) if f"/{stack.prefix}-1-" in key)
    found = s3.get_object(Bucket=stack.bucket, Key=key)
    body = found["Body"].read()
    assert (key.count("/"), key.endswith(".gz"), found["ContentLength"]) == (4, True, len(body))
    records = [json.loads(line) for line in gzip.decompress(body).decode().splitlines()]
    assert {record["container_name"] for record in records} == {"httpd"}


def test_pages_ranges_and_conditions(stack: Stack) -> None:
    """Listing in pages by prefix, reading a part, asking only for what changed."""
    s3 = stack.target.client("s3")
    where = {"Bucket": stack.bucket}
    for number in range(5):
        s3.put_object(**where, Key=f"pages/{number}", Body=b"0123456789")
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(**where, Prefix="pages/", PaginationConfig={"PageSize": 2})
    )
    assert [len(page["Contents"]) for page in pages] == [2, 2, 1]
    part = s3.get_object(**where, Key="pages/0", Range="bytes=2-4")
    assert (part["Body"].read(), part["ResponseMetadata"]["HTTPStatusCode"]) == (b"234", 206)
    with pytest.raises(ClientError) as error:
        s3.get_object(**where, Key="pages/0", IfNoneMatch=part["ETag"])
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304
    deleted = s3.delete_objects(**where, Delete={"Objects": [{"Key": f"pages/{number}"} for number in range(5)]})
    assert len(deleted["Deleted"]) == 5


def test_what_is_not_there(stack: Stack) -> None:
    """NoSuchKey and NoSuchBucket."""
    s3 = stack.target.client("s3")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=stack.bucket, Key="nothing")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket=f"{stack.bucket}-not")

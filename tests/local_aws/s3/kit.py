"""What tests of large objects have in common, whether the local AWS keeps its state or not."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError


def comes_back(s3: Any, bucket: str, brought: bytes) -> None:
    """Put an object of five megabytes or more, read it in every way, and copy it."""
    put = s3.put_object(Bucket=bucket, Key="k", Body=brought, ChecksumAlgorithm="SHA256")
    assert put["ETag"] == f'"{hashlib.md5(brought).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (got["ContentLength"], got["ChecksumSHA256"]) == (len(brought), put["ChecksumSHA256"])
    assert got["Body"].read() == brought
    for asked, wanted in (("-5", brought[-5:]), ("7-4999999", brought[7:5_000_000]), ("5000000-", brought[5_000_000:])):
        told = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={asked}")
        assert told["Body"].read() == wanted
        assert told["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert told["ContentLength"] == len(wanted)
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={len(brought)}-")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", ChecksumAlgorithm="CRC32")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == brought

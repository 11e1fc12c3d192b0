"""Buckets that go with what is in them: moto is one a process, and so are its buckets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HERE = {"LocationConstraint": "ap-northeast-1"}


@contextmanager
def bucket(client: Any, name: str, **created: Any) -> Iterator[Any]:
    """Make a bucket, give the client, and remove the bucket; `created` is told to CreateBucket."""
    client.create_bucket(Bucket=name, **{"CreateBucketConfiguration": HERE, **created})
    yield client
    remove(client, name, has_locks=created.get("ObjectLockEnabledForBucket", False))


def remove(client: Any, name: str, *, has_locks: bool = False) -> None:
    """Remove a bucket with its uploads in parts, versions and delete markers, locked ones too."""
    for upload in client.list_multipart_uploads(Bucket=name).get("Uploads", ()):
        client.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    bypass = {"BypassGovernanceRetention": True} if has_locks else {}
    listed = client.list_object_versions(Bucket=name)
    for each in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())):
        client.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"], **bypass)
    client.delete_bucket(Bucket=name)

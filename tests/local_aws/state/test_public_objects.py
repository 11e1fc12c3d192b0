"""What everybody may do with S3 outlives the server: blocks, lists, and whose an object is."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from lab_helpers.local_aws.server import LocalAws
from tests.support.buckets import HERE, remove

BUCKET = "kept-public"


def _ask(aws: LocalAws, method: str, key: str, body: bytes | None = None) -> int:
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"{aws.endpoint_url}/{BUCKET}/{key}", body, method=method)
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_everybodys_objects_are_kept(tmp_path: Path) -> None:
    """The next server lets everybody read and delete what the one before did, and no more."""
    with LocalAws(tmp_path, factories=[], keeps_state=True) as aws:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=HERE, ObjectOwnership="ObjectWriter")
        s3.delete_public_access_block(Bucket=BUCKET)
        s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read-write")
        s3.put_object(Bucket=BUCKET, Key="owners", Body=b"1", ACL="public-read")
        assert _ask(aws, "PUT", "nobodys", b"2") == 200
    with LocalAws(tmp_path, factories=[], keeps_state=True) as again:
        assert (_ask(again, "GET", "owners"), _ask(again, "DELETE", "owners")) == (200, 403)
        assert _ask(again, "DELETE", "nobodys") == 204
        blocked = {"IgnorePublicAcls": True}
        again.client("s3").put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=blocked)
    with LocalAws(tmp_path, factories=[], keeps_state=True) as last:
        assert _ask(last, "GET", "owners") == 403
        remove(last.client("s3"), BUCKET)

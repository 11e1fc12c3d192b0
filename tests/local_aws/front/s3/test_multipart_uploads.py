"""Multipart uploads that are not there, or that are completed without parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import LocalAws


def test_an_unknown_upload_is_no_such_upload(aws: LocalAws) -> None:
    """404 NoSuchUpload, with and without a document; an open upload without parts named is InvalidRequest."""
    s3 = aws.client("s3")
    here = {"LocationConstraint": "ap-northeast-1"}
    s3.create_bucket(Bucket="uploads", CreateBucketConfiguration=here, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket="uploads")
    parts = {"Parts": [{"PartNumber": 1, "ETag": "x"}]}
    place = {"Bucket": "uploads", "Key": "k"}
    refused: list[Callable[[], Any]] = [
        lambda: s3.complete_multipart_upload(**place, UploadId="fake"),
        lambda: s3.complete_multipart_upload(**place, UploadId="fake", MultipartUpload=parts),
        lambda: s3.upload_part(**place, UploadId="fake", PartNumber=1, Body=b"x"),
    ]
    for call in refused:
        with pytest.raises(ClientError) as error:
            call()
        response: Any = error.value.response
        assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == ("NoSuchUpload", 404)
    upload = s3.create_multipart_upload(**place, ACL="public-read")["UploadId"]
    with pytest.raises(ClientError, match="You must specify at least one part"):
        s3.complete_multipart_upload(**place, UploadId=upload)
    made = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": made}]})
    assert len(s3.get_object_acl(**place)["Grants"]) == 2
    s3.delete_object(**place)
    s3.delete_bucket(Bucket="uploads")

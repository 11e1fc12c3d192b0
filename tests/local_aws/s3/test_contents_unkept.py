"""Large objects of a local AWS that keeps nothing: they are in files that have no name."""

from __future__ import annotations

import random

from lab_helpers.local_aws.s3.contents import MOST_IN_MEMORY
from lab_helpers.local_aws.server import REGION, LocalAws
from tests.local_aws.s3.kit import comes_back


def test_what_comes_back_is_what_was_brought(aws: LocalAws) -> None:
    """As where a state is kept; parts too."""
    s3, body = aws.client("s3"), random.Random(1).randbytes(MOST_IN_MEMORY + (1 << 20) + 7)
    s3.create_bucket(Bucket="unkept", CreateBucketConfiguration={"LocationConstraint": REGION})
    comes_back(s3, "unkept", body)
    begun = s3.create_multipart_upload(Bucket="unkept", Key="parts")["UploadId"]
    told = {"Bucket": "unkept", "Key": "parts", "UploadId": begun}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**told, PartNumber=number, Body=part)["ETag"]}
        for number, part in ((1, body), (2, b"end"))
    ]
    s3.complete_multipart_upload(**told, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket="unkept", Key="parts")["Body"].read() == body + b"end"

"""Keys of KMS that objects are encrypted with, as LocalStack recorded them from AWS."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import LocalAws

BUCKET, REGION, ACCOUNT = "keys-of-s3", "ap-northeast-1", "123456789012"
NEVER = "134f2428-cec1-4b25-a1ae-9048164dba47"
KMS = {"ServerSideEncryption": "aws:kms"}


def _refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(Bucket=BUCKET, **params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_keys_of_objects(aws: LocalAws) -> None:
    """A key is told by its ARN however it was named; who names none gets the account's; one that is off is refused."""
    s3, kms = aws.client("s3"), aws.client("kms")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    key = kms.create_key()["KeyMetadata"]
    put = s3.put_object(Bucket=BUCKET, Key="a", Body=b"x", SSEKMSKeyId=key["KeyId"], **KMS)
    assert (put["SSEKMSKeyId"], put["ServerSideEncryption"], "BucketKeyEnabled" in put) == (
        key["Arn"],
        "aws:kms",
        False,
    )
    managed = s3.put_object(Bucket=BUCKET, Key="b", **KMS)["SSEKMSKeyId"]
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"] == managed
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["KeyId"]}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.put_object(Bucket=BUCKET, Key="c")["SSEKMSKeyId"] == key["Arn"]
    s3.delete_bucket_encryption(Bucket=BUCKET)
    assert "SSEKMSKeyId" not in s3.put_object(Bucket=BUCKET, Key="d")
    kms.disable_key(KeyId=key["KeyId"])
    disabled = ("KMS.DisabledException", f"{key['Arn']} is disabled.")
    assert _refused(s3.get_object, Key="a") == disabled
    assert _refused(s3.put_object, Key="a", SSEKMSKeyId=key["KeyId"], **KMS) == disabled
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    pending = ("KMS.KMSInvalidStateException", f"{key['Arn']} is pending deletion.")
    assert _refused(s3.get_object, Key="a") == pending
    for name in "abcd":
        s3.delete_object(Bucket=BUCKET, Key=name)
    s3.delete_bucket(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fake-key-id", "Invalid keyId 'fake-key-id'"),
        (NEVER, f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{NEVER}' does not exist"),
        (
            f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{NEVER}",
            f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{NEVER}' does not exist",
        ),
        (f"arn:aws:kms:us-west-2:{ACCOUNT}:key/{NEVER}", "Invalid arn us-west-2"),
    ],
)
def test_keys_that_are_not_there(aws: LocalAws, name: str, text: str) -> None:
    """test_s3_sse_validate_kms_key: also of an upload in parts, and of a copy."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="a")
    wanted = {**KMS, "SSEKMSKeyId": name}
    refusals = [
        _refused(s3.put_object, Key="b", **wanted),
        _refused(s3.create_multipart_upload, Key="b", **wanted),
        _refused(s3.copy_object, Key="b", CopySource=f"{BUCKET}/a", **wanted),
    ]
    s3.delete_object(Bucket=BUCKET, Key="a")
    s3.delete_bucket(Bucket=BUCKET)
    assert refusals == [("KMS.NotFoundException", text)] * 3

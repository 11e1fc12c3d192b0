"""S3's rules for the names of buckets and the length of keys, which moto does not hold calls to.

Source: "General purpose bucket naming rules" and "Naming Amazon S3 objects" of the Amazon S3 User Guide.
Not modelled: that a name is taken in all accounts of AWS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.identity.policy_checks import Check
from lab_helpers.local_aws.kit.api import AwsError

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
MOST_KEY_BYTES = 1024
_OF_OBJECTS = (
    "PutObject", "GetObject", "HeadObject", "DeleteObject", "CopyObject", "CreateMultipartUpload", "UploadPart",
    "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts", "GetObjectAcl", "PutObjectAcl",
    "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "SelectObjectContent", "RestoreObject",
    "GetObjectLegalHold", "GetObjectRetention", "PutObjectLegalHold", "PutObjectRetention",
)  # fmt: skip
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


def checks() -> dict[tuple[str, str], Check]:
    """Return {(signing name, operation): check} of the calls that name a new bucket or an object."""
    return {("s3", "CreateBucket"): check, **{("s3", name): check_key for name in _OF_OBJECTS}}


def check_key(params: Mapping[str, Any], body: bytes) -> None:  # noqa: ARG001
    """Raise AwsError KeyTooLongError for a key of more than 1024 bytes in UTF-8."""
    size = len(str(params.get("Key", "")).encode("utf-8", "surrogateescape"))
    if size > MOST_KEY_BYTES:
        extra = {"Size": str(size), "MaxSizeAllowed": str(MOST_KEY_BYTES)}
        raise AwsError("KeyTooLongError", "Your key is too long", 400, extra)


def check(params: Mapping[str, Any], body: bytes) -> None:  # noqa: ARG001
    """Raise AwsError InvalidBucketName for a name that no bucket can have."""
    name = str(params.get("Bucket", ""))
    if not _NAME.fullmatch(name) or ".." in name or _ADDRESS.fullmatch(name) or _is_reserved(name):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400, {"BucketName": name})


def _is_reserved(name: str) -> bool:
    return name.startswith(_RESERVED_STARTS) or name.endswith(_RESERVED_ENDS)

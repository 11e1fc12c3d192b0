"""S3's REST calls by their operation names, so that IAM can be asked about them.

Source: the request syntax of each operation in the Amazon S3 API reference. Path-style addresses only: an IP address as
endpoint makes every SDK use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BUCKET_PARTS = {
    "accelerate": "AccelerateConfiguration",
    "acl": "Acl",
    "cors": "Cors",
    "encryption": "Encryption",
    "lifecycle": "LifecycleConfiguration",
    "location": "Location",
    "logging": "Logging",
    "notification": "NotificationConfiguration",
    "object-lock": "ObjectLockConfiguration",
    "ownershipControls": "OwnershipControls",
    "policy": "Policy",
    "policyStatus": "PolicyStatus",
    "publicAccessBlock": "PublicAccessBlock",
    "replication": "Replication",
    "requestPayment": "RequestPayment",
    "tagging": "Tagging",
    "versioning": "Versioning",
    "website": "Website",
}
_NOT_BUCKETS_OWN = {"object-lock": "ObjectLockConfiguration", "publicAccessBlock": "PublicAccessBlock"}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}


def s3_call(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return (operation name, params) of one S3 call; params always hold Bucket and Key where the call names them."""
    bucket, _, key = path.lstrip("/").partition("/")
    params: dict[str, Any] = {**query}
    if bucket:
        params["Bucket"] = bucket
    if key:
        params["Key"] = key
    if not bucket:
        return "ListBuckets", params
    return (_object_operation if key else _bucket_operation)(method, query, headers), params


def _bucket_operation(method: str, query: Mapping[str, str], headers: Mapping[str, Any]) -> str:  # noqa: ARG001
    for part, name in _BUCKET_PARTS.items():
        if part in query and method in _VERBS:
            return f"{_VERBS[method]}{'' if part in _NOT_BUCKETS_OWN else 'Bucket'}{name}".replace(
                "BucketPublic", "Public"
            )
    if method == "GET":
        return next((name for part, name in _LISTINGS.items() if part in query), "ListObjects")
    if method == "POST":
        return "DeleteObjects" if "delete" in query else "PostObject"
    return {"PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}.get(method, "OptionsBucket")


_LISTINGS = {
    "uploads": "ListMultipartUploads",
    "versions": "ListObjectVersions",
    "list-type": "ListObjectsV2",
}


def _object_operation(method: str, query: Mapping[str, str], headers: Mapping[str, Any]) -> str:
    for part in ("acl", "tagging"):
        if part in query and method in _VERBS:
            return f"{_VERBS[method]}Object{part.capitalize()}"
    if method == "POST":
        return _post_operation(query)
    if "uploadId" in query:
        return {"PUT": "UploadPart", "GET": "ListParts", "DELETE": "AbortMultipartUpload"}.get(method, "UploadPart")
    if method == "PUT":
        return "CopyObject" if "HTTP_X_AMZ_COPY_SOURCE" in headers else "PutObject"
    return {"GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, "OptionsObject")


def _post_operation(query: Mapping[str, str]) -> str:
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return "CompleteMultipartUpload"
    return "SelectObjectContent" if "select" in query else "RestoreObject"

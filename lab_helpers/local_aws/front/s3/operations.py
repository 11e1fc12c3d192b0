"""S3's REST calls by their operation names, so that IAM can be asked about them.

Source: the request syntax of each operation in the Amazon S3 API reference. Path-style addresses only: an IP address as
endpoint makes every SDK use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

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
_OBJECT_PARTS = {"acl": "Acl", "tagging": "Tagging", "retention": "Retention", "legal-hold": "LegalHold"}
_SEVERAL = {
    "analytics": "Analytics",
    "intelligent-tiering": "IntelligentTiering",
    "inventory": "Inventory",
    "metrics": "Metrics",
}
"""Configurations of which a bucket may have several, each with an id."""
UNKNOWN = "PutUnknownConfiguration"
"""A PUT on a bucket about something that S3 has not."""
_OF_CREATION = frozenset({"x-id", "AWSAccessKeyId", "Signature", "Expires"})
"""What may stand in the query of a bucket's creation."""
_HEADERS = {
    "HTTP_X_AMZ_COPY_SOURCE": "CopySource",
    "HTTP_X_AMZ_ACL": "ACL",
    "HTTP_X_AMZ_TAGGING": "Tagging",
    "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION": "ServerSideEncryption",
    "HTTP_X_AMZ_STORAGE_CLASS": "StorageClass",
    "HTTP_X_AMZ_OBJECT_LOCK_MODE": "ObjectLockMode",
    "HTTP_X_AMZ_OBJECT_LOCK_LEGAL_HOLD": "ObjectLockLegalHoldStatus",
    "HTTP_X_AMZ_BYPASS_GOVERNANCE_RETENTION": "BypassGovernanceRetention",
}
"""Headers that decide which permissions a call needs, and the members of the input that they carry."""
_NOT_BUCKETS_OWN = {"object-lock": "ObjectLockConfiguration", "publicAccessBlock": "PublicAccessBlock"}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}


def s3_call(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, Any], body: bytes = b""
) -> tuple[str, dict[str, Any]]:
    """Return (operation name, params) of one S3 call.

    `headers` are named as in a WSGI environ. Params hold Bucket and Key where the call names them, what headers say of
    copies, ACLs, tags, encryption and storage class, and the keys that a DeleteObjects lists.
    """
    bucket, _, key = path.lstrip("/").partition("/")
    params: dict[str, Any] = {**query, **{name: headers[field] for field, name in _HEADERS.items() if field in headers}}
    if not bucket:
        return "ListBuckets", params
    params["Bucket"] = bucket
    if key:
        params["Key"] = key
    operation = (_object_operation if key else _bucket_operation)(method, query, headers)
    if operation == "DeleteObjects":
        params["Delete"] = {"Objects": _listed_objects(body)}
    return operation, params


def _listed_objects(body: bytes) -> list[dict[str, str]]:
    """Return the keys and versions of a Delete document; nothing of one that cannot be read (it is refused later)."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return []
    listed = (element for element in root if _local(element) == "Object")
    return [{_local(part): part.text or "" for part in element} for element in listed]


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _bucket_operation(method: str, query: Mapping[str, str], headers: Mapping[str, Any]) -> str:  # noqa: ARG001
    for part, name in _BUCKET_PARTS.items():
        if part in query and method in _VERBS:
            return f"{_VERBS[method]}{'' if part in _NOT_BUCKETS_OWN else 'Bucket'}{name}".replace(
                "BucketPublic", "Public"
            )
    for part, name in _SEVERAL.items():
        if part in query and method in _VERBS:
            listed = method == "GET" and "id" not in query
            return f"ListBucket{name}Configurations" if listed else f"{_VERBS[method]}Bucket{name}Configuration"
    if method == "PUT" and any(not _is_of_creation(name) for name in query):
        return UNKNOWN
    if method == "GET":
        return next((name for part, name in _LISTINGS.items() if part in query), "ListObjects")
    if method == "POST":
        return "DeleteObjects" if "delete" in query else "PostObject"
    return {"PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}.get(method, "OptionsBucket")


def _is_of_creation(name: str) -> bool:
    return name in _OF_CREATION or name.lower().startswith("x-amz-")


_LISTINGS = {
    "uploads": "ListMultipartUploads",
    "versions": "ListObjectVersions",
    "list-type": "ListObjectsV2",
}


def _object_operation(method: str, query: Mapping[str, str], headers: Mapping[str, Any]) -> str:
    for part, name in _OBJECT_PARTS.items():
        if part in query and method in _VERBS:
            return f"{_VERBS[method]}Object{name}"
    if method == "GET" and "attributes" in query:
        return "GetObjectAttributes"
    if method == "POST":
        return _post_operation(query)
    copies = "HTTP_X_AMZ_COPY_SOURCE" in headers
    if "uploadId" in query:
        if method == "PUT" and copies:
            return "UploadPartCopy"
        return {"PUT": "UploadPart", "GET": "ListParts", "DELETE": "AbortMultipartUpload"}.get(method, "UploadPart")
    if method == "PUT":
        return "CopyObject" if copies else "PutObject"
    return {"GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, "OptionsObject")


def _post_operation(query: Mapping[str, str]) -> str:
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return "CompleteMultipartUpload"
    return "SelectObjectContent" if "select" in query else "RestoreObject"

"""Which permissions an S3 call needs.

Source: "Required permissions for Amazon S3 API operations" of the S3 User Guide; Service Authorization Reference.
Not modelled: access points, S3 Express, the KMS permissions of SSE-KMS, Object Lambda, and that a missing object is
answered with 403 to whoever may not list the bucket.
"""

from __future__ import annotations

from urllib.parse import unquote

from .call import ANY, Access, Call

# Configurations that have one action to read one or all, and one to write or delete.
_CONFIGURATIONS = ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
# Operations whose action has another name.
_RENAMED = {
    **{
        operation.format(kind): f"{action}{kind}Configuration"
        for kind in _CONFIGURATIONS
        for operation, action in (
            ("GetBucket{}Configuration", "Get"),
            ("ListBucket{}Configurations", "Get"),
            ("PutBucket{}Configuration", "Put"),
            ("DeleteBucket{}Configuration", "Put"),
        )
    },
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "GetObjectAttributes": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "PostObject": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListParts": "ListMultipartUploadParts",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
}
# Actions that have a sibling for one version of an object.
_VERSIONED = {
    name: name.replace("Object", "ObjectVersion", 1)
    for name in ("GetObject", "DeleteObject", "GetObjectAcl", "PutObjectAcl", "GetObjectTagging", "PutObjectTagging")
}
_LISTINGS = frozenset({"ListObjects", "ListObjectsV2", "ListObjectVersions"})
# Parameters of boto3, and how the same is called in S3's query string.
_LISTING_KEYS = {
    "Prefix": "s3:prefix",
    "prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "max-keys": "s3:max-keys",
}
_VERSION = ("VersionId", "versionId")


def accesses(call: Call) -> tuple[Access, ...]:
    """Answer the permissions that the call needs.

    Parameters may have boto3's names or those of S3's query string. A copy without `CopySource` and a multiple delete
    without `Delete` need the permission on everything that they could mean.
    """
    bucket, key = call.text("Bucket"), call.text("Key")
    if call.operation == "ListBuckets":
        return (Access("s3:ListAllMyBuckets", _arn(ANY)),)
    if call.operation == "DeleteObjects":
        return _deletes(call, bucket)
    if call.operation in _LISTINGS:
        return (Access(_action(call), _arn(bucket), _listing_context(call)),)
    own = Access(_action(call), _arn(f"{bucket}/{key}" if key else bucket), _write_context(call))
    return (own, *_also(call, own.resource_arn), *_source(call))


def _action(call: Call) -> str:
    action = _RENAMED.get(call.operation, call.operation)
    return f"s3:{_VERSIONED.get(action, action) if call.text(*_VERSION) else action}"


def _arn(resource: str) -> str:
    return f"arn:aws:s3:::{resource}" if resource else ANY


def _deletes(call: Call, bucket: str) -> tuple[Access, ...]:
    listed = call.params.get("Delete")
    objects = listed.get("Objects") if isinstance(listed, dict) else None
    keyed = [item for item in objects if isinstance(item, dict)] if isinstance(objects, list | tuple) else []
    needed = []
    for item in keyed or [{}]:
        arn = _arn(f"{bucket}/{item.get('Key', ANY)}")
        needed.append(Access("s3:DeleteObjectVersion" if item.get("VersionId") else "s3:DeleteObject", arn))
        needed += _bypass(call, arn)
    return tuple(needed)


def _listing_context(call: Call) -> dict[str, str | tuple[str, ...]]:
    return {key: str(call.params[name]) for name, key in _LISTING_KEYS.items() if call.params.get(name) is not None}


def _write_context(call: Call) -> dict[str, str | tuple[str, ...]]:
    keys = {
        "s3:x-amz-acl": call.text("ACL"),
        "s3:x-amz-server-side-encryption": call.text("ServerSideEncryption"),
        "s3:x-amz-storage-class": call.text("StorageClass"),
        "s3:VersionId": call.text(*_VERSION),
    }
    return {key: value for key, value in keys.items() if value}


def _also(call: Call, arn: str) -> tuple[Access, ...]:
    """A write that also sets an ACL, tags or a lock needs their permission too, and who overrides governance that."""
    if call.operation in ("DeleteObject", "PutObjectRetention"):
        return _bypass(call, arn)
    if call.operation not in ("PutObject", "CopyObject", "CreateMultipartUpload"):
        return ()
    acl = [Access("s3:PutObjectAcl", arn)] if call.text("ACL") else []
    tags = [Access("s3:PutObjectTagging", arn)] if call.text("Tagging") else []
    locked = [Access("s3:PutObjectRetention", arn)] if call.text("ObjectLockMode") else []
    held = [Access("s3:PutObjectLegalHold", arn)] if call.text("ObjectLockLegalHoldStatus") else []
    return (*acl, *tags, *locked, *held)


def _bypass(call: Call, arn: str) -> tuple[Access, ...]:
    said = str(call.params.get("BypassGovernanceRetention", "")).lower()  # a header's text, boto3's boolean
    return (Access("s3:BypassGovernanceRetention", arn),) if said == "true" else ()


def _source(call: Call) -> tuple[Access, ...]:
    """A copy has to read its source."""
    if not call.operation.endswith(("CopyObject", "PartCopy")):
        return ()
    source = call.params.get("CopySource")
    if isinstance(source, dict):
        source = f"{source.get('Bucket', '')}/{source.get('Key', '')}"
    if not isinstance(source, str):
        return (Access("s3:GetObject", ANY),)
    name, _, version = unquote(source).lstrip("/").partition("?versionId=")
    return (Access("s3:GetObjectVersion" if version else "s3:GetObject", _arn(name)),)

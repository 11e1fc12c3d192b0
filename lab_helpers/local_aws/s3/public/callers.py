"""Callers without keys: S3 lets them in where a bucket's policy or an access list says so.

Source: "How Amazon S3 authorizes a request" and "Blocking public access to your Amazon S3 storage" of the Amazon S3
User Guide.
Not modelled: that everybody's access is paid by the bucket's owner unless the requester pays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from lab_helpers.iam.actions import required
from lab_helpers.iam.call import Access
from lab_helpers.iam.evaluate import AccessRequest, NamedPolicy, Outcome, PolicySet, evaluate
from lab_helpers.iam.policy import PolicyError, PolicyKind, parse
from lab_helpers.iam.principals import ANONYMOUS
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.public import access as public_access

_WITH_KEYS_ONLY = {
    "CreateMultipartUpload": "Anonymous users cannot initiate multipart uploads.  Please authenticate.",
    "CopyObject": "Anonymous users cannot copy objects.  Please authenticate.",
    "UploadPartCopy": "Anonymous users cannot copy objects.  Please authenticate.",
}
_READS = frozenset({"s3:GetObject", "s3:GetObjectVersion"})
_ARN = "arn:aws:s3:::"
Context = Mapping[str, str | tuple[str, ...]]


class BucketSource(Protocol):
    """Where buckets are kept: moto_bridge.MotoBridge."""

    def bucket_policy(self, bucket: str) -> str | None: ...

    def public_block(self, bucket: str) -> public_access.Block:
        """Return what is blocked of a bucket's public access; nothing without such a bucket."""

    def granted_to_all(self, bucket: str, key: str, version: str) -> public_access.ListedGrants:
        """Return what the access lists of a bucket and an object (empty: none) grant to everybody."""


def check(
    source: BucketSource, account_id: str, operation: str, params: Mapping[str, Any], region: str, keys: Context
) -> None:
    """Raise AwsError AccessDenied unless a call of S3's may be made without keys; `keys` are those of its context."""
    if operation in _WITH_KEYS_ONLY:
        raise AwsError("AccessDenied", _WITH_KEYS_ONLY[operation], 403)
    version = str(params.get("versionId", ""))
    for access in required("s3", operation, params, region, account_id):
        if not _is_open(source, account_id, operation, access, version, keys):
            raise AwsError("AccessDenied", "Access Denied", 403)


def _is_open(
    source: BucketSource, account_id: str, operation: str, access: Access, version: str, keys: Context
) -> bool:
    bucket, _, key = access.resource_arn.removeprefix(_ARN).partition("/")
    block, text = source.public_block(bucket), source.bucket_policy(bucket)
    granted = source.granted_to_all(bucket, key, version)
    if text is not None:
        try:
            policy = parse(text, PolicyKind.RESOURCE)
        except PolicyError:
            return False  # it may have meant to deny this
        if block.restrict_buckets and public_access.is_public(policy):
            return False
        policies = PolicySet(resource=NamedPolicy("bucket policy", policy))
        outcome = _outcome(account_id, access.action, access.resource_arn, {**keys, **access.context}, policies)
        if outcome is Outcome.EXPLICIT_DENY:
            return False
        if outcome is Outcome.ALLOWED and (access.action not in _READS or granted.is_nobodys is not None):
            return True
        lists = _outcome(account_id, "s3:ListBucket", f"{_ARN}{bucket}", keys, policies)
        if outcome is Outcome.ALLOWED and lists is Outcome.ALLOWED:
            return True  # and is told that there is nothing
    return not block.ignore_acls and public_access.lets_in(operation, access.action, granted)


def _outcome(account_id: str, action: str, resource: str, keys: Context, policies: PolicySet) -> Outcome:
    context = {"aws:userid": ANONYMOUS, **keys}
    return evaluate(AccessRequest(ANONYMOUS, account_id, action, resource, context), policies).outcome

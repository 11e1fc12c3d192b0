"""What makes a bucket public, what the block of public access blocks, and whom an access list lets in. Pure.

Source: "Blocking public access to your Amazon S3 storage" (with "The meaning of public"), "Access control list (ACL)
overview" (with "Mapping of ACL permissions and access policy permissions") and "Troubleshoot access denied (403
Forbidden) errors in Amazon S3" of the Amazon S3 User Guide.
Not modelled: the block of a whole account, of access points and of organisations; that an object of a caller without
keys is told as another owner's, and that the bucket's owner may not read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any
from xml.etree import ElementTree

from lab_helpers.iam.statements import Condition, Effect, Policy, Quantifier, Statement
from lab_helpers.local_aws.kit.api import AwsError

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
_GROUPS = (ALL_USERS, "http://acs.amazonaws.com/groups/global/AuthenticatedUsers")
_CANNED = frozenset({"authenticated-read", "public-read", "public-read-write"})
_WITH_LIST = frozenset({"CopyObject", "CreateMultipartUpload", "PutBucketAcl", "PutObject", "PutObjectAcl"})
_DOCUMENTS = frozenset({"PutBucketAcl", "PutObjectAcl"})
_FIXING = frozenset({
    "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:sourceaccount",
    "aws:sourcearn", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce", "aws:userid", "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
})  # fmt: skip
"""Condition keys, in lower case, that make a statement not public where they are held to fixed values."""
_HOLDING = frozenset({"ArnEquals", "ArnLike", "StringEquals", "StringEqualsIgnoreCase", "StringLike"})
_BROADEST = {4: 8, 6: 32}
"""Of networks of either version: those with a shorter prefix are everybody."""
_OF_BUCKETS = {
    "s3:ListBucket": "READ", "s3:ListBucketVersions": "READ", "s3:ListBucketMultipartUploads": "READ",
    "s3:PutObject": "WRITE", "s3:DeleteObject": "WRITE", "s3:DeleteObjectVersion": "WRITE",
    "s3:GetBucketAcl": "READ_ACP", "s3:PutBucketAcl": "WRITE_ACP",
}  # fmt: skip
_OF_OBJECTS = {
    "s3:GetObject": "READ", "s3:GetObjectVersion": "READ", "s3:GetObjectAcl": "READ_ACP",
    "s3:GetObjectVersionAcl": "READ_ACP", "s3:PutObjectAcl": "WRITE_ACP", "s3:PutObjectVersionAcl": "WRITE_ACP",
}  # fmt: skip
_ACLS_PREVENTED = "public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access."
_POLICIES_PREVENTED = "public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
_WITH_OWNER_ENFORCED = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
_WITH_BLOCK = "Bucket cannot have public ACLs set with BlockPublicAccess enabled"


@dataclass(frozen=True)
class Block:
    """What is blocked of a bucket's public access."""

    block_acls: bool = False
    ignore_acls: bool = False
    block_policy: bool = False
    restrict_buckets: bool = False


WHOLE = Block(block_acls=True, ignore_acls=True, block_policy=True, restrict_buckets=True)
"""Of a bucket that nobody has said anything else of."""


@dataclass(frozen=True)
class ListedGrants:
    """What access lists grant to everybody, of a bucket and of one of its objects.

    `is_nobodys` says whether a caller without keys made the object, None that there is none.
    """

    of_bucket: frozenset[str] = frozenset()
    of_object: frozenset[str] = frozenset()
    is_nobodys: bool | None = None


def is_public(policy: Policy) -> bool:
    """Tell whether a bucket's policy allows something to everybody."""
    return any(_is_for_all(each) and not any(map(_fixes, each.conditions)) for each in policy.statements)


def check_list(
    operation: str, params: Mapping[str, Any], environ: Mapping[str, Any], body: bytes, block: Block, caller: str
) -> None:
    """Raise AwsError for an access list that is public where such are blocked; `caller` is an ARN."""
    if block.block_acls and operation in _WITH_LIST and _is_public_list(operation, environ, body):
        raise _prevented(operation, params, caller, _ACLS_PREVENTED)


def check_policy(params: Mapping[str, Any], policy: Policy, block: Block, caller: str) -> None:
    """Raise AwsError for a bucket's policy that is public where such are blocked; `caller` is an ARN."""
    if block.block_policy and is_public(policy):
        raise _prevented("PutBucketPolicy", params, caller, _POLICIES_PREVENTED)


def check_creation(environ: Mapping[str, Any], *, takes_lists: bool) -> None:
    """Raise AwsError for a bucket that is to be created with a public access list: it is blocked from then on."""
    if not _is_public_list("CreateBucket", environ, b""):
        return
    if not takes_lists:
        raise AwsError("InvalidBucketAclWithObjectOwnership", _WITH_OWNER_ENFORCED)
    raise AwsError("InvalidBucketAclWithBlockPublicAccessError", _WITH_BLOCK)


def lets_in(operation: str, action: str, granted: ListedGrants) -> bool:
    """Tell whether access lists let a caller without keys do what an action names."""
    if action == "s3:PutObjectAcl" and operation != "PutObjectAcl":
        action = "s3:PutObject"  # who makes an object gives it its list
    wanted = _OF_BUCKETS.get(action)
    if wanted is None:
        wanted, has = _OF_OBJECTS.get(action, ""), granted.of_object
        if granted.is_nobodys is None:  # whoever may list learns that there is nothing
            return wanted == "READ" and _grants("READ", granted.of_bucket)
        return bool(wanted) and _grants(wanted, has)
    if wanted == "WRITE" and granted.is_nobodys is False:
        return False
    return _grants(wanted, granted.of_bucket)


def _grants(wanted: str, has: frozenset[str]) -> bool:
    return wanted in has or "FULL_CONTROL" in has


def _is_for_all(statement: Statement) -> bool:
    if statement.effect is not Effect.ALLOW:
        return False
    named = statement.principals
    return statement.not_principals is not None or (named is not None and named.everyone)


def _fixes(condition: Condition) -> bool:
    """Tell whether a condition holds a request to values that not everybody has."""
    if condition.if_exists or condition.quantifier is Quantifier.ALL or not condition.values:
        return False
    key = condition.key.lower()
    if key == "aws:sourceip" and condition.operator == "IpAddress":
        return not any(map(_is_everywhere, condition.values))
    return key in _FIXING and condition.operator in _HOLDING and not any(map(_is_open, condition.values))


def _is_everywhere(network: str) -> bool:
    try:
        read = ip_network(network, strict=False)
    except ValueError:
        return True
    return read.prefixlen < _BROADEST[read.version]


def _is_open(value: str) -> bool:
    return any(sign in value for sign in ("*", "?", "${"))


def _is_public_list(operation: str, environ: Mapping[str, Any], body: bytes) -> bool:
    if str(environ.get("HTTP_X_AMZ_ACL", "")) in _CANNED:
        return True
    granted = [str(value) for name, value in environ.items() if name.startswith("HTTP_X_AMZ_GRANT_")]
    if any(group in value for group in _GROUPS for value in granted):
        return True
    return operation in _DOCUMENTS and any(group in _GROUPS for group in _listed_groups(body))


def _listed_groups(body: bytes) -> list[str]:
    try:
        return [each.text or "" for each in ElementTree.fromstring(body).iter() if each.tag.endswith("URI")]
    except ElementTree.ParseError:
        return []  # which is refused as no document


def _prevented(operation: str, params: Mapping[str, Any], caller: str, why: str) -> AwsError:
    key = params.get("Key")
    resource = f"{params.get('Bucket', '')}/{key}" if key else str(params.get("Bucket", ""))
    text = f'User: {caller} is not authorized to perform: s3:{operation} on resource: "arn:aws:s3:::{resource}" because'
    return AwsError("AccessDenied", f"{text} {why}", 403)

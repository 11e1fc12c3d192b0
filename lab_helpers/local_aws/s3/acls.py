"""Access control lists: what S3 refuses of them, and that buckets of today take none.

Source: "Access control list (ACL) overview" and "Controlling ownership of objects and disabling ACLs for your bucket"
of the Amazon S3 User Guide; LocalStack's recordings of S3 (test_s3_bucket_acl_exceptions,
test_s3_object_acl_exceptions).
Not modelled: what an access list grants to other accounts, whose callers there are none of; grants by e-mail address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.configurations import OWNER_ENFORCED
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML, invalid_argument

LISTS = frozenset({"PutBucketAcl", "PutObjectAcl"})
"""Calls that are about an access list, and nothing else."""
_WITH_LIST = LISTS | {"CopyObject", "CreateBucket", "CreateMultipartUpload", "PutObject"}
_CANNED = {"authenticated-read", "private", "public-read", "public-read-write"}
_CANNED_OF_BUCKETS = _CANNED | {"log-delivery-write"}
_CANNED_OF_OBJECTS = _CANNED | {"aws-exec-read", "bucket-owner-full-control", "bucket-owner-read"}
_OF_OWNER = "bucket-owner-full-control"
_GROUPS = frozenset({
    "http://acs.amazonaws.com/groups/global/AllUsers", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
    "http://acs.amazonaws.com/groups/s3/LogDelivery",
})  # fmt: skip
_PERMISSIONS = frozenset({"FULL_CONTROL", "READ", "READ_ACP", "WRITE", "WRITE_ACP"})
_GRANT, _ACL = "HTTP_X_AMZ_GRANT_", "HTTP_X_AMZ_ACL"
_ID = re.compile(r"[0-9a-f]{64}")
_GRANTEE = re.compile(r'\s*(\w+)="?([^",]*)"?\s*')
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_KINDS = frozenset({"AmazonCustomerByEmail", "CanonicalUser", "Group"})
_NAMES = {"id": "id", "uri": "uri", "emailaddress": "emailAddress"}


def check(operation: str, environ: Mapping[str, Any], body: bytes) -> None:
    """Raise AwsError for an access list that is none, in headers or in a document."""
    if operation not in _WITH_LIST:
        return
    canned = environ.get(_ACL)
    grants = {name: str(value) for name, value in environ.items() if name.startswith(_GRANT)}
    if canned is not None and grants:
        raise AwsError("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
    known = _CANNED_OF_BUCKETS if operation in {"CreateBucket", "PutBucketAcl"} else _CANNED_OF_OBJECTS
    if canned is not None and canned not in known:
        raise invalid_argument("", "x-amz-acl", str(canned))
    for name, value in grants.items():
        _check_grant(name.removeprefix("HTTP_").replace("_", "-").lower(), value)
    if operation in LISTS:
        _check_call(body, in_headers=canned is not None or bool(grants))


def check_ownership(operation: str, environ: Mapping[str, Any], *, takes_lists: bool) -> None:
    """Raise AwsError AccessControlListNotSupported where a bucket takes no access lists and a call has one."""
    if takes_lists or operation not in _WITH_LIST - {"CreateBucket"}:
        return
    canned = environ.get(_ACL, _OF_OWNER)
    if operation in LISTS or canned != _OF_OWNER or any(name.startswith(_GRANT) for name in environ):
        raise AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")


def asks_for_lists(environ: Mapping[str, Any]) -> bool:
    """Tell whether a bucket is to be created that takes access lists."""
    return str(environ.get("HTTP_X_AMZ_OBJECT_OWNERSHIP", OWNER_ENFORCED)) != OWNER_ENFORCED


def _check_grant(header: str, value: str) -> None:
    for told in value.split(","):
        found = _GRANTEE.fullmatch(told)
        name = _NAMES.get(found[1].lower()) if found else None
        if found is None or name is None:
            raise invalid_argument("Argument format not recognized", header, value)
        if name == "uri" and found[2] not in _GROUPS:
            raise invalid_argument("Invalid group uri", "uri", found[2])
        if name == "id" and not _ID.fullmatch(found[2]):
            raise invalid_argument("Invalid id", "id", found[2])


def _check_call(body: bytes, *, in_headers: bool) -> None:
    if in_headers and body:
        raise AwsError("UnexpectedContent", "This request does not support content")
    if not in_headers and not body:
        text = "Your request was missing a required header"
        raise AwsError("MissingSecurityHeader", text, 400, {"MissingHeaderName": "x-amz-acl"})
    if body:
        _check_document(body)


def _check_document(body: bytes) -> None:
    malformed = AwsError("MalformedACLError", MALFORMED_XML)
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise malformed from error
    owner, listed = root.find("{*}Owner/{*}ID"), root.find("{*}AccessControlList")
    if owner is None or listed is None:
        raise malformed
    grants = [(grant.findtext("{*}Permission"), grant.find("{*}Grantee")) for grant in listed]
    for permission, grantee in grants:
        kind = "" if grantee is None else grantee.get(_TYPE, "")
        if permission not in _PERMISSIONS or grantee is None or kind not in _KINDS:
            raise malformed
    if not _ID.fullmatch(owner.text or ""):
        raise invalid_argument("Invalid id", "CanonicalUser/ID", owner.text or "")
    for _, grantee in grants:
        if grantee is not None:
            _check_grantee(grantee)


def _check_grantee(grantee: ElementTree.Element) -> None:
    name, group = grantee.findtext("{*}ID") or "", grantee.findtext("{*}URI") or ""
    match grantee.get(_TYPE):
        case "CanonicalUser" if not _ID.fullmatch(name):
            raise invalid_argument("Invalid id", "CanonicalUser/ID", name)
        case "Group" if group not in _GROUPS:
            raise invalid_argument("Invalid group uri", "Group/URI", group)

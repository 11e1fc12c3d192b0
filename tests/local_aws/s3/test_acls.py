"""Access control lists that are none, and buckets that take none, as LocalStack recorded S3's refusals."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import acls
from lab_helpers.local_aws.s3.view import OWNER_ID
from lab_helpers.local_aws.server import LocalAws

BUCKET = "lists-of-s3"
LOGS, FAKE = (f"http://acs.amazonaws.com/groups/s3/{name}" for name in ("LogDelivery", "FakeGroup"))
OWNER = f"<Owner><ID>{OWNER_ID}</ID></Owner>"
INVALID, MALFORMED = "InvalidArgument", "MalformedACLError"
ARGUMENT, VALUE = "ArgumentName", "ArgumentValue"


def _grant(kind: str, member: str, permission: str = "FULL_CONTROL") -> str:
    space = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    grantee = f'<Grantee {space} xsi:type="{kind}">{member}</Grantee>'
    return f"<AccessControlList><Grant>{grantee}<Permission>{permission}</Permission></Grant></AccessControlList>"


GOOD = _grant("CanonicalUser", f"<ID>{OWNER_ID}</ID>")


@pytest.mark.parametrize(
    ("headers", "document", "code", "extra"),
    [
        ({"ACL": "fake-acl"}, None, INVALID, {ARGUMENT: "x-amz-acl", VALUE: "fake-acl"}),
        ({"GRANT_WRITE": f'uri="{FAKE}"'}, None, INVALID, {ARGUMENT: "uri", VALUE: FAKE}),
        ({"GRANT_WRITE": 'fakekey="1"'}, None, INVALID, {ARGUMENT: "x-amz-grant-write", VALUE: 'fakekey="1"'}),
        ({"GRANT_WRITE": 'id="wrong-id"'}, None, INVALID, {ARGUMENT: "id", VALUE: "wrong-id"}),
        ({"ACL": "private", "GRANT_READ": f'uri="{LOGS}"'}, None, "InvalidRequest", {}),
        ({"ACL": "private"}, OWNER + GOOD, "UnexpectedContent", {}),
        ({}, None, "MissingSecurityHeader", {"MissingHeaderName": "x-amz-acl"}),
        ({}, "", MALFORMED, {}),
        ({}, _grant("Group", f"<URI>{LOGS}</URI>"), MALFORMED, {}),
        ({}, OWNER + _grant("Group", f"<URI>{LOGS}</URI>", "WRONG"), MALFORMED, {}),
        ({}, OWNER + _grant("BadType", "<ID>1</ID>"), MALFORMED, {}),
        ({}, f"<Owner><ID>wrong-id</ID></Owner>{GOOD}", INVALID, {ARGUMENT: "CanonicalUser/ID", VALUE: "wrong-id"}),
        ({}, OWNER + _grant("Group", f"<URI>{FAKE}</URI>"), INVALID, {ARGUMENT: "Group/URI", VALUE: FAKE}),
        (
            {},
            OWNER + _grant("CanonicalUser", "<ID>wrong-id</ID>"),
            INVALID,
            {ARGUMENT: "CanonicalUser/ID", VALUE: "wrong-id"},
        ),
    ],
)
def test_access_lists_that_are_none(
    headers: dict[str, str], document: str | None, code: str, extra: dict[str, str]
) -> None:
    """test_s3_bucket_acl_exceptions; None: a call without a document, empty: one with nothing in it."""
    asked = {f"HTTP_X_AMZ_{name}": value for name, value in headers.items()}
    body = b"" if document is None else f"<AccessControlPolicy>{document}</AccessControlPolicy>".encode()
    with pytest.raises(AwsError) as caught:
        acls.check("PutBucketAcl", asked, body)
    assert (caught.value.code, caught.value.extra) == (code, extra)


def test_access_lists_that_are_some() -> None:
    """Several grantees in a header, a document alone, and none with a call that is about something else."""
    acls.check("PutObjectAcl", {"HTTP_X_AMZ_GRANT_READ": f'uri="{LOGS}", id={OWNER_ID}'}, b"")
    acls.check("PutObjectAcl", {}, f"<AccessControlPolicy>{OWNER}{GOOD}</AccessControlPolicy>".encode())
    acls.check("PutObject", {"HTTP_X_AMZ_ACL": "bucket-owner-full-control"}, b"content")
    acls.check("GetObject", {"HTTP_X_AMZ_ACL": "fake-acl"}, b"")


def test_buckets_of_today_take_no_access_lists(aws: LocalAws) -> None:
    """Until their ownership is another: then all is told that a list grants, and an object has not its bucket's."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    s3.delete_public_access_block(Bucket=BUCKET)  # which refuses public ones before anybody asks who may own what
    calls: list[tuple[Any, dict[str, str]]] = [
        (s3.put_bucket_acl, {"ACL": "private"}),
        (s3.put_object, {"Key": "a", "ACL": "public-read"}),
        (s3.put_object, {"Key": "a", "GrantRead": f"id={OWNER_ID}"}),
    ]
    for call, params in calls:
        with pytest.raises(ClientError) as caught:
            call(Bucket=BUCKET, **params)
        assert caught.value.response["Error"]["Code"] == "AccessControlListNotSupported"
    s3.put_object(Bucket=BUCKET, Key="a", ACL="bucket-owner-full-control")
    s3.delete_bucket_ownership_controls(Bucket=BUCKET)
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read-write")
    granted = [each["Permission"] for each in s3.get_bucket_acl(Bucket=BUCKET)["Grants"]]
    assert granted == ["FULL_CONTROL", "READ", "WRITE"]
    s3.put_object(Bucket=BUCKET, Key="a")
    assert len(s3.get_object_acl(Bucket=BUCKET, Key="a")["Grants"]) == 1
    grants = [
        {"Grantee": {"ID": OWNER_ID, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"URI": LOGS, "Type": "Group"}, "Permission": "WRITE"},
    ]
    s3.put_object_acl(Bucket=BUCKET, Key="a", AccessControlPolicy={"Owner": {"ID": OWNER_ID}, "Grants": grants})
    assert s3.get_object_acl(Bucket=BUCKET, Key="a")["Grants"] == grants
    s3.delete_object(Bucket=BUCKET, Key="a")
    s3.delete_bucket(Bucket=BUCKET)

"""Callers without keys, and the block of public access, as the S3 User Guide says it ("Blocking public access")."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.iam.policy import PolicyKind, parse
from lab_helpers.local_aws.s3.public import access as public_access
from lab_helpers.local_aws.s3.public.access import ListedGrants
from lab_helpers.local_aws.server import LocalAws
from tests.support.buckets import bucket

BUCKET = "public-things"
OBJECTS = f"arn:aws:s3:::{BUCKET}/*"
EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
OPERATOR = "arn:aws:iam::123456789012:user/lab-operator"


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client and a bucket that takes access lists, of which nothing is blocked."""
    with bucket(aws.client("s3"), BUCKET, ObjectOwnership="ObjectWriter") as client:
        client.delete_public_access_block(Bucket=BUCKET)
        yield client


def _ask(aws: LocalAws, method: str, key: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Call without keys; return status and body."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    address = f"{aws.endpoint_url}/{BUCKET}{key}"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, headers, method=method)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _policy(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": OBJECTS, **more}


def _text(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


@pytest.mark.parametrize(
    ("statement", "public"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Effect": "Deny"}, False),
        ({"Principal": {"AWS": "123456789012"}}, False),
        ({"Principal": {"Service": "logging.s3.amazonaws.com"}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}}, False),
        ({"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}}, True),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-91237329"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-91237329"}}}, True),
        ({"Condition": {"StringEquals": {"aws:Referer": "https://example.com/"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/1"]}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}}, False),
    ],
)
def test_what_makes_a_policy_public(statement: dict[str, Any], public: bool) -> None:
    """An Allow for everybody that no condition holds to fixed values ("The meaning of public")."""
    assert public_access.is_public(parse(_text(_policy(**statement)), PolicyKind.RESOURCE)) is public


@pytest.mark.parametrize(
    ("operation", "action", "granted", "in_"),
    [
        ("GetObject", "s3:GetObject", ListedGrants(of_object=frozenset({"READ"}), is_nobodys=False), True),
        ("GetObject", "s3:GetObject", ListedGrants(frozenset({"READ"}), is_nobodys=False), False),
        ("GetObject", "s3:GetObject", ListedGrants(frozenset({"READ"})), True),
        ("GetObject", "s3:GetObject", ListedGrants(frozenset({"WRITE"})), False),
        ("PutObject", "s3:PutObject", ListedGrants(frozenset({"WRITE"})), True),
        ("PutObject", "s3:PutObjectAcl", ListedGrants(frozenset({"WRITE"})), True),
        ("PutObject", "s3:PutObject", ListedGrants(frozenset({"WRITE"}), is_nobodys=False), False),
        ("DeleteObject", "s3:DeleteObject", ListedGrants(frozenset({"FULL_CONTROL"}), is_nobodys=True), True),
        ("PutBucketPolicy", "s3:PutBucketPolicy", ListedGrants(frozenset({"FULL_CONTROL"})), False),
    ],
)
def test_what_access_lists_let_in(operation: str, action: str, granted: ListedGrants, in_: bool) -> None:
    """A bucket's list is about its listing and what is new in it, an object's about that; a policy is in neither."""
    assert public_access.lets_in(operation, action, granted) is in_


def test_an_access_list_lets_everybody_read(aws: LocalAws, s3: Any) -> None:
    """An object of its own; its bucket's list lets list, and then what is not there is told (else 403)."""
    s3.put_object(Bucket=BUCKET, Key="open", Body=b"for all", ACL="public-read")
    s3.put_object(Bucket=BUCKET, Key="shut", Body=b"mine")
    assert _ask(aws, "GET", "/open") == (200, b"for all")
    assert _ask(aws, "HEAD", "/open") == (200, b"")
    status, told = _ask(aws, "GET", "/shut")
    assert (status, b"<Code>AccessDenied</Code><Message>Access Denied</Message>" in told) == (403, True)
    assert [_ask(aws, "GET", "/none")[0], _ask(aws, "GET", "")[0], _ask(aws, "GET", "/open?acl")[0]] == [403] * 3
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    status, told = _ask(aws, "GET", "?list-type=2")
    assert (status, told.count(b"<Key>")) == (200, 2)
    assert (_ask(aws, "GET", "/none")[0], _ask(aws, "GET", "/shut")[0]) == (404, 403)
    assert _ask(aws, "PUT", "/new", b"x")[0] == 403


def test_everybody_deletes_what_everybody_made(aws: LocalAws, s3: Any) -> None:
    """test_s3_batch_delete_objects_using_requests_with_acl: the owner's object is left, the other goes."""
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read-write")
    s3.put_object(Bucket=BUCKET, Key="owners", Body=b"1", ACL="public-read-write")
    assert _ask(aws, "PUT", "/nobodys", b"2", x_amz_acl="public-read-write")[0] == 200
    assert _ask(aws, "PUT", "/owners", b"3")[0] == 403
    listed = "".join(f"<Object><Key>{key}</Key></Object>" for key in ("owners", "nobodys"))
    status, told = _ask(aws, "POST", "?delete", f"<Delete>{listed}</Delete>".encode())
    assert status == 200
    assert b"<Deleted><Key>nobodys</Key></Deleted>" in told.replace(b"\n", b"").replace(b"  ", b"")
    assert b"<Key>owners</Key><Code>AccessDenied</Code>" in told
    for method, key, header in (("POST", "/k?uploads", {}), ("PUT", "/k", {"x_amz_copy_source": f"/{BUCKET}/owners"})):
        status, told = _ask(aws, method, key, b"", **header)
        assert (status, b"<Message>Anonymous users cannot " in told) == (403, True)


def test_a_policy_lets_everybody_in(aws: LocalAws, s3: Any) -> None:
    """Where it says so, unless a Deny says otherwise; the keys of its conditions are those of a caller without keys."""
    for key in ("a", "secret/a", "named/a"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode(), ACL="public-read" if key == "secret/a" else "private")
    named = {"StringEquals": {"aws:PrincipalType": "Anonymous", "aws:userid": "anonymous"}}
    service = {"Bool": {"aws:PrincipalIsAWSService": "true"}}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=_text(
        _policy(Resource=f"arn:aws:s3:::{BUCKET}/a"),
        _policy(Resource=f"arn:aws:s3:::{BUCKET}/named/*", Condition=named),
        _policy(Effect="Deny", Resource=f"arn:aws:s3:::{BUCKET}/secret/*"),
        _policy(Resource=f"arn:aws:s3:::{BUCKET}", Action="s3:ListBucket", Condition=service),
    ))  # fmt: skip
    assert s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"] == {"IsPublic": True}
    assert _ask(aws, "GET", "/a") == (200, b"a")
    assert _ask(aws, "GET", "/named/a") == (200, b"named/a")
    assert [_ask(aws, "GET", path)[0] for path in ("/secret/a", "/named/none", "", "/a?tagging")] == [403] * 4
    assert _ask(aws, "DELETE", "/a")[0] == 403
    s3.delete_bucket_policy(Bucket=BUCKET)
    assert (_ask(aws, "GET", "/a")[0], _ask(aws, "GET", "/secret/a")[0]) == (403, 200)


def test_the_block_of_what_is_there(aws: LocalAws, s3: Any) -> None:
    """IgnorePublicAcls overlooks lists, RestrictPublicBuckets lets nobody in by a public policy; both are undone."""
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"a", ACL="public-read")
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert _ask(aws, "GET", "/a")[0] == 403
    s3.put_bucket_policy(Bucket=BUCKET, Policy=_text(_policy()))
    assert _ask(aws, "GET", "/a") == (200, b"a")
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert _ask(aws, "GET", "/a")[0] == 403
    fixed = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=_text(_policy(Condition=fixed)))
    assert _ask(aws, "GET", "/a") == (200, b"a")
    s3.delete_bucket_policy(Bucket=BUCKET)
    assert _ask(aws, "GET", "/a") == (200, b"a")


def test_the_block_of_what_is_new(s3: Any) -> None:
    """BlockPublicAcls and BlockPublicPolicy refuse calls in the User Guide's words, and what is not public passes."""
    blocked = {"BlockPublicAcls": True, "BlockPublicPolicy": True}
    s3.put_object(Bucket=BUCKET, Key="a")
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=blocked)
    public: list[tuple[Any, str, dict[str, Any]]] = [
        (s3.put_bucket_acl, "", {"ACL": "public-read"}),
        (s3.put_bucket_acl, "", {"GrantRead": f'uri="{EVERYBODY}"'}),
        (s3.put_object_acl, "/a", {"Key": "a", "ACL": "authenticated-read"}),
        (s3.put_object, "/b", {"Key": "b", "ACL": "public-read-write"}),
        (s3.copy_object, "/b", {"Key": "b", "ACL": "public-read", "CopySource": f"{BUCKET}/a"}),
        (s3.create_multipart_upload, "/b", {"Key": "b", "ACL": "public-read"}),
    ]
    listed = s3.get_bucket_acl(Bucket=BUCKET)
    grants = [*listed["Grants"], {"Grantee": {"Type": "Group", "URI": EVERYBODY}, "Permission": "READ"}]
    public.append((s3.put_bucket_acl, "", {"AccessControlPolicy": {"Owner": listed["Owner"], "Grants": grants}}))
    for call, place, params in public:
        with pytest.raises(ClientError) as caught:
            call(Bucket=BUCKET, **params)
        told = caught.value.response["Error"]
        assert told["Code"] == "AccessDenied"
        assert told["Message"].endswith(
            f':{caught.value.operation_name} on resource: "arn:aws:s3:::{BUCKET}{place}" because public ACLs are '
            "prevented by the BlockPublicAcls setting in S3 Block Public Access."
        )
    with pytest.raises(ClientError, match="public policies are prevented by the BlockPublicPolicy setting in S3 Block"):
        s3.put_bucket_policy(Bucket=BUCKET, Policy=_text(_policy()))
    with pytest.raises(ClientError, match="must be an AWS Account ID"):  # which is looked at first
        s3.put_bucket_policy(Bucket=BUCKET, Policy=_text(_policy()), ExpectedBucketOwner="abcd")
    s3.put_object_acl(Bucket=BUCKET, Key="a", ACL="bucket-owner-full-control")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=_text(_policy(Effect="Deny", Action="s3:DeleteObject")))
    assert s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"] == {"IsPublic": False}


def test_new_buckets_are_blocked_whole(aws: LocalAws) -> None:
    """Since April 2023: also a list that comes with the bucket's creation, in one of two ways."""
    client = aws.client("s3")
    for ownership, code in (
        ({}, "InvalidBucketAclWithObjectOwnership"),
        ({"ObjectOwnership": "BucketOwnerPreferred"}, "InvalidBucketAclWithBlockPublicAccessError"),
    ):
        with pytest.raises(ClientError) as caught, bucket(client, BUCKET, ACL="public-read", **ownership):
            pass
        assert caught.value.response["Error"]["Code"] == code
    with bucket(client, BUCKET), pytest.raises(ClientError, match="BlockPublicAcls"):
        client.put_bucket_acl(Bucket=BUCKET, ACL="public-read")

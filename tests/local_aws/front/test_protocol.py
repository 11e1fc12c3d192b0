"""AWS's wire protocols."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from lab_helpers.local_aws.front import protocol
from lab_helpers.local_aws.front.s3.operations import s3_call
from lab_helpers.local_aws.kit.api import AwsError


def _signed(service: str, **environ: Any) -> dict[str, Any]:
    scope = f"AWS4-HMAC-SHA256 Credential=AKIA/20261122/ap-northeast-1/{service}/aws4_request, Signature=x"
    return {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "HTTP_AUTHORIZATION": scope, **environ}


def test_json_call() -> None:
    """The target header names the operation, the body the members."""
    call = protocol.parse(_signed("firehose", HTTP_X_AMZ_TARGET="Firehose_20150804.PutRecord"), b'{"a": [1]}')
    assert (call.protocol, call.service, call.operation, call.params) == ("json", "firehose", "PutRecord", {"a": [1]})
    assert (call.access_key_id, call.region) == ("AKIA", "ap-northeast-1")


def test_query_call_is_decoded_to_lists_and_structures() -> None:
    """Numbered members become lists, dotted names structures."""
    body = (
        b"Action=RegisterTargets&Version=2015-12-01&TargetGroupArn=t&Targets.member.1.Id=a&Targets.member.2.Id=b&X.Y=1"
    )
    environ = _signed("elasticloadbalancing", CONTENT_TYPE="application/x-www-form-urlencoded; charset=utf-8")
    call = protocol.parse(environ, body)
    assert (call.protocol, call.operation) == ("query", "RegisterTargets")
    assert call.params == {"TargetGroupArn": "t", "Targets": [{"Id": "a"}, {"Id": "b"}], "X": {"Y": "1"}}


def test_more_than_nine_members_keep_their_order() -> None:
    """Members are ordered by number, not by text."""
    body = "&".join(f"A.member.{n}={n}" for n in range(12, 0, -1)).encode() + b"&Action=B"
    environ = _signed("sts", CONTENT_TYPE="application/x-www-form-urlencoded")
    assert protocol.parse(environ, body).params == {"A": [str(n) for n in range(1, 13)]}


def test_query_answer_reads_back() -> None:
    """What the gateway writes for a query service, botocore's own parser understands."""
    call = protocol.Call("query", "elasticloadbalancing", "DescribeLoadBalancers", "r", None, None, {})
    members = {"LoadBalancers": [{"LoadBalancerName": "a<b", "DNSName": "127.0.0.1:80", "State": {"Code": "active"}}]}
    status, headers, body = protocol.answer(call, members)
    assert protocol.read_answer(call, status, dict(headers), body) == members


def test_maps_are_entries_in_a_query_answer() -> None:
    """AWS writes <entry><key>…</key><value>…</value></entry>, and reads maps so; botocore reads it back."""
    call = protocol.Call("query", "elasticloadbalancing", "CreateRule", "r", None, None, {})
    config = {"AuthenticationRequestExtraParams": {"param": "a<b", "other": "2"}, "Scope": "openid"}
    members = {"Rules": [{"Actions": [{"Type": "authenticate-oidc", "AuthenticateOidcConfig": config}]}]}
    status, headers, body = protocol.answer(call, members)
    assert b"<entry><key>param</key><value>a&lt;b</value></entry>" in body  # type: ignore[operator]
    assert protocol.read_answer(call, status, dict(headers), body) == members  # type: ignore[arg-type]
    environ = _signed("elasticloadbalancing", CONTENT_TYPE="application/x-www-form-urlencoded")
    asked = b"Action=CreateRule&E.entry.1.key=a&E.entry.1.value=1&E.entry.2.key=b&E.entry.2.value=2"
    assert protocol.parse(environ, asked).params == {"E": {"a": "1", "b": "2"}}


def test_ec2_answers_are_in_ec2s_form() -> None:
    """Members and requestId at the top, `item` for lists, names as EC2 writes them."""
    call = protocol.Call("ec2", "ec2", "DeleteSecurityGroup", "r", None, None, {})
    status, headers, body = protocol.answer(call, {"Return": True, "GroupId": "sg-1"})
    assert b"<requestId>" in body  # type: ignore[operator]
    assert b"<return>true</return><groupId>sg-1</groupId></Delete" in body  # type: ignore[operator]
    assert protocol.read_answer(call, status, dict(headers), body) == {"Return": True, "GroupId": "sg-1"}  # type: ignore[arg-type]


def test_error_forms() -> None:
    """Each protocol has its own form of an error, with the same code and text."""
    error = AwsError("Some<Code", "What & why", 404)
    for kind, expected in {
        "json": b'"__type": "Some<Code"',
        "query": b"<ErrorResponse><Error><Type>Sender</Type><Code>Some&lt;Code</Code><Message>What &amp; why</Message>",
        "ec2": b"<Response><Errors><Error><Code>Some&lt;Code</Code>",
        "s3": b"<Error><Code>Some&lt;Code</Code><Message>What &amp; why</Message>",
    }.items():
        status, _, body = protocol.refusal(kind, error)
        assert status == 404
        assert expected in body


def test_body_that_is_a_list_is_refused() -> None:
    """A JSON body must be an object."""
    with pytest.raises(AwsError, match="SerializationException"):
        protocol.parse(_signed("logs", HTTP_X_AMZ_TARGET="Logs.X"), b"[]")


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/", {}, "ListBuckets"),
        ("PUT", "/b", {}, "CreateBucket"),
        ("HEAD", "/b", {}, "HeadBucket"),
        ("GET", "/b", {"list-type": "2"}, "ListObjectsV2"),
        ("GET", "/b", {"location": ""}, "GetBucketLocation"),
        ("PUT", "/b", {"lifecycle": ""}, "PutBucketLifecycleConfiguration"),
        ("PUT", "/b", {"publicAccessBlock": ""}, "PutPublicAccessBlock"),
        ("GET", "/b", {"versioning": ""}, "GetBucketVersioning"),
        ("DELETE", "/b", {"policy": ""}, "DeleteBucketPolicy"),
        ("POST", "/b", {"delete": ""}, "DeleteObjects"),
        ("GET", "/b", {"uploads": ""}, "ListMultipartUploads"),
        ("PUT", "/b/k/l", {}, "PutObject"),
        ("GET", "/b/k", {}, "GetObject"),
        ("HEAD", "/b/k", {}, "HeadObject"),
        ("DELETE", "/b/k", {}, "DeleteObject"),
        ("POST", "/b/k", {"uploads": ""}, "CreateMultipartUpload"),
        ("PUT", "/b/k", {"uploadId": "u", "partNumber": "1"}, "UploadPart"),
        ("POST", "/b/k", {"uploadId": "u"}, "CompleteMultipartUpload"),
        ("DELETE", "/b/k", {"uploadId": "u"}, "AbortMultipartUpload"),
        ("POST", "/b/k", {"select": "", "select-type": "2"}, "SelectObjectContent"),
        ("PUT", "/b/k", {"tagging": ""}, "PutObjectTagging"),
    ],
)
def test_s3_operations(method: str, path: str, query: dict[str, str], expected: str) -> None:
    """Method, path and sub-resource name S3's operation."""
    assert s3_call(method, path, query, {})[0] == expected


def test_s3_copy_is_told_by_its_header() -> None:
    """A PUT with a copy source is CopyObject."""
    assert s3_call("PUT", "/b/k", {}, {"HTTP_X_AMZ_COPY_SOURCE": "/c/d"})[0] == "CopyObject"


def test_s3_names_bucket_and_key() -> None:
    """Policies are asked about a bucket and a key; a key may hold slashes."""
    assert s3_call("GET", "/b/2026/11/22/x.gz", {}, {})[1] == {"Bucket": "b", "Key": "2026/11/22/x.gz"}


def test_s3_headers_that_need_permissions_become_params() -> None:
    """A copy's source, an ACL, tags, encryption and storage class are asked about by their members' names."""
    headers = {
        "HTTP_X_AMZ_COPY_SOURCE": "/c/d%20e?versionId=v",
        "HTTP_X_AMZ_ACL": "public-read",
        "HTTP_X_AMZ_TAGGING": "a=b",
        "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION": "AES256",
        "HTTP_X_AMZ_STORAGE_CLASS": "GLACIER",
    }
    assert s3_call("PUT", "/b/k", {}, headers)[1] == {
        "Bucket": "b", "Key": "k", "CopySource": "/c/d%20e?versionId=v", "ACL": "public-read", "Tagging": "a=b",
        "ServerSideEncryption": "AES256", "StorageClass": "GLACIER",
    }  # fmt: skip


def test_s3_part_that_copies_is_told_by_its_header() -> None:
    """A part with a copy source is UploadPartCopy, which has to read its source."""
    query = {"uploadId": "u", "partNumber": "1"}
    assert s3_call("PUT", "/b/k", query, {"HTTP_X_AMZ_COPY_SOURCE": "/c/d"})[0] == "UploadPartCopy"


def test_s3_multiple_delete_lists_its_keys() -> None:
    """Each key of a Delete document is asked about, with or without S3's namespace."""
    body = (
        b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a/b</Key></Object>'
        b"<Object><Key>c</Key><VersionId>v</VersionId></Object><Quiet>true</Quiet></Delete>"
    )
    params = s3_call("POST", "/b", {"delete": ""}, {}, body)[1]
    assert params["Delete"] == {"Objects": [{"Key": "a/b"}, {"Key": "c", "VersionId": "v"}]}


def test_s3_multiple_delete_that_cannot_be_read_lists_nothing() -> None:
    """Then the permission on everything that it could mean is needed."""
    assert s3_call("POST", "/b", {"delete": ""}, {}, b"<Delete")[1]["Delete"] == {"Objects": []}


def test_presigned_url_names_its_caller() -> None:
    """In the query string, with Signature 4 or the older 2, which boto3 uses for S3 unless told otherwise."""
    four = "X-Amz-Credential=ASIA%2F20261122%2Fr%2Fs3%2Faws4_request&X-Amz-Security-Token=t"
    two = "AWSAccessKeyId=ASIA&Signature=x&x-amz-security-token=t"
    for query in (four, two):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/b/k", "QUERY_STRING": query}
        call = protocol.parse(environ, b"")
        assert (call.access_key_id, call.session_token, call.operation) == ("ASIA", "t", "GetObject")


def test_times_are_written_in_utc() -> None:
    """Whatever the zone of the machine."""
    call = protocol.Call("query", "sts", "AssumeRole", "r", None, None, {})
    zone = timezone(timedelta(hours=9))
    body = protocol.answer(call, {"Expiration": datetime(2026, 11, 22, 19, 30, tzinfo=zone)})[2]
    assert b"<Expiration>2026-11-22T10:30:00.000000Z</Expiration>" in body


def test_keys_are_asked_about_as_they_are() -> None:
    """A key beyond ASCII, or with a per cent sign in it, is the key that the policy names."""
    path = "/b/ü 100%25".encode().decode("latin-1")  # as WSGI hands over a path
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "AWSAccessKeyId=AKIA"}
    assert protocol.parse(environ, b"").params["Key"] == "ü 100%25"

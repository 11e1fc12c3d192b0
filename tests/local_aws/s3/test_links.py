"""Presigned links, used by who has no SDK: what they say in their query is signed, and is the object's."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.handlers import validate_ascii_metadata

from lab_helpers.local_aws.s3.links import with_headers
from lab_helpers.local_aws.server import LocalAws

BUCKET = "links-of-s3"
HERE = {"CreateBucketConfiguration": {"LocationConstraint": "ap-northeast-1"}}


def _send(url: str, method: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str]]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    got = urllib3.request(method, url, body=body, headers=told, timeout=30)  # the standard library adds a content type
    return got.status, {name.lower(): value for name, value in got.headers.items()}


def _signer(aws: LocalAws, version: str) -> Any:
    s3 = aws.client("s3")
    keys = s3._request_signer._credentials
    return boto3.client(
        "s3", "ap-northeast-1", endpoint_url=s3.meta.endpoint_url, config=Config(signature_version=version),
        aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key,
    )  # fmt: skip


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_an_upload_by_a_link(aws: LocalAws, version: str) -> None:
    """Signature 2 has metadata in the query, Signature 4 wants the header; a link's end is no object's Expires."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, **HERE)
    signer = _signer(aws, version)
    url = signer.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "a", "Metadata": {"who": "me"}})
    sent = {} if version == "s3" else {"x_amz_meta_who": "me"}
    assert _send(url, "PUT", b"x", **sent)[0] == 200
    assert _send(url, "PUT", b"y", **sent, x_amz_meta_other="you")[0] == 403
    got = s3.get_object(Bucket=BUCKET, Key="a")
    assert (got["Metadata"], "Expires" in got, got["Body"].read()) == ({"who": "me"}, False, b"x")
    status, headers = _send(signer.generate_presigned_url("delete_object", {"Bucket": BUCKET, "Key": "a"}), "DELETE")
    assert (status, "content-length" in headers) == (204, False)
    s3.delete_bucket(Bucket=BUCKET)


def test_what_headers_cannot_say(aws: LocalAws) -> None:
    """test_put_unicode_metadata_with_sig_s3 and test_get_response_overrides_unicode_metadata_with_sig_s3."""
    s3, text = aws.client("s3"), "non-ascii-%E2%80%94_\u2014_\u00e9_"
    s3.create_bucket(Bucket=BUCKET, **HERE)
    signer = _signer(aws, "s3")
    signer.meta.events.unregister("before-parameter-build.s3.PutObject", validate_ascii_metadata)
    url = signer.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "a", "Metadata": {"foo": text}})
    assert _send(url, "PUT")[0] == 200
    told = s3.head_object(Bucket=BUCKET, Key="a")["Metadata"]
    assert told == {"foo": "=?UTF-8?Q?non-ascii-%E2%80%94=5F=E2=80=94=5F=C3=A9=5F?="}
    for call, params in (
        ("get_object", {"ResponseCacheControl": text}),
        ("head_object", {"ResponseContentType": text}),
    ):
        refused = urllib3.request("GET" if call == "get_object" else "HEAD", signer.generate_presigned_url(
            call, {"Bucket": BUCKET, "Key": "a", **params}), timeout=30)  # fmt: skip
        assert refused.status == 400
        assert call == "head_object" or b"Header value cannot be represented using ISO-8859-1." in refused.data
    s3.delete_object(Bucket=BUCKET, Key="a")
    s3.delete_bucket(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("version", "left_out", "status", "told"),
    [
        ("s3", "Expires", 403, b"Query-string authentication requires the Signature, Expires and AWSAccessKeyId"),
        ("s3v4", "X-Amz-Date", 400, b"Query-string authentication version 4 requires the X-Amz-Algorithm"),
        ("s3v4", "/", 400, b"&lt;YOUR-AKID&gt;/YYYYMMDD/REGION/SERVICE/aws4_request"),
    ],
)
def test_links_that_lack_something(aws: LocalAws, version: str, left_out: str, status: int, told: bytes) -> None:
    """test_s3_put_presigned_url_missing_sig_param, test_presigned_double_encoded_credentials."""
    url = _signer(aws, version).generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "a"})
    path, _, query = url.partition("?")
    pairs = query.replace("%2F", "%252F" if left_out == "/" else "%2F").split("&")
    kept = "&".join(pair for pair in pairs if pair.partition("=")[0] != left_out)
    got = urllib3.request("GET", f"{path}?{kept}", timeout=30)
    assert (got.status, told in got.data) == (status, True)


def test_a_link_that_has_ended_says_when(aws: LocalAws) -> None:
    """Of Signature 2, too (test_s3_presigned_url_expired)."""
    url = _signer(aws, "s3").generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "a"}, ExpiresIn=-60)
    got = urllib3.request("GET", url, timeout=30)
    assert (got.status, b"<Expires>20" in got.data, b"<ServerTime>20" in got.data) == (403, True, True)


def test_what_a_link_says_is_asked_permission_for() -> None:
    """An access list in a link's query stands where IAM looks for it; without a signature nothing is moved."""
    link = {"QUERY_STRING": "X-Amz-Signature=1&x-amz-acl=public-read&If-None-Match=%2A&versionId=1"}
    told = with_headers(link)
    assert (told["HTTP_X_AMZ_ACL"], told["HTTP_IF_NONE_MATCH"]) == ("public-read", "*")
    assert told["QUERY_STRING"] == "X-Amz-Signature=1&versionId=1"
    plain = {"QUERY_STRING": "x-amz-acl=public-read"}
    assert with_headers(plain) is plain

"""Forms that are posted to S3: signature, policy, and what becomes of them (LocalStack's TestS3PresignedPost)."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import posted_form
from lab_helpers.local_aws.server import LocalAws
from tests.support.buckets import bucket

BUCKET = "posted-forms"
BOUNDARY = "--forms--"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def s3(aws: LocalAws) -> Iterator[Any]:
    """A client and a bucket; the bucket goes with what is in it, moto being one a process."""
    with bucket(aws.client("s3"), BUCKET) as client:
        yield client


def _body(fields: dict[str, str], file: bytes | None, filename: str = "photo.txt") -> bytes:
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in fields.items()]  # fmt: skip
    if file is not None:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'
        parts.append(head.encode() + file + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


class _Still(urllib.request.HTTPRedirectHandler):
    """Goes where no redirection leads."""

    def redirect_request(self, *_args: Any) -> None:
        return None


def _post(url: str, fields: dict[str, str], file: bytes = b"12345") -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = urllib.request.Request(url, _body(fields, file), headers)
    try:
        with urllib.request.build_opener(_Still).open(request, timeout=30) as got:
            return got.status, {name.lower(): value for name, value in got.headers.items()}, got.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()


def _code(document: bytes) -> str:
    return ElementTree.fromstring(document).findtext("Code") or ""


def test_a_form_becomes_an_object(s3: Any) -> None:
    """The file as it is, its key with the file's name, metadata, tags and the rest as an upload has them."""
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>"
    fields = {
        "x-amz-meta-who": "me",
        "Content-Type": "text/plain",
        "tagging": tags,
        "x-amz-storage-class": "GLACIER_IR",
    }
    made = s3.generate_presigned_post(
        BUCKET, "in/${filename}", Fields=fields, Conditions=[{name: value} for name, value in fields.items()]
    )
    file = b"one\r\n--two\r\n\r\n\x00\xff\n"
    status, headers, document = _post(made["url"], made["fields"], file)
    assert (status, document, headers["etag"]) == (204, b"", s3.head_object(Bucket=BUCKET, Key="in/photo.txt")["ETag"])
    got = s3.get_object(Bucket=BUCKET, Key="in/photo.txt")
    told = (got["Body"].read(), got["Metadata"], got["ContentType"], got["StorageClass"])
    assert told == (file, {"who": "me"}, "text/plain", "GLACIER_IR")
    assert s3.get_object_tagging(Bucket=BUCKET, Key="in/photo.txt")["TagSet"] == [{"Key": "a", "Value": "b c"}]


def test_answers_that_a_form_asks_for(s3: Any) -> None:
    """201 tells the object in a document, a redirection takes it along in its query."""
    chosen = {"success_action_status": "201"}
    made = s3.generate_presigned_post(BUCKET, "a b", Fields=chosen, Conditions=[chosen])
    status, _, document = _post(made["url"], made["fields"])
    root = ElementTree.fromstring(document)
    assert (status, root.findtext("Bucket"), root.findtext("Key")) == (201, BUCKET, "a b")
    assert str(root.findtext("Location")).endswith("/a%20b")
    chosen = {"success_action_redirect": "http://localhost/done?x=1"}
    made = s3.generate_presigned_post(BUCKET, "a", Fields=chosen, Conditions=[chosen])
    status, headers, _ = _post(made["url"], made["fields"])
    query = parse_qs(urlsplit(headers["location"]).query)
    assert (status, query["x"], query["bucket"], query["key"]) == (303, ["1"], [BUCKET], ["a"])


def test_who_may_not_post(s3: Any) -> None:
    """A changed policy, a changed field, a field too many, a missing signature, nobody at all; nothing is written."""
    made = s3.generate_presigned_post(BUCKET, "a")
    good = made["fields"]
    other = base64.b64encode(base64.b64decode(good["policy"]) + b" ").decode()
    refused = [
        ({**good, "policy": other}, 403, "SignatureDoesNotMatch"),
        ({**good, "key": "b"}, 403, "AccessDenied"),
        ({**good, "acl": "public-read"}, 403, "AccessDenied"),
        ({name: value for name, value in good.items() if name.lower() not in {"signature", "x-amz-signature"}},
         400, "InvalidArgument"),
        ({"key": "a"}, 403, "AccessDenied"),
    ]  # fmt: skip
    for fields, status, code in refused:
        got = _post(made["url"], fields)
        assert (got[0], _code(got[2])) == (status, code), fields
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def _form(policy: dict[str, Any], file: bytes = b"12345", **fields: str) -> posted_form.Form:
    coded = base64.b64encode(json.dumps(policy).encode()).decode()
    return posted_form.Form({"key": "a/b", **fields, "policy": coded}, file, "")


@pytest.mark.parametrize(
    ("condition", "code", "text"),
    [
        ({"key": "a/b"}, "", ""),
        (["starts-with", "$key", "a/"], "", ""),
        (["starts-with", "$key", "A/"], "AccessDenied", 'Policy Condition failed: ["starts-with", "$key", "A/"]'),
        (["eq", "key", "a/b"], "AccessDenied", 'Policy Condition failed: ["eq", "key", "a/b"]'),
        (["content-length-range", 1, 5], "", ""),
        (["content-length-range", 6, 9], "EntityTooSmall", "smaller than the minimum"),
        (["content-length-range", 1, 4], "EntityTooLarge", "exceeds the maximum"),
        (["content-length-range", "x", 4], "AccessDenied", '["content-length-range", "x", "4"]'),
        ({"key": "a/b", "acl": "x"}, "InvalidPolicyDocument", "exactly one property"),
    ],
)
def test_conditions_of_a_policy(condition: Any, code: str, text: str) -> None:
    """Names are told with a `$`, values are held exactly, sizes are the file's."""
    policy = {"expiration": "2026-11-30T13:00:00Z", "conditions": [["starts-with", "$key", ""], condition]}
    if not code:
        posted_form.check_policy(_form(policy), "bucket", NOON)
        return
    with pytest.raises(AwsError) as caught:
        posted_form.check_policy(_form(policy), "bucket", NOON)
    assert caught.value.code == code
    assert text in caught.value.message


def test_a_policy_ends() -> None:
    """What is expired lets nobody in, whatever its conditions say."""
    with pytest.raises(AwsError, match="Policy expired"):
        posted_form.check_policy(_form({"expiration": "2026-11-30T12:00:00Z", "conditions": []}), "bucket", NOON)


def test_forms_that_are_none() -> None:
    """No parts, no key, no file."""
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    for content_type, body, code in (
        ("multipart/form-data", b"x", "MalformedPOSTRequest"),
        (kind, _body({"a": "b"}, b"x"), "InvalidArgument"),
        (kind, _body({"key": "b"}, None), "InvalidArgument"),
    ):
        with pytest.raises(AwsError) as caught:
            posted_form.read(content_type, body)
        assert caught.value.code == code

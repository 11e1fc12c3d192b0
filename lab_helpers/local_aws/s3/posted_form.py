"""Objects that a page's form posts: the form, the policy that somebody signed for it, and the answer.

Source: "Browser-based uploads using POST" of the Amazon S3 API reference (policy, conditions, fields of the form);
LocalStack's recordings of S3 (TestS3PresignedPost).
Not modelled: fields that have the name of a header which no upload has.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML, invalid_argument

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]
MARK = "lab.posted"
"""Where the environ of a form's call has the form."""
_KIND = "multipart/form-data"
_V4 = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature")
_V2 = ("AWSAccessKeyId", "Signature")
_NOT_IN_POLICIES = frozenset({"awsaccesskeyid", "signature", "policy", "x-amz-signature", "file", "bucket"})
_HEADERS = ("cache-control", "content-disposition", "content-encoding", "content-type", "expires")
_MALFORMED = "The body of your POST request is not well-formed multipart/form-data."
_ONE_PROPERTY = "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."


@dataclass(frozen=True)
class Form:
    """A posted form: its fields by their names in lower case, and the file with its name (empty: it has none)."""

    fields: Mapping[str, str]
    file: bytes
    filename: str

    @property
    def key(self) -> str:
        """Return the object's key."""
        key = self.fields["key"]
        return key.replace("${filename}", self.filename) if self.filename else key


@dataclass(frozen=True)
class Signed:
    """Who signed a form's policy: the key, the scope of Signature 4 (None: Signature 2), and the signature."""

    access_key_id: str
    session_token: str
    signature: str
    scope: tuple[str, ...] | None

    def fits(self, secret: str, policy: str) -> bool:
        """Tell whether the signature is that of the secret over the policy, as the form has it."""
        if self.scope is None:
            made = base64.b64encode(hmac.digest(secret.encode(), policy.encode(), "sha1")).decode()
        else:
            key = f"AWS4{secret}".encode()
            for part in self.scope:
                key = hmac.digest(key, part.encode(), "sha256")
            made = hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(made.encode(), self.signature.encode("utf-8", "replace"))


def is_one(environ: Mapping[str, Any]) -> bool:
    """Tell whether a call is a form's: to a bucket, without a signature in head or query."""
    kind = str(environ.get("CONTENT_TYPE", "")).startswith(_KIND)
    return environ.get("REQUEST_METHOD") == "POST" and kind and "HTTP_AUTHORIZATION" not in environ


def refuse_other(environ: Mapping[str, Any]) -> None:
    """Raise AwsError PreconditionFailed for what somebody without a signature posts to a bucket that is no form."""
    if environ.get("REQUEST_METHOD") != "POST" or environ.get("QUERY_STRING") or "HTTP_AUTHORIZATION" in environ:
        return
    text = "At least one of the pre-conditions you specified did not hold"
    extra = {"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"}
    raise AwsError("PreconditionFailed", text, 412, extra)


def read(content_type: str, body: bytes) -> Form:
    """Return the form of a body; raises AwsError MalformedPOSTRequest, and InvalidArgument without key or file."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    if not message.is_multipart():
        raise AwsError("MalformedPOSTRequest", _MALFORMED)
    fields: dict[str, str] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content: Any = part.get_payload(decode=True) or b""
        if name == "file":  # what comes behind it is not looked at
            return _with_key(Form(fields, _as_sent(content_type, body, content), str(part.get_filename() or "")))
        fields[str(name).lower()] = content.decode("utf-8", "replace")
    text = "POST requires exactly one file upload per request."
    raise invalid_argument(text, "file", "0")


def signed(fields: Mapping[str, str]) -> Signed | None:
    """Return who signed, None for nobody; raises AwsError InvalidArgument where a field is missing."""
    newer = any(name.lower() in fields for name in _V4)
    if not newer and not any(name.lower() in fields for name in _V2):
        return None
    for name in (*(_V4 if newer else _V2), "Policy"):
        if name.lower() not in fields:
            raise _missing(name)
    token = fields.get("x-amz-security-token", "")
    if not newer:
        return Signed(fields["awsaccesskeyid"], token, fields["signature"], None)
    key, *scope = fields["x-amz-credential"].split("/")
    return Signed(key, token, fields["x-amz-signature"], tuple(scope))


def check_policy(form: Form, bucket: str, now: datetime) -> None:
    """Raise AwsError unless the form's policy is still good and all of its conditions hold."""
    policy = _decoded(form.fields["policy"])
    if _time(policy.get("expiration")) <= now:
        raise _not_by_policy("Policy expired.")
    named = {"bucket"}
    fields = {**form.fields, "bucket": bucket}
    for condition in policy.get("conditions") or []:
        named.add(_check_condition(condition, fields, len(form.file)))
    extra = [name for name in fields if name not in named | _NOT_IN_POLICIES and not name.startswith("x-ignore-")]
    if extra:
        raise _not_by_policy(f"Extra input fields: {', '.join(sorted(extra))}")


def as_upload(environ: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """Return the environ of the PutObject that a form asks for; raises AwsError MalformedXML for its tags."""
    at = str(environ.get("PATH_INFO", "/")).rstrip("/") + "/"
    left_out = {"CONTENT_TYPE", "HTTP_CONTENT_TYPE"}
    headers = {name: value for name, value in environ.items() if name not in left_out}
    for name, value in form.fields.items():
        if name.startswith("x-amz-") and name not in {each.lower() for each in _V4}:
            headers[_variable(name)] = in_ascii(value) if name.startswith("x-amz-meta-") else in_latin(value)
        elif name in _HEADERS:
            headers["CONTENT_TYPE" if name == "content-type" else _variable(name)] = in_latin(value)
    if "acl" in form.fields:
        headers["HTTP_X_AMZ_ACL"] = form.fields["acl"]
    if "tagging" in form.fields:
        headers["HTTP_X_AMZ_TAGGING"] = _tags(form.fields["tagging"])
    raw = str(environ.get("RAW_URI") or at).partition("?")[0].rstrip("/") + "/" + quote(form.key)
    path = at + form.key.encode().decode("latin-1")
    called = {"REQUEST_METHOD": "PUT", "PATH_INFO": path, "RAW_URI": raw, "REQUEST_URI": raw, "QUERY_STRING": ""}
    return {**headers, **called, MARK: form}


def told(answer: Answer, form: Form, bucket: str, url: str) -> Answer:
    """Return the answer to a form where its upload went well; `url` is the bucket's."""
    status, headers, content = answer
    if status != 200:
        return status, headers, content
    there = {name.lower(): value for name, value in headers}
    place, etag = f"{url}/{quote(form.key, safe='')}", there.get("etag", "")
    kept = [pair for pair in headers if pair[0].lower() not in {"content-length", "content-type", "location"}]
    redirect = form.fields.get("success_action_redirect") or form.fields.get("redirect") or ""
    if urlsplit(redirect).scheme in {"http", "https"}:
        parts = urlsplit(redirect)
        query = urlencode([*parse_qsl(parts.query), ("bucket", bucket), ("key", form.key), ("etag", etag)])
        return 303, [*kept, ("Location", parts._replace(query=query).geturl())], b""
    kept.append(("Location", place))
    wanted = form.fields.get("success_action_status", "")
    if wanted != "201":
        return (200 if wanted == "200" else 204), kept, b""
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Location>{escape(place)}</Location>'
        f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(form.key)}</Key><ETag>{escape(etag)}</ETag></PostResponse>"
    )
    return 201, [*kept, ("Content-Type", "application/xml")], document.encode()


def in_ascii(value: str) -> str:
    """Return metadata as headers have it: beyond ASCII, and controls, as RFC 2047 says."""
    if value.isascii() and (value.replace("\t", "").isprintable() or not value):
        return value
    if value.isascii():
        return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%.-!*+/"
    coded = "".join(chr(byte) if byte in plain else "_" if byte == 0x20 else f"={byte:02X}" for byte in value.encode())
    return f"=?UTF-8?Q?{coded}?="


def in_latin(value: str) -> str:
    """Return a field as headers have it: what is beyond Latin-1 is a blank."""
    return "".join(letter if ord(letter) < 256 else " " for letter in value)


def _with_key(form: Form) -> Form:
    if not form.fields.get("key"):
        raise _missing("key")
    return form


def _as_sent(content_type: str, body: bytes, content: bytes) -> bytes:
    """Return a file's bytes: the parser of mails takes every line's end for its own."""
    boundary = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode()).get_boundary()
    for part in body.split(f"--{boundary}".encode()):
        head, _, sent = part.partition(b"\r\n\r\n")
        if b'name="file"' in head or b"name=file" in head:
            return sent.removesuffix(b"\r\n")
    return content


def _check_condition(condition: Any, fields: Mapping[str, str], size_bytes: int) -> str:
    """Return the field that a condition is about; raises AwsError unless it holds."""
    if isinstance(condition, dict):
        if len(condition) != 1:
            raise AwsError("InvalidPolicyDocument", _ONE_PROPERTY)
        name, value = next(iter(condition.items()))
        condition = ["eq", f"${name}", value]
    if not isinstance(condition, list) or len(condition) != 3:
        raise AwsError("InvalidPolicyDocument", "Invalid Policy: Invalid Condition.")
    kind, name, value = str(condition[0]).lower(), str(condition[1]), str(condition[2])
    if kind == "content-length-range":
        _check_size(condition, name, value, size_bytes)
        return ""
    field = name.removeprefix("$").lower()
    given = fields.get(field, "")
    holds = given == value if kind == "eq" else kind == "starts-with" and given.startswith(value)
    if not name.startswith("$") or not holds:
        raise _failed([kind, name, value])
    return field


def _check_size(condition: list[Any], least: str, most: str, size_bytes: int) -> None:
    if not (least.isdigit() and most.isdigit()):
        raise _failed(condition)
    if size_bytes < int(least):
        extra = {"ProposedSize": size_bytes, "MinSizeAllowed": least}
        raise AwsError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400, extra)
    if size_bytes > int(most):
        extra = {"ProposedSize": size_bytes, "MaxSizeAllowed": most}
        raise AwsError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400, extra)


def _decoded(policy: str) -> dict[str, Any]:
    try:
        decoded = json.loads(base64.b64decode(policy, validate=True))
    except (binascii.Error, ValueError) as error:
        raise AwsError("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.") from error
    if not isinstance(decoded, dict):
        raise AwsError("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.")
    return decoded


def _time(said: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(said))
    except ValueError as error:
        text = f"Invalid Policy: Invalid 'expiration' value: '{said}'"
        raise AwsError("InvalidPolicyDocument", text) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _tags(document: str) -> str:
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", MALFORMED_XML) from error
    pairs = [
        (tag.findtext("Key") or tag.findtext("{*}Key") or "", tag.findtext("Value") or tag.findtext("{*}Value") or "")
        for tag in root.iterfind("{*}TagSet/{*}Tag")
    ]
    return urlencode(pairs)


def _failed(condition: list[Any]) -> AwsError:
    return _not_by_policy(f"Policy Condition failed: {json.dumps([str(each) for each in condition])}")


def _not_by_policy(why: str) -> AwsError:
    return AwsError("AccessDenied", f"Invalid according to Policy: {why}", 403)


def _missing(name: str) -> AwsError:
    text = (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of the fields."
    )
    return invalid_argument(text, name, "")


def _variable(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")

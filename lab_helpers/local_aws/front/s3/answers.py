"""S3's answers as S3 gives them, where moto's have other headers or members.

Source: LocalStack's recordings of S3 (tests/aws/services/s3); "Common response headers" of the Amazon S3 API reference;
the answers of the operations there.
Not modelled: the time and the caller of an open multipart upload.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode
from xml.sax.saxutils import escape, unescape

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import arguments, posted_form
from lab_helpers.local_aws.s3.view import OWNER_ID

Headers = list[tuple[str, str]]
Checksum = Callable[[str, str, str], tuple[str, str, str] | None]
"""Returns algorithm, type and value of an object's checksum by bucket, key and version id (empty: the latest)."""

_FOREIGN = frozenset({"connection", "x-amz-content-sha256", "x-amz-sdk-checksum-algorithm", "x-amzn-requestid"})
_NO_BUCKET_KEY = ("x-amz-server-side-encryption-bucket-key-enabled", "false")
"""What S3 does not tell."""
_ENCRYPTED = frozenset({
    "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "GetObject", "HeadObject", "PutObject",
    "UploadPart", "UploadPartCopy",
})  # fmt: skip
_TYPED = frozenset({"GetObject", "HeadObject", "PutObject"})
_USUAL_ENCRYPTION = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule>'
    b"<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
    b"<BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
)
"""Of a bucket that nobody gave another. Source: "Setting default server-side encryption behavior" of the User Guide."""
_ROOTS = {"ListParts": b"ListPartsResult", "GetObjectAttributes": b"GetObjectAttributesResponse"}
"""Names of documents that moto calls otherwise."""
_STATUS = {"PutBucketPolicy": 204, "PutObjectTagging": 200}
_META = "HTTP_X_AMZ_META_"
_METADATA = frozenset({"CopyObject", "CreateMultipartUpload", "PutObject"})
"""Calls that write metadata and access control lists."""
_ACCESS = ("HTTP_X_AMZ_ACL", "HTTP_X_AMZ_GRANT")
_ACCOUNT = re.compile(r"[0-9]{12}")
_RANGE = re.compile(r"bytes=(?:(\d{1,19})-(\d{0,19})|-\d{1,19})")
_WORD = re.compile(r"=\?[\w-]+\?[BbQq]\?[^?\s]*\?=")
_OWNED = re.compile(rb"<DisplayName>[^<]*</DisplayName>")
_OWNER = re.compile(rb"(<Owner>.*?<ID>)[^<]*(</ID>)", re.DOTALL)
_OWNER_BEHIND = re.compile(rb"(<Buckets>.*</Buckets>)(<Owner>.*</Owner>)", re.DOTALL)
_INITIATOR = re.compile(rb"(<Initiator>.*?<ID>)[^<]*(</ID>)", re.DOTALL)
_ACCOUNT_NAME = b"lab"
_BUCKET = re.compile(rb"<Bucket>\s*<Name>([^<]*)</Name>.*?</Bucket>", re.DOTALL)
_LOCATION = re.compile(rb"(<Location>https?://[^/<]*)([^<]*)(</Location>)")
_CHECKSUM = re.compile(rb"<Checksum(?!Type|Algorithm)\w+>([^<]*)</Checksum\w+>")
_CHECKSUM_HEADER = re.compile(r"x-amz-checksum-(?!algorithm|type|mode)\w+")
_LISTED = re.compile(rb"<(Contents|Version)>.*?</\1>", re.DOTALL)
_EMPTY = re.compile(rb"<(\w+)([^<>]*)/>\s*\Z")
"""A document without anything in it."""
_ENTRIES = re.compile(rb"<(Contents|CommonPrefixes|DeleteMarker|Version)>.*?</\1>", re.DOTALL)
_LISTINGS = frozenset({"ListObjectVersions", "ListObjects", "ListObjectsV2"})
_ROOT = re.compile(rb"<List\w+Result[^>]*>")
_CODED = re.compile(rb"<(Key|Prefix|Delimiter|KeyMarker|NextKeyMarker)>([^<]*)</\1>")
"""Elements of a listing that are encoded together."""
_CODED_OF_OBJECTS = re.compile(rb"<(Delimiter|NextMarker|(?<=<CommonPrefixes><)Prefix)>([^<]*)</\1>")
_CODED_OF_OBJECTS_V2 = re.compile(rb"<(Delimiter|StartAfter)>([^<]*)</\1>")
"""Those that moto leaves as they are, where it encodes others."""


def ids() -> Headers:
    """Return the headers by which AWS finds a request again, of a new one."""
    host = base64.b64encode(secrets.token_bytes(57)).decode()
    return [("x-amz-request-id", secrets.token_hex(8).upper()), ("x-amz-id-2", host)]


_POSTED = frozenset({"CompleteMultipartUpload", "DeleteObjects"})
"""Calls with a document that is POSTed: some clients call it a form, and moto then takes it for one."""


def for_moto(operation: str, environ: Mapping[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a call as moto has to have it, to do what S3 does.

    A day that is yet to come is no condition, a range that is none asks for the whole, an empty list of tags takes the
    tags away, the old name of Europe's Region is one, and encoded words in metadata are decoded, if they are plain.
    """
    asked = dict(environ)
    if "HTTP_RANGE" in asked and not _is_range(asked["HTTP_RANGE"]):
        del asked["HTTP_RANGE"]
    if "HTTP_X_AMZ_OBJECT_ATTRIBUTES" in asked:
        asked["HTTP_X_AMZ_OBJECT_ATTRIBUTES"] = re.sub(r"\s", "", asked["HTTP_X_AMZ_OBJECT_ATTRIBUTES"])
    if operation in _POSTED:
        asked.pop("CONTENT_TYPE", None)
    if operation == "ListParts":  # an empty number is none
        asked["QUERY_STRING"] = urlencode(parse_qsl(str(asked.get("QUERY_STRING", ""))))
    if _is_to_come(asked.get("HTTP_IF_MODIFIED_SINCE", "")):
        del asked["HTTP_IF_MODIFIED_SINCE"]
    if operation == "CreateBucket":
        body = arguments.in_europe(body, renamed=True)
    if operation in _METADATA and posted_form.MARK not in asked:
        asked.update({name: decoded(value) for name, value in asked.items() if name.startswith(_META)})
    if operation in {"PutObjectTagging", "PutBucketTagging"} and b"Tagging" in body and b"<Tag>" not in body:
        return {**asked, "REQUEST_METHOD": "DELETE"}, b""
    return asked, body


def with_own_list(operation: str, environ: dict[str, Any]) -> dict[str, Any]:
    """Return a call's environ with an access control list of its own: what is written has not its bucket's."""
    if operation not in _METADATA or any(name.startswith(_ACCESS) for name in environ):
        return environ
    return {**environ, "HTTP_X_AMZ_ACL": "private"}


def decoded(value: str) -> str:
    """Return a header's text without RFC 2047's encoding, if what it stands for is printable ASCII."""
    found = _WORD.fullmatch(value)
    if found is None:
        return value
    try:
        plain = str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return value
    return plain if plain.isascii() and plain.isprintable() else value


def refuse_other_owner(environ: Mapping[str, Any], account: str) -> None:
    """Raise AwsError where the caller expects the bucket, or what it copies from, to be another account's."""
    for name in ("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", "HTTP_X_AMZ_SOURCE_EXPECTED_BUCKET_OWNER"):
        expected = str(environ.get(name, account))
        if not _ACCOUNT.fullmatch(expected):
            told = f"The value of the expected bucket owner parameter must be an AWS Account ID... [{expected}]"
            raise AwsError("InvalidBucketOwnerAWSAccountID", told)
        if expected != account:
            raise AwsError("AccessDenied", "Access Denied", 403)


def finish(
    operation: str, params: Mapping[str, Any], got: tuple[int, Headers, bytes], body: bytes, checksum: Checksum
) -> tuple[int, Headers, bytes]:
    """Return moto's answer to a call as S3's; `body` is the call's own."""
    status, given, content = got
    if operation == "GetBucketEncryption" and b"ServerSideEncryptionConfigurationNotFoundError" in content:
        return 200, [("Content-Type", "application/xml"), *ids()], _USUAL_ENCRYPTION
    headers = [pair for pair in given if pair[0].lower() not in _FOREIGN and pair != _NO_BUCKET_KEY]
    marks = ids()
    if status >= 400:
        told = _with_ids(content, marks)
        return status, [*_replaced(_typed_as(headers, "application/xml"), "content-length", None), *marks], told
    status = _STATUS.get(operation, status)
    if operation == "HeadObject":
        key, version = str(params.get("Key", "")), str(params.get("versionId", ""))
        headers = _with_checksum(headers, checksum(str(params["Bucket"]), key, version))
    headers += _members_in_head(operation, params, headers)
    if operation == "CreateBucket" and b"LocationConstraint" in body:
        headers = _replaced(headers, "Location", f"http://{params['Bucket']}.s3.amazonaws.com/")
    if operation in {"CompleteMultipartUpload", "PutObject"}:  # CopyObject tells it
        headers = [pair for pair in headers if pair != ("x-amz-version-id", "null")]
    content = _members(operation, params, content, body, checksum)
    if not content and operation not in {"GetObject", "HeadObject", "HeadBucket"}:
        headers = _typed_as(headers, None)
    if operation in {"PutObject", "CopyObject", "UploadPart", "UploadPartCopy"}:
        headers = _replaced(headers, "last-modified", None)
    if content != got[2]:
        headers = _replaced(headers, "content-length", None)
    return status, [*headers, *marks], content


def _members_in_head(operation: str, params: Mapping[str, Any], headers: Headers) -> Headers:
    there = {name.lower(): value for name, value in headers}
    added: dict[str, str] = {}
    if operation in _ENCRYPTED:
        added["x-amz-server-side-encryption"] = "AES256"
    checksum = next((value for name, value in there.items() if _CHECKSUM_HEADER.fullmatch(name)), "")
    if operation in _TYPED and checksum:
        added["x-amz-checksum-type"] = _type_of(checksum)
    if operation in {"CreateBucket", "HeadBucket"}:
        added["x-amz-bucket-arn"] = f"arn:aws:s3:::{params['Bucket']}"
    if operation == "HeadBucket":
        added["x-amz-access-point-alias"] = "false"
    return [(name, value) for name, value in added.items() if name not in there]


def _with_checksum(headers: Headers, known: tuple[str, str, str] | None) -> Headers:
    """Tell a checksum as GetObject does, where it is asked for."""
    name = f"x-amz-checksum-{known[0].lower()}" if known else ""
    if known is None or not any(each.lower() == name for each, _ in headers):
        return headers
    return _replaced(_replaced(headers, name, known[2]), "x-amz-checksum-type", known[1])


def _type_of(checksum: str) -> str:
    """A checksum of a multipart object's checksums ends with the number of its parts."""
    return "COMPOSITE" if "-" in checksum else "FULL_OBJECT"


def _members(operation: str, params: Mapping[str, Any], content: bytes, body: bytes, checksum: Checksum) -> bytes:
    if operation in {"GetObject", "SelectObjectContent"} or not content.startswith(b"<"):
        return content
    content = _named(operation, _OWNED.sub(b"", content))
    if operation in _LISTINGS:
        content = _entries_last(content)
    match operation:
        case "ListBuckets":
            return _buckets(_OWNER.sub(rb"\g<1>" + OWNER_ID.encode() + rb"\g<2>", content))
        case "ListObjects":
            told = _where_it_began(_coded(content, _CODED_OF_OBJECTS, params), params)
            return _with_checksums(told, params, checksum)
        case "ListMultipartUploads" | "ListParts":
            return _initiated(content)
        case "ListObjectVersions":
            return _encoded(_with_checksums(content, {**params, "encoding-type": ""}, checksum), params)
        case "ListObjectsV2":
            told = _with_token(_coded(content, _CODED_OF_OBJECTS_V2, params), params)
            return _with_checksums(told, params, checksum)
        case "CompleteMultipartUpload":
            content = _LOCATION.sub(_quoted, content, count=1)
            return _with_whole_checksum(content, checksum(str(params["Bucket"]), str(params.get("Key", "")), ""))
        case "CopyObject" | "GetObjectAttributes" if b"<ChecksumType>" not in content:
            return _CHECKSUM.sub(_with_type, content, count=1)
        case "DeleteObjects" if re.search(rb"<Quiet>\s*true\s*</Quiet>", body, re.IGNORECASE):
            return re.sub(rb"<Deleted>.*?</Deleted>", b"", content, flags=re.DOTALL)
    return content


def _named(operation: str, content: bytes) -> bytes:
    if operation not in _ROOTS:
        return content
    content = _EMPTY.sub(rb"<\1\2></\1>", content)
    begin, end = content.find(b"<List" if operation == "ListParts" else b"<Get"), content.rfind(b"</")
    name = re.match(rb"<(\w+)", content[begin:])
    renamed = content[begin:end].replace(name[1], _ROOTS[operation], 1) if name else content[begin:end]
    return content[:begin] + renamed + b"</" + _ROOTS[operation] + b">"


def _entries_last(content: bytes) -> bytes:
    """Return a listing with what it tells of itself first: Amazon's SDK for Java counts on it."""
    entries = b"".join(found[0] for found in _ENTRIES.finditer(content))
    head = _ENTRIES.sub(b"", content)
    end = head.rfind(b"</")
    return head[:end] + entries + head[end:] if entries else content


def _buckets(content: bytes) -> bytes:
    found = sorted(_BUCKET.finditer(content), key=lambda each: each[1])
    if not found:
        return content
    told = [
        each[0].replace(b"</Bucket>", b"<BucketArn>arn:aws:s3:::" + each[1] + b"</BucketArn></Bucket>")
        for each in found
    ]
    begin, end = min(each.start() for each in found), max(each.end() for each in found)
    content = content[:begin] + b"".join(told) + content[end:]
    return _OWNER_BEHIND.sub(rb"\2\1", content)


def _where_it_began(content: bytes, params: Mapping[str, Any]) -> bytes:
    """Tell a listing's prefix, where moto does not, and its marker, which it never does."""
    coded = quote if params.get("encoding-type") == "url" else str
    told = f"<Marker>{escape(coded(params.get('marker', '')))}</Marker>"
    told += "" if "prefix" in params else "<Prefix/>"
    return _ROOT.sub(lambda found: found[0] + told.encode(), content, count=1)


def _with_token(content: bytes, params: Mapping[str, Any]) -> bytes:
    """Tell with which token a page was asked for."""
    if not params.get("continuation-token"):
        return content
    told = f"<ContinuationToken>{escape(str(params['continuation-token']))}</ContinuationToken>"
    return _ROOT.sub(lambda found: found[0] + told.encode(), content, count=1)


def _encoded(content: bytes, params: Mapping[str, Any]) -> bytes:
    """Write a listing's keys as a URL has them, where that is asked for, and tell so."""
    if params.get("encoding-type") != "url":
        return content
    content = _coded(content, _CODED, params)
    return _ROOT.sub(lambda found: found[0] + b"<EncodingType>url</EncodingType>", content, count=1)


def _coded(content: bytes, elements: re.Pattern[bytes], params: Mapping[str, Any]) -> bytes:
    """Write elements as a URL has them, where that is asked for."""
    if params.get("encoding-type") != "url":
        return content

    def told(found: re.Match[bytes]) -> bytes:
        name, text = found[1], unescape(found[2].decode())
        return b"<" + name + b">" + escape(quote(text)).encode() + b"</" + name + b">"

    return elements.sub(told, content)


def _initiated(content: bytes) -> bytes:
    """Tell who began an upload: the account, by id and name."""
    told = rb"\g<1>" + OWNER_ID.encode() + rb"\g<2><DisplayName>" + _ACCOUNT_NAME + rb"</DisplayName>"
    return _INITIATOR.sub(told, content)


def _with_checksums(content: bytes, params: Mapping[str, Any], checksum: Checksum) -> bytes:
    def told(found: re.Match[bytes]) -> bytes:
        whole = found[0]
        key, version = _text(whole, "Key"), _text(whole, "VersionId")
        key = unquote(key) if params.get("encoding-type") == "url" else key
        known = checksum(str(params["Bucket"]), key, version)
        if known is None or b"<ChecksumType>" in whole:
            return whole
        algorithm = "" if b"<ChecksumAlgorithm>" in whole else f"<ChecksumAlgorithm>{known[0]}</ChecksumAlgorithm>"
        added = f"{algorithm}<ChecksumType>{known[1]}</ChecksumType>"
        return whole.replace(b"</ETag>", b"</ETag>" + added.encode(), 1)

    return _LISTED.sub(told, content)


def _with_whole_checksum(content: bytes, known: tuple[str, str, str] | None) -> bytes:
    if known is None or b"<Checksum" in content:
        return content
    algorithm, kind, value = known
    added = f"<Checksum{algorithm}>{value}</Checksum{algorithm}><ChecksumType>{kind}</ChecksumType>"
    return content.replace(b"</ETag>", b"</ETag>" + added.encode(), 1)


def _text(element: bytes, name: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>".encode(), element)
    return unescape(found[1].decode()) if found else ""


def _with_type(found: re.Match[bytes]) -> bytes:
    return f"<ChecksumType>{_type_of(found[1].decode())}</ChecksumType>".encode() + found[0]


def _quoted(found: re.Match[bytes]) -> bytes:
    return found[1] + escape(quote(unescape(found[2].decode()))).encode() + found[3]


def _with_ids(content: bytes, marks: Headers) -> bytes:
    request, host = (value.encode() for _, value in marks)
    content = re.sub(rb"<RequestId>[^<]*</RequestId>", b"<RequestId>" + request + b"</RequestId>", content)
    return re.sub(rb"<HostId>[^<]*</HostId>", b"<HostId>" + host + b"</HostId>", content)


def _typed_as(headers: Headers, kind: str | None) -> Headers:
    return _replaced(headers, "content-type", kind)


def _replaced(headers: Headers, name: str, value: str | None) -> Headers:
    kept = [pair for pair in headers if pair[0].lower() != name.lower()]
    return kept if value is None else [*kept, (name, value)]


def _is_range(asked: str) -> bool:
    """Whether it is one range of bytes: several, a reversed one and any other get the whole object."""
    found = _RANGE.fullmatch(asked)
    return found is not None and not (found[1] and found[2] and int(found[1]) > int(found[2]))


def _is_to_come(day: str) -> bool:
    try:
        return parsedate_to_datetime(day).astimezone(UTC) > datetime.now(UTC)
    except (TypeError, ValueError):
        return False

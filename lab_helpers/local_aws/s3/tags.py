"""Tags of buckets and objects: what S3 refuses, in documents and in the header of a write.

Source: "Categorizing your storage using tags" of the Amazon S3 User Guide; LocalStack's recordings of S3
(TestS3BucketObjectTagging).
Not modelled: how many tags there may be; the permission s3:TagResource of a creation with tags.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML, invalid_argument

_OF_SYSTEM = {
    "CreateBucket": (
        'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" from '
        "your tag keys and try again."
    ),
    "PutBucketTagging": "System tags cannot be added/updated by requester",
    "PutObjectTagging": "Your TagKey cannot be prefixed with aws:",
}
"""Calls with a document that has tags, and how they refuse those of AWS itself."""
_HEADER_OF = frozenset({"CopyObject", "CreateMultipartUpload", "PutObject"})
_KEY, _VALUE = (re.compile(rf"[\w\s.:/=+\-@]{length}") for length in ("{1,128}", "{0,256}"))
_NO_HEADER = (
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
    "duplicates."
)


def check(operation: str, environ: Mapping[str, Any], body: bytes) -> None:
    """Raise AwsError where a call's tags are none: MalformedXML, InvalidTag, or InvalidArgument of the header."""
    if operation in _OF_SYSTEM:
        asked(operation, body)
    if operation in _HEADER_OF:
        _check_header(str(environ.get("HTTP_X_AMZ_TAGGING", "")))


def asked(operation: str, body: bytes) -> dict[str, str]:
    """Return the tags of a call's document, {} without any; raises AwsError as `check` does."""
    found: dict[str, str] = {}
    for tag in _elements(body):
        key, value = tag.find("{*}Key"), tag.find("{*}Value")
        if key is None or value is None:
            raise AwsError("MalformedXML", MALFORMED_XML)
        name, text = key.text or "", value.text or ""
        _check_tag(operation, name, text)
        if name in found:
            if operation == "CreateBucket":  # as recorded
                raise AwsError("InternalError", "We encountered an internal error. Please try again.", 500)
            told = "Cannot provide multiple Tags with the same key"
            raise AwsError("InvalidTag", told, 400, {"TagKey": name})
        found[name] = text
    return found


def _check_tag(operation: str, key: str, value: str) -> None:
    if key.startswith("aws:"):
        extra = {} if operation == "CreateBucket" else {"TagKey": key}
        raise AwsError("InvalidTag", _OF_SYSTEM[operation], 400, extra)
    if not _KEY.fullmatch(key):
        raise AwsError("InvalidTag", "The TagKey you have provided is invalid", 400, {"TagKey": key})
    if not _VALUE.fullmatch(value):
        extra = {"TagKey": key, "TagValue": value}
        raise AwsError("InvalidTag", "The TagValue you have provided is invalid", 400, extra)


def _check_header(told: str) -> None:
    pairs = [pair for pair in told.split("&") if pair]
    names = [unquote_plus(pair.partition("=")[0]) for pair in pairs]
    if len(set(names)) < len(names) or any(pair.count("=") > 1 for pair in pairs):
        raise invalid_argument(_NO_HEADER, "x-amz-tagging", told)


def _elements(body: bytes) -> list[ElementTree.Element]:
    try:
        return ElementTree.fromstring(body).findall(".//{*}Tag") if body else []
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", MALFORMED_XML) from error

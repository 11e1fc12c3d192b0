"""Presigned links: what they say of an object in their query, where other calls have headers.

Source: "Working with presigned URLs" of the Amazon S3 User Guide; LocalStack's recordings of S3
(test_put_url_metadata_with_sig_s3, test_pre_signed_url_if_none_match, test_put_unicode_metadata_with_sig_s3,
TestS3PresignedUrl.test_put_object).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from lab_helpers.local_aws.s3.posted_form import in_ascii, in_latin

_HEADERS = (
    "if-match", "if-none-match", "x-amz-acl", "x-amz-grant-", "x-amz-meta-", "x-amz-server-side-encryption",
    "x-amz-storage-class", "x-amz-tagging", "x-amz-website-redirect-location",
)  # fmt: skip
"""How headers begin that a link may have in its query."""
_METADATA = "x-amz-meta-"
_SIGNATURES = frozenset({"Signature", "X-Amz-Signature"})
_OF_SIGNATURE_2 = frozenset({"AWSAccessKeyId", "Expires"})


def with_headers(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the environ of a call by a link as one that has headers, so that permissions are asked for by them.

    The key and the end of Signature 2 go: `Expires` is the link's, and no object's.
    """
    pairs = parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    names = {name for name, _ in pairs}
    if not names & _SIGNATURES:
        return environ
    left_out = _OF_SIGNATURE_2 if "Signature" in names else frozenset()
    told = {_variable(name): _as_header(name, value) for name, value in pairs if name.lower().startswith(_HEADERS)}
    kept = [(name, value) for name, value in pairs if name not in left_out and not name.lower().startswith(_HEADERS)]
    return {**environ, **told, "QUERY_STRING": urlencode(kept)}


def signed_headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return what a link's query has in a header's place, by names in lower case, as Signature 2 signs it."""
    pairs = parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    return {name.lower(): value for name, value in pairs if name.lower().startswith("x-amz-")}


def _as_header(name: str, value: str) -> str:
    return in_ascii(value) if name.lower().startswith(_METADATA) else in_latin(value)


def _variable(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")

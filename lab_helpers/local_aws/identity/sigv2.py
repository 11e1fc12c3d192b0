"""Signature Version 2 of S3, which boto3 still presigns links with unless it is told otherwise.

Source: "Signing and authenticating REST requests (AWS signature version 2)" of the S3 user guide. The text that is
signed is botocore's.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import HmacV1Auth
from botocore.credentials import Credentials

from lab_helpers.local_aws.s3 import links

_NOBODY = Credentials("", "")


@dataclass(frozen=True)
class SignatureV2:
    """What a call says of itself; `expires_at` (epoch seconds, as text) for a link, None for a header."""

    access_key_id: str
    signature: str
    session_token: str = ""
    expires_at: str | None = None


def read(environ: Mapping[str, Any]) -> SignatureV2 | None:
    """Return what a call's header or query says; None for one that is not signed with Signature 2."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if authorization.startswith("AWS "):
        key, _, signature = authorization.removeprefix("AWS ").strip().rpartition(":")
        return SignatureV2(key, signature, environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""))
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    if "AWSAccessKeyId" not in query:
        return None
    token = query.get("x-amz-security-token", "")
    return SignatureV2(query["AWSAccessKeyId"], query.get("Signature", ""), token, query.get("Expires", ""))


def fits(signature: SignatureV2, secret: str, environ: Mapping[str, Any]) -> bool:
    """Whether the signature is that of the secret over this call."""
    wanted = base64.b64encode(
        hmac.digest(secret.encode(), string_to_sign(signature, environ).encode("utf-8", "replace"), "sha1")
    )
    return hmac.compare_digest(wanted, signature.signature.encode("latin-1", "replace"))


def string_to_sign(signature: SignatureV2, environ: Mapping[str, Any]) -> str:
    """Return what the signature of this call is to be made over."""
    amz = {
        name[5:].replace("_", "-").lower(): str(value).strip()
        for name, value in environ.items()
        if name.startswith("HTTP_X_AMZ_")
    }
    if signature.expires_at is not None:
        amz.update(links.signed_headers(environ))
    if signature.expires_at is not None and signature.session_token:
        amz["x-amz-security-token"] = signature.session_token
    date = signature.expires_at
    if date is None:
        date = "" if "x-amz-date" in amz else environ.get("HTTP_DATE", "")
    lines = [environ["REQUEST_METHOD"], environ.get("HTTP_CONTENT_MD5", ""), environ.get("CONTENT_TYPE", ""), date]
    lines += [f"{name}:{amz[name]}" for name in sorted(amz)]
    resource = HmacV1Auth(_NOBODY).canonical_resource(urlsplit(str(environ.get("RAW_URI") or "/")))
    return "\n".join([*lines, resource])


def signed_at(environ: Mapping[str, Any]) -> float | None:
    """Return when a header was signed, in epoch seconds; None when it does not say."""
    try:
        return parsedate_to_datetime(environ.get("HTTP_X_AMZ_DATE") or environ.get("HTTP_DATE", "")).timestamp()
    except (TypeError, ValueError, IndexError):
        return None

"""AWS Signature Version 4, as a server sees it: what a call says of itself, and whether its signature is the secret's.

Pure: the clock's time and the secret come in as arguments. The errors are told by kind; `refusals` words them.
Source: "AWS Signature Version 4 for API requests" of the IAM user guide; "Authenticating requests (AWS Signature
Version 4)" of the S3 API reference; for Signature 2 "Signing and authenticating REST requests" of the S3 user guide.
Not modelled: Signature 4A (several regions).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_STAMP = "%Y%m%dT%H%M%SZ"
_SAFE = "-_.~"
_PATHS_AS_THEY_ARE = frozenset({"s3", "s3-object-lambda", "s3express"})


_LACKING_IN_LINK = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
    "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)
_CREDENTIAL_IN_LINK = (
    "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
    '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
)


class MalformedSignatureError(Exception):
    """A call says that it is signed, but not in a way that can be read; the text says what is missing.

    `of_links` is how S3 says it of a presigned link, empty where it says the same.
    """

    def __init__(self, why: str, of_links: str = "") -> None:
        super().__init__(why)
        self.of_links = of_links or why


@dataclass(frozen=True)
class Signature:
    """What a signed call says of itself.

    `expires_s` is the life of a presigned link, None for a signed header; `payload` what the call says of its body
    (a SHA-256 in hex, UNSIGNED-PAYLOAD, STREAMING-…), "" where it says nothing.
    """

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    stamp: str
    session_token: str = ""
    expires_s: int | None = None
    payload: str = ""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def is_presigned(self) -> bool:
        return self.expires_s is not None

    @property
    def time(self) -> datetime:
        """When the call was signed."""
        return datetime.strptime(self.stamp, _STAMP).replace(tzinfo=UTC)


def read(environ: Mapping[str, Any]) -> Signature | None:
    """Return what a call's header or query says; None for one that is not signed with Signature 4.

    Raises MalformedSignatureError.
    """
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if authorization.startswith(ALGORITHM):
        return _from_header(authorization.removeprefix(ALGORITHM), environ)
    query = dict(_pairs(environ.get("QUERY_STRING", "")))
    if "X-Amz-Credential" in query or "X-Amz-Algorithm" in query:
        return _from_query(query, environ)
    return None


def _from_header(fields: str, environ: Mapping[str, Any]) -> Signature:
    named = {name.strip(): value for name, _, value in (part.partition("=") for part in fields.split(","))}
    for wanted in ("Credential", "Signature", "SignedHeaders"):
        if not named.get(wanted):
            raise MalformedSignatureError(f"Authorization header requires '{wanted}' parameter.")
    stamp = environ.get("HTTP_X_AMZ_DATE", "") or _http_date(environ.get("HTTP_DATE", ""))
    if not stamp:
        raise MalformedSignatureError(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    return _signature(
        named["Credential"], named["SignedHeaders"], named["Signature"], stamp,
        session_token=environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""),
        payload=environ.get("HTTP_X_AMZ_CONTENT_SHA256", ""),
    )  # fmt: skip


def _from_query(query: Mapping[str, str], environ: Mapping[str, Any]) -> Signature:
    for wanted in ("Algorithm", "Credential", "Signature", "SignedHeaders", "Date"):
        if not query.get(f"X-Amz-{wanted}"):
            text = f"AWS query-string parameters must include 'X-Amz-{wanted}'."
            raise MalformedSignatureError(text, _LACKING_IN_LINK)
    if query["X-Amz-Algorithm"] != ALGORITHM:
        raise MalformedSignatureError(f"X-Amz-Algorithm only supports {ALGORITHM}.")
    life = query.get("X-Amz-Expires", "900")
    if not life.isascii() or not life.isdigit():
        raise MalformedSignatureError("X-Amz-Expires should be a number.")
    return _signature(
        query["X-Amz-Credential"], query["X-Amz-SignedHeaders"], query["X-Amz-Signature"], query["X-Amz-Date"],
        session_token=query.get("X-Amz-Security-Token", ""),
        expires_s=int(life[:12]),
        payload=environ.get("HTTP_X_AMZ_CONTENT_SHA256", "") or query.get("X-Amz-Content-Sha256", ""),
    )  # fmt: skip


def _signature(credential: str, signed_headers: str, signature: str, stamp: str, **rest: Any) -> Signature:
    fields = credential.rsplit("/", 4)
    if len(fields) != 5 or fields[4] != "aws4_request":
        raise MalformedSignatureError(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
            _CREDENTIAL_IN_LINK,
        )
    key, date, region, service, _ = fields
    if not region.replace("-", "").isalnum() or not service.replace("-", "").isalnum() or not credential.isascii():
        raise MalformedSignatureError("Credential should be scoped to a valid region.")
    try:
        datetime.strptime(stamp, _STAMP)
    except ValueError as exc:
        raise MalformedSignatureError(f"Date must be in ISO-8601 'basic format'. Got '{stamp}'.") from exc
    headers = tuple(signed_headers.lower().split(";"))
    return Signature(key, date, region, service.lower(), headers, signature, stamp, **rest)


def _http_date(text: str) -> str:
    for form in ("%a, %d %b %Y %H:%M:%S GMT", _STAMP):
        try:
            return datetime.strptime(text, form).strftime(_STAMP)
        except ValueError:
            continue
    return ""


def canonical_requests(signature: Signature, environ: Mapping[str, Any], payload: str) -> Iterator[str]:
    """Yield the ways in which a client may have written the call down; all say the same call.

    They differ where clients do: a plus sign in the query, a path that is encoded once or twice.
    """
    raw_path, _, raw_query = str(environ.get("RAW_URI") or "/").partition("?")
    headers = "".join(f"{name}:{_value(name, environ)}\n" for name in signature.signed_headers)
    rest = f"{headers}\n{';'.join(signature.signed_headers)}\n{payload}"
    seen: set[str] = set()
    for path in _paths(signature.service, raw_path):
        for query in _queries(raw_query, presigned=signature.is_presigned):
            text = f"{environ['REQUEST_METHOD']}\n{path}\n{query}\n{rest}"
            if text not in seen:
                seen.add(text)
                yield text


def string_to_sign(signature: Signature, canonical: str) -> str:
    """Return what is signed of a canonical request."""
    hashed = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
    return f"{ALGORITHM}\n{signature.stamp}\n{signature.scope}\n{hashed}"


def fits(signature: Signature, secret: str, environ: Mapping[str, Any], payload: str) -> bool:
    """Whether the signature is that of the secret over this call, with `payload` for its body."""
    key = signing_key(secret, signature.date, signature.region, signature.service)
    given = signature.signature.encode("latin-1", "replace")
    return any(
        hmac.compare_digest(sign(key, string_to_sign(signature, canonical)).encode(), given)
        for canonical in canonical_requests(signature, environ, payload)
    )


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key of a day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def sign(key: bytes, text: str) -> str:
    """Return a signature in hex."""
    return hmac.digest(key, text.encode("latin-1", "replace"), "sha256").hex()


def _value(name: str, environ: Mapping[str, Any]) -> str:
    plain = name.upper().replace("-", "_")
    value = environ.get(plain if plain in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{plain}", "")
    return " ".join(str(value).split()) if "  " in str(value) else str(value).strip()


def _paths(service: str, raw: str) -> Iterator[str]:
    raw = raw or "/"
    once = quote(unquote_to_bytes(raw.encode("latin-1")), safe=f"/{_SAFE}")
    if service in _PATHS_AS_THEY_ARE:
        yield once
        yield raw
    else:
        normal = _without_dots(raw)
        yield quote(normal, safe=f"/{_SAFE}")
        yield once


def _without_dots(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    joined = "/" + "/".join(parts)
    return joined + "/" if path.endswith("/") and parts else joined


def _queries(raw: str, *, presigned: bool) -> Iterator[str]:
    for text in (raw, raw.replace("+", "%20")) if "+" in raw else (raw,):
        pairs = []
        for part in text.split("&") if text else []:
            name, _, value = part.partition("=")
            name = _encoded(name)
            if not (presigned and name == "X-Amz-Signature"):
                pairs.append((name, _encoded(value)))
        yield "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("latin-1", "replace")), safe=_SAFE)


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for part in query.split("&"):
        name, _, value = part.partition("=")
        yield unquote_to_bytes(name).decode("latin-1"), unquote_to_bytes(value).decode("latin-1")

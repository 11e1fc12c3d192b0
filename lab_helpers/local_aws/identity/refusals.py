"""What AWS says to a caller whom it does not know, or whose signature does not fit: code and text by protocol.

Source: "Common errors" of the API references; "Error responses" of the S3 API reference; texts of the services' answers
in public issue threads (Query services and EC2: 403, JSON services: 400).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError

SKEW_S = 900
LONGEST_LINK_S = 604_800
_CONSULT = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_NO_CREDENTIALS = "AWS was not able to validate the provided access credentials"


def missing(kind: str) -> AwsError:
    """Nobody signed the call."""
    if kind == "s3":
        return AwsError("AccessDenied", "Access Denied", 403)
    if kind in {"json", "rest"}:
        return AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", _json_status(kind))
    return AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)


def malformed(kind: str, why: str, *, in_query: bool) -> AwsError:
    """The call says that it is signed, but not how."""
    if kind == "s3" and in_query:
        return AwsError("AuthorizationQueryParametersError", why, 400)
    if kind == "s3":
        return AwsError("AuthorizationHeaderMalformed", f"The authorization header is malformed; {why}", 400)
    if kind in {"json", "rest"}:
        return AwsError("IncompleteSignatureException", why, _json_status(kind))
    return AwsError("IncompleteSignature", why, 400)


def unknown(kind: str, access_key_id: str) -> AwsError:
    """Nobody has this access key."""
    if kind == "s3":
        text = "The AWS Access Key Id you provided does not exist in our records."
        return AwsError("InvalidAccessKeyId", text, 403, {"AWSAccessKeyId": access_key_id})
    return _invalid_token(kind)


def wrong_token(kind: str) -> AwsError:
    """The session token is not the key's."""
    if kind == "s3":
        return AwsError("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)
    return _invalid_token(kind)


def _invalid_token(kind: str) -> AwsError:
    if kind == "ec2":
        return AwsError("AuthFailure", _NO_CREDENTIALS, 401)
    code = "UnrecognizedClientException" if kind in {"json", "rest"} else "InvalidClientTokenId"
    return AwsError(code, "The security token included in the request is invalid.", _status(kind))


def expired_token(kind: str) -> AwsError:
    """The session is over."""
    if kind == "s3":
        return AwsError("ExpiredToken", "The provided token has expired.", 400)
    if kind == "ec2":
        return AwsError("RequestExpired", "Request has expired.", 400)
    code = "ExpiredTokenException" if kind in {"json", "rest"} else "ExpiredToken"
    return AwsError(code, "The security token included in the request is expired", _status(kind))


def mismatch(kind: str, **seen: Any) -> AwsError:
    """The signature is not the secret's; `seen` are S3's members of the error."""
    if kind == "s3":
        text = (
            "The request signature we calculated does not match the signature you provided. Check your key and signing "
            "method."
        )
        return AwsError("SignatureDoesNotMatch", text, 403, {**seen, **_in_bytes(seen)})
    return _invalid_signature(kind, _CONSULT)


def _in_bytes(seen: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts that were signed in hexadecimal, as S3 tells them beside the texts."""
    signed = [name for name in ("StringToSign", "CanonicalRequest") if name in seen]
    return {f"{name}Bytes": str(seen[name]).encode().hex(" ") for name in signed}


def _invalid_signature(kind: str, text: str) -> AwsError:
    if kind == "ec2":
        return AwsError("AuthFailure", _NO_CREDENTIALS, 401)
    code = "InvalidSignatureException" if kind in {"json", "rest"} else "SignatureDoesNotMatch"
    return AwsError(code, text, _status(kind))


def wrong_date(kind: str, date: str, stamp: str) -> AwsError:
    """The day of the credential's scope is not the day of the call."""
    text = (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        f"'{date}' != '{stamp[:8]}', from '{stamp}'."
    )
    return (
        malformed(kind, f'Invalid credential date "{date}".', in_query=False)
        if kind == "s3"
        else _invalid_signature(kind, text)
    )


def skewed(kind: str, signed: datetime, now: datetime) -> AwsError:
    """The caller's clock is more than a quarter of an hour off."""
    if kind == "s3":
        extra = {
            "RequestTime": _stamp(signed),
            "ServerTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "MaxAllowedSkewMilliseconds": str(SKEW_S * 1000),
        }
        text = "The difference between the request time and the current time is too large."
        return AwsError("RequestTimeTooSkewed", text, 403, extra)
    if kind == "ec2":
        return AwsError("RequestExpired", "Request has expired.", 400)
    bound = f"{SKEW_S // 60} min."
    if signed < now:
        earliest = _stamp(datetime.fromtimestamp(now.timestamp() - SKEW_S, now.tzinfo))
        text = f"Signature expired: {_stamp(signed)} is now earlier than {earliest} ({_stamp(now)} - {bound})"
    else:
        latest = _stamp(datetime.fromtimestamp(now.timestamp() + SKEW_S, now.tzinfo))
        text = f"Signature not yet current: {_stamp(signed)} is still later than {latest} ({_stamp(now)} + {bound})"
    return _invalid_signature(kind, text)


def expired_link(kind: str, signed: datetime, expires_s: int, now: datetime) -> AwsError:
    """A presigned link's time is over."""
    if kind != "s3":
        return skewed(kind, signed, now)
    refusal = ended_link(int(signed.timestamp()) + expires_s, now)
    refusal.extra = {"X-Amz-Expires": str(expires_s), **refusal.extra}
    return refusal


def ended_link(ended_s: int, now: datetime) -> AwsError:
    """S3's presigned link's time is over, since a time in epoch seconds."""
    ended = datetime.fromtimestamp(ended_s, now.tzinfo)
    extra = {"Expires": ended.strftime("%Y-%m-%dT%H:%M:%SZ"), "ServerTime": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return AwsError("AccessDenied", "Request has expired", 403, extra)


def unsigned_headers(names: list[str]) -> AwsError:
    """S3 wants each of its own headers signed."""
    text = "There were headers present in the request which were not signed"
    return AwsError("AccessDenied", text, 403, {"HeadersNotSigned": ", ".join(names)})


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def _status(kind: str) -> int:
    return _json_status(kind) if kind in {"json", "rest"} else 403


def _json_status(kind: str) -> int:
    return 400 if kind == "json" else 403

"""Conditions of S3's calls: on what is read, on what is copied, on what is there already when something is written.

Source: "Conditional reads", "Conditional writes" and "Conditional deletes" of the Amazon S3 User Guide; the conditions
of CopyObject and UploadPartCopy in the Amazon S3 API reference; LocalStack's recordings of S3 (test_s3_preconditions,
TestS3ObjectWritePrecondition, TestS3DeletePrecondition).
Not modelled: conditions on size and time of a deletion, which directory buckets have (they are refused, as S3 does).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.view import ObjectView

WRITES = frozenset({"CompleteMultipartUpload", "CopyObject", "PutObject"})
COPIES = frozenset({"CopyObject", "UploadPartCopy"})
READS = frozenset({"GetObject", "GetObjectAttributes", "HeadObject"})
_OF_COPIES = "HTTP_X_AMZ_COPY_SOURCE_"
_NAMES = ("IF_MATCH", "IF_NONE_MATCH", "IF_MODIFIED_SINCE", "IF_UNMODIFIED_SINCE")
_TOLD = {"IF_MATCH": "If-Match", "IF_NONE_MATCH": "If-None-Match", "IF_MODIFIED_SINCE": "If-Modified-Since",
         "IF_UNMODIFIED_SINCE": "If-Unmodified-Since"}  # fmt: skip
_FAILED = "At least one of the pre-conditions you specified did not hold"
_NOT_HERE = "A header you provided implies functionality that is not implemented"
_CONFLICT = "The conditional request cannot succeed due to a conflicting operation against this resource."
_OF_DIRECTORY_BUCKETS = ("x-amz-if-match-last-modified-time", "x-amz-if-match-size")


def failed(condition: str) -> AwsError:
    """Return the refusal by a condition, which is named as its header is."""
    return AwsError("PreconditionFailed", _FAILED, 412, {"Condition": condition})


def check_read(environ: Mapping[str, Any], there: ObjectView, now: datetime) -> bool:
    """Tell whether a reader is sent the object (False: 304, not modified); raises AwsError PreconditionFailed."""
    broken = _broken(_given(environ, "HTTP_"), there, now)
    if broken in {"IF_NONE_MATCH", "IF_MODIFIED_SINCE"}:
        return False
    if broken:
        raise failed(_TOLD[broken])
    return True


def check_copy(environ: Mapping[str, Any], source: ObjectView, now: datetime) -> None:
    """Raise AwsError PreconditionFailed unless what is copied is as the conditions want it."""
    broken = _broken(_given(environ, _OF_COPIES), source, now)
    if broken:
        raise failed(f"x-amz-copy-source-{_TOLD[broken]}")


def check_write(environ: Mapping[str, Any], key: str, there: ObjectView | None) -> None:
    """Raise AwsError unless what is at a key already (None or a delete marker: nothing) lets the writer write."""
    match, none_match = environ.get("HTTP_IF_MATCH"), environ.get("HTTP_IF_NONE_MATCH")
    if match is not None and none_match is not None:
        raise _not_here("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
    if none_match is not None and none_match != "*":
        raise _not_here("If-None-Match", "We don't accept the provided value of If-None-Match header for this API")
    if match == "*":
        raise _not_here("If-Match", "We don't accept the provided value of If-Match header for this API")
    is_there = there is not None and not there.is_marker
    if none_match is not None and is_there:
        raise failed("If-None-Match")
    if match is None:
        return
    if there is None or there.is_marker:
        raise AwsError("NoSuchKey", "The specified key does not exist.", 404, {"Key": key})
    if match.strip('"') != there.etag:
        raise failed("If-Match")


def check_unchanged(environ: Mapping[str, Any], key: str, there: ObjectView | None, at_begin: str) -> None:
    """Raise AwsError ConditionalRequestConflict where somebody wrote a key while an upload of it was open.

    `at_begin` is the identity of what was there when it was begun, empty for nothing.
    """
    name = next((name for name in ("If-Match", "If-None-Match") if _variable(name) in environ), None)
    now = there.identity if there is not None else ""
    if name is not None and now != at_begin:
        raise AwsError("ConditionalRequestConflict", _CONFLICT, 409, {"Condition": name, "Key": key})


def check_deletion(environ: Mapping[str, Any], there: ObjectView | None) -> None:
    """Raise AwsError unless what is to be deleted is as the conditions want it."""
    for name in _OF_DIRECTORY_BUCKETS:
        if _variable(name) in environ:
            raise AwsError("NotImplemented", _NOT_HERE, 501, {"Header": name})
    match = environ.get("HTTP_IF_MATCH")
    if match is None:
        return
    if there is None or there.is_marker or match not in {"*", there.etag, f'"{there.etag}"'}:
        raise failed("If-Match")


def without(environ: Mapping[str, Any]) -> dict[str, Any]:
    """Return the environ of a call whose conditions hold, without them."""
    left_out = {f"{begin}{name}" for begin in ("HTTP_", _OF_COPIES) for name in _NAMES}
    return {name: value for name, value in environ.items() if name not in left_out}


def _given(environ: Mapping[str, Any], begin: str) -> dict[str, str]:
    return {name: str(environ[begin + name]) for name in _NAMES if begin + name in environ}


def _broken(given: Mapping[str, str], there: ObjectView, now: datetime) -> str:
    """Return the condition that does not hold, in the order in which S3 looks at them; empty when all hold."""
    if "IF_MATCH" in given:
        if not _is_among(given["IF_MATCH"], there.etag):
            return "IF_MATCH"
    elif (day := _day(given.get("IF_UNMODIFIED_SINCE"))) and there.modified > day:
        return "IF_UNMODIFIED_SINCE"
    if "IF_NONE_MATCH" in given:
        return "IF_NONE_MATCH" if _is_among(given["IF_NONE_MATCH"], there.etag) else ""
    day = _day(given.get("IF_MODIFIED_SINCE"))
    return "IF_MODIFIED_SINCE" if day and there.modified <= day <= now else ""


def _is_among(asked: str, etag: str) -> bool:
    return any(each.strip().removeprefix("W/").strip('"') in {etag, "*"} for each in asked.split(","))


def _day(text: str | None) -> datetime | None:
    """Return a header's time; None for none, and for what is no time, which S3 overlooks."""
    try:
        return parsedate_to_datetime(text or "").astimezone(UTC)
    except (TypeError, ValueError):
        return None


def _not_here(header: str, more: str) -> AwsError:
    return AwsError("NotImplemented", _NOT_HERE, 501, {"Header": header, "additionalMessage": more})


def _variable(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")

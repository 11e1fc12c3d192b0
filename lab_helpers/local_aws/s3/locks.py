"""Object lock: what its calls are refused for, and which versions it keeps from being deleted.

Source: "Locking objects with Object Lock" of the Amazon S3 User Guide; LocalStack's recordings of S3
(TestS3ObjectLockRetention, TestS3ObjectLockLegalHold, TestS3ObjectLock).
Not modelled: locks that a CreateMultipartUpload asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML, invalid_argument
from lab_helpers.local_aws.s3.view import Lock

WRITES = frozenset({"CopyObject", "CreateMultipartUpload", "PutObject"})
"""Calls whose headers may ask for a lock."""
BYPASSING = frozenset({"DeleteObject", "DeleteObjects", "PutObjectRetention"})
MODES = frozenset({"COMPLIANCE", "GOVERNANCE"})
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_PREFIX = "HTTP_X_AMZ_OBJECT_LOCK_"
_BYPASS = "HTTP_X_AMZ_BYPASS_GOVERNANCE_RETENTION"
_MODE, _UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
_BOTH = f"{_UNTIL} and {_MODE} must both be supplied"
_ZONE_OF_REFUSALS = "America/Los_Angeles"


def is_locked(lock: Lock, now: datetime, *, bypasses: bool) -> bool:
    """Tell whether a version may not be deleted; `bypasses`: the caller overrides governance."""
    if lock.hold == "ON":
        return True
    if lock.until is None or lock.until <= now:
        return False
    return lock.mode == "COMPLIANCE" or (lock.mode == "GOVERNANCE" and not bypasses)


def check_deletion(lock: Lock, environ: Mapping[str, Any], now: datetime) -> None:
    """Raise AwsError AccessDenied where a version may not be deleted."""
    if is_locked(lock, now, bypasses=_bypasses(environ)):
        raise _protected()


def check_bypass(environ: Mapping[str, Any], *, locks: bool) -> None:
    """Raise AwsError where governance is to be overridden in a bucket that has no object lock."""
    if _BYPASS in environ and not locks:
        name = "x-amz-bypass-governance-retention"
        text = f"{name} is only applicable to Object Lock enabled buckets."
        raise invalid_argument(text, name)


def check_headers(environ: Mapping[str, Any], now: datetime, *, locks: bool) -> None:
    """Raise AwsError where a write's headers ask for a lock that cannot be."""
    mode, until = environ.get(f"{_PREFIX}MODE", ""), environ.get(f"{_PREFIX}RETAIN_UNTIL_DATE", "")
    if bool(mode) != bool(until):
        raise invalid_argument(_BOTH, _UNTIL if mode else _MODE)
    if mode and mode not in MODES:
        raise invalid_argument("Unknown wormMode directive.", _MODE, mode)
    if until:
        _check_to_come(_time(until, _UNTIL), _UNTIL, now)
    if not locks and (mode or environ.get(f"{_PREFIX}LEGAL_HOLD") == "ON"):
        raise AwsError("InvalidRequest", "Bucket is missing ObjectLockConfiguration")


def check_retention(wanted: Lock, lock: Lock, environ: Mapping[str, Any], now: datetime) -> None:
    """Raise AwsError where a version's retention cannot be changed to what is wanted."""
    if wanted.until is not None:
        _check_to_come(wanted.until, "RetainUntilDate", now)
    if lock.until is None or lock.until <= now or not lock.mode:
        return
    is_shorter = wanted.until is None or wanted.until < lock.until
    is_weaker = lock.mode == "COMPLIANCE" and wanted.mode != "COMPLIANCE"
    may_be = lock.mode == "GOVERNANCE" and _bypasses(environ)
    if (is_shorter or is_weaker) and not may_be:
        raise _protected()


def asked_retention(body: bytes) -> Lock:
    """Return the mode and time of a Retention document, nothing of an empty one. Raises AwsError MalformedXML."""
    members = _members(body, "Retention")
    mode, until = members.get("Mode", ""), members.get("RetainUntilDate", "")
    if bool(mode) != bool(until) or (mode and mode not in MODES):
        raise AwsError("MalformedXML", MALFORMED_XML)
    return Lock(mode, _time(until, "RetainUntilDate") if until else None)


def check_hold(body: bytes) -> None:
    """Raise AwsError MalformedXML for a LegalHold document that says neither ON nor OFF."""
    if _members(body, "LegalHold").get("Status") not in {"ON", "OFF"}:
        raise AwsError("MalformedXML", MALFORMED_XML)


def check_configuration(body: bytes) -> None:
    """Raise AwsError MalformedXML for a bucket's configuration that S3 does not take."""
    root = _parsed(body, "ObjectLockConfiguration")
    enabled, rule = root.find("ObjectLockEnabled"), root.find("Rule")
    if enabled is None or enabled.text != "Enabled":
        raise AwsError("MalformedXML", MALFORMED_XML)
    if rule is None:
        return
    members = {each.tag: each.text or "" for each in rule.iterfind("DefaultRetention/*")}
    terms = [members[name] for name in ("Days", "Years") if name in members]
    if members.get("Mode") not in MODES or len(terms) != 1:
        raise AwsError("MalformedXML", MALFORMED_XML)
    if not terms[0].isdecimal() or int(terms[0]) < 1:
        raise AwsError("InvalidArgument", "Default retention period must be a positive integer value.")


def check_versioning(body: bytes, *, locks: bool) -> None:
    """Raise AwsError where the versioning of a bucket with object lock is to be suspended."""
    if locks and _members(body, "VersioningConfiguration").get("Status") == "Suspended":
        text = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
        raise AwsError("InvalidBucketState", text, 409)


def missing_in_bucket() -> AwsError:
    """Return the refusal of a version's lock in a bucket that has none."""
    return AwsError("InvalidRequest", "Bucket is missing Object Lock Configuration")


def never_set() -> AwsError:
    """Return the refusal to tell what nobody set."""
    text = "The specified object does not have a ObjectLock configuration"
    return AwsError("NoSuchObjectLockConfiguration", text, 404)


def retention_document(lock: Lock) -> bytes:
    """Return the answer of GetObjectRetention; raises AwsError where there is no retention."""
    if not lock.mode or lock.until is None:
        raise never_set()
    until = lock.until.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    members = f"<Mode>{lock.mode}</Mode><RetainUntilDate>{until}</RetainUntilDate>"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}\n<Retention xmlns="{NAMESPACE}">{members}</Retention>'.encode()


def _bypasses(environ: Mapping[str, Any]) -> bool:
    return str(environ.get(_BYPASS, "")).lower() == "true"


def _protected() -> AwsError:
    return AwsError("AccessDenied", "Access Denied because object protected by object lock.", 403)


def _check_to_come(until: datetime, name: str, now: datetime) -> None:
    if until <= now:
        told = until.astimezone(ZoneInfo(_ZONE_OF_REFUSALS)).strftime("%a %b %d %H:%M:%S %Z %Y")
        raise invalid_argument("The retain until date must be in the future!", name, told)


def _time(text: str, name: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        told = "The retain until date must be provided in ISO 8601 format"
        raise invalid_argument(told, name, text) from error
    return read.replace(tzinfo=read.tzinfo or UTC)


def _members(body: bytes, name: str) -> dict[str, str]:
    return {each.tag: each.text or "" for each in _parsed(body, name)}


def _parsed(body: bytes, name: str) -> ElementTree.Element:
    """Read a document, its names without their namespace. Raises AwsError MalformedXML."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", MALFORMED_XML) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != name:
        raise AwsError("MalformedXML", MALFORMED_XML)
    return root

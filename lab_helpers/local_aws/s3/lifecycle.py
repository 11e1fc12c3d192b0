"""Lifecycle configurations: what S3 refuses of them, and what it tells of an object's end.

Source: "Lifecycle configuration elements" and "Expiring objects" of the Amazon S3 User Guide; LocalStack's recordings
of S3 (TestS3BucketLifecycle).
Not modelled: that objects end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML, invalid_argument

TELLING = frozenset({"CompleteMultipartUpload", "CopyObject", "GetObject", "HeadObject", "PutObject"})
"""Calls whose answers tell when an object ends."""
_LEAST = "HTTP_X_AMZ_TRANSITION_DEFAULT_MINIMUM_OBJECT_SIZE"
_LEASTS = frozenset({"all_storage_classes_128K", "varies_by_storage_class"})
_OF_NONCURRENT = ("NoncurrentDays", "NewerNoncurrentVersions")


def check(environ: Mapping[str, Any], body: bytes) -> None:
    """Raise AwsError where a configuration is none: MalformedXML, InvalidArgument, InvalidRequest."""
    least = str(environ.get(_LEAST, "")) or "all_storage_classes_128K"
    if least not in _LEASTS:
        raise AwsError("InvalidRequest", f"Invalid TransitionDefaultMinimumObjectSize found: {least}")
    for rule in _rules(body):
        _check_rule(rule)


def expiry(document: bytes, key: str, size_bytes: int, modified: datetime, tags: Mapping[str, str]) -> str:
    """Return what `x-amz-expiration` says of an object: when it ends and by which rule, empty if by none."""
    ends = [
        (end, number, rule.findtext("ID", ""))
        for number, rule in enumerate(_rules(document))
        if rule.findtext("Status") == "Enabled" and _matches(rule, key, size_bytes, tags)
        for end in _ends(rule, modified)
    ]
    if not ends:
        return ""
    end, _, name = min(ends)
    return f'expiry-date="{format_datetime(end, usegmt=True)}", rule-id="{quote(name)}"'


def _check_rule(rule: ElementTree.Element) -> None:
    chosen, ending = rule.find("Filter"), rule.find("Expiration")
    old = rule.find("NoncurrentVersionExpiration")
    marks = ending is not None and ending.findtext("ExpiredObjectDeleteMarker", "").strip().lower() == "true"
    is_none = (
        (chosen is None and rule.find("Prefix") is None)
        or (chosen is not None and len(chosen) > 1)
        or (old is not None and all(old.find(name) is None for name in _OF_NONCURRENT))
        or (ending is not None and marks and len(ending) > 1)
    )
    if is_none:
        raise AwsError("MalformedXML", MALFORMED_XML)
    names = [tag.findtext("Key") for tag in rule.iterfind("Filter/And/Tag")]
    if len(set(names)) < len(names):
        raise AwsError("InvalidRequest", "Duplicate Tag Keys are not allowed.")
    told = ending.findtext("Date", "") if ending is not None else ""
    if told and _time(told).timestamp() % timedelta(days=1).total_seconds():
        raise invalid_argument("'Date' must be at midnight GMT", "Date", told)


def _matches(rule: ElementTree.Element, key: str, size_bytes: int, tags: Mapping[str, str]) -> bool:
    chosen = rule.find("Filter")
    both = chosen.find("And") if chosen is not None else None
    terms = both if both is not None else chosen
    if terms is None:
        return key.startswith(rule.findtext("Prefix", ""))
    wanted = [(tag.findtext("Key", ""), tag.findtext("Value", "")) for tag in terms.iterfind("Tag")]
    above, below = terms.findtext("ObjectSizeGreaterThan"), terms.findtext("ObjectSizeLessThan")
    return (
        key.startswith(terms.findtext("Prefix", ""))
        and all(tags.get(name) == value for name, value in wanted)
        and (above is None or size_bytes > int(above))
        and (below is None or size_bytes < int(below))
    )


def _ends(rule: ElementTree.Element, modified: datetime) -> Iterator[datetime]:
    """Days end with the midnight behind them."""
    days, told = rule.findtext("Expiration/Days"), rule.findtext("Expiration/Date")
    if told:
        yield _time(told)
    if days:
        yield (modified + timedelta(days=int(days) + 1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _time(told: str) -> datetime:
    try:
        read = datetime.fromisoformat(told)
    except ValueError as error:
        raise AwsError("MalformedXML", MALFORMED_XML) from error
    return read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC)


def _rules(body: bytes) -> list[ElementTree.Element]:
    """Return the rules, their names without their namespace. Raises AwsError MalformedXML."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", MALFORMED_XML) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root.findall("Rule")

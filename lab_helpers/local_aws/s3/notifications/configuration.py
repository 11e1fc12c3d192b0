"""What a bucket's notification configuration says, refused where S3 refuses it. Pure.

Source: "PutBucketNotificationConfiguration" of the Amazon S3 API reference; "Configuring event notifications using
object key name filtering" of the Amazon S3 User Guide; LocalStack's recordings of S3 (test_s3_notifications_sqs,
test_s3_notifications_sns, TestS3BucketNotificationConfiguration).
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from xml.etree import ElementTree

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.listing_documents import NAMESPACE
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML, invalid_argument

_TARGETS = {
    "QueueConfiguration": ("Queue", "sqs"),
    "TopicConfiguration": ("Topic", "sns"),
    "CloudFunctionConfiguration": ("CloudFunction", "lambda"),
}
"""A rule's element, what its target is called in it, and the service that the target's ARN has to name."""
_BUS = "EventBridgeConfiguration"
EVENTS = frozenset({
    "s3:IntelligentTiering", "s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated", "s3:LifecycleTransition", "s3:ObjectAcl:Put", "s3:ObjectCreated:*",
    "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectCreated:Copy", "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectRestore:*", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete", "s3:ObjectRestore:Post",
    "s3:ObjectTagging:*", "s3:ObjectTagging:Delete", "s3:ObjectTagging:Put", "s3:ReducedRedundancyLostObject",
    "s3:Replication:*", "s3:Replication:OperationFailedReplication", "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationNotTracked", "s3:Replication:OperationReplicatedAfterThreshold",
})  # fmt: skip
_OVERLAP = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
_AMBIGUOUS = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
    "overlapping for the same event type."
)


@dataclass(frozen=True)
class Rule:
    """Who is told of which events: a target's ARN and service (sqs, sns, lambda), event types, parts of a key."""

    name: str
    arn: str
    service: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    def fits(self, event: str, key: str) -> bool:
        """Tell whether an event, `s3:ObjectCreated:Put` and the like, of a key is told."""
        return key.startswith(self.prefix) and key.endswith(self.suffix) and any(_covers(e, event) for e in self.events)


@dataclass(frozen=True)
class Configuration:
    """The rules of a bucket, and whether EventBridge is told everything."""

    rules: tuple[Rule, ...] = ()
    tells_bus: bool = False


def completed(body: bytes) -> bytes:
    """Return a configuration as S3 keeps it, with an id for each rule; raises AwsError where S3 refuses it."""
    root = _parsed(body)
    for rule in root:
        if _word(rule) in _TARGETS:
            _check_rule(rule)
    _check_overlaps(read(ElementTree.tostring(root)).rules)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", default_namespace=NAMESPACE)
    return written


def read(document: bytes) -> Configuration:
    """Return what a configuration says."""
    root = _parsed(document)
    rules = tuple(_rule(each) for each in root if _word(each) in _TARGETS)
    return Configuration(rules, any(_word(each) == _BUS for each in root))


def _check_rule(rule: ElementTree.Element) -> None:
    target, service = _TARGETS[_word(rule)]
    arn = rule.findtext(f"{{*}}{target}") or ""
    events = [each.text or "" for each in rule.findall("{*}Event")]
    if not arn or not events:
        raise AwsError("MalformedXML", MALFORMED_XML)
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn" or parts[2] != service:
        raise invalid_argument("The ARN could not be parsed", target, arn)
    for event in events:
        if event not in EVENTS:
            raise invalid_argument("The event is not supported for notifications", "Event", event)
    for each in rule.findall("{*}Filter/{*}S3Key/{*}FilterRule"):
        name, value = each.find("{*}Name"), each.find("{*}Value")
        if name is None or value is None:
            raise AwsError("MalformedXML", MALFORMED_XML)
        if (name.text or "").lower() not in {"prefix", "suffix"}:
            text = "filter rule name must be either prefix or suffix"
            raise invalid_argument(text, "FilterRule.Name", name.text or "")
        name.text = (name.text or "").capitalize()
    if not rule.findtext("{*}Id"):
        for empty in rule.findall("{*}Id"):
            rule.remove(empty)
        named = ElementTree.Element(f"{{{NAMESPACE}}}Id")
        named.text = base64.b64encode(str(uuid.uuid4()).encode()).decode()
        rule.insert(0, named)


def _check_overlaps(rules: tuple[Rule, ...]) -> None:
    for one, other in combinations(rules, 2):
        shared = any(_covers(a, b) or _covers(b, a) for a in one.events for b in other.events)
        if not shared or not _meet(one.prefix, other.prefix) or not _meet(one.suffix[::-1], other.suffix[::-1]):
            continue
        filters = any((one.prefix, one.suffix, other.prefix, other.suffix))
        raise AwsError("InvalidArgument", _AMBIGUOUS if filters else _OVERLAP)


def _covers(event: str, other: str) -> bool:
    return event == other or (event.endswith(":*") and other.startswith(event[:-1]))


def _meet(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _rule(element: ElementTree.Element) -> Rule:
    target, service = _TARGETS[_word(element)]
    filters = {
        (each.findtext("{*}Name") or "").lower(): each.findtext("{*}Value") or ""
        for each in element.findall("{*}Filter/{*}S3Key/{*}FilterRule")
    }
    events = tuple(each.text or "" for each in element.findall("{*}Event"))
    arn, name = element.findtext(f"{{*}}{target}") or "", element.findtext("{*}Id") or ""
    return Rule(name, arn, service, events, filters.get("prefix", ""), filters.get("suffix", ""))


def _word(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _parsed(body: bytes) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", MALFORMED_XML) from error
    if not isinstance(root.tag, str) or _word(root) != "NotificationConfiguration":
        raise AwsError("MalformedXML", MALFORMED_XML)
    for element in _elements(root):
        if not element.tag.startswith("{"):
            element.tag = f"{{{NAMESPACE}}}{element.tag}"
    return root


def _elements(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    yield from (each for each in root.iter() if isinstance(each.tag, str))

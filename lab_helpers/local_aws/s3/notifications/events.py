"""What happened to objects, and how that is told: to queues and topics in one form, to EventBridge in another. Pure.

Source: "Event message structure" and "EventBridge event message structure" of the Amazon S3 User Guide; LocalStack's
recordings of S3 (test_s3_notifications_sqs, test_s3_notifications_eventbridge).
Not modelled: events of restores, replication, lifecycles and storage classes, none of which happen by themselves here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus
from xml.etree import ElementTree

from lab_helpers.local_aws.s3.posted_form import MARK
from lab_helpers.local_aws.s3.view import ObjectView

_EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
"""The entity tag that a delete marker is told with."""
_CREATED = {"CompleteMultipartUpload": "CompleteMultipartUpload", "CopyObject": "Copy", "PutObject": "Put"}
_TAGGED = {"PutObjectTagging": "Put", "DeleteObjectTagging": "Delete"}
TELLING = frozenset({*_CREATED, *_TAGGED, "DeleteObject", "DeleteObjects", "PutObjectAcl"})
"""Calls of which something may be told."""
_OLD, _NEW = "2.1", "2.3"
_DETAIL_TYPES = {
    "ObjectAcl:Put": "Object ACL Updated", "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted", "ObjectRemoved:Delete": "Object Deleted",
    "ObjectRemoved:DeleteMarkerCreated": "Object Deleted",
}  # fmt: skip
_DELETIONS = {
    "ObjectRemoved:Delete": "Permanently Deleted", "ObjectRemoved:DeleteMarkerCreated": "Delete Marker Created",
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A version of a key as it was at a moment: the object (None: nothing there) and what its list grants to whom."""

    there: ObjectView | None
    grants: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Happened:
    """One event: its name without `s3:`, the key, and what is told of the object; None and empty are not told."""

    name: str
    reason: str
    key: str
    etag: str = ""
    size_bytes: int | None = None
    version: str = ""
    has_sequencer: bool = True


@dataclass(frozen=True)
class Origin:
    """Where an event comes from: bucket, Region, account and the account's id of customers, who called from where."""

    bucket: str
    region: str
    account: str
    owner: str
    principal: str
    address: str
    request_id: str
    host_id: str
    at: datetime
    sequencer: str


def asked_of(operation: str, params: Mapping[str, Any], body: bytes) -> Sequence[tuple[str, str]]:
    """Return the keys and versions (empty: the latest) that a call is about; those that it lists are in its body."""
    if operation == "DeleteObjects":
        listed = ElementTree.fromstring(body).findall("{*}Object")
        return [(each.findtext("{*}Key") or "", each.findtext("{*}VersionId") or "") for each in listed]
    return [(str(params.get("Key", "")), str(params.get("versionId", "")))]


def happened(
    operation: str, key: str, version: str, environ: Mapping[str, Any], before: Seen, after: Seen
) -> Happened | None:
    """Return what a call did to a key, seen before and after (the version that it names); None for nothing.

    `after` of a deletion without a version is the key's latest.
    """
    there = after.there
    if operation in {"DeleteObject", "DeleteObjects"}:
        return _deleted(key, version, before.there, there)
    if there is None or there.is_marker:
        return None
    told = _version(there)
    if operation in _CREATED:
        word = "Post" if MARK in environ else _CREATED[operation]
        reason = "POST Object" if MARK in environ else operation
        return Happened(f"ObjectCreated:{word}", reason, key, there.etag, there.size_bytes, told)
    if operation == "PutObjectAcl" and before.grants == after.grants:
        return None
    name = "ObjectAcl:Put" if operation == "PutObjectAcl" else f"ObjectTagging:{_TAGGED[operation]}"
    return Happened(name, "", key, there.etag, None, told, has_sequencer=False)


def record(event: Happened, origin: Origin, rule: str) -> dict[str, Any]:
    """Return the record of an event that a queue or topic is sent for a rule."""
    return {
        "eventVersion": _OLD if event.has_sequencer else _NEW,
        "eventSource": "aws:s3",
        "awsRegion": origin.region,
        "eventTime": stamp(origin.at),
        "eventName": event.name,
        "userIdentity": {"principalId": origin.principal},
        "requestParameters": {"sourceIPAddress": origin.address},
        "responseElements": {"x-amz-request-id": origin.request_id, "x-amz-id-2": origin.host_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": rule,
            "bucket": {
                "name": origin.bucket,
                "ownerIdentity": {"principalId": origin.owner},
                "arn": f"arn:aws:s3:::{origin.bucket}",
            },
            "object": _object(event, origin, quote_plus(event.key, safe="/"), "eTag", "versionId"),
        },
    }


def bus_entry(event: Happened, origin: Origin) -> dict[str, Any]:
    """Return the entry of PutEvents by which EventBridge is told of an event."""
    detail = {
        "version": "0",
        "bucket": {"name": origin.bucket},
        "object": _object(event, origin, event.key, "etag", "version-id"),
        "request-id": origin.request_id,
        "requester": origin.account,
        "source-ip-address": origin.address,
        **({"reason": event.reason} if event.reason else {}),
        **({"deletion-type": _DELETIONS[event.name]} if event.name in _DELETIONS else {}),
    }
    return {
        "Source": "aws.s3",
        "DetailType": _DETAIL_TYPES.get(event.name, "Object Created"),
        "Resources": [f"arn:aws:s3:::{origin.bucket}"],
        "Time": origin.at,
        "Detail": json.dumps(detail),
    }


def test_event(bucket: str, at: datetime, request_id: str, host_id: str) -> dict[str, str]:
    """Return what a new target is sent first."""
    told = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": stamp(at), "Bucket": bucket}
    return {**told, "RequestId": request_id, "HostId": host_id}


def stamp(at: datetime) -> str:
    """Write a time as S3's events have it, in milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _deleted(key: str, version: str, before: ObjectView | None, after: ObjectView | None) -> Happened | None:
    if version:
        is_gone = before is not None and after is None
        return Happened("ObjectRemoved:Delete", "DeleteObject", key, version=version) if is_gone else None
    if after is None:  # as recorded (test_delete_objects): also of what was not there
        return Happened("ObjectRemoved:Delete", "DeleteObject", key)
    if not after.is_marker or (before is not None and before.identity == after.identity):
        return None
    name = "ObjectRemoved:DeleteMarkerCreated"
    return Happened(name, "DeleteObject", key, _EMPTY, version=_version(after))


def _version(there: ObjectView) -> str:
    return "" if there.version_id in {"", "None", "null"} else there.version_id


def _object(event: Happened, origin: Origin, key: str, etag: str, version: str) -> dict[str, Any]:
    return {
        "key": key,
        **({"size": event.size_bytes} if event.size_bytes is not None else {}),
        **({etag: event.etag} if event.etag else {}),
        **({version: event.version} if event.version else {}),
        **({"sequencer": origin.sequencer} if event.has_sequencer else {}),
    }

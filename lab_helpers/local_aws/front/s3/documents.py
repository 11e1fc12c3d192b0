"""Configurations of buckets that S3 gives back as they were put: those that moto has not, and those that it shortens.

Source: PutBucketRequestPayment, PutBucketMetricsConfiguration, PutBucketAnalyticsConfiguration,
PutBucketInventoryConfiguration, PutBucketIntelligentTieringConfiguration, PutBucketLifecycleConfiguration,
PutBucketLogging, PutBucketReplication and PutBucketVersioning of the Amazon S3 API reference; LocalStack's recordings
of S3 (TestS3MetricsConfiguration).
Not modelled: what these configurations bring about; that MFA Delete asks for a device.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any
from xml.etree import ElementTree

from lab_helpers.local_aws.front.protocol import HttpAnswer as Answer
from lab_helpers.local_aws.front.s3 import schema
from lab_helpers.local_aws.front.s3.answers import ids
from lab_helpers.local_aws.front.s3.deletion import NAMESPACE
from lab_helpers.local_aws.front.s3.operations import UNKNOWN
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import arguments, configurations, listings
from lab_helpers.local_aws.s3.notifications.configuration import Configuration, completed, read
from lab_helpers.local_aws.s3.notifications.delivery import DOCUMENT
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML

Documents = MutableMapping[str, bytes]
"""A bucket's configurations by the operation's word, and `word/id` where there may be several."""

_SEVERAL = {
    "Analytics": "ListBucketAnalyticsConfigurationResult",
    "IntelligentTiering": "ListBucketIntelligentTieringConfigurationsOutput",
    "Inventory": "ListInventoryConfigurationsResult",
    "Metrics": "ListMetricsConfigurationsResult",
}
"""Configurations of which a bucket may have several, and what their list is called."""
_LISTED = 100
"""So many of them are told at once."""
_KEPT_WHOLE = ("BucketLogging", "BucketReplication")
"""Configurations that are given back as they were put; moto shortens them, or refuses what S3 takes."""
_OF_A_BUCKET = ("Delete", "Get", "List", "Put")
_PAYER = f'<RequestPaymentConfiguration xmlns="{NAMESPACE}"><Payer>BucketOwner</Payer></RequestPaymentConfiguration>'
_TELLS_NOBODY = f'<NotificationConfiguration xmlns="{NAMESPACE}"/>'.encode()
_MEMBERS = {"BucketVersioning": "MfaDelete", "BucketAccelerateConfiguration": "Status"}
"""Members that moto drops: always, or where acceleration was never enabled."""
_DECLARED = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_NOT_IMPLEMENTED = "A header or query you provided requested a function that is not implemented."
_LEAST_SIZE = "x-amz-transition-default-minimum-object-size"
_USUAL_LEAST_SIZE = "all_storage_classes_128K"


def refuse_unknown(operation: str) -> None:
    """Refuse a configuration that S3 has not; moto would take it for the bucket's creation. Raises AwsError."""
    if operation == UNKNOWN:
        raise AwsError("NotImplemented", _NOT_IMPLEMENTED, 501)


def begin(body: bytes, documents: Documents | None) -> None:
    """Keep what a bucket's creation says and moto forgets: that its Region was called by its old name."""
    if documents is not None and arguments.asked_place(body).encode() == arguments.EUROPE:
        documents["Location"] = arguments.EUROPE


def refuse_missing(operation: str, bucket: str, body: bytes) -> None:
    """Refuse to read, write or delete what a bucket has that is not there; moto would make one for some.

    Raises AwsError NoSuchBucket, or MalformedXML where there is no document either.
    """
    if operation.startswith("Put") and operation != "PutBucketAcl" and not body:
        raise AwsError("MalformedXML", MALFORMED_XML)
    if operation.startswith(_OF_A_BUCKET) and operation != "ListBuckets":
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404, {"BucketName": bucket})


def answer(
    operation: str,
    params: Mapping[str, Any],
    asked: Mapping[str, Any],
    body: bytes,
    documents: Documents,
    forward: Callable[[], Answer],
    buckets: configurations.Buckets,
) -> Answer:
    """Answer one call about a bucket that is there; what is not about these configurations is `forward`'s.

    `asked` is the call's WSGI environ, `buckets` tells all buckets. Raises AwsError MalformedXML, NoSuchConfiguration,
    and as `configurations.check` does.
    """
    configurations.check_before(operation, params, body)
    schema.check(operation, body)
    configurations.check(operation, params, body, buckets)
    for word in _SEVERAL:
        if operation.endswith((f"Bucket{word}Configuration", f"Bucket{word}Configurations")):
            return _of_several(operation, word, params, body, documents)
    for word in _KEPT_WHOLE:
        if operation.endswith(word):
            return _whole(operation, word, body, documents, forward)
    for word in configurations.UNASKED:
        if operation.endswith(word):
            return _unasked(operation, word, documents, forward)
    if operation.endswith("BucketRequestPayment"):
        return _payment(operation, body, documents)
    if operation.endswith(f"Bucket{DOCUMENT}"):
        return _notifications(operation, body, documents)
    if operation.endswith("BucketLifecycleConfiguration"):
        return _lifecycle(operation, asked, body, documents, forward)
    if operation == "GetBucketLocation" and "Location" in documents:
        status, headers, told = forward()
        told = arguments.in_europe(told if isinstance(told, bytes) else b"".join(told), renamed=False)
        return status, [pair for pair in headers if pair[0].lower() != "content-length"], told
    for ending, member in _MEMBERS.items():
        if operation.endswith(ending):
            return _with_member(operation, member, body, documents, forward)
    return forward()


def _of_several(operation: str, word: str, params: Mapping[str, Any], body: bytes, documents: Documents) -> Answer:
    at = f"{word}/{params.get('id', '')}"
    if operation.startswith("List"):
        return _told(_list_of(word, str(params.get("continuation-token", "")), documents))
    if operation.startswith("Put"):
        documents[at] = _written(_parsed(body))
        return 204, ids(), b""
    if at not in documents:
        raise AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
    if operation.startswith("Delete"):
        del documents[at]
        return 204, ids(), b""
    return _told(documents[at])


def _list_of(word: str, token: str, documents: Documents) -> bytes:
    """Return a page of a bucket's configurations, in the order of their ids."""
    after = listings.read_token(token) if token else ""
    following = [each for each in sorted(documents) if each.startswith(f"{word}/") and each > after]
    listed, is_cut = following[:_LISTED], len(following) > _LISTED
    head = f'<{_SEVERAL[word]} xmlns="{NAMESPACE}"><IsTruncated>{str(is_cut).lower()}</IsTruncated>'
    head += f"<ContinuationToken>{token}</ContinuationToken>" if token else ""
    head += f"<NextContinuationToken>{listings.token(listed[-1])}</NextContinuationToken>" if is_cut else ""
    return head.encode() + b"".join(documents[each] for each in listed) + f"</{_SEVERAL[word]}>".encode()


def _whole(operation: str, word: str, body: bytes, documents: Documents, forward: Callable[[], Answer]) -> Answer:
    if operation.startswith("Put"):
        root = _parsed(body)
        documents[word] = _written(_with_names(root) if word == "BucketReplication" else root)
        return 200, ids(), b""
    if operation.startswith("Delete"):
        documents.pop(word, None)
        return forward()
    return _told(documents[word]) if word in documents else forward()


def _unasked(operation: str, word: str, documents: Documents, forward: Callable[[], Answer]) -> Answer:
    """Answer about a configuration that a bucket has until it is deleted, or another takes its place."""
    answered = forward()
    if operation.startswith("Get"):
        is_usual = answered[0] == 404 and documents.get(word) != configurations.DELETED
        return _told(configurations.UNASKED[word]) if is_usual else answered
    if answered[0] < 300 and operation.startswith("Delete"):
        documents[word] = configurations.DELETED
    return answered


def _payment(operation: str, body: bytes, documents: Documents) -> Answer:
    if operation.startswith("Get"):
        return _told(documents.get("RequestPayment", _PAYER.encode()))
    documents["RequestPayment"] = _written(_parsed(body))
    return 200, ids(), b""


def _notifications(operation: str, body: bytes, documents: Documents) -> Answer:
    if operation.startswith("Get"):
        return _told(documents.get(DOCUMENT, _TELLS_NOBODY))
    kept = completed(body)
    if read(kept) == Configuration():
        documents.pop(DOCUMENT, None)
    else:
        documents[DOCUMENT] = kept
    return 200, ids(), b""


def _lifecycle(
    operation: str, asked: Mapping[str, Any], body: bytes, documents: Documents, forward: Callable[[], Answer]
) -> Answer:
    least = documents.get("LeastSize", _USUAL_LEAST_SIZE.encode()).decode()
    if operation.startswith("Get"):
        if "Lifecycle" not in documents:
            return forward()
        status, headers, document = _told(documents["Lifecycle"])
        return status, [*headers, (_LEAST_SIZE, least)], document
    status, headers, got = forward()
    if status >= 300:
        return status, headers, got
    if operation.startswith("Delete"):
        documents.pop("Lifecycle", None)
        return status, headers, got
    documents["Lifecycle"] = _written(_with_names(_parsed(body)))
    least = str(asked.get("HTTP_X_AMZ_TRANSITION_DEFAULT_MINIMUM_OBJECT_SIZE", _USUAL_LEAST_SIZE))
    documents["LeastSize"] = least.encode()
    return status, [*headers, (_LEAST_SIZE, least)], got


def _with_names(configuration: ElementTree.Element) -> ElementTree.Element:
    for rule in configuration.iter(f"{{{NAMESPACE}}}Rule"):
        if rule.find(f"{{{NAMESPACE}}}ID") is None:
            name = ElementTree.Element(f"{{{NAMESPACE}}}ID")
            name.text = secrets.token_urlsafe(36)
            rule.insert(0, name)
    return configuration


def _with_member(
    operation: str, member: str, body: bytes, documents: Documents, forward: Callable[[], Answer]
) -> Answer:
    """Let moto answer, and keep and tell one member of the configuration that it drops."""
    status, headers, got = forward()
    if operation.startswith("Put"):
        said = _parsed(body).find(f"{{{NAMESPACE}}}{member}")
        if status < 300 and said is not None and said.text:
            documents[f"{operation[3:]}/{member}"] = said.text.encode()
        return status, headers, got
    kept = documents.get(f"{operation[3:]}/{member}")
    if status >= 300 or kept is None:
        return status, headers, got
    root = _parsed(got if isinstance(got, bytes) else b"".join(got))
    if root.find(f"{{{NAMESPACE}}}{member}") is None:
        ElementTree.SubElement(root, f"{{{NAMESPACE}}}{member}").text = kept.decode()
    told = [pair for pair in headers if pair[0].lower() != "content-length"]
    return status, told, _DECLARED + _written(root)


def _parsed(body: bytes) -> ElementTree.Element:
    """Read a document; elements of no namespace are S3's. Raises AwsError MalformedXML."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", MALFORMED_XML) from error
    for element in root.iter():
        if not element.tag.startswith("{"):
            element.tag = f"{{{NAMESPACE}}}{element.tag}"
    return root


def _written(root: ElementTree.Element) -> bytes:
    written: bytes = ElementTree.tostring(root, encoding="utf-8", default_namespace=NAMESPACE)
    return written


def _told(document: bytes) -> Answer:
    return 200, [*ids(), ("Content-Type", "application/xml")], _DECLARED + document

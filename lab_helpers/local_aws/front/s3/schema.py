"""Documents of S3's calls are held against S3's own description: required members, values of which there are few.

The description is botocore's, as in `validation`, whose texts S3 does not have: it says MalformedXML whatever is wrong.

Source: LocalStack's recordings of S3 (test_s3_put_inventory_report_exceptions, test_bucket_ownership_controls_exc,
test_bucket_versioning_crud and others).
Not modelled: numbers and lengths; documents of calls that are not in `HELD`, which S3 refuses in words of their own.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from lab_helpers.local_aws.front.validation import input_shape
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML

HELD = frozenset({
    "PutBucketAccelerateConfiguration", "PutBucketAnalyticsConfiguration", "PutBucketEncryption",
    "PutBucketIntelligentTieringConfiguration", "PutBucketInventoryConfiguration", "PutBucketMetricsConfiguration",
    "PutBucketOwnershipControls", "PutBucketReplication", "PutBucketRequestPayment", "PutBucketVersioning",
    "PutPublicAccessBlock",
})  # fmt: skip
"""Calls whose documents are checked."""


def check(operation: str, body: bytes) -> None:
    """Raise AwsError MalformedXML for a document that lacks what it must have, or has a value that is none."""
    shape = input_shape("s3", operation) if operation in HELD else None
    if shape is None:
        return
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", MALFORMED_XML) from error
    if not _fits(shape.members[shape.serialization["payload"]], root):
        raise AwsError("MalformedXML", MALFORMED_XML)


def _fits(shape: Any, element: ElementTree.Element) -> bool:
    if shape.type_name != "structure":
        allowed = shape.metadata.get("enum")
        return not allowed or (element.text or "") in allowed
    for name, member in shape.members.items():
        found, each_shape = _entries(name, member, element)
        if (name in shape.required_members and not found) or not all(_fits(each_shape, each) for each in found):
            return False
    return True


def _entries(name: str, shape: Any, parent: ElementTree.Element) -> tuple[list[ElementTree.Element], Any]:
    """Return a member's elements, a list's entries one by one, and the shape that each of them has to have."""
    tag = shape.serialization.get("name", name)
    if shape.type_name != "list":
        return parent.findall(f"{{*}}{tag}"), shape
    entry = shape.member.serialization.get("name", "member")
    path = f"{{*}}{tag}" if shape.serialization.get("flattened") else f"{{*}}{tag}/{{*}}{entry}"
    return parent.findall(path), shape.member

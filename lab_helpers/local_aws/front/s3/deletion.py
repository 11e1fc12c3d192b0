"""S3's DeleteObjects, authorised key by key: what may not be deleted is answered beside what was.

Source: "DeleteObjects" of the Amazon S3 API reference (each key succeeds or fails by itself, the answer is 200).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

from lab_helpers.local_aws.front.protocol import HttpAnswer
from lab_helpers.local_aws.front.s3 import answers
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
KEYS_MAX = 1000
_NOTHING = f'<DeleteResult xmlns="{NAMESPACE}"/>'.encode()
Check = Callable[[Mapping[str, Any]], None]
Forward = Callable[[bytes], HttpAnswer]


def answer(params: Mapping[str, Any], body: bytes, check: Check, forward: Forward) -> HttpAnswer:
    """Let `forward` answer for the keys that `check` lets pass (it raises AwsError), and add the others' errors.

    `params` hold Bucket and Delete, `body` is the Delete document. Raises AwsError MalformedXML for no key or too many.
    """
    listed = params["Delete"]["Objects"]
    if not 1 <= len(listed) <= KEYS_MAX:
        raise AwsError("MalformedXML", MALFORMED_XML)
    refused = {number: error for number, item in enumerate(listed) if (error := _refusal(params, item, check))}
    if not refused:
        return forward(body)
    status, headers, got = 200, [("Content-Type", "application/xml"), *answers.ids()], _NOTHING
    if len(refused) < len(listed):
        status, headers, got = forward(_without(body, refused))  # type: ignore[assignment]
    if status != 200:
        return status, headers, got
    root = _plain(got)
    for number, error in refused.items():
        _add_error(root, listed[number], error)
    kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
    root.set("xmlns", NAMESPACE)
    return status, kept, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _refusal(params: Mapping[str, Any], item: Mapping[str, str], check: Check) -> AwsError | None:
    try:
        check({**params, "Delete": {"Objects": [item]}})
    except AwsError as error:
        return error
    return None


def _without(body: bytes, refused: Mapping[int, AwsError]) -> bytes:
    root = _plain(body)
    objects = root.findall("Object")
    for number in refused:
        root.remove(objects[number])
    return ElementTree.tostring(root)


def _plain(document: bytes) -> ElementTree.Element:
    """Parse a document, names without their namespace: ElementTree would write it with a prefix of its own."""
    root = ElementTree.fromstring(document)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _add_error(root: ElementTree.Element, item: Mapping[str, str], error: AwsError) -> None:
    added = ElementTree.SubElement(root, "Error")
    told = {"Key": item.get("Key"), "VersionId": item.get("VersionId"), "Code": error.code, "Message": error.message}
    for name, text in told.items():
        if text is not None:
            ElementTree.SubElement(added, name).text = text

"""One part of an object, and what GetObjectAttributes tells of all of them.

Source: `partNumber` of GetObject and HeadObject and the answer of GetObjectAttributes in the Amazon S3 API reference;
LocalStack's recordings of S3 (test_get_object_part, test_get_object_part_checksum, test_get_object_attributes,
TestS3MultipartUploadChecksum).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.refusals import invalid_argument
from lab_helpers.local_aws.s3.view import ObjectPart, ObjectView

Headers = list[tuple[str, str]]
Checksum = tuple[str, str, str] | None
"""Algorithm, type and value of an object's checksum."""
READS = frozenset({"GetObject", "HeadObject"})
OF_UPLOADS = frozenset({"ListParts", "UploadPartCopy"})
"""Calls that tell checksums of an open upload's parts."""
MOST_PARTS = 1000
_BEHIND_PARTS = (b"<StorageClass>", b"<ObjectSize>")
_NUMBER = re.compile(r"\d{1,5}")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CHECKSUM = re.compile(r"x-amz-checksum-(?!mode|algorithm)\w+", re.IGNORECASE)
_NOT_THERE = "The requested partnumber is not satisfiable"
_PART = re.compile(rb"<Part>(?:(?!</Part>).)*?<PartNumber>(\d+)</PartNumber>.*?</Part>", re.DOTALL)
_BOTH = "Cannot specify both Range header and partNumber query parameter"
NO_NUMBER = "Part number must be an integer between 1 and 10000, inclusive"


@dataclass(frozen=True)
class Slice:
    """The bytes of an object that are asked for: first and last, of how many; and the part that they are, if any."""

    first: int
    last: int
    whole_bytes: int
    part: ObjectPart | None = None
    parts: int = 0

    @property
    def content_range(self) -> str:
        """Return it as the header has it."""
        return f"bytes {self.first}-{self.last}/{self.whole_bytes}"


def is_number_of_part(said: str) -> bool:
    """Tell whether a text is the number of a part."""
    return _NUMBER.fullmatch(said) is not None and 1 <= int(said) <= 10_000


def asked_part(params: Mapping[str, Any], environ: Mapping[str, Any], there: ObjectView) -> Slice | None:
    """Return the part that a reader asks for, None where none is; raises AwsError where there is no such part."""
    if "partNumber" not in params:
        return None
    said = str(params["partNumber"])
    if "HTTP_RANGE" in environ:
        raise AwsError("InvalidRequest", _BOTH)
    if not is_number_of_part(said):
        raise invalid_argument(NO_NUMBER, "partNumber", said)
    parts = there.parts or (ObjectPart(1, there.size_bytes),)
    if int(said) > len(parts):
        extra = {"ActualPartCount": str(len(parts)), "PartNumberRequested": said}
        raise AwsError("InvalidPartNumber", _NOT_THERE, 416, extra)
    first = sum(each.size_bytes for each in parts[: int(said) - 1])
    part = parts[int(said) - 1]
    return Slice(first, first + part.size_bytes - 1, there.size_bytes, part, len(there.parts))


def asked_range(environ: Mapping[str, Any], there: ObjectView) -> Slice | None:
    """Return the bytes that a Range header asks for; None for none, and for a range that lies outside the object."""
    found = _RANGE.fullmatch(str(environ.get("HTTP_RANGE", "")))
    if found is None or not there.size_bytes:
        return None
    last = there.size_bytes - 1
    if not found[1]:
        length = int(found[2] or 0)
        return Slice(max(0, there.size_bytes - length), last, there.size_bytes) if length else None
    first, end = int(found[1]), int(found[2] or last)
    return Slice(first, min(end, last), there.size_bytes) if first <= min(end, last) else None


def for_moto(environ: Mapping[str, Any], asked: Slice, *, reads: bool) -> dict[str, Any]:
    """Return the environ of a call for a part as one for its bytes; moto gives HEAD no range (`reads` is False)."""
    query = [pair for pair in parse_qsl(environ.get("QUERY_STRING", ""), True) if pair[0] != "partNumber"]
    told = {**environ, "QUERY_STRING": urlencode(query)}
    told.pop("HTTP_RANGE", None)
    is_whole = asked.first == 0 and asked.last == asked.whole_bytes - 1
    return {**told, "HTTP_RANGE": f"bytes={asked.first}-{asked.last}"} if reads and not is_whole else told


def tell_slice(
    status: int, headers: Headers, asked: Slice, environ: Mapping[str, Any], checksum: Checksum
) -> tuple[int, Headers]:
    """Return an answer's status and headers as those of a part or a range; `checksum` is that of the object."""
    if status not in (200, 206):
        return status, headers
    told = _replaced(headers, "Content-Length", str(asked.last - asked.first + 1))
    told = _replaced(told, "Content-Range", asked.content_range)
    if asked.parts:
        is_asked = str(environ.get("HTTP_X_AMZ_CHECKSUM_MODE", "")).upper() == "ENABLED"
        told = [pair for pair in told if not _CHECKSUM.fullmatch(pair[0])]
        told.append(("x-amz-mp-parts-count", str(asked.parts)))
        if is_asked and checksum is not None and asked.part is not None and asked.part.checksum:
            algorithm, kind, _ = checksum
            if kind != "COMPOSITE" and asked.parts > 1:  # S3 has none of the parts
                return 206, told
            told += [(f"x-amz-checksum-{algorithm.lower()}", asked.part.checksum), ("x-amz-checksum-type", kind)]
    return 206, told


def tell_parts(content: bytes, environ: Mapping[str, Any], there: ObjectView, checksum: Checksum) -> bytes:
    """Return GetObjectAttributes' document with the object's parts, where they are asked for and there are any."""
    wanted = {each.strip() for each in str(environ.get("HTTP_X_AMZ_OBJECT_ATTRIBUTES", "")).split(",")}
    if "ObjectParts" not in wanted or not there.parts:
        return content
    count = f"<PartsCount>{len(there.parts)}</PartsCount>"
    if checksum is None or checksum[1] != "COMPOSITE" or not all(each.checksum for each in there.parts):
        return _inserted(content, f"<ObjectParts>{count}</ObjectParts>")
    algorithm = checksum[0]
    after = _whole(environ.get("HTTP_X_AMZ_PART_NUMBER_MARKER"), 0)
    most = _whole(environ.get("HTTP_X_AMZ_MAX_PARTS"), MOST_PARTS)
    following = [each for each in there.parts if each.number > after]
    listed = following[:most]
    more = str(len(listed) < len(following)).lower()
    told = "".join(
        f"<Part><PartNumber>{each.number}</PartNumber><Size>{each.size_bytes}</Size>"
        f"<Checksum{algorithm}>{escape(each.checksum)}</Checksum{algorithm}></Part>"
        for each in listed
    )
    last = listed[-1].number if listed else 0
    return _inserted(
        content,
        f"<ObjectParts><IsTruncated>{more}</IsTruncated><MaxParts>{most}</MaxParts>"
        f"<NextPartNumberMarker>{last}</NextPartNumberMarker><PartNumberMarker>{after}</PartNumberMarker>"
        f"{told}{count}</ObjectParts>",
    )


def list_checksums(content: bytes, algorithm: str, kind: str, of_part: Callable[[int], str]) -> bytes:
    """Return ListParts' document with the checksums of the parts, of an upload that has any."""

    def told(found: re.Match[bytes]) -> bytes:
        value = escape(of_part(int(found[1])))
        return found[0].replace(b"</Part>", f"<Checksum{algorithm}>{value}</Checksum{algorithm}></Part>".encode())

    content = _PART.sub(told, content)
    end = content.rfind(b"</")
    added = f"<ChecksumAlgorithm>{algorithm}</ChecksumAlgorithm><ChecksumType>{kind}</ChecksumType>"
    return content[:end] + added.encode() + content[end:]


def tell_copied(content: bytes, algorithm: str, value: str) -> bytes:
    """Return UploadPartCopy's document with the checksum of the part."""
    added = f"</ETag><Checksum{algorithm}>{escape(value)}</Checksum{algorithm}>"
    return content.replace(b"</ETag>", added.encode(), 1)


def _inserted(content: bytes, told: str) -> bytes:
    at = next((place for name in _BEHIND_PARTS if (place := content.find(name)) >= 0), content.rfind(b"</"))
    return content[:at] + told.encode() + content[at:]


def _whole(said: Any, otherwise: int) -> int:
    return int(said) if said is not None and _NUMBER.fullmatch(str(said)) else otherwise


def _replaced(headers: Headers, name: str, value: str) -> Headers:
    return [*(pair for pair in headers if pair[0].lower() != name.lower()), (name, value)]

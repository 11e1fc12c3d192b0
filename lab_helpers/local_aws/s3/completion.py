"""The parts that a completion of a multipart upload lists, held against those that were uploaded.

Source: the errors of CompleteMultipartUpload in the Amazon S3 API reference; "Amazon S3 multipart upload limits" of the
User Guide; LocalStack's recordings of S3 (test_multipart_complete_multipart_too_small, …_wrong_part,
test_complete_multipart_parts_order).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from lab_helpers.local_aws.kit.api import AwsError

LEAST_PART_BYTES = 5 << 20
"""Of every part but the last."""
NO_PART = "You must specify at least one part"
_ORDER = "The list of parts was not in ascending order. Parts must be ordered by part number."
_TOO_SMALL = "Your proposed upload is smaller than the minimum allowed size"
_INVALID = (
    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
    "entity tag may not match the part's entity tag."
)


def check(listed: Sequence[Mapping[str, str]], uploaded: Mapping[int, tuple[str, int]], upload_id: str) -> None:
    """Raise AwsError unless each listed part is there, in order, and large enough.

    `listed` are the document's parts by their members' names, `uploaded` entity tag and size in bytes by number.
    """
    if not listed:
        raise AwsError("InvalidRequest", NO_PART)
    numbers = [_number(part) for part in listed]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise AwsError("InvalidPartOrder", _ORDER, 400, {"UploadId": upload_id})
    for number, part in zip(numbers, listed, strict=True):
        etag = part.get("ETag", "").strip('"')
        if number not in uploaded or uploaded[number][0] != etag:
            raise AwsError("InvalidPart", _INVALID, 400, {"UploadId": upload_id, "PartNumber": number, "ETag": etag})
    for number in numbers[:-1]:
        etag, size_bytes = uploaded[number]
        if size_bytes < LEAST_PART_BYTES:
            extra = {"ProposedSize": size_bytes, "MinSizeAllowed": LEAST_PART_BYTES, "PartNumber": number, "ETag": etag}
            raise AwsError("EntityTooSmall", _TOO_SMALL, 400, extra)


def _number(part: Mapping[str, str]) -> int:
    number = part.get("PartNumber", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0

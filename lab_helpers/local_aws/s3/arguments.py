"""What calls of S3 say that S3 refuses before it looks at the object: numbers, places, sources of copies, classes.

Source: LocalStack's recordings of S3 (test_upload_part_copy_range, test_complete_multipart_parts_order,
test_s3_copy_object_wrong_format, test_put_object_storage_class_outposts, test_multipart_size_validation,
test_create_bucket_with_invalid_location_constraint, test_get_response_overrides_unicode_metadata_with_sig_s3);
"Specifying the copy source" of CopyObject in the Amazon S3 API reference.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.parts import NO_NUMBER, is_number_of_part
from lab_helpers.local_aws.s3.refusals import invalid_argument

COPIES = frozenset({"CopyObject", "UploadPartCopy"})
EUROPE, OF_EUROPE = b"EU", b"eu-west-1"
"""The old name of a Region, which buckets may still be created with, and are told with."""
_SOURCE, _SOURCE_RANGE = "HTTP_X_AMZ_COPY_SOURCE", "HTTP_X_AMZ_COPY_SOURCE_RANGE"
_CLASSED = frozenset({"CopyObject", "CreateMultipartUpload", "PutObject"})
_NO_CLASSES = frozenset({"OUTPOSTS"})
"""Storage classes of S3's description that no bucket of a Region has."""
_READS = frozenset({"GetObject", "HeadObject"})
_PARTS = frozenset({"UploadPart", "UploadPartCopy"})
_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})")
_PLACE = re.compile(rb"(<(?:\w+:)?LocationConstraint[^>]*>)([^<]*)(?=<)")
_NO_RANGE = (
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based "
    "offsets of the first and last bytes to copy"
)


def check(operation: str, params: Mapping[str, Any], environ: Mapping[str, Any]) -> None:
    """Raise AwsError InvalidArgument or InvalidStorageClass for a value that is none."""
    if operation in _PARTS:
        number = str(params.get("partNumber", ""))
        if not is_number_of_part(number):
            raise invalid_argument(NO_NUMBER, "partNumber", number)
    if operation in COPIES and not re.search("/|%2F", str(environ.get(_SOURCE, "")).lstrip("/"), re.IGNORECASE):
        raise invalid_argument("Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source")
    if operation in _READS:
        _check_overrides(params)
    wanted = environ.get("HTTP_X_AMZ_STORAGE_CLASS")
    if operation in _CLASSED and wanted in _NO_CLASSES:
        text = "The storage class you specified is not valid"
        raise AwsError("InvalidStorageClass", text, 400, {"StorageClassRequested": wanted})


def _check_overrides(params: Mapping[str, Any]) -> None:
    """Raise AwsError for a header of the answer that is asked for and can be none."""
    for name in sorted(name for name in params if name.startswith("response-")):
        try:
            str(params[name]).encode("iso-8859-1")
        except UnicodeEncodeError as error:
            text = "Header value cannot be represented using ISO-8859-1."
            raise invalid_argument(text, name, str(params[name])) from error


def check_range(environ: Mapping[str, Any], source_bytes: int) -> None:
    """Raise AwsError unless the bytes that a part copies are some of a source of so many."""
    said = environ.get(_SOURCE_RANGE)
    if said is None:
        return
    found = _RANGE.fullmatch(str(said))
    if found is None or int(found[1]) > int(found[2]):
        raise invalid_argument(_NO_RANGE, "x-amz-copy-source-range", str(said))
    if int(found[1]) >= source_bytes:
        raise AwsError("InvalidRequest", "The specified copy range is invalid for the source object size")
    if int(found[2]) >= source_bytes:
        text = f"Range specified is not valid for source object of size: {source_bytes}"
        raise invalid_argument(text, "x-amz-copy-source-range", str(said))


def check_size(environ: Mapping[str, Any], size_bytes: int) -> None:
    """Raise AwsError InvalidRequest where a completion says another size than its parts have together."""
    said = environ.get("HTTP_X_AMZ_MP_OBJECT_SIZE")
    if said is not None and str(said) != str(size_bytes):
        text = f"The provided 'x-amz-mp-object-size' header value {said} does not match what was computed: {size_bytes}"
        raise AwsError("InvalidRequest", text)


def check_place(body: bytes, regions: Collection[str]) -> None:
    """Raise AwsError InvalidLocationConstraint where a bucket is to be created in a Region that is none.

    That is what us-east-1 says; endpoints of other Regions take none but their own, and say so.
    """
    place = asked_place(body)
    if place and place.encode() != EUROPE and place not in regions:
        text = "The specified location-constraint is not valid"
        raise AwsError("InvalidLocationConstraint", text, 400, {"LocationConstraint": place})


def asked_place(body: bytes) -> str:
    """Return where a bucket is to be created, empty where the call does not say."""
    found = _PLACE.search(body)
    return found[2].decode("utf-8", "replace") if found else ""


def in_europe(document: bytes, *, renamed: bool) -> bytes:
    """Return a document with Europe's Region by its old name (`renamed` is False), or by its own."""
    before, after = (EUROPE, OF_EUROPE) if renamed else (OF_EUROPE, EUROPE)
    return _PLACE.sub(lambda found: found[1] + (after if found[2] == before else found[2]), document)


def with_spaces(environ: dict[str, Any]) -> dict[str, Any]:
    """Return a copy's environ with the source as a path has it: clients may write a space as a form does, as `+`."""
    return {**environ, _SOURCE: str(environ[_SOURCE]).replace("+", "%20")} if _SOURCE in environ else environ

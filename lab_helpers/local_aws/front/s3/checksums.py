"""Checksums that calls of S3 bring along: held against the body before anybody answers.

Source: "Checking object integrity" of the Amazon S3 User Guide; LocalStack's recordings of S3
(tests/aws/services/s3/test_s3.py, TestS3PutObjectChecksum and TestS3MultipartUploadChecksum).
Not modelled: the XXHASH checksums, which are taken as they come; checksums in a presigned link's query.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.kit.sums import SUMS
from lab_helpers.local_aws.s3 import contents
from lab_helpers.local_aws.s3.contents import Content

TAKEN = frozenset({"XXHASH64", "XXHASH3", "XXHASH128"})
PREFIX = "HTTP_X_AMZ_CHECKSUM_"
_NO_VALUES = frozenset({"ALGORITHM", "TYPE", "MODE"})
_OF_NO_BODY = frozenset({"CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "UploadPartCopy"})
"""Calls whose checksum headers speak of an object, not of the body."""
_SEVERAL = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
_NO_HEADER = (
    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
)


def encoded(algorithm: str, body: bytes | Content) -> str:
    """Return a checksum as headers have it."""
    return base64.b64encode(contents.checksum(body, algorithm)).decode()


def is_computed(algorithm: str) -> bool:
    """Tell whether the local AWS computes checksums of an algorithm."""
    return algorithm in SUMS


def verify(operation: str, environ: Mapping[str, Any], body: bytes) -> None:
    """Raise AwsError unless a call's body is what its headers, or its trailer, say."""
    brought = contents.of(environ, body)
    _verify_md5(operation, environ.get("HTTP_CONTENT_MD5"), brought)
    if operation in _OF_NO_BODY:
        return
    given = said(environ)
    if len(given) > 1:
        raise AwsError("InvalidRequest", _SEVERAL)
    if not given and environ.get("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"):
        raise AwsError("InvalidRequest", _NO_HEADER)
    for algorithm, value in given.items():
        if algorithm in TAKEN:
            continue
        computed = encoded(algorithm, brought) if algorithm in SUMS else ""
        if _length(value) != _length(computed) or not computed:
            text = f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."
            raise AwsError("InvalidRequest", text)
        if value != computed:
            text = f"The {algorithm} you specified did not match the calculated checksum."
            raise AwsError("BadDigest", text)


def _verify_md5(operation: str, said: str | None, body: bytes | Content) -> None:
    if said is None:
        return
    if _length(said) != hashlib.md5(usedforsecurity=False).digest_size:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.", 400, {"Content-MD5": said})
    computed = encoded("MD5", body)
    if said != computed:  # what was expected is told in hexadecimal of an object, not of a part, as recorded
        expected = said if operation == "UploadPart" else base64.b64decode(said).hex()
        extra = {"ExpectedDigest": expected, "CalculatedDigest": computed}
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.", 400, extra)


def said(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the checksums that a call's headers have, by the names of their algorithms."""
    found = {name.removeprefix(PREFIX): str(value) for name, value in environ.items() if name.startswith(PREFIX)}
    return {name: value for name, value in found.items() if name not in _NO_VALUES}


def _length(value: str) -> int:
    """Return how many bytes a text in base64 stands for; -1 for what is none."""
    try:
        return len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return -1

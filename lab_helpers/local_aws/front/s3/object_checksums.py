"""Which checksum an object of S3 gets: the caller's, a multipart upload's, or S3's own where none came.

Source: as in `checksums`.
Not modelled: parts that come without a checksum have none.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol
from xml.etree import ElementTree

from lab_helpers.local_aws.front.s3.checksums import PREFIX, TAKEN, encoded, said
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.kit.sums import SUMS
from lab_helpers.local_aws.s3 import arguments, completion, contents
from lab_helpers.local_aws.s3.contents import Content

DEFAULT = "CRC64NVME"
"""What S3 computes for an object that comes without a checksum."""
_WHOLE = ("CRC32", "CRC32C", "CRC64NVME")
"""Algorithms whose checksum of a whole object follows from those of its parts."""
_UNSUPPORTED = (
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
    "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
)
_ONLY_TYPE = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."


class Upload(Protocol):
    """An open multipart upload."""

    @property
    def algorithm(self) -> str:
        """Of its checksum; empty where nobody named one."""

    @property
    def kind(self) -> str:
        """FULL_OBJECT, COMPOSITE, or empty."""

    @property
    def parts(self) -> Mapping[int, Content]:
        """Each part, by its number."""

    @property
    def uploaded(self) -> Mapping[int, tuple[str, int]]:
        """Entity tag and size in bytes of each part, by its number."""


class Objects(Protocol):
    """What is known of buckets: moto_bridge.MotoBridge."""

    def upload(self, bucket: str, upload_id: str) -> Upload | None:
        """Return an open multipart upload, None without one."""

    def locks_by_default(self, bucket: str) -> bool:
        """Tell whether a bucket locks what is put into it."""


def for_moto(
    operation: str, params: Mapping[str, Any], environ: dict[str, Any], body: bytes, objects: Objects
) -> dict[str, Any]:
    """Return a call's environ as moto has to have it to keep the right checksum; raises AwsError where S3 refuses."""
    bucket, upload = str(params.get("Bucket", "")), str(params.get("uploadId", ""))
    match operation:
        case "PutObject":
            return _put(environ, contents.of(environ, body), lambda: objects.locks_by_default(bucket))
        case "UploadPart":
            _check_part(said(environ), objects.upload(bucket, upload))
            return _named(environ)
        case "CreateMultipartUpload":
            return _begun(environ)
        case "CompleteMultipartUpload":
            found = objects.upload(bucket, upload)
            if found is not None:
                listed = _completed(body)
                if listed is not None:
                    completion.check(listed, found.uploaded, upload)
                    sizes = (found.uploaded[number][1] for part in listed if (number := _number(part)))
                    arguments.check_size(environ, sum(sizes))
                check_completion(environ, listed or [], found, upload)
        case "GetObject" | "HeadObject" if "HTTP_X_AMZ_CHECKSUM_MODE" in environ:
            return {**environ, "HTTP_X_AMZ_CHECKSUM_MODE": environ["HTTP_X_AMZ_CHECKSUM_MODE"].upper()}
    return environ


def check_completion(environ: Mapping[str, Any], parts: list[dict[str, str]], upload: Upload, upload_id: str) -> None:
    """Raise AwsError unless the checksums of a completion, of the parts and of the object, are those of the upload.

    `parts` are the document's, as texts by their members' names.
    """
    kind = environ.get("HTTP_X_AMZ_CHECKSUM_TYPE", "")
    if kind and kind != upload.kind:
        raise AwsError(
            "InvalidRequest",
            f"The upload was created using the {upload.kind or 'null'} checksum mode. The complete request must use "
            "the same checksum mode.",
        )
    for part in parts:
        _check_completed_part(part, upload, upload_id)
    given = said(environ)
    if not given or not upload.algorithm:
        return
    whole = [upload.parts[_number(part)] for part in parts if _number(part) in upload.parts]
    right = upload.kind == "FULL_OBJECT" and kind and given == {upload.algorithm: _of_all(upload.algorithm, whole)}
    if upload.kind == "FULL_OBJECT" and not right:
        text = f"The {upload.algorithm.lower()} you specified did not match the calculated checksum."
        raise AwsError("BadDigest", text)


def _check_completed_part(part: Mapping[str, str], upload: Upload, upload_id: str) -> None:
    number, there = part.get("PartNumber", ""), upload.parts.get(_number(part))
    given = {name.removeprefix("Checksum"): value for name, value in part.items() if name.startswith("Checksum")}
    if there is None:
        return  # whoever completes says so
    wrong = [name for name, value in given.items() if name not in SUMS or value != encoded(name, there)]
    if given and (not upload.algorithm or (upload.algorithm in given and wrong)):
        text = (
            "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
            "specified entity tag may not match the part's entity tag."
        )
        extra = {"UploadId": upload_id, "PartNumber": number, "ETag": part.get("ETag", "").strip('"')}
        raise AwsError("InvalidPart", text, 400, extra)
    if upload.kind != "COMPOSITE" or upload.algorithm in given:
        return
    if given:
        text = f"The {next(iter(given)).lower()} you specified for part {number} did not match what we received."
        raise AwsError("BadDigest", text)
    raise AwsError(
        "InvalidRequest",
        f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must include the "
        f"checksum for each part. It was missing for part {number} in the request.",
    )


def _put(environ: dict[str, Any], body: bytes | Content, locks: Callable[[], bool]) -> dict[str, Any]:
    if said(environ):
        return _named(environ)
    is_locked = any(name.startswith("HTTP_X_AMZ_OBJECT_LOCK_") for name in environ) or locks()
    if is_locked:  # which wants one of the caller's
        return environ
    return _named({**environ, PREFIX + DEFAULT: encoded(DEFAULT, body)})


def _named(environ: dict[str, Any]) -> dict[str, Any]:
    """Say beside the checksum's header which one it is, as SDKs do and others need not."""
    name = next(iter(said(environ)), "")
    return {**environ, "HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM": name} if name else environ


def _check_part(given: Mapping[str, str], upload: Upload | None) -> None:
    if upload is None or not upload.algorithm or not given or upload.algorithm in given:
        return
    text = (
        f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, "
        f"actual checksum Type: {next(iter(given)).lower()}"
    )
    raise AwsError("InvalidRequest", text)


def _begun(environ: dict[str, Any]) -> dict[str, Any]:
    algorithm, kind = environ.get(f"{PREFIX}ALGORITHM", ""), environ.get(f"{PREFIX}TYPE", "")
    if not algorithm and not kind:
        return environ
    if not algorithm:
        raise AwsError("InvalidRequest", _ONLY_TYPE)
    if algorithm not in SUMS and algorithm not in TAKEN:
        raise AwsError("InvalidRequest", _UNSUPPORTED)
    if (kind == "COMPOSITE" and algorithm == DEFAULT) or (kind == "FULL_OBJECT" and algorithm not in _WHOLE):
        text = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        raise AwsError("InvalidRequest", text)
    return {**environ, f"{PREFIX}TYPE": kind or ("FULL_OBJECT" if algorithm == DEFAULT else "COMPOSITE")}


def _of_all(algorithm: str, parts: Iterable[Content]) -> str:
    running = SUMS[algorithm]()
    for part in parts:
        for block in part.blocks():
            running.update(block)
    return base64.b64encode(running.digest()).decode()


def _number(part: Mapping[str, str]) -> int:
    number = part.get("PartNumber", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0


def _completed(body: bytes) -> list[dict[str, str]] | None:
    """Return the parts that a completion lists; None for a document that cannot be read (it is refused later)."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None
    parts = (element for element in root if element.tag.rpartition("}")[2] == "Part")
    return [{each.tag.rpartition("}")[2]: each.text or "" for each in part} for part in parts]

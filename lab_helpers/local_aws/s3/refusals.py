"""What S3 tells beside an error's code and text: of which bucket, key, version, upload or header it speaks.

Source: LocalStack's recordings of S3 (tests/aws/services/s3, every error in them); "Error responses" of the Amazon S3
API reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from lab_helpers.local_aws.kit.api import AwsError

MALFORMED_XML = "The XML you provided was not well-formed or did not validate against our published schema"
_OF_BUCKETS = frozenset({
    "BucketAlreadyExists", "BucketAlreadyOwnedByYou", "BucketNotEmpty", "InvalidBucketName", "NoSuchBucket",
    "NoSuchBucketPolicy", "NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration", "NoSuchTagSet",
    "NoSuchPublicAccessBlockConfiguration", "NoSuchWebsiteConfiguration", "ObjectLockConfigurationNotFoundError",
    "OwnershipControlsNotFoundError", "ReplicationConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
})  # fmt: skip
_TEXTS = {
    "InvalidPart": (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag."
    ),
    "InvalidPartOrder": "The list of parts was not in ascending order. Parts must be ordered by part number.",
    "NoSuchBucketPolicy": "The bucket policy does not exist",
    "NoSuchTagSet": "The TagSet does not exist",
    "BucketAlreadyOwnedByYou": ("Your previous request to create the named bucket succeeded and you already own it."),
    "EntityTooSmall": "Your proposed upload is smaller than the minimum allowed size",
}
"""Texts that moto words otherwise."""
_STATUSES = {"InvalidBucketState": 409}
"""Statuses of codes that moto answers with 400."""
_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(rb"<Message>[^<]*</Message>")
_FOREIGN = re.compile(rb"<Resource>[^<]*</Resource>|<(BucketName|Key)\s*/>")
_PLACE = re.compile(rb"<Message>The [\w-]+( location constraint is incompatible)")
_LOCATION = re.compile(rb"<LocationConstraint>([^<]*)</LocationConstraint>")


def told_beside(code: str, method: str, params: Mapping[str, Any], environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the further members of an error by its code and the call that met it."""
    bucket, key = str(params.get("Bucket", "")), str(params.get("Key", ""))
    if code in _OF_BUCKETS:
        return {"BucketName": bucket}
    match code:
        case "NoSuchKey":
            source = _copied(environ)
            of_tags = f"{bucket}/{key}" if method == "GET" and "tagging" in params else ""  # as recorded
            return {"Key": source or of_tags or key}
        case "NoSuchVersion":
            return {"Key": key, "VersionId": str(params.get("versionId", ""))}
        case "NoSuchUpload" | "InvalidPartOrder":
            return {"UploadId": str(params.get("uploadId", ""))}
        case "MethodNotAllowed":
            return {"Method": method, "ResourceType": "DeleteMarker" if key else "BUCKET"}
        case "InvalidStorageClass":
            return {"StorageClassRequested": str(environ.get("HTTP_X_AMZ_STORAGE_CLASS", ""))}
    return {}


def status_of(content: bytes, status: int) -> int:
    """Return the status of an error document that moto answered with `status`."""
    found = _CODE.search(content)
    return _STATUSES.get(found[1].decode(), status) if found else status


def complete(content: bytes, method: str, params: Mapping[str, Any], environ: Mapping[str, Any], body: bytes) -> bytes:
    """Return moto's error document with what S3 tells beside the code; one that is no error's is left alone."""
    found = _CODE.search(content)
    if found is None or b"<Error>" not in content:
        return content
    code = found[1].decode()
    told = told_beside(code, method, params, environ)
    if code == "InvalidLocationConstraint" and (place := _LOCATION.search(body)):
        told = {"LocationConstraint": place[1].decode()}
    if code == "IllegalLocationConstraintException" and (place := _LOCATION.search(body)):
        content = _PLACE.sub(b"<Message>The " + place[1] + rb"\g<1>", content, count=1)
    content = _FOREIGN.sub(b"", content)
    if code == "InvalidStorageClass":
        content = re.sub(rb"<StorageClass>[^<]*</StorageClass>", b"", content)
    if code in _TEXTS:
        content = _MESSAGE.sub(f"<Message>{escape(_TEXTS[code])}</Message>".encode(), content, count=1)
    for name, value in told.items():
        content = re.sub(rf"<{name}>[^<]*</{name}>".encode(), b"", content)
        member = f"<{name}>{escape(value)}</{name}>"
        content = content.replace(b"</Message>", b"</Message>" + member.encode(), 1)
    return content


def of_versions(content: bytes) -> bytes:
    """Return an error document as it is about a bucket that keeps versions: what is in the way may not be seen."""
    if b"<Code>BucketNotEmpty</Code>" not in content:
        return content
    text = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    return _MESSAGE.sub(f"<Message>{text}</Message>".encode(), content, count=1)


def invalid_argument(text: str, name: str, value: str | None = None) -> AwsError:
    """A call says something that is none; `name` and `value` are what it said, the value where S3 repeats it."""
    told = {} if value is None else {"ArgumentValue": value}
    return AwsError("InvalidArgument", text, 400, {"ArgumentName": name, **told})


def on_marker(method: str, version: str) -> AwsError:
    """Return the refusal of what cannot be done with a delete marker, by its version."""
    text = "The specified method is not allowed against this resource."
    extra = {"Method": method, "ResourceType": "DeleteMarker"}
    return AwsError("MethodNotAllowed", text, 405, extra, {**_marked(version), "Allow": "DELETE"})


def below_marker(key: str, version: str) -> AwsError:
    """Return the refusal to read a key whose latest version is a delete marker."""
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, {"Key": key}, _marked(version))


def owned_already(bucket: str) -> AwsError:
    """Return the refusal to create a bucket that is there."""
    return AwsError("BucketAlreadyOwnedByYou", _TEXTS["BucketAlreadyOwnedByYou"], 409, {"BucketName": bucket})


def nothing_there(key: str, version: str) -> AwsError:
    """Return the refusal of what needs an object, or one of its versions (empty: the latest)."""
    if version:
        extra = {"Key": key, "VersionId": version}
        return AwsError("NoSuchVersion", "The specified version does not exist.", 404, extra)
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, {"Key": key})


def _marked(version: str) -> dict[str, str]:
    return {"x-amz-delete-marker": "true", "x-amz-version-id": version}


def _copied(environ: Mapping[str, Any]) -> str:
    """Return the key that a call copies from, empty for none."""
    source = unquote(str(environ.get("HTTP_X_AMZ_COPY_SOURCE", ""))).lstrip("/")
    return source.partition("/")[2].partition("?versionId=")[0]

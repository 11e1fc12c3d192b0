"""What S3 decides of a call before moto has it, and what it tells when moto has answered.

Source: the modules that it asks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol
from urllib.parse import unquote

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import (
    acls,
    arguments,
    conditions,
    configurations,
    customer_keys,
    kms,
    lifecycle,
    listing_documents,
    listings,
    locks,
    parts,
    refusals,
    tags,
    versions,
)
from lab_helpers.local_aws.s3.view import Lock, ObjectView

Headers = list[tuple[str, str]]
_REGION = "x-amz-bucket-region"
_TELL_REGION = frozenset({"HeadBucket", "ListObjects", "ListObjectsV2"})
_COPY_OF_MARKER = "The source of a copy request may not specifically refer to a delete marker by version id."
_OF_NO_MARKER = frozenset({
    "GetObject", "GetObjectAcl", "GetObjectAttributes", "PutObjectAcl", "GetObjectTagging", "PutObjectTagging",
    "DeleteObjectTagging", "GetObjectLegalHold", "GetObjectRetention", "PutObjectLegalHold", "PutObjectRetention",
})  # fmt: skip
_TELL_VERSION = frozenset({"DeleteObjectTagging", "PutObjectTagging"})
"""Calls of which moto does not tell the version that they changed."""
_MARKER_IS_NO_KEY = frozenset({"GetObject", "GetObjectAcl", "GetObjectAttributes"})
"""Calls to which a key with a delete marker on top is no key."""


class Objects(customer_keys.Seals, Protocol):
    """What is known of objects: moto_bridge.MotoBridge."""

    def object_view(self, bucket: str, key: str, version: str) -> ObjectView | None:
        """Return a version of an object (empty: the latest), None without one."""

    def checksum(self, bucket: str, key: str, version: str) -> tuple[str, str, str] | None:
        """Return algorithm, type and value of an object's checksum; None without one."""

    def lifecycle(self, bucket: str) -> bytes | None:
        """Return a bucket's lifecycle configuration, None without one."""

    def object_tags(self, bucket: str, key: str) -> dict[str, str]:
        """Return the tags of an object's latest version, {} without any."""

    def tag_bucket(self, bucket: str, tags: dict[str, str]) -> None:
        """Give a bucket the tags with which it was created."""

    def listed_uploads(self, bucket: str) -> Sequence[listing_documents.ListedUpload] | None:
        """Return a bucket's open uploads in parts as they were begun; None without such a bucket."""

    def listed_buckets(self) -> Sequence[listing_documents.ListedBucket]:
        """Return all buckets."""

    def bucket_region(self, bucket: str) -> str:
        """Return the Region of a bucket, empty without such a bucket."""

    def kms_key(self, region: str, name: str) -> kms.KmsKey | None:
        """Return a key of KMS by its id, ARN or alias, None without one."""

    def encryption(self, bucket: str) -> tuple[str, str]:
        """Return algorithm and key of what a bucket encrypts with by default; empty where nobody named any."""

    def account(self) -> str:
        """Return the id of the account."""

    def takes_access_lists(self, bucket: str) -> bool:
        """Tell whether a bucket's objects may be others' than its owner's, and have access lists."""

    def keeps_versions(self, bucket: str) -> bool:
        """Tell whether a bucket keeps versions, or has kept some."""

    def upload_checksum(self, bucket: str, upload_id: str) -> tuple[str, str]:
        """Return algorithm and type of an open upload's checksum; empty where nobody named one."""

    def part_checksum(self, bucket: str, upload_id: str, number: int) -> str:
        """Return the checksum of one of an open upload's parts, empty without one."""

    def regions(self) -> Collection[str]:
        """Return the Regions that there are."""

    def locks(self, bucket: str) -> bool | None:
        """Tell whether a bucket has object lock; None without such a bucket."""

    def begun_on(self, bucket: str, upload_id: str) -> str:
        """Return the identity of what was at an upload's key when it was begun, empty for nothing."""


@dataclass(frozen=True)
class Asked:
    """A call as moto is to have it, and the bytes of the object that it is about, if not all.

    `answer` is what there is to tell without asking moto.
    """

    environ: dict[str, Any]
    piece: parts.Slice | None = None
    answer: tuple[int, Headers, bytes] | None = None


def before(
    operation: str,
    params: Mapping[str, Any],
    environ: dict[str, Any],
    body: bytes,
    objects: Objects,
    region: str = configurations.FIRST_REGION,
) -> Asked:
    """Return what moto is to be asked, of the endpoint of a Region; raises AwsError where S3 refuses."""
    bucket, key = str(params.get("Bucket", "")), str(params.get("Key", ""))
    version = str(params.get("versionId", ""))
    arguments.check(operation, params, environ)
    environ = arguments.with_spaces(environ)
    _refuse_version(version if "versionId" in params else None)
    there = objects.object_view(bucket, key, version) if key else None
    if there is not None and there.is_marker and operation in _OF_NO_MARKER:
        if version or operation not in _MARKER_IS_NO_KEY:
            raise refusals.on_marker(environ["REQUEST_METHOD"], there.version_id)
        raise refusals.below_marker(key, there.version_id)
    listed = _listed(operation, params, objects)
    if listed is not None:
        return Asked(environ, answer=(200, [("Content-Type", "application/xml")], listed))
    now = datetime.now(UTC)
    has_lock = objects.locks(bucket)
    tags.check(operation, environ, body)
    acls.check(operation, environ, body)
    configurations.check_header(operation, environ)
    if operation == "CreateBucket" and region == configurations.FIRST_REGION:
        arguments.check_place(body, objects.regions())
    if operation == "PutBucketLifecycleConfiguration":
        lifecycle.check(environ, body)
    if has_lock is not None:
        acls.check_ownership(operation, environ, takes_lists=objects.takes_access_lists(bucket))
        if operation == "CreateBucket" and tags.asked(operation, body):
            raise refusals.owned_already(bucket)
        if operation in _TELL_VERSION and there is None:  # moto fails
            raise refusals.nothing_there(key, version)
        told = _of_locks(operation, params, environ, body, there, now, has_lock=has_lock)
        if told is not None:
            return Asked(environ, answer=told)
    if has_lock is not None:
        is_there = there is not None and not there.is_marker
        copied = copy_source(environ) if operation in customer_keys.COPIES else ("", "", "")
        environ = customer_keys.checked(operation, params, environ, copied, objects, is_there=is_there)
    if operation in kms.WRITES and has_lock is not None and customer_keys.SEAL not in environ:
        place = objects.bucket_region(bucket), objects.account()
        environ = kms.with_key(environ, objects.encryption(bucket), place, partial(objects.kms_key, place[0]))
    if operation == "GetObject" and there is not None and there.kms_key:
        encrypted_with = objects.kms_key(objects.bucket_region(bucket), there.kms_key)
        if encrypted_with is not None:
            kms.check_state(encrypted_with)
    if operation in conditions.READS and there is not None and not there.is_marker:
        return _read(operation, params, environ, there, now)
    if operation in conditions.COPIES:
        of = copy_source(environ)
        source = objects.object_view(*of)
        if source is not None and source.is_marker and of[2]:
            raise AwsError("InvalidRequest", _COPY_OF_MARKER)
        if source is not None and not source.is_marker:
            if operation == "UploadPartCopy":
                arguments.check_range(environ, source.size_bytes)
            conditions.check_copy(environ, source, now)
            environ = _without_copy_conditions(environ)
    if operation in conditions.WRITES:
        latest = objects.object_view(bucket, key, "")
        conditions.check_write(environ, key, latest)
        if operation == "CompleteMultipartUpload":
            conditions.check_unchanged(environ, key, latest, objects.begun_on(bucket, str(params.get("uploadId", ""))))
        environ = conditions.without(environ)
    elif operation == "DeleteObject":
        conditions.check_deletion(environ, there)
        environ = conditions.without(environ)
    return Asked(environ)


def check_listed(params: Mapping[str, Any], environ: Mapping[str, Any], objects: Objects) -> None:
    """Raise AwsError where one of the versions that a DeleteObjects lists is locked, or was never made."""
    now = datetime.now(UTC)
    for item in params["Delete"]["Objects"]:
        version = item.get("VersionId", "")
        if version and not versions.is_made(version):
            raise AwsError("NoSuchVersion", "The specified version does not exist.", 404)
        there = objects.object_view(str(params["Bucket"]), item.get("Key", ""), version) if version else None
        if there is not None:
            locks.check_deletion(there.lock, environ, now)


def copy_source(environ: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return bucket, key and version (empty: the latest) that a call copies from."""
    source, _, version = str(environ.get("HTTP_X_AMZ_COPY_SOURCE", "")).partition("?versionId=")
    bucket, _, key = unquote(source).lstrip("/").partition("/")
    return bucket, key, version


def _listed(operation: str, params: Mapping[str, Any], objects: Objects) -> bytes | None:
    """Return a listing that moto does not page, None for others; raises AwsError where one cannot be."""
    if operation in listings.OPERATIONS:
        listings.check(operation, params)
    if operation == "ListBuckets" and listing_documents.is_page_of_buckets(params):
        return listing_documents.buckets(params, objects.listed_buckets(), objects.regions())
    if operation != "ListMultipartUploads":
        return None
    there = objects.listed_uploads(str(params["Bucket"]))
    return None if there is None else listing_documents.uploads(params, there)


def _of_locks(
    operation: str,
    params: Mapping[str, Any],
    environ: Mapping[str, Any],
    body: bytes,
    there: ObjectView | None,
    now: datetime,
    *,
    has_lock: bool,
) -> tuple[int, Headers, bytes] | None:
    """Return what there is to tell of a lock, None where moto answers; raises AwsError where a lock is in the way."""
    if operation in locks.BYPASSING:
        locks.check_bypass(environ, locks=has_lock)
    if operation in locks.WRITES:
        locks.check_headers(environ, now, locks=has_lock)
    match operation:
        case "DeleteObject" if there is not None and "versionId" in params:
            locks.check_deletion(there.lock, environ, now)
        case "PutBucketVersioning":
            locks.check_versioning(body, locks=has_lock)
        case "PutObjectLockConfiguration":
            locks.check_configuration(body)
        case "PutObjectRetention":
            wanted = locks.asked_retention(body)
            lock = _lock_in(there, params, has_lock=has_lock)
            locks.check_retention(wanted, lock, environ, now)
        case "PutObjectLegalHold":
            locks.check_hold(body)
            _lock_in(there, params, has_lock=has_lock)
        case "GetObjectLegalHold":
            if not _lock_in(there, params, has_lock=has_lock).hold:
                raise locks.never_set()
        case "GetObjectRetention":
            told = locks.retention_document(_lock_in(there, params, has_lock=has_lock))
            return 200, [("Content-Type", "application/xml")], told
    return None


def _lock_in(there: ObjectView | None, params: Mapping[str, Any], *, has_lock: bool) -> Lock:
    """Return the lock of what a call names; raises AwsError where there is nothing, or no lock to speak of."""
    if not has_lock:
        raise locks.missing_in_bucket()
    if there is None:
        raise refusals.nothing_there(str(params["Key"]), str(params.get("versionId", "")))
    return there.lock


def _read(
    operation: str, params: Mapping[str, Any], environ: dict[str, Any], there: ObjectView, now: datetime
) -> Asked:
    is_sent = conditions.check_read(environ, there, now)
    environ = conditions.without(environ)
    if not is_sent:
        return Asked({**environ, "HTTP_IF_NONE_MATCH": f'"{there.etag}"'})
    if operation not in parts.READS:
        return Asked(environ)
    piece = parts.asked_part(params, environ, there)
    if piece is None and operation == "HeadObject":
        piece = parts.asked_range(environ, there)
    return Asked(environ if piece is None else parts.for_moto(environ, piece, reads=operation == "GetObject"), piece)


def after(
    operation: str,
    params: Mapping[str, Any],
    environ: Mapping[str, Any],
    body: bytes,
    asked: Asked,
    answer: tuple[int, Headers, bytes],
    objects: Objects,
) -> tuple[int, Headers, bytes]:
    """Return an answer with what S3 tells further; `environ` is the call's own."""
    status, headers, content = answer
    bucket, key = str(params.get("Bucket", "")), str(params.get("Key", ""))
    version = str(params.get("versionId", ""))
    if status >= 400:
        told = refusals.complete(content, environ["REQUEST_METHOD"], params, environ, body)
        told = refusals.of_versions(told) if objects.keeps_versions(bucket) else told
        return refusals.status_of(content, status), headers, told
    if operation == "CreateBucket" and (wanted := tags.asked(operation, body)):
        objects.tag_bucket(bucket, wanted)
    if operation in lifecycle.TELLING and "versionId" not in params:
        headers = [*headers, *_of_its_end(bucket, key, objects)]
    if operation in _TELL_VERSION:
        there = objects.object_view(bucket, key, version)
        if there is not None and there.version_id != "null":
            headers = [pair for pair in headers if pair[0].lower() != "x-amz-version-id"]
            headers.append(("x-amz-version-id", there.version_id))
    if operation in parts.READS and version == "" and objects.keeps_versions(bucket):
        headers = _with_null(headers)
    if operation in _TELL_REGION and not any(name.lower() == _REGION for name, _ in headers):
        headers = [*headers, (_REGION, objects.bucket_region(bucket))]
    if operation in parts.OF_UPLOADS:
        headers, content = _of_upload(operation, params, headers, content, objects)
    is_sealed = operation == "CompleteMultipartUpload" and bool(objects.seal(bucket, key, ""))
    headers = customer_keys.told(operation, environ, headers, is_sealed=is_sealed)
    if asked.piece is not None:
        checksum = objects.checksum(bucket, key, version)
        status, headers = parts.tell_slice(status, headers, asked.piece, environ, checksum)
    if operation == "GetObjectAttributes" and status == 200:
        there = objects.object_view(bucket, key, version)
        checksum = objects.checksum(bucket, key, version)
        told = content if there is None else parts.tell_parts(content, environ, there, checksum)
        if told != content:
            headers = [pair for pair in headers if pair[0].lower() != "content-length"]
        return status, headers, told
    return status, headers, content


def _with_null(headers: Headers) -> Headers:
    """Tell the version of what was put before its bucket kept versions: moto tells none."""
    if any(name.lower() == "x-amz-version-id" for name, _ in headers):
        return headers
    return [*headers, ("x-amz-version-id", versions.NULL)]


def _of_upload(
    operation: str, params: Mapping[str, Any], headers: Headers, content: bytes, objects: Objects
) -> tuple[Headers, bytes]:
    bucket, upload = str(params["Bucket"]), str(params.get("uploadId", ""))
    algorithm, kind = objects.upload_checksum(bucket, upload)
    if not algorithm:
        return headers, content
    headers = [pair for pair in headers if pair[0].lower() != "content-length"]
    if operation == "ListParts":
        of_part = partial(objects.part_checksum, bucket, upload)
        return headers, parts.list_checksums(content, algorithm, kind, of_part)
    value = objects.part_checksum(bucket, upload, int(params["partNumber"]))
    return headers, parts.tell_copied(content, algorithm, value)


def _of_its_end(bucket: str, key: str, objects: Objects) -> Headers:
    document, there = objects.lifecycle(bucket), objects.object_view(bucket, key, "")
    if document is None or there is None:
        return []
    told = lifecycle.expiry(document, key, there.size_bytes, there.modified, objects.object_tags(bucket, key))
    return [("x-amz-expiration", told)] if told else []


def _refuse_version(version: str | None) -> None:
    if version is None or versions.is_made(version):
        return
    text = "Version id cannot be the empty string" if not version else "Invalid version id specified"
    raise refusals.invalid_argument(text, "versionId", version)


def _without_copy_conditions(environ: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in environ.items() if not name.startswith("HTTP_X_AMZ_COPY_SOURCE_IF_")}

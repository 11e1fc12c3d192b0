"""moto's S3, changed where it loses or forgets what S3 keeps: asked for once by moto_bridge.

Source: "Working with objects in a versioning-suspended bucket" and "Managing delete markers" of the Amazon S3 User
Guide; LocalStack's recordings of S3 (test_s3_put_object_versioned, test_delete_object_versioned).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any

from moto.s3 import notifications as s3_notifications
from moto.s3 import responses as s3_responses
from moto.s3.exceptions import AccessDeniedByLock, InvalidBucketState, InvalidPart
from moto.s3.models import (
    FakeAcl,
    FakeBucket,
    FakeDeleteMarker,
    FakeGrant,
    FakeKey,
    FakeMultipart,
    S3Backend,
)
from moto.s3.responses import S3Response

from lab_helpers.iam.policy import PolicyKind, parse
from lab_helpers.local_aws.front.s3.checksums import encoded, is_computed
from lab_helpers.local_aws.front.s3.object_checksums import DEFAULT
from lab_helpers.local_aws.s3 import contents, locks, versions
from lab_helpers.local_aws.s3.contents import Content
from lab_helpers.local_aws.s3.listing_documents import ListedUpload
from lab_helpers.local_aws.s3.public import access as public_access
from lab_helpers.local_aws.s3.view import OWNER_ID, Lock, ObjectPart, ObjectView
from lab_helpers.local_aws.state import moto_hooks

BEGUN_ON = "_lab_begun_on"
"""Where an upload keeps what was at its key when it was begun."""
_BEGUN_AT = "_lab_begun_at"
"""Where it keeps when that was, as S3 writes it."""
_PARTS = "_lab_parts"
"""Where an object keeps what it was put together of: number, size and checksum of each part."""
OF_NOBODY = "_lab_of_nobody"
"""Where an object keeps that a caller without keys made it."""
_asking = threading.local()
SEALED = "_lab_sealed"
"""Where an object, and an upload, keeps what its customer's key is known by."""
CALLING = threading.local()
"""Of the call that this thread makes: `seal` is that of the key for what it writes, empty for none."""
_CHANCE = SystemRandom()
_LOCK_WANTS_VERSIONS = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"


def change() -> None:
    """Change moto's classes; twice is as good as once."""
    _keep_large_objects_out_of_memory()
    _keep_what_uploads_were_made_of()
    _keep_versions_while_suspended()
    _make_checksums_of_copies()
    _grant_one_thing_at_a_time()
    _read_lists_of_objects()
    _mark_deletions()
    _lock_buckets_at_any_time()
    _keep_empty_tags()
    _keep_empty_origins()
    s3_responses.bucket_policy_is_public = _is_public
    s3_notifications.send_event = s3_notifications.send_test_event = _tell_nobody


def viewed(found: Any) -> ObjectView:
    """Return moto's object, or delete marker, as S3's decisions see it."""
    modified = found.last_modified.replace(tzinfo=found.last_modified.tzinfo or UTC)
    identity, whole_s = f"{found.version_id} {modified.isoformat()}", modified.replace(microsecond=0)
    if isinstance(found, FakeDeleteMarker):
        return ObjectView("", whole_s, 0, str(found.version_id), is_marker=True, identity=identity)
    made_of = tuple(ObjectPart(*each) for each in getattr(found, _PARTS, ()))
    etag, storage = found.etag.strip('"'), str(found.storage_class or "STANDARD")
    return ObjectView(
        etag, whole_s, found.size, str(found.version_id), parts=made_of, identity=identity, storage_class=storage,
        lock=_lock_of(found), kms_key=str(found.kms_key_id or ""),
    )  # fmt: skip


def listed(upload: Any) -> ListedUpload:
    """Return moto's upload as its listing has it; one of a state of before has no time of its own."""
    said = {name.lower(): str(value) for name, value in upload.metadata.items()}
    algorithm, kind = said.get("x-amz-checksum-algorithm", ""), said.get("x-amz-checksum-type", "")
    begun = str(getattr(upload, _BEGUN_AT, "1970-01-01T00:00:00.000Z"))
    return ListedUpload(upload.key_name, upload.id, begun, str(upload.storage or "STANDARD"), algorithm, kind)


def granted_to_all(bucket: Any, key: str, version: str, *, takes_lists: bool) -> public_access.ListedGrants:
    """Return what the lists of moto's bucket (None: no such) and of an object grant to everybody."""
    there = [] if bucket is None or not key else bucket.keys.getlist(key, [])
    chosen = next((each for each in reversed(there) if not version or str(each.version_id) == version), None)
    is_nobodys = None if chosen is None else bool(getattr(chosen, OF_NOBODY, False)) and takes_lists
    if not takes_lists:
        return public_access.ListedGrants(is_nobodys=is_nobodys)
    return public_access.ListedGrants(_to_all(bucket.acl), _to_all(getattr(chosen, "acl", None)), is_nobodys)


def access_list(bucket: Any, key: str, version: str) -> frozenset[tuple[str, str]]:
    """Return what the list of an object of moto's bucket (None: no such) grants: grantees with permissions."""
    there = [] if bucket is None else bucket.keys.getlist(key, [])
    chosen = next((each for each in reversed(there) if not version or str(each.version_id) == version), None)
    acl = getattr(chosen, "acl", None)
    if acl is None:
        return frozenset({(OWNER_ID, "FULL_CONTROL")})
    return frozenset(
        (each.id or each.uri, permission)
        for grant in acl.grants
        for each in grant.grantees
        for permission in grant.permissions
    )


def _to_all(acl: Any) -> frozenset[str]:
    grants = acl.grants if acl is not None else ()
    to_all = (grant for grant in grants if any(each.uri == public_access.ALL_USERS for each in grant.grantees))
    return frozenset(permission for grant in to_all for permission in grant.permissions)


def _tell_nobody(*args: Any, **kwargs: Any) -> None:
    """Leave events to s3.notifications: moto tells of some, in forms of its own, and overlooks who may be told."""


def _is_public(policy: bytes | str) -> bool:
    return public_access.is_public(parse(policy, PolicyKind.RESOURCE))


def content_of(key: Any) -> Content:
    """Return the bytes of moto's object or part, to be read in blocks."""
    return Content(key._value_buffer, key.size)


def _keep_large_objects_out_of_memory() -> None:
    """Let what brings, copies, joins and reads objects handle them in blocks.

    moto has an object's bytes as one `value`. Who asks for it gets bytes, but in these calls of S3's, which get a
    Content where there is much.
    """
    for name in ("put_object", "upload_part"):
        setattr(S3Response, name, _bringing(_original(getattr(S3Response, name))))
    for name in ("get_object", "copy_object", "upload_part_copy"):
        setattr(S3Response, name, _in_blocks(_original(getattr(S3Response, name))))
    FakeKey.value = property(_value, _set_value)
    FakeMultipart.complete = _joined


def _bringing(original: Any) -> Any:
    """Return a call of moto's with the body that the caller brought in a file."""

    def bring(responses: Any) -> Any:
        responses.body = contents.of(responses.request.environ, responses.body)
        return original(responses)

    bring.original = original  # type: ignore[attr-defined]
    return bring


def _in_blocks(original: Any) -> Any:
    """Return a call of moto's that does not have the bytes of a large object."""

    def ask(responses: Any) -> Any:
        _asking.in_blocks = True
        try:
            return original(responses)
        finally:
            _asking.in_blocks = False

    ask.original = original  # type: ignore[attr-defined]
    return ask


def _value(key: Any) -> bytes | Content:
    """Stand in for FakeKey.value."""
    if key.size > contents.MOST_IN_MEMORY and getattr(_asking, "in_blocks", False):
        return content_of(key)
    with key.lock:
        key._value_buffer.seek(0)
        return bytes(key._value_buffer.read())


def _set_value(key: Any, value: bytes | str | Content) -> None:
    """Stand in for FakeKey.value's setter; the entity tag is told at once: parts are asked for theirs by many."""
    value = value.encode() if isinstance(value, str) else value
    if not isinstance(value, Content):
        key._value_buffer.seek(0)
        key._value_buffer.truncate()
        key._value_buffer.write(value)
    else:
        key._value_buffer.close()
        key._value_buffer = value.take() if value.is_new else _copied(value).take()
    key.contentsize = len(value)
    if key._etag is None:
        key._etag = contents.checksum(value, "MD5").hex()


def _copied(content: Content) -> Content:
    made = Content(moto_hooks.new_file(), is_new=True)
    try:
        made.append(content)
    except BaseException:  # of a full disk
        made.discard()
        raise
    return made


def _joined(upload: Any, body: Iterator[tuple[int, str]]) -> tuple[Content, str, tuple[str, str, int] | None]:
    """Stand in for FakeMultipart.complete; `completion` has refused what S3 refuses."""
    named = str(upload.metadata.get("x-amz-checksum-algorithm") or DEFAULT)
    kind = str(upload.metadata.get("x-amz-checksum-type") or ("FULL_OBJECT" if named == DEFAULT else "COMPOSITE"))
    algorithm = named if is_computed(named) else "SHA256"
    whole, tags, sums, count = Content(moto_hooks.new_file(), is_new=True), b"", b"", 0
    try:
        for number, etag in body:
            part = upload.parts.get(number)
            if part is None or part.etag.strip('"') != etag.strip('"'):
                raise InvalidPart
            count += 1
            tags += bytes.fromhex(part.etag.strip('"'))
            whole.append(content_of(part))
            if kind == "COMPOSITE":
                sums += contents.checksum(content_of(part), algorithm)
        value, parts = (encoded(algorithm, sums), count) if kind == "COMPOSITE" else (encoded(algorithm, whole), 1)
        return whole, f"{contents.checksum(tags, 'MD5').hex()}-{count}", (kind, value, parts)
    except BaseException:
        whole.discard()
        raise


def _keep_what_uploads_were_made_of() -> None:
    """Keep an object's parts, what was at an upload's key when it was begun, and the name of S3's own checksum."""
    create = _original(S3Backend.create_multipart_upload)
    original = _original(S3Backend.complete_multipart_upload)

    def begin(backend: Any, bucket_name: str, key_name: str, *args: Any, **kwargs: Any) -> Any:
        upload = create(backend, bucket_name, key_name, *args, **kwargs)
        there = backend.get_bucket(bucket_name).keys.getlist(key_name, [])
        setattr(upload, _BEGUN_AT, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))
        setattr(upload, BEGUN_ON, viewed(there[-1]).identity if there else "")
        _seal(upload, getattr(CALLING, "seal", ""))
        return upload

    def complete(backend: Any, bucket_name: str, multipart_id: str, body: Iterator[tuple[int, str]]) -> Any:
        upload, listed = backend.get_bucket(bucket_name).multiparts[multipart_id], list(body)
        algorithm = str(upload.metadata.get("x-amz-checksum-algorithm") or "")
        made_of = [(number, upload.parts[number]) for number, _ in listed if number in upload.parts]
        kept = [
            (number, part.size, encoded(algorithm, content_of(part)) if is_computed(algorithm) else "")
            for number, part in made_of
        ]
        key = original(backend, bucket_name, multipart_id, iter(listed))  # which closes the parts
        if key is not None:
            setattr(key, _PARTS, kept)
            _seal(key, getattr(upload, SEALED, ""))
            upload.parts.clear()  # the object holds on to its upload, and with it to their files
            bucket = backend.get_bucket(bucket_name)
            if bucket.has_default_lock:
                key.lock_mode, key.lock_until = bucket.default_lock_mode, bucket.default_retention()
            if getattr(key, SEALED, "") and not algorithm:
                key.checksum_value = key.checksum_algorithm = None  # S3 makes none of a customer's parts
            if key.checksum_value and not key.checksum_algorithm:
                key.checksum_algorithm = DEFAULT
        return key

    begin.original, complete.original = create, original  # type: ignore[attr-defined]
    S3Backend.create_multipart_upload, S3Backend.complete_multipart_upload = begin, complete


def _seal(made: Any, seal: str) -> None:
    if seal:
        setattr(made, SEALED, seal)


def _keep_versions_while_suspended() -> None:
    """Let a bucket whose versioning is suspended keep its versions: a new object takes the place of `null` only.

    moto takes such a bucket for one that never had versions: a PUT dropped all that there were.
    """
    original = _original(S3Backend.put_object)

    def put(backend: Any, bucket_name: str, key_name: str, *args: Any, **kwargs: Any) -> Any:
        key = original(backend, bucket_name, key_name, *args, **kwargs)
        _seal(key, getattr(CALLING, "seal", ""))
        bucket = backend.get_bucket(bucket_name)
        if bucket.versioning_status == "Suspended":
            key._version_id = versions.NULL
            _let_only_null_be(bucket, key_name, key)
        elif bucket.versioning_status:
            key._version_id = versions.made(_CHANCE)
        return key

    put.original = original  # type: ignore[attr-defined]
    S3Backend.put_object = put
    FakeBucket.is_versioned = property(lambda bucket: bucket.versioning_status in {"Enabled", "Suspended"})


def _make_checksums_of_copies() -> None:
    """Let the copy of an object of several parts have a checksum of the whole: it has no parts any more."""
    original = _original(S3Backend.copy_object)

    def copy(backend: Any, source: Any, bucket_name: str, key_name: str, *args: Any, **kwargs: Any) -> None:
        original(backend, source, bucket_name, key_name, *args, **kwargs)
        algorithm = str(source.checksum_algorithm or "")
        if getattr(source, "checksum_type", None) == "COMPOSITE" and is_computed(algorithm):
            made = backend.get_bucket(bucket_name).keys[key_name]
            made.checksum_type, made.checksum_value = "FULL_OBJECT", encoded(algorithm, content_of(made))

    copy.original = original  # type: ignore[attr-defined]
    S3Backend.copy_object = copy


def _grant_one_thing_at_a_time() -> None:
    """Let access lists tell all that they grant: moto tells each grant's first permission and first grantee."""
    original = _original(FakeAcl.__init__)

    def make(acl: Any, grants: list[Any] | None = None) -> None:
        apart = [
            FakeGrant([grantee], [permission])
            for grant in grants or ()
            for grantee in grant.grantees
            for permission in grant.permissions
        ]
        original(acl, apart)

    make.original = original  # type: ignore[attr-defined]
    FakeAcl.__init__ = make


def _read_lists_of_objects() -> None:
    """Let PutObjectAcl read its document: moto gives the object its bucket's list instead."""
    original = _original(S3Response.put_object_acl)

    def put(responses: Any) -> Any:
        answered = original(responses)
        if responses.body:
            granted = responses._acl_from_body() or FakeAcl([])
            responses.backend.put_object_acl(responses.bucket_name, responses.parse_key_name(), granted)
        return answered

    put.original = original  # type: ignore[attr-defined]
    S3Response.put_object_acl = put


def _mark_deletions() -> None:
    """Let a deletion leave a marker also where there is nothing, and tell that what was deleted was a marker."""
    original = _original(S3Backend.delete_object)

    def mark(backend: Any, bucket_name: str, key_name: str) -> Any:
        bucket = backend.get_bucket(bucket_name)
        there = bucket.keys.getlist(key_name, [])
        marker = FakeDeleteMarker(key=there[-1] if there else _Nothing(key_name))
        marker._version_id = versions.made(_CHANCE)
        bucket.keys[key_name] = marker
        if bucket.versioning_status == "Suspended":
            marker._version_id = versions.NULL
            _let_only_null_be(bucket, key_name, marker)
        return marker

    def delete(
        backend: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: Any = False
    ) -> tuple[bool, dict[str, Any]]:
        there = backend.get_bucket(bucket_name).keys.getlist(key_name, [])
        was_marker = any(isinstance(each, FakeDeleteMarker) and each.version_id == version_id for each in there)
        done, told = original(backend, bucket_name, key_name, version_id=version_id, bypass=bypass)
        return done, {**told, "delete-marker": "true"} if was_marker else told

    def delete_all(
        backend: Any, bucket_name: str, objects: list[dict[str, Any]], bypass_retention: bool = False
    ) -> tuple[list[tuple[str, str | None, str | None]], list[str]]:
        deleted: list[tuple[str, str | None, str | None]] = []
        locked: list[str] = []
        for each in objects:
            key, version = each["Key"], each.get("VersionId")
            try:
                _, told = backend.delete_object(bucket_name, key, version_id=version, bypass=bypass_retention)
            except AccessDeniedByLock:
                locked.append(key)
            else:
                marker = told.get("version-id") if told.get("delete-marker") == "true" else None
                deleted.append((key, version, marker))
        return deleted, locked

    delete.original = original  # type: ignore[attr-defined]
    S3Backend._set_delete_marker, S3Backend.delete_object, S3Backend.delete_objects = mark, delete, delete_all


def _lock_buckets_at_any_time() -> None:
    """Let a bucket that has objects get object lock, its versions being kept, and tell no term that is not set."""
    told = _original(S3Backend.get_object_lock_configuration)

    def configure(
        backend: Any,
        bucket_name: str,
        lock_enabled: bool,  # noqa: ARG001
        mode: str | None = None,
        days: int | None = None,
        years: int | None = None,
    ) -> None:
        bucket = backend.get_bucket(bucket_name)
        if bucket.versioning_status != "Enabled":
            raise InvalidBucketState(_LOCK_WANTS_VERSIONS)
        bucket.object_lock_enabled = True
        bucket.default_lock_mode, bucket.default_lock_days, bucket.default_lock_years = mode, days, years

    def tell(backend: Any, bucket_name: str) -> tuple[Any, ...]:
        enabled, mode, days, years = told(backend, bucket_name)
        return enabled, mode, days or None, years or None

    tell.original = told  # type: ignore[attr-defined]
    FakeKey.is_locked = _is_locked
    S3Backend.put_object_lock_configuration, S3Backend.get_object_lock_configuration = configure, tell


def _keep_empty_tags() -> None:
    """Let a bucket's tag have an empty value; moto took it for none and did not tell it."""
    original = _original(S3Backend.put_bucket_tagging)

    def put(backend: Any, bucket_name: str, tags: dict[str, str | None]) -> None:
        original(backend, bucket_name, {key: value or "" for key, value in tags.items()})

    put.original = original  # type: ignore[attr-defined]
    S3Backend.put_bucket_tagging = put


def _keep_empty_origins() -> None:
    """Let a rule of CORS allow the empty origin, as S3 does; moto took it for none and failed."""
    original = _original(FakeBucket.set_cors)

    def put(bucket: Any, rules: list[dict[str, Any]]) -> None:
        original(bucket, [{**rule, "AllowedOrigin": rule.get("AllowedOrigin") or ""} for rule in rules])

    put.original = original  # type: ignore[attr-defined]
    FakeBucket.set_cors = put


def _is_locked(found: Any, governance_bypass: Any) -> bool:
    """Tell whether a version is locked; moto takes a header's `false` for yes, and fails at times of other forms."""
    bypasses = str(governance_bypass).lower() == "true"
    return locks.is_locked(_lock_of(found), datetime.now(UTC), bypasses=bypasses)


def _lock_of(found: Any) -> Lock:
    until = datetime.fromisoformat(found.lock_until) if found.lock_until else None
    until = until and until.replace(tzinfo=until.tzinfo or UTC)
    return Lock(str(found.lock_mode or ""), until, str(found.lock_legal_status or ""))


class _Nothing:
    """What a delete marker marks where there is no object."""

    def __init__(self, name: str) -> None:
        self.name = name


def _let_only_null_be(bucket: Any, key_name: str, newest: Any) -> None:
    """Drop the earlier `null` version of a key."""
    there = bucket.keys.getlist(key_name, [])
    bucket.keys.setlist(key_name, [each for each in there if each is newest or each.version_id != versions.NULL])


def _original(method: Any) -> Any:
    return getattr(method, "original", method)

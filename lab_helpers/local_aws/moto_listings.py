"""moto's listings of objects and versions, changed where their pages are not S3's: asked for once by moto_bridge.

Source: `s3.listings`, which decides what a page has.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from moto.s3.exceptions import MethodNotAllowed
from moto.s3.models import FakeDeleteMarker, FakeKey, FakeTableStorageBucket, S3Backend

from lab_helpers.local_aws.s3 import listings

_TOLD = ("name", "version_id", "last_modified_ISO8601")
_TOLD_OF_OBJECTS = ("etag", "size", "storage_class")


def change() -> None:
    """Change moto's class; twice is as good as once."""
    S3Backend.list_objects, S3Backend.list_objects_v2 = _objects, _objects_v2
    S3Backend.list_object_versions = _versions


def _objects(
    backend: Any,  # noqa: ARG001
    bucket: Any,
    prefix: str | None,
    delimiter: str | None,
    marker: str | None,
    max_keys: int,
) -> tuple[list[Any], list[str], bool, str | None]:
    """List as ListObjects does, which tells where it goes on with a delimiter only."""
    found = listings.page(_latest(bucket), prefix or "", delimiter or "", marker or "", max_keys)
    goes_on = found.last if found.is_truncated and delimiter else None
    return found.entries, found.prefixes, found.is_truncated, goes_on


def _objects_v2(
    backend: Any,  # noqa: ARG001
    bucket: Any,
    prefix: str | None,
    delimiter: str | None,
    continuation_token: str | None,
    start_after: str | None,
    max_keys: int,
) -> tuple[list[Any], bool, str | None]:
    after = listings.read_token(continuation_token) if continuation_token else start_after or ""
    found = listings.page(_latest(bucket), prefix or "", delimiter or "", after, max_keys)
    goes_on = listings.token(found.last) if found.is_truncated else None
    return [*found.entries, *found.prefixes], found.is_truncated, goes_on


def _versions(
    backend: Any,
    bucket_name: str,
    delimiter: str | None = None,
    key_marker: str | None = None,
    max_keys: int = 1000,
    prefix: str = "",
    version_id_marker: str | None = None,
) -> tuple[list[Any], list[str], list[Any], str | None, str | None]:
    """List the newest version of each key first; behind a version that is gone by now, what its key has."""
    keys, after = backend.get_bucket(bucket_name).keys, key_marker or ""
    later: set[str] = set()
    if version_id_marker and after:
        of_key = [str(each.version_id) for each in reversed(keys.getlist(after, []))]
        begin = of_key.index(version_id_marker) + 1 if version_id_marker in of_key else 0
        later = set(of_key[begin:])
    named = ((each.name, each) for each in _all_versions(keys))
    found = listings.page(
        named, prefix, delimiter or "", after, max_keys,
        lambda name, each: name > after or (name == after and str(each.version_id) in later),
    )  # fmt: skip
    objects = [each for each in found.entries if not each.is_marker]
    markers = [each for each in found.entries if each.is_marker]
    goes_on = found.last if found.is_truncated else None
    version = found.entries[-1].version_id if goes_on and not found.ends_with_prefix else None
    return objects, found.prefixes, markers, goes_on, version


def _latest(bucket: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(bucket, FakeTableStorageBucket):
        raise MethodNotAllowed
    found = {name: each for name, each in bucket.keys.items() if isinstance(each, FakeKey)}
    return iter(sorted(found.items()))


def _all_versions(keys: Any) -> Iterator[Any]:
    for _, versions in sorted((str(name), list(versions)) for name, versions in keys.iterlists()):
        for number, each in enumerate(reversed(versions)):
            is_marker = isinstance(each, FakeDeleteMarker)
            names = _TOLD if is_marker else (*_TOLD, *_TOLD_OF_OBJECTS)
            told = {name: getattr(each, name) for name in names}
            yield SimpleNamespace(**told, is_latest=number == 0, is_marker=is_marker)

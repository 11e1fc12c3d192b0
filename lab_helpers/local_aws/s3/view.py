"""An object as S3's decisions need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

OWNER_ID = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
"""The account's canonical id, moto's."""


@dataclass(frozen=True)
class ObjectPart:
    """A part that an object was put together of: its size in bytes, its checksum (empty: none)."""

    number: int
    size_bytes: int
    checksum: str = ""


@dataclass(frozen=True)
class Lock:
    """What keeps a version from being deleted: a mode (empty: none) until a time, a legal hold (ON, OFF, empty)."""

    mode: str = ""
    until: datetime | None = None
    hold: str = ""


@dataclass(frozen=True)
class ObjectView:
    """One version of an object, or a delete marker. `etag` has no quotes, `modified` is in whole seconds, UTC."""

    etag: str
    modified: datetime
    size_bytes: int
    version_id: str
    is_marker: bool = False
    parts: tuple[ObjectPart, ...] = ()
    identity: str = ""
    """What no other object has, not even one with the same content under the same key."""
    storage_class: str = "STANDARD"
    lock: Lock = Lock()
    kms_key: str = ""
    """The key of KMS that it is encrypted with, empty for none."""

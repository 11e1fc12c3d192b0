"""S3 in the state: a row a key, and which files hold the bytes of what; files that nobody names are removed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from lab_helpers.local_aws.state import moto_hooks as hooks
from lab_helpers.local_aws.state.changes import Change
from lab_helpers.local_aws.state.moto_hooks import Key
from lab_helpers.local_aws.state.object_files import ObjectFolder
from lab_helpers.local_aws.state.store import StateStore

_LOG = logging.getLogger(__name__)
FILES_ROOM = "moto-files"
S3 = "s3.S3Backend"


class ObjectRows:
    """The rows of all buckets' keys; its owner calls it from one thread at a time, inside a change of the store."""

    def __init__(self, store: StateStore, folder: ObjectFolder) -> None:
        self._store, self._folder = store, folder
        self._of_uploads: dict[Key, frozenset[str]] = {}
        self._gone: set[str] = set()

    def keep_keys(self, change: Change) -> None:
        """Write the rows of the keys that a call names, or of those of its bucket that came or went."""
        for account in hooks.backends(S3).values():
            for backend in account.values():
                bucket = backend.buckets.get(change.bucket)
                if bucket is not None:
                    for key in change.keys or self._changed_keys(bucket):
                        self._keep_key(bucket, key)

    def keep_files(self, key: Key, files: frozenset[str]) -> None:
        """Note the files of uploads that are not complete; those that went are removed unless an object has them."""
        before, self._of_uploads[key] = self._of_uploads.get(key, frozenset()), files
        if before != files:
            self._store.put(FILES_ROOM, "/".join(key), " ".join(sorted(files)).encode())
        gone = before - files
        if gone:
            self._gone |= gone - self._of_objects()

    def know_files(self, key: Key) -> None:
        """Read which files a backend had when it was written."""
        self._of_uploads[key] = frozenset((self._store.get(FILES_ROOM, "/".join(key)) or b"").decode().split())

    def forget_buckets(self, there: Iterable[str]) -> None:
        """Remove the rows of buckets that are not there."""
        kept = set(there)
        for (bucket,) in self._store.rows("SELECT DISTINCT bucket FROM objects"):
            if bucket not in kept:
                rows = self._store.rows("SELECT files FROM objects WHERE bucket = ?", (bucket,))
                with self._store.change() as db:
                    db.execute("DELETE FROM objects WHERE bucket = ?", (bucket,))
                self._gone |= {name for (files,) in rows for name in files.split()}

    def remove_files(self) -> None:
        """Remove the files that no row names any more, once the rows are written."""
        gone, self._gone = self._gone, set()
        self._folder.remove(gone)

    def leave_files(self) -> None:
        """Remove none after all: the store took the change back, and its rows name them still."""
        self._gone = set()

    def sync(self) -> None:
        """Bring the files of objects to the disk itself."""
        self._folder.sync()

    def sweep(self) -> None:
        """Remove what a kill left between file and row."""
        uploads = (self._store.get(FILES_ROOM, name) or b"" for name in self._store.names(FILES_ROOM))
        held = self._of_objects() | {name for files in uploads for name in files.decode().split()}
        if gone := self._folder.remove_all_but(held):
            _LOG.info("%d files of objects that were never acknowledged are removed", gone)

    def _keep_key(self, bucket: Any, key: str) -> None:
        row, where = hooks.object_row(bucket, key), (bucket.name, key)
        found = self._store.rows("SELECT files FROM objects WHERE bucket = ? AND key = ?", where)
        before = set(found[0][0].split()) if found else set()
        after = set(row[1].split()) if row else set()
        with self._store.change() as db:
            if row is None:
                db.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", where)
            elif found:
                db.execute("UPDATE objects SET data = ?, files = ? WHERE bucket = ? AND key = ?", (*row, *where))
            else:
                db.execute("INSERT INTO objects VALUES (?, ?, ?, ?)", (*where, *row))
        self._gone |= before - after

    def _changed_keys(self, bucket: Any) -> list[str]:
        """Return the keys of a bucket whose names differ from those that are kept."""
        kept = {key for (key,) in self._store.rows("SELECT key FROM objects WHERE bucket = ?", (bucket.name,))}
        return sorted(kept.symmetric_difference(dict.keys(bucket.keys)))

    def _of_objects(self) -> set[str]:
        return {name for (files,) in self._store.rows("SELECT files FROM objects") for name in files.split()}

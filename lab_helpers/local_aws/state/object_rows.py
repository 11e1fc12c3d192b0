"""S3 in the state: a row a key and one a bucket, and which files hold what; files that nobody names are removed."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from lab_helpers.local_aws.state import moto_hooks as hooks
from lab_helpers.local_aws.state.changes import Change
from lab_helpers.local_aws.state.moto_hooks import Key
from lab_helpers.local_aws.state.object_files import ObjectFolder
from lab_helpers.local_aws.state.store import StateStore

_LOG = logging.getLogger(__name__)
FILES_ROOM = "moto-files"
BUCKETS_ROOM = "moto-buckets"
S3 = "s3.S3Backend"


class ObjectRows:
    """The rows of all buckets' keys; its owner calls it from one thread at a time, inside a change of the store."""

    def __init__(self, store: StateStore, folder: ObjectFolder) -> None:
        self._store, self._folder = store, folder
        self._of_uploads: dict[str, frozenset[str]] = {}
        self._digests: dict[str, bytes] = {}
        self._gone: set[str] = set()

    def keep_keys(self, change: Change) -> None:
        """Write the rows of the keys that a call names, or of those of its bucket that came or went."""
        for account in hooks.backends(S3).values():
            for backend in account.values():
                bucket = backend.buckets.get(change.bucket)
                if bucket is not None:
                    for key in change.keys or self._changed_keys(bucket):
                        self._keep_key(backend, bucket, key)

    def keep_bucket(self, of: Key, backend: Any, name: str) -> None:
        """Write the row of a bucket if it is not as it was written; without the bucket, remove what is kept of it."""
        bucket, row_name = backend.buckets.get(name), _row_name(of, name)
        if bucket is None:
            self._forget(row_name, name)
            return
        data, files = hooks.bucket_row(backend, bucket)
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if self._digests.get(row_name) != digest:
            self._store.put(BUCKETS_ROOM, row_name, data)
            self._keep_files(row_name, frozenset(files.split()))
            self._digests[row_name] = digest

    def keep_buckets(self, of: Key, backend: Any) -> None:
        """Write the rows of a backend's buckets, and remove those of buckets that went."""
        for name in [*backend.buckets, *(row_name.rpartition("/")[2] for row_name in self._rows_of(of))]:
            self.keep_bucket(of, backend, name)

    def restore(self, of: Key, backend: Any, state: dict[str, Any]) -> bool:
        """Give a backend what is kept of it; return whether it is of before buckets had rows (`split` writes them)."""
        names = self._rows_of(of)
        rows = [data for name in names if (data := self._store.get(BUCKETS_ROOM, name)) is not None]
        for name, data in zip(names, rows, strict=True):
            self._digests[name] = hashlib.blake2b(data, digest_size=16).digest()
            self._of_uploads[name] = self._files_of(name)
        return hooks.restore_buckets(backend, state, rows)

    def split(self, of: Key, backend: Any) -> None:
        """Write rows of what an older state has in one piece: buckets, and the tags of objects."""
        tagged = {name for name, tags in backend.tagger.tags.items() if tags}
        for bucket in backend.buckets.values():
            for key in dict.keys(bucket.keys):
                if any(getattr(each, "arn", None) in tagged for each in bucket.keys.getlist(key)):
                    self._keep_key(backend, bucket, key)
        self.keep_buckets(of, backend)
        self._store.drop(FILES_ROOM, "/".join(of))  # whose names the buckets' rows have

    def remove_files(self) -> None:
        """Remove the files that no row names any more, once the rows are written."""
        gone, self._gone = self._gone, set()
        self._folder.remove(gone)

    def leave_files(self) -> None:
        """Remove none after all: the store took the change back, and its rows name them still."""
        self._gone = set()
        self._digests.clear()
        self._of_uploads = {name: self._files_of(name) for name in self._store.names(FILES_ROOM)}

    def sync(self) -> None:
        """Bring the files of objects to the disk itself."""
        self._folder.sync()

    def sweep(self) -> None:
        """Remove what a kill left between file and row."""
        uploads = (self._store.get(FILES_ROOM, name) or b"" for name in self._store.names(FILES_ROOM))
        held = self._of_objects() | {name for files in uploads for name in files.decode().split()}
        if gone := self._folder.remove_all_but(held):
            _LOG.info("%d files of objects that were never acknowledged are removed", gone)

    def _keep_files(self, name: str, files: frozenset[str]) -> None:
        """Note the files of uploads that are not complete; those that went are removed unless an object has them."""
        before, self._of_uploads[name] = self._of_uploads.get(name, frozenset()), files
        if before != files:
            self._store.put(FILES_ROOM, name, " ".join(sorted(files)).encode())
        gone = before - files
        if gone:
            self._gone |= gone - self._of_objects()

    def _forget(self, row_name: str, bucket: str) -> None:
        self._store.drop(BUCKETS_ROOM, row_name)
        self._store.drop(FILES_ROOM, row_name)
        self._digests.pop(row_name, None)
        self._gone |= self._of_uploads.pop(row_name, frozenset())
        if not hooks.is_bucket(bucket):
            rows = self._store.rows("SELECT files FROM objects WHERE bucket = ?", (bucket,))
            with self._store.change() as db:
                db.execute("DELETE FROM objects WHERE bucket = ?", (bucket,))
            self._gone |= {name for (files,) in rows for name in files.split()}

    def _files_of(self, name: str) -> frozenset[str]:
        return frozenset((self._store.get(FILES_ROOM, name) or b"").decode().split())

    def _rows_of(self, of: Key) -> list[str]:
        return [name for name in self._store.names(BUCKETS_ROOM) if name.startswith(_row_name(of, ""))]

    def _keep_key(self, backend: Any, bucket: Any, key: str) -> None:
        row, where = hooks.object_row(backend, bucket, key), (bucket.name, key)
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


def _row_name(of: Key, bucket: str) -> str:
    return "/".join((*of, bucket))

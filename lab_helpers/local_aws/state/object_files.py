"""The bytes of S3 objects: a file each, with the few methods that moto asks of a temporary file."""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections.abc import Iterable
from pathlib import Path


class ObjectFolder:
    """The folder of the files; who pickles an object's record learns which of them it holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._unsynced: set[str] = set()
        self.seen: set[str] | None = None
        """While it is a set, the names of the files that are pickled are put into it."""

    def new(self) -> ObjectFile:
        """Return a file that is empty, and is made when it is first written."""
        return ObjectFile(self, uuid.uuid4().hex)

    def path(self, name: str) -> Path:
        """Return where a file is."""
        return self._folder / name[:2] / name

    def written(self, name: str) -> None:
        """Note that a file is to be synced."""
        with self._lock:
            self._unsynced.add(name)

    def sync(self) -> None:
        """Bring what was written to the disk itself."""
        with self._lock:
            names, self._unsynced = self._unsynced, set()
        for name in names:
            try:
                descriptor = os.open(self.path(name), os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are not there are no error."""
        for name in names:
            self.path(name).unlink(missing_ok=True)

    def remove_all_but(self, names: Iterable[str]) -> int:
        """Remove the files that no record holds: a server was killed between file and record. Return how many."""
        kept = set(names)
        gone = [path for path in self._folder.glob("??/*") if path.name not in kept]
        for path in gone:
            path.unlink()
        return len(gone)


class ObjectFile:
    """One file; no descriptor is kept between two calls."""

    def __init__(self, folder: ObjectFolder, name: str) -> None:
        self._folder, self.name, self._at = folder, name, 0

    def seek(self, at: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size()}[whence]
        self._at = base + at
        return self._at

    def tell(self) -> int:
        return self._at

    def truncate(self) -> None:
        """Drop what is behind the place."""
        if self._size() > self._at:
            self._unshare()
            os.truncate(self._folder.path(self.name), self._at)

    def write(self, data: bytes) -> int:
        """Write at the place."""
        path = self._folder.path(self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._unshare()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            target.seek(self._at)
            target.write(data)
            self._at = target.tell()
        self._folder.written(self.name)
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """Read from the place on."""
        try:
            with self._folder.path(self.name).open("rb") as source:
                source.seek(self._at)
                data = source.read(size)
        except FileNotFoundError:
            return b""
        self._at += len(data)
        return data

    def descriptor(self) -> int:
        """Open it for reading; who asked closes. It can be read to its end even if it is removed meanwhile."""
        return os.open(self._folder.path(self.name), os.O_RDONLY)

    def close(self) -> None:
        """Nothing is open. The file goes when its record goes."""

    def remove(self) -> None:
        """Remove one that no record names."""
        self._folder.remove([self.name])

    def _unshare(self) -> None:
        """Have a file of one's own before it is written a second time: a checkpoint may have a link to it."""
        path = self._folder.path(self.name)
        if path.exists() and path.stat().st_nlink > 1:
            own = path.with_suffix(".partial")
            shutil.copyfile(path, own)
            own.replace(path)

    def _size(self) -> int:
        try:
            return self._folder.path(self.name).stat().st_size
        except FileNotFoundError:
            return 0

"""Layers and configurations on disk, by digest; uploads grow in files beside them."""

from __future__ import annotations

import hashlib
import shutil
import threading
import uuid
from collections.abc import Iterable
from pathlib import Path

from lab_helpers.base.paths import inside

_CHUNK = 1024 * 1024


class BlobStore:
    """One folder of blobs for all repositories; which repository may see which is the catalogue's affair."""

    def __init__(self, folder: Path) -> None:
        self._blobs, self._uploads = folder / "blobs", folder / "uploads"
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Remove everything."""
        for folder in (self._blobs, self._uploads):
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, linked: set[str]) -> None:
        """Remove the blobs that no repository links: a server ended between the one and the other."""
        kept = {self.path(digest).name for digest in linked}
        for path in self._blobs.glob("*"):
            if path.name not in kept:
                path.unlink()

    def path(self, digest: str) -> Path:
        """Return where a blob is; it need not exist."""
        return inside(self._blobs, digest.replace(":", "-"))

    def read(self, digest: str) -> bytes:
        """Return a blob; raises FileNotFoundError."""
        return self.path(digest).read_bytes()

    def size_bytes(self, digest: str) -> int | None:
        """Return a blob's size, None when it is not here."""
        path = self.path(digest)
        return path.stat().st_size if path.is_file() else None

    def begin(self) -> str:
        """Start an upload and return its id."""
        self._uploads.mkdir(parents=True, exist_ok=True)
        upload_id = str(uuid.uuid4())
        inside(self._uploads, upload_id).touch()
        return upload_id

    def received_bytes(self, upload_id: str) -> int | None:
        """Return how much of an upload is here, None for an unknown one."""
        path = self._upload(upload_id)
        return path.stat().st_size if path else None

    def extend(self, upload_id: str, chunks: Iterable[bytes]) -> int:
        """Append to an upload; return its size now. Raises KeyError for an unknown one."""
        path = self._known(upload_id)
        with path.open("ab") as target:
            for chunk in chunks:
                target.write(chunk)
            return target.tell()

    def finish(self, upload_id: str, digest: str) -> int | None:
        """Make an upload a blob and return its size; None, and no blob, when its digest is another."""
        path = self._known(upload_id)
        if _digest_of_file(path) != digest:
            return None
        with self._lock:
            self._blobs.mkdir(parents=True, exist_ok=True)
            size = path.stat().st_size
            path.replace(self.path(digest))
        return size

    def abandon(self, upload_id: str) -> None:
        """Forget an upload."""
        self._known(upload_id).unlink()

    def delete(self, digest: str) -> None:
        """Remove a blob that no repository links any more."""
        self.path(digest).unlink(missing_ok=True)

    def _upload(self, upload_id: str) -> Path | None:
        # An id is ours only if it is a UUID: nothing else may become part of a path.
        try:
            path = inside(self._uploads, str(uuid.UUID(upload_id)))
        except ValueError:
            return None
        return path if path.is_file() else None

    def _known(self, upload_id: str) -> Path:
        path = self._upload(upload_id)
        if path is None:
            raise KeyError(upload_id)
        return path


def _digest_of_file(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"

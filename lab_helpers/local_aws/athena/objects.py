"""A table's objects on this machine: fetched once, kept by ETag, as DuckDB's files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_helpers.base.files.whole_file import write_whole
from lab_helpers.base.paths import inside

FETCHERS = 8
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class TableObject:
    """One object of a table, and the partition values that its key means."""

    bucket: str
    key: str
    etag: str
    size_bytes: int
    partition: tuple[str, ...]


@dataclass(frozen=True)
class LocalFile:
    """A fetched object."""

    path: Path
    partition: tuple[str, ...]
    uri: str


class ObjectFiles:
    """Fetches objects into a folder; the same object is fetched once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self, s3: Any, objects: Iterable[TableObject]) -> list[LocalFile]:
        """Return the objects' files, in their order. Raises botocore's ClientError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(FETCHERS, "athena-fetch") as pool:
            return list(pool.map(lambda item: self._local(s3, item), objects))

    def _local(self, s3: Any, item: TableObject) -> LocalFile:
        return LocalFile(self._fetch_one(s3, item), item.partition, f"s3://{item.bucket}/{item.key}")

    def _fetch_one(self, s3: Any, item: TableObject) -> Path:
        name = hashlib.sha256(f"{item.bucket}/{item.key}/{item.etag}".encode()).hexdigest()
        kept = list(self.folder.glob(f"{name}.json*"))
        if kept:
            return kept[0]
        body = s3.get_object(Bucket=item.bucket, Key=item.key)["Body"].read()
        path = inside(self.folder, f"{name}.json{_ending(body)}")
        write_whole(path, body)  # a query of another thread must not see half a file
        return path

    def clear(self) -> None:
        """Remove all files."""
        for path in self.folder.glob("*"):
            path.unlink(missing_ok=True)


def _ending(body: bytes) -> str:
    return ".gz" if body.startswith(_GZIP) else ".zst" if body.startswith(_ZSTD) else ""

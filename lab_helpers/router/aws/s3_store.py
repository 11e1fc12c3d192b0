"""Files in which the S3 output gathers records until they are worth an object: they survive the router.

One data file for each tag being gathered, beside it a small JSON file (tag, times). Files of an earlier run are found
again.
Source: Fluent Bit 4.2.8 behaves so (its files look different).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class StoredFile:
    """One data file. Times are epoch seconds; `first_log_time` is that of the first record with a time other than 0."""

    path: Path
    tag: str
    created_at: float
    first_log_time: int
    size: int = 0
    failures: int = 0
    locked: bool = False

    def read(self) -> bytes:
        """Return the gathered bytes. Raises OSError."""
        return self.path.read_bytes()


class S3Store:
    """All files of one bucket under `store_dir`."""

    def __init__(self, store_dir: str, bucket: str) -> None:
        # The bucket is asked for by its name; its folder stays in ours whatever that name is.
        folder = bucket.replace("/", "_").replace("\0", "_")
        self._folder = Path(store_dir) / (f"_{folder}" if folder in {"", ".", ".."} else folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self.files: list[StoredFile] = self._found_again()
        self.leftover = list(self.files)

    def active(self, tag: str) -> StoredFile | None:
        """Return the file that records of this tag go to at present."""
        return next((one for one in self.files if one.tag == tag and not one.locked and one not in self.leftover), None)

    def put(self, file: StoredFile | None, tag: str, data: bytes, first_log_time: int) -> StoredFile:
        """Append data to the file, or to a new one. Raises OSError."""
        if file is None:
            file = StoredFile(self._folder / f"{uuid.uuid4().hex}.data", tag, time.time(), first_log_time)
            about = {"tag": tag, "created_at": file.created_at, "first_log_time": first_log_time}
            self._about(file).write_text(json.dumps(about), encoding="ascii")  # orjson takes no tag of other bytes
            self.files.append(file)
        with open(file.path, "ab") as target:
            target.write(data)
        file.size += len(data)
        return file

    def delete(self, file: StoredFile) -> None:
        """Remove a file that has been uploaded."""
        self.give_up(file)
        for path in (file.path, self._about(file)):
            with contextlib.suppress(OSError):
                path.unlink()

    def give_up(self, file: StoredFile) -> None:
        """Forget the file but leave it on the disk."""
        for known in (self.files, self.leftover):
            if file in known:
                known.remove(file)

    def quarantine(self, file: StoredFile, limit_bytes: int) -> bool:
        """Move a file into the quarantine; return False where that would hold more than `limit_bytes` (0: any)."""
        self.give_up(file)
        folder = self._folder / "quarantine"
        held = sum(path.stat().st_size for path in folder.glob("*.data"))
        if limit_bytes and held + file.size > limit_bytes:
            return False
        folder.mkdir(exist_ok=True)
        for path in (file.path, self._about(file)):
            with contextlib.suppress(OSError):
                path.rename(folder / path.name)
        return True

    def read_index(self) -> int:
        """Return the stored $INDEX; 0 where there is none."""
        try:
            return int((self._folder / "seq_index").read_text())
        except (OSError, ValueError):
            return 0

    def write_index(self, value: int) -> None:
        """Store $INDEX. Raises OSError."""
        (self._folder / "seq_index").write_text(str(value))

    def _about(self, file: StoredFile) -> Path:
        return file.path.with_suffix(".json")

    def _found_again(self) -> list[StoredFile]:
        found = []
        for path in sorted(self._folder.glob("*.data")):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                about: dict[str, Any] = json.loads(path.with_suffix(".json").read_bytes())
                size = os.path.getsize(path)
                found.append(
                    StoredFile(path, str(about["tag"]), about["created_at"], int(about["first_log_time"]), size)
                )
        return found

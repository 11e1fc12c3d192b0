"""The files that a tail input follows: found by patterns, followed through rotation, their offsets kept.

Source: Fluent Bit 4.2.8, in_tail: a file that was moved away is read for Rotate_Wait seconds more.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab_helpers.router.core.log import Log
from lab_helpers.router.tail.tail_file import Line, LineRules, TailFile, TooLongLineError
from lab_helpers.router.tail.tail_offsets import Offsets


@dataclass(frozen=True)
class Selection:
    """Which files, and which of their lines: patterns, ages in seconds (0: any), rules for lines."""

    paths: tuple[str, ...]
    excluded: tuple[str, ...]
    rules: LineRules
    ignore_older_s: int = 0
    rotate_wait_s: int = 5
    compares_names: bool = False


class TailFiles:
    """The open files. `clock` counts seconds; `offsets` is None where none are kept."""

    def __init__(self, selection: Selection, log: Log, clock: Callable[[], float], offsets: Offsets | None) -> None:
        self._selection, self._log, self._clock, self._offsets = selection, log, clock, offsets
        self._files: dict[str, TailFile] = {}
        self._rotated: list[TailFile] = []
        self._failed: set[int] = set()

    def scan(self, *, from_head: bool) -> None:
        """Open files that have come; from their end, or head, where no offset is known."""
        for pattern in self._selection.paths:
            for path in sorted(glob.glob(pattern)):
                is_excluded = any(fnmatch.fnmatch(path, one) for one in self._selection.excluded)
                if not is_excluded and path not in self._files:
                    self._open(path, from_head=from_head)

    def all(self) -> list[TailFile]:
        """Return the files that are followed now."""
        return [*self._files.values(), *self._rotated]

    def read(self, file: TailFile) -> list[Line]:
        """Return the file's next lines; a file that cannot be read is dropped, with an error."""
        try:
            lines = file.read_lines()
            if file.has_skipped and not file.warned:
                file.warned = True
                self._log.warn(f"file={file.path} have long lines. Skipping long lines.")
            return lines
        except TooLongLineError:
            self._log.error(f"file={file.path} requires a larger buffer size, lines are too long. Skipping file.")
            self._failed.add(file.inode)
        except OSError:
            self._log.error(f"error reading {file.path}")
        self._drop(file)
        return []

    def keep_offset(self, file: TailFile) -> None:
        """Remember how far the file has been read."""
        if self._offsets is not None:
            self._offsets.put(file.path, file.inode, file.offset)

    def follow_rotation(self, file: TailFile) -> None:
        """Open what has come in the place of a file that was moved away; let the old one go after a while."""
        if file.rotated_s is not None:
            if self._clock() - file.rotated_s > self._selection.rotate_wait_s:
                self._drop(file)
        elif self._files.get(file.path) is file and file.is_replaced():
            del self._files[file.path]
            file.rotated_s = self._clock()
            self._rotated.append(file)
            self._open(file.path, from_head=True)

    def close(self) -> None:
        """Close everything; safe twice."""
        for file in self.all():
            file.close()
        self._files, self._rotated = {}, []
        if self._offsets is not None:
            self._offsets.close()

    def _open(self, path: str, *, from_head: bool) -> None:
        try:
            if not os.path.isfile(path) or self._is_too_old(path):
                return
            file = TailFile(path, self._selection.rules)
        except OSError:
            self._log.error(f"cannot open {path}")
            return
        if file.inode in self._failed:
            file.close()
            return
        known = self._known_offset(file)
        file.seek(known if known is not None else 0 if from_head else file.size())
        self._files[path] = file

    def _is_too_old(self, path: str) -> bool:
        limit_s = self._selection.ignore_older_s
        return bool(limit_s) and time.time() - os.stat(path).st_mtime > limit_s

    def _known_offset(self, file: TailFile) -> int | None:
        if self._offsets is None:
            return None
        return self._offsets.get(file.path, file.inode, by_name=self._selection.compares_names)

    def _drop(self, file: TailFile) -> None:
        file.close()
        if self._files.get(file.path) is file:
            del self._files[file.path]
        if file in self._rotated:
            self._rotated.remove(file)
            if self._offsets is not None:
                self._offsets.forget(file.inode)

"""One followed file: its complete lines from an offset on, through truncation and rotation.

Source: Fluent Bit 4.2.8, in_tail: a line ends with LF, a CR before it goes; bytes 0 at the head are skipped; a line
longer than the buffer makes the file an error unless long lines are skipped.
Not modelled: encodings, compressed files.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import NamedTuple

READ_BYTES = 1024 * 1024


class TooLongLineError(ValueError):
    """A line does not fit the buffer."""


class Line(NamedTuple):
    """A complete line without its end, and where in the file it begins."""

    text: str
    offset: int


@dataclass(frozen=True)
class LineRules:
    """How to cut lines; `max_bytes` is the longest line."""

    max_bytes: int
    skip_long: bool = False
    skip_empty: bool = False
    truncate_long: bool = False


class TailFile:
    """An open file. `offset` is where the first line that has not been handed out begins."""

    def __init__(self, path: str, rules: LineRules) -> None:
        self.path, self._rules = path, rules
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.inode = os.fstat(self._descriptor).st_ino
        self.offset = 0
        self.warned = False
        self.rotated_s: float | None = None
        self._pending = b""
        self._skipping = False
        self._is_given_up = False
        self.has_skipped = False

    def seek(self, offset: int) -> None:
        """Go on from this offset; one behind the end means the file has been truncated: from the head."""
        self.offset = offset if offset <= self.size() else 0
        self._pending = b""

    def size(self) -> int:
        """Return the file's size in bytes."""
        return os.fstat(self._descriptor).st_size

    def is_replaced(self) -> bool:
        """Whether the path names another file now, or none."""
        try:
            return os.stat(self.path).st_ino != self.inode
        except FileNotFoundError:
            return True

    def read_lines(self) -> list[Line]:
        """Return the next complete lines, at most READ_BYTES; [] at the end. Raises OSError, TooLongLineError."""
        if self._is_given_up:
            raise TooLongLineError(self.path)
        if self.size() < self.offset:
            self.seek(0)
        data = os.pread(self._descriptor, READ_BYTES, self.offset + len(self._pending))
        if not data and not self._pending.startswith(b"\0"):
            return []
        pieces = (self._pending + data).split(b"\n")
        self._pending = pieces.pop()
        lines: list[Line] = []
        try:
            lines += (line for piece in pieces if (line := self._line(piece)) is not None)
            if len(self._pending) > self._rules.max_bytes:
                self._give_up_line()
        except TooLongLineError:
            if not lines:
                raise
            self._is_given_up = True  # what came before it is handed out first
        return lines

    def close(self) -> None:
        """Close; safe twice."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        self._descriptor = -1

    def _line(self, piece: bytes) -> Line | None:
        begin = self.offset
        self.offset += len(piece) + 1
        if self._skipping:
            self._skipping = False
            return None
        if len(piece) > self._rules.max_bytes:
            if self._rules.truncate_long:
                piece = piece[: self._rules.max_bytes - 1]
            else:
                self._give_up_line(in_progress=False)
                return None
        text = piece.lstrip(b"\0")
        text = text[:-1] if len(text) > 1 and text.endswith(b"\r") else text
        if self._rules.skip_empty and text in (b"", b"\r"):
            return None
        return Line(text.decode("utf-8", "surrogateescape"), begin)

    def _give_up_line(self, *, in_progress: bool = True) -> None:
        if self._rules.truncate_long:
            return  # cut when its end has come
        if not self._rules.skip_long:
            raise TooLongLineError(self.path)
        self.has_skipped = True
        if in_progress:
            self.offset += len(self._pending)
            self._pending, self._skipping = b"", True

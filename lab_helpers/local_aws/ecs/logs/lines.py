"""Bytes of a container's output -> log lines, cut as container runtimes cut them.

Source: Docker's log copier (lines end at "\\n", a line longer than its buffer of 16 KiB is sent in parts).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import NamedTuple

MAX_LINE_BYTES = 16 * 1024


@dataclass(frozen=True)
class Part:
    """Which part of a long line this is; `ordinal` counts from 1."""

    line_id: str
    ordinal: int
    last: bool


class LogLine(NamedTuple):
    """One line without its newline; `source` is "stdout" or "stderr", `part` None for a line in one piece."""

    source: str
    text: bytes
    part: Part | None = None


class LineSplitter:
    """Cuts one stream into lines; keeps what has no newline yet."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._rest = b""
        self._line_id = ""
        self._ordinal = 0

    def feed(self, data: bytes) -> list[LogLine]:
        """Return the lines that `data` completes."""
        lines: list[LogLine] = []
        *whole, self._rest = (self._rest + data).split(b"\n")
        for text in whole:
            rest = self._cut(text, lines)
            lines.append(LogLine(self._source, rest, self._part(last=True)))
            self._line_id = ""
        self._rest = self._cut(self._rest, lines)
        return lines

    def finish(self) -> list[LogLine]:
        """Return the last line when it has no newline."""
        rest, self._rest = self._rest, b""
        return [LogLine(self._source, rest, self._part(last=True))] if rest else []

    def _cut(self, text: bytes, lines: list[LogLine]) -> bytes:
        while len(text) > MAX_LINE_BYTES:
            if not self._line_id:
                self._line_id, self._ordinal = secrets.token_hex(32), 0
            lines.append(LogLine(self._source, text[:MAX_LINE_BYTES], self._part(last=False)))
            text = text[MAX_LINE_BYTES:]
        return text

    def _part(self, *, last: bool) -> Part | None:
        if not self._line_id:
            return None
        self._ordinal += 1
        return Part(self._line_id, self._ordinal, last)

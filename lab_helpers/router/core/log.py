"""The router's own log: Fluent Bit's line format on stderr, or in the file that Log_File names.

This is program output, part of the compatibility (the lab's trainees read it in CloudWatch), so it does not go through
`logging`. Source: Fluent Bit 4.2.8 output.
"""

from __future__ import annotations

import enum
import sys
import time
from typing import Protocol, TextIO


class Level(enum.IntEnum):
    """Log levels in Fluent Bit's order; a line is written when its level is at most the configured one."""

    OFF = 0
    ERROR = 1
    WARN = 2
    INFO = 3
    DEBUG = 4
    TRACE = 5


LABELS = {Level.ERROR: "error", Level.WARN: " warn", Level.INFO: " info", Level.DEBUG: "debug", Level.TRACE: "trace"}
LEVEL_NAMES = {"off": 0, "error": 1, "warn": 2, "warning": 2, "info": 3, "debug": 4, "trace": 5}


class Sink:
    """Where lines go: one per process; `level` is the service's Log_Level, `counts` the lines written by level."""

    def __init__(self, level: Level = Level.INFO, stream: TextIO | None = None) -> None:
        self.level = level
        self._stream = stream
        self.counts: dict[Level, int] = {}

    def write(self, label: str, text: str) -> None:
        """Write one line with the current local time."""
        now_ns = time.time_ns()
        stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(now_ns // 1_000_000_000))
        self.raw(f"[{stamp}.{now_ns % 1_000_000_000:09d}] [{label}] {text}\n")

    def raw(self, text: str) -> None:
        """Write text as it is, in one call, so that lines of several threads do not mix."""
        stream = self._stream or sys.stderr
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):  # the reader of stderr is gone: nothing is left to tell it to
            pass

    def open_file(self, path: str) -> None:
        """Send all further lines to this file. Raises OSError."""
        self._stream = open(path, "a", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115


class Log(Protocol):
    """What a plugin writes its lines with; the `[filter:grep:grep.0]` part is added for it."""

    def error(self, text: str) -> None:
        """Data is lost, or a person must act."""

    def warn(self, text: str) -> None:
        """Something is odd, nothing is lost."""

    def info(self, text: str) -> None:
        """A thing worth knowing."""

    def debug(self, text: str) -> None:
        """For the author of the configuration."""

    def raw(self, text: str) -> None:
        """A text as it is, whatever the level."""


class ComponentLog:
    """A Log that writes `prefix` before each line; `level` overrides the sink's when it is not None."""

    def __init__(self, sink: Sink, prefix: str = "", level: Level | None = None) -> None:
        self.sink, self.prefix, self.level = sink, prefix and prefix + " ", level

    def error(self, text: str) -> None:
        self._line(Level.ERROR, text)

    def warn(self, text: str) -> None:
        self._line(Level.WARN, text)

    def info(self, text: str) -> None:
        self._line(Level.INFO, text)

    def debug(self, text: str) -> None:
        self._line(Level.DEBUG, text)

    def raw(self, text: str) -> None:
        """Write text as it is, whatever the level."""
        self.sink.raw(text)

    def _line(self, level: Level, text: str) -> None:
        if level <= (self.sink.level if self.level is None else self.level):
            self.sink.counts[level] = self.sink.counts.get(level, 0) + 1
            self.sink.write(LABELS[level], self.prefix + text)

"""Make records up: the same one again and again.

Source: Fluent Bit 5.1.1. Not modelled: metadata goes nowhere (it is checked), test_hang_on_exit (accepted).
"""

from __future__ import annotations

import copy
import time
from typing import Any

from lab_helpers.router.core.loop import Timer
from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.parsing.json_reader import JsonIncompleteError, JsonInvalidError, read_arrived
from lab_helpers.router.plugin import Input, InputContext, InputPlugin
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import NS, Record

DEFAULT_RECORD = '{"message":"dummy"}'
UNRESOLVED = "environment variable resolution failed for {}, using default"
INCOMPLETE = "data is incomplete. Use default string."


class Dummy(Input):
    """The input: bodies and a timer."""

    def __init__(self, options: Options, context: InputContext) -> None:
        self._context = context
        self._bodies = _bodies(options["dummy"], context)
        texts = {"body": options["dummy"], "metadata": options["metadata"]}
        self._unreadable = [part for part, text in texts.items() if text and not _is_json(text)]
        if not options["metadata"]:
            context.log.warn(UNRESOLVED.format("metadata"))
        elif "metadata" in self._unreadable:
            context.log.warn(INCOMPLETE)
        self._samples, self._copies = options["samples"], options["copies"]
        self._made = 0
        self._interval_s = _interval_s(options)
        self._start_ns = _start_ns(options)
        self._is_fixed: bool = options["fixed_timestamp"]
        self._at_once: bool = options["flush_on_startup"]
        self._began_ns = time.time_ns()
        self._timer: Timer | None = None

    def start(self) -> None:
        """Start the timer."""
        if self._at_once:
            self._make()
        self.resume()

    def pause(self) -> None:
        """Make nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def resume(self) -> None:
        """Make records again."""
        if self._timer is None:
            self._timer = self._context.loop.call_every(self._interval_s, self._make)

    def stop(self) -> None:
        """Make nothing any more."""
        self.pause()

    def _make(self) -> None:
        if 0 < self._samples <= self._made:
            self.pause()
            return
        self._made += 1
        stamp = self._now_ns()
        for part in self._unreadable * (self._copies if self._made == 1 or not self._is_fixed else 0):
            self._context.log.warn(f"failed to parse JSON template, using cached {part}")
        records = [Record(stamp, copy.deepcopy(body)) for _ in range(self._copies) for body in self._bodies]
        if records:
            self._context.ingest(self._context.tag, Batch(records=records))
        else:
            self._context.log.error("log chunk size == 0")

    def _now_ns(self) -> int:
        if self._start_ns is None:
            return self._began_ns if self._is_fixed else time.time_ns()
        return self._start_ns if self._is_fixed else self._start_ns + time.time_ns() - self._began_ns


def _bodies(text: str, context: InputContext) -> list[dict[Any, Any]]:
    if not text:
        context.log.warn(UNRESOLVED.format("dummy message"))
        text = DEFAULT_RECORD
    elif not _is_json(text):
        context.log.warn(INCOMPLETE)
        text = DEFAULT_RECORD
    arrived = read_arrived(text.encode("utf-8", "surrogateescape"))
    return [document for document in arrived.documents if isinstance(document, dict)]


def _is_json(text: str) -> bool:
    """Whether the text is whole JSON documents and nothing else."""
    data = text.encode("utf-8", "surrogateescape")
    try:
        return not data[read_arrived(data).consumed :].strip()
    except (JsonIncompleteError, JsonInvalidError):
        return False


def _interval_s(options: Options) -> float:
    seconds, nanoseconds = options["interval_sec"], options["interval_nsec"]
    if min(seconds, nanoseconds) >= 0 and (seconds or nanoseconds):
        return float(seconds + nanoseconds / NS)
    return 1.0 / options["rate"] if options["rate"] > 1 else 1.0


def _start_ns(options: Options) -> int | None:
    seconds, nanoseconds = options["start_time_sec"], options["start_time_nsec"]
    if seconds < 0 and nanoseconds < 0:
        return None
    return int(max(0, seconds) * NS + max(0, nanoseconds))


PLUGIN = InputPlugin(
    "dummy",
    "Make records up: the same one again and again.",
    Dummy,
    (
        Option("samples", Kind.INTEGER, "Stop after so many times; 0 is never.", default="0"),
        Option("dummy", help="The record, a JSON object.", default=DEFAULT_RECORD),
        Option("metadata", help="A JSON object that outputs here do not show: checked, then left out.", default="{}"),
        Option("rate", Kind.INTEGER, "Times per second.", default="1"),
        Option("interval_sec", Kind.INTEGER, "Seconds between two times; overrides rate.", default="0"),
        Option("interval_nsec", Kind.INTEGER, "Nanoseconds on top of interval_sec.", default="0"),
        Option("copies", Kind.INTEGER, "Records each time.", default="1"),
        Option("start_time_sec", Kind.INTEGER, "Time of the first record, seconds since 1970.", default="-1"),
        Option("start_time_nsec", Kind.INTEGER, "Nanoseconds on top of start_time_sec.", default="-1"),
        Option("fixed_timestamp", Kind.FLAG, "All records have the same time.", default="off"),
        Option("flush_on_startup", Kind.FLAG, "Make the first record at once.", default="false"),
        Option("test_hang_on_exit", Kind.FLAG, "Accepted.", default="false"),
    ),
    config_error="",
)

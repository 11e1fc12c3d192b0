"""multiline.parser of the tail input: lines of one file joined to messages.

Source: Fluent Bit 4.2.8: a message of text lines ends with a line break; what is unfinished goes after four seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.multiline.multiline import MultilineError, find_parser
from lab_helpers.router.multiline.multiline_merge import Merger
from lab_helpers.router.plugin import InputContext, PluginInitError
from lab_helpers.router.records.record import Record
from lab_helpers.router.tail.tail_file import Line, TailFile

FLUSH_S = 4.0
TEXT = "log"  # the key of a text line on its way through the merger


class TailMultiline:
    """The merger of one tail input, a stream for each file; `ingest(tag, records)` gets what is whole."""

    def __init__(
        self, names: list[str], context: InputContext, key: str, ingest: Callable[[str, list[Record]], None]
    ) -> None:
        log = ComponentLog(context.service.sink)
        try:
            parsers = [find_parser(name, context.service, log) for name in names]
        except MultilineError as exc:
            raise PluginInitError(*exc.lines) from exc
        self._reads_text = all(parser.key_content is None for parser in parsers)
        with_key = [replace(parser, key_content=parser.key_content or TEXT) for parser in parsers]
        self._merger = Merger(with_key, self._collect, log, takes_text=True)
        self._key, self._ingest, self._log = key, ingest, context.log
        self._done: dict[str, list[Record]] = {}
        self._tags: dict[str, str] = {}
        self._timer = context.loop.call_every(FLUSH_S, self._flush)

    def append(self, tag: str, file: TailFile, line: Line) -> None:
        """Take a line."""
        self._tags[file.path] = tag
        if self._merger.append(file.path, Record(time.time_ns(), {TEXT: line.text})):
            self._log.warn("multiline message truncated due to buffer limit")

    def hand_over(self) -> None:
        """Ingest what is whole."""
        done, self._done = self._done, {}
        for tag, records in done.items():
            self._ingest(tag, records)

    def stop(self) -> None:
        """Let go of everything."""
        self._timer.cancel()
        self._flush()

    def _flush(self) -> None:
        self._merger.flush()
        self.hand_over()

    def _collect(self, path: str, record: Record) -> None:
        body = record.body
        if set(body) == {TEXT} and not body[TEXT]:
            return  # an empty line that belongs to nothing
        if set(body) == {TEXT}:
            text = body[TEXT] if body[TEXT].endswith("\n") or not self._reads_text else body[TEXT] + "\n"
            body = {self._key: text}
        self._done.setdefault(self._tags[path], []).append(Record(record.time_ns, body))

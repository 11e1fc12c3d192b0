"""Append records to files.

Source: Fluent Bit 4.2.8: without Format a line is `TAG: [SECONDS.NANOSECONDS, JSON]`; without File the tag, made
harmless, is the file's name. As there, a delimiter that is not one of the named ones is ignored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from lab_helpers.router.core.c_string import c_string
from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, OutputPlugin, PluginInitError
from lab_helpers.router.plugins.out_stdout import show
from lab_helpers.router.records import json_text
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.record import NS, Record, encode

DELIMITERS = {"\\t": "\t", "tab": "\t", "space": " ", "comma": ","}
DEFAULT_DELIMITERS = {"csv": ",", "ltsv": "\t"}
FORMATS = ("out_file", "csv", "ltsv", "plain", "msgpack", "template")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class File(Output):
    """The output."""

    def __init__(self, options: Options, context: OutputContext) -> None:
        self._log, self._escapes = context.log, context.service.escape_unicode
        self._format = (options["format"] or "out_file").lower()
        if self._format not in FORMATS:
            raise PluginInitError(f"unknown format {options['format']}. abort.")
        self._path, self._file = options["path"], options["file"]
        self._makes_folders: bool = options["mkdir"]
        self._column_names: bool = options["csv_column_names"]
        self._template: str = options["template"]
        self._delimiter = _delimiter(options["delimiter"]) or DEFAULT_DELIMITERS.get(self._format, "")
        self._label_delimiter = _delimiter(options["label_delimiter"]) or ":"

    def flush(self, chunk: Chunk) -> FlushResult:
        """Append the chunk in one write."""
        path = self._path_for(chunk.tag)
        try:
            if self._makes_folders and os.path.dirname(path):
                os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            with open(path, "ab") as file:
                file.write(self._render(chunk))
        except OSError as exc:
            self._log.error(f"error opening: {path}")
            self._log.info(f"[{self._format}] {path}: {exc.strerror}")
            return FlushResult.ERROR
        return FlushResult.OK

    def stop(self) -> None:
        """Nothing is held."""

    def _path_for(self, tag: str) -> str:
        name = self._file or harmless(c_string(tag))
        return f"{self._path}/{name}" if self._path else name

    def _render(self, chunk: Chunk) -> bytes:
        if self._format == "msgpack":
            return encode(chunk.records())
        if self._format == "plain":
            return b"".join(b"%b\n" % line for line in chunk.json_lines())
        if self._format == "out_file":
            return self._tagged(chunk)
        line: Callable[[Record], str] = {"csv": self._csv, "ltsv": self._ltsv, "template": self._filled}[self._format]
        lines = [line(record) for record in chunk.records()]
        if self._format == "csv" and self._column_names and chunk.records() and chunk.records()[0].body:
            lines.insert(0, self._header(chunk.records()[0]))  # of each chunk, whatever the file holds, as there
        return "".join(lines).encode("utf-8", "surrogateescape")

    def _tagged(self, chunk: Chunk) -> bytes:
        tag = c_string(chunk.tag).encode("utf-8", "surrogateescape")
        return b"".join(
            b"%b: [%d.%09d, %b]\n" % (tag, stamp // NS, stamp % NS, json_text.dumps(body, self._escapes))
            for stamp, body in chunk.records()
        )

    def _header(self, record: Record) -> str:
        return self._delimiter.join(["timestamp", *(show(key) for key in record.body)]) + "\n"

    def _csv(self, record: Record) -> str:
        stamp = f"{record.time_ns // NS}.{record.time_ns % NS:09d}"
        values = [show(value) for value in record.body.values()]
        return self._delimiter.join([stamp, *values]) + "\n" if values else ""

    def _ltsv(self, record: Record) -> str:
        if not record.body:
            return ""
        pairs = [('"time"', f"{record.time_ns / NS:f}"), *((show(key), show(v)) for key, v in record.body.items())]
        return self._delimiter.join(f"{key}{self._label_delimiter}{value}" for key, value in pairs) + "\n"

    def _filled(self, record: Record) -> str:
        def value(found: re.Match[str]) -> str:
            if "time".startswith(found[1]):  # Fluent Bit compares as many letters as the placeholder has
                return f"{record.time_ns / NS:f}"
            if found[1] not in record.body:
                return found[0]
            inside: Any = record.body[found[1]]
            return inside if isinstance(inside, str) else show(inside)

        return _PLACEHOLDER.sub(value, self._template) + "\n"


def harmless(tag: str) -> str:
    """Return the tag as a path below the folder: `..` and odd letters become `_`."""
    parts = [part for part in re.split(r"[/\\]+", tag) if part]
    safe = ["_" if part in (".", "..") else re.sub(r"[^A-Za-z0-9_.-]", "_", part) for part in parts]
    return "/".join(safe) or "_"


def _delimiter(text: str | None) -> str:
    return DELIMITERS.get(text.lower(), "") if text else ""


PLUGIN = OutputPlugin(
    "file",
    "Append records to files.",
    File,
    (
        Option("path", help="Folder of the files."),
        Option("file", help="Name of the file; the tag where it is not set."),
        Option("format", help="out_file (default), plain, csv, ltsv, template or msgpack."),
        Option("delimiter", help="csv, ltsv: tab, space or comma."),
        Option("label_delimiter", help="ltsv: between key and value: tab, space or comma; `:` where it is not set."),
        Option("template", help="template: text with {key} and {time}.", default="{time} {message}"),
        Option("csv_column_names", Kind.FLAG, "csv: write the first record's keys before each chunk.", default="false"),
        Option("mkdir", Kind.FLAG, "Make missing folders.", default="false"),
    ),
    config_error="",
)

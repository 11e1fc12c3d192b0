"""Print records on standard output.

Source: Fluent Bit 4.2.8 (the msgpack-like default form, json, json_lines, json_stream).
"""

from __future__ import annotations

import os
from typing import Any

import msgpack

from lab_helpers.router.core.c_string import c_string
from lab_helpers.router.core.options import Option, Options, to_flag
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, OutputPlugin
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.json_format import DATE_FORMATS, FORMATS, Format
from lab_helpers.router.records.record import NS, OddKey

STDOUT = 1


class Stdout(Output):
    """The output."""

    def __init__(self, options: Options, context: OutputContext) -> None:
        form = (options["format"] or "msgpack").lower()
        if form not in ("msgpack", *FORMATS):
            context.log.error("unrecognized 'format' option. Using 'msgpack'")
            form = "msgpack"
        date_format = options["json_date_format"] or "double"
        if date_format not in DATE_FORMATS:
            context.log.error(f"invalid json_date_format '{date_format}'. Using 'double' type")
            date_format = "double"
        key = options["json_date_key"]
        date_key = None if to_flag(key) is False else key
        self._format = (
            None if form == "msgpack" else Format(form, date_key, date_format, context.service.escape_unicode)
        )

    def flush(self, chunk: Chunk) -> FlushResult:
        """Print the chunk's records in one write."""
        if self._format is not None:
            text = self._format.render(chunk)
            ending = b"" if self._format.kind == "json_lines" else b"\n"
            write_all(text + ending)
        else:
            tag = c_string(chunk.tag)
            lines = [
                f"[{at}] {tag}: [[{stamp // NS}.{stamp % NS:09d}, {{}}], {show(body)}]\n"
                for at, (stamp, body) in enumerate(chunk.records())
            ]
            write_all("".join(lines).encode("utf-8", "surrogateescape"))
        return FlushResult.OK

    def stop(self) -> None:
        """Nothing is held."""


def write_all(data: bytes) -> None:
    """Write everything to standard output."""
    view = memoryview(data)
    while view:
        view = view[os.write(STDOUT, view) :]


def show(value: Any) -> str:
    """Return a value as msgpack-c prints it: `{"log"=>"text", "n"=>1}`."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(key)}=>{show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, msgpack.ExtType):
        return f"(ext: {value.code})" + '"' + "".join(f"\\x{byte:02x}" for byte in value.data) + '"'
    if isinstance(value, OddKey):
        return show(value.value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(show(item) for item in value) + "]"
    if isinstance(value, bytes):
        return '"' + "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in value) + '"'
    if isinstance(value, float):
        return f"{value:f}"
    return {None: "nil", True: "true", False: "false"}.get(value) or str(value) if not _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


PLUGIN = OutputPlugin(
    "stdout",
    "Print records on standard output.",
    Stdout,
    (
        Option("format", help="msgpack (default), json, json_lines or json_stream."),
        Option("json_date_format", help="double, epoch, epoch_ms, iso8601 or java_sql_timestamp."),
        Option("json_date_key", help="Key of the time in JSON; false leaves it out.", default="date"),
    ),
    config_error="",
)

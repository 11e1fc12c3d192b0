"""Throw records away. Source: Fluent Bit 4.2.8."""

from __future__ import annotations

from lab_helpers.router.core.options import Option, Options
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, OutputPlugin
from lab_helpers.router.records.buffer import Chunk


class Null(Output):
    """The output."""

    def __init__(self, _options: Options, _context: OutputContext) -> None:
        pass

    def flush(self, _chunk: Chunk) -> FlushResult:
        """Do nothing with the records."""
        return FlushResult.OK

    def stop(self) -> None:
        """Do nothing."""


PLUGIN = OutputPlugin(
    "null",
    "Throw records away.",
    Null,
    (
        Option("format", help="Accepted, without effect."),
        Option("json_date_format", help="Accepted, without effect."),
        Option("json_date_key", help="Accepted, without effect.", default="date"),
    ),
    config_error="",
)

"""Print how many records each flush brought, and how many there were so far.

Source: Fluent Bit 4.2.8.
"""

from __future__ import annotations

import time

from lab_helpers.router.core.options import Options
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, OutputPlugin
from lab_helpers.router.plugins.out_stdout import write_all
from lab_helpers.router.records.buffer import Chunk


class Counter(Output):
    """The output: a running total."""

    def __init__(self, _options: Options, _context: OutputContext) -> None:
        self._total = 0

    def flush(self, chunk: Chunk) -> FlushResult:
        """Print `TIME,COUNT (total = TOTAL)`."""
        count = len(chunk.records())
        self._total += count
        write_all(f"{time.time():f},{count} (total = {self._total})\n".encode())
        return FlushResult.OK

    def stop(self) -> None:
        """Nothing is held."""


PLUGIN = OutputPlugin(
    "counter",
    "Print how many records each flush brought.",
    Counter,
    config_error="unable to load configuration",
)

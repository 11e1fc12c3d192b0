"""Fast byte readers of what most log lines look like, behind one function: `Scanner.scan`.

One line of an object, and the places that the readers go by (each a row of an array, all lines at once):

    {"source": "stdout", "log": "10.0.1.2 - - [07/Nov/2021:09:14:02 +0000] \\"GET /?id=7 HTTP/1.1\\" 200 45", …}
    |                            |       |                                    |  |      |                | |
    start                        begin   host_end                             +36       target_end
                                                                                 method_end       size_at   end

    start  .. begin        template.prefix
    begin  .. host_end     the host, 1 to 15 bytes
    host_end .. +36        ` - - [07/Nov/2021:09:14:02 +0000] \\"`: always as long
    +36    .. method_end   the method, 1 to 7 bytes; behind it a blank, and the target up to target_end
    target_end .. size_at  ` HTTP/1.1\\" 200 `: 16 bytes
    size_at .. end         the size, 1 to 7 bytes; from there to the newline template.suffix

record_templates: all before and behind the log's text, which is the same for all records of a task.
access_anchors: usual access-log lines, by words at known distances from `host_end` and from `end`.
access_matrix: the other access-log lines, byte by byte. record_scan: puts both together.
byte_columns, byte_words: bytes as numpy arrays, eight at a time, and what is cut out of them as Arrow columns.

What is not exactly as expected is left over for the readers in `lab_helpers.logs`, which read everything: with
LAB_FAST_READERS=off, or without this folder, they do, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab_helpers.logs.fast import record_scan
from lab_helpers.logs.fast.byte_columns import Buffer, Scratch
from lab_helpers.logs.fast.record_scan import Regular
from lab_helpers.logs.fast.record_templates import Template

__all__ = ["Regular", "Scanner"]


class Scanner:
    """Reads the regular records of texts; what it learns from one (templates) serves the next. Threads may share it."""

    def __init__(self) -> None:
        self._templates: list[Template] = []
        self._scratch = Scratch()

    def scan(self, parts: Iterable[bytes]) -> Regular:
        """Return what could be read of newline-delimited records, and the lines that are left."""
        return record_scan.scan(Buffer(parts, self._scratch), self._templates)

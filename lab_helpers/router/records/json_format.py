"""Records as JSON documents with their time inside: `json`, `json_lines`, `json_stream`, and the date formats.

Source: Fluent Bit 4.2.8: the date is the first key; double has up to %.16g digits; fractions are six digits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.json_text import careful, dumps, number
from lab_helpers.router.records.record import NS, Record

FORMATS = ("json", "json_lines", "json_stream")


def _formatted(layout: str, ending: str) -> Callable[[int], str]:
    def render(time_ns: int) -> str:
        stamp = time.strftime(layout, time.gmtime(time_ns // NS))
        return f'"{stamp}.{time_ns % NS // 1000:06d}{ending}"'

    return render


DATE_FORMATS: dict[str, Callable[[int], str]] = {
    "double": lambda time_ns: number(time_ns // NS + time_ns % NS / NS),
    "java_sql_timestamp": _formatted("%Y-%m-%d %H:%M:%S", ""),
    "iso8601": _formatted("%Y-%m-%dT%H:%M:%S", "Z"),
    "epoch": lambda time_ns: str(time_ns // NS),
    "epoch_ms": lambda time_ns: str(time_ns // 1_000_000),
    "epoch_millis": lambda time_ns: str(time_ns // 1_000_000),
    "epoch_milliseconds": lambda time_ns: str(time_ns // 1_000_000),
}


@dataclass(frozen=True)
class Format:
    """How to write records: `kind` is one of FORMATS, `date_key` None leaves the time out."""

    kind: str
    date_key: str | None
    date_format: str = "double"
    escape_unicode: bool = True

    def render(self, chunk: Chunk) -> bytes:
        """Return the chunk's records as one text; json_lines ends each line with a newline."""
        if self.date_key is None:
            documents = chunk.json_lines()
        else:
            documents = [self.document(record) for record in chunk.records()]
        if self.kind == "json":
            return b"[" + b",".join(documents) + b"]"
        return b"".join(documents) if self.kind == "json_stream" else b"".join(b"%b\n" % one for one in documents)

    def document(self, record: Record) -> bytes:
        """Return one record."""
        if self.date_key is None:
            return dumps(record.body, self.escape_unicode)
        body: dict[Any, Any] = record.body
        rest = dumps({key: value for key, value in body.items() if key != self.date_key}, self.escape_unicode)
        if self.date_key in body:  # the key occurs twice then: the record's own, later one wins
            return dumps(body, self.escape_unicode)
        head = f"{{{careful(self.date_key, self.escape_unicode)}:{DATE_FORMATS[self.date_format](record.time_ns)}"
        return head.encode() + (b"," + rest[1:] if len(rest) > 2 else b"}")

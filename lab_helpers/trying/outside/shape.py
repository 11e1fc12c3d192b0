"""What a shape is: words for a body, and the bodies of one chunk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab_helpers.router.records.json_text import dumps
from lab_helpers.router.records.record import NS, Record

Options = Mapping[str, Any]
Body = dict[Any, Any]


@dataclass(frozen=True)
class Shape:
    """How an output writes: `form` in words, `requests(tag, records)` gives the bodies of one chunk."""

    form: str
    requests: Callable[[str, Sequence[Record]], Iterable[str]]


def text(value: Any) -> str:
    """Return JSON as Fluent Bit writes it."""
    return dumps(value).decode("utf-8", "replace")


def seconds(record: Record) -> float:
    """Return the time as the real one's double."""
    return record.time_ns // NS + record.time_ns % NS / NS


def milliseconds(record: Record) -> int:
    """Return the time in milliseconds, rounded down."""
    return record.time_ns // 1_000_000


def formatted(record: Record, layout: str) -> str:
    """Return the time in UTC, in strftime's letters."""
    return time.strftime(layout, time.gmtime(record.time_ns // NS))


def one_array(entry: Callable[[str, Record], Body]) -> Callable[[str, Sequence[Record]], list[str]]:
    """Return what makes one JSON array of a chunk."""
    return lambda tag, records: [text([entry(tag, each) for each in records])]

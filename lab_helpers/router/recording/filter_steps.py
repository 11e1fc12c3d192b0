"""What each filter made of the records that it was given, kept in a file: for the first records of a trial only.

There only where the environment variable RECORD_IN names a folder, like the recorder of outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import msgpack

from lab_helpers.router.plugin import Filter
from lab_helpers.router.records import json_text
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import Record, decode, encode

MOST_RECORDS = 1000
"""How many records are followed, each counted once a filter."""
_FILE = "filter.steps"


@dataclass(frozen=True)
class Step:
    """One filter's work on the records of one tag; `place` is its own in the configuration, from 0, of `filters`."""

    place: int
    filters: int
    tag: str
    before: tuple[Record, ...]
    after: tuple[Record, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it; bodies are the texts that the router would write."""
        before, after = ([_text(body) for _, body in found] for found in (self.before, self.after))
        return {"filter": self.place, "tag": self.tag, "before": before, "after": after}


def _text(body: Any) -> str:
    return json_text.dumps(body).decode("utf-8", "surrogateescape")


class _Witness:
    """A filter that does what another does, and writes down what went in and what came out."""

    def __init__(self, place: int, step: Filter, file: _StepsFile) -> None:
        self._place, self._step, self._file = place, step, file

    def filter(self, tag: str, records: list[Record]) -> list[Record] | None:
        return self._step.filter(tag, records)

    def filter_batch(self, tag: str, batch: Batch) -> None:
        number = self._file.take(batch.count)
        if number is None:
            self._step.filter_batch(tag, batch)
            return
        before = encode(batch.records())
        self._step.filter_batch(tag, batch)
        self._file.write(number, self._place, tag, before, encode(batch.records()) if batch.count else b"")

    def stop(self) -> None:
        self._step.stop()


class _StepsFile:
    """The file, shared by all filters; what a filter puts in again is filtered before that filter is done."""

    def __init__(self, file: Path, filters: int) -> None:
        self._file, self._filters, self._numbers, self._left = file, filters, count(), MOST_RECORDS

    def take(self, records: int) -> int | None:
        """Return the number of the next step; None where too many records have been followed."""
        self._left -= records
        return next(self._numbers) if self._left >= 0 else None

    def write(self, number: int, place: int, tag: str, before: bytes, after: bytes) -> None:
        with self._file.open("ab") as file:
            step = [number, place, self._filters, tag, before, after]
            file.write(msgpack.packb(step, unicode_errors="surrogateescape"))


def witnessed(filters: Sequence[Filter], folder: Path) -> list[Filter]:
    """Return the filters so that what they do is kept in the folder."""
    file = _StepsFile(folder / _FILE, len(filters))
    return [_Witness(place, one, file) for place, one in enumerate(filters)]


def steps(folder: Path) -> Iterator[Step]:
    """Return what was kept in a folder, in the order in which the filters began."""
    file = folder / _FILE
    if not file.is_file():
        return
    unpacker = msgpack.Unpacker(unicode_errors="surrogateescape", max_buffer_size=0x7FFF_FFFF)
    unpacker.feed(file.read_bytes())
    for _, place, filters, tag, before, after in sorted(unpacker):
        yield Step(place, filters, tag, tuple(decode(before)), tuple(decode(after)))

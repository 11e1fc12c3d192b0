"""Results as files: a query's rows are written in blocks as they come, and read again a page at a time.

Source: Athena's user guide, "Working with query results": CSV with every value in quotes, NULL as nothing at all.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from lab_helpers.base.paths import inside
from lab_helpers.local_aws.athena.result import Columns, Result, Row

KEPT_ROWS, KEPT_BYTES = 1000, 1 << 18
"""A result of at most one page and so many bytes is kept with its query; a larger one is its file alone."""
_MARK_EVERY = 1000
"""Rows from one place that is known in a file to the next: a page of GetQueryResults."""
_CELL = re.compile(r'("[^"]*(?:""[^"]*)*")?([,\n])')

Fetch = Callable[[BinaryIO], None]
"""Writes a result's object into a file."""


class ResultFiles:
    """The files of results, by the ids of their queries, in a folder that SQL does not see; owner of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Return where a query's file is."""
        return inside(self._folder, f"{name}.csv")

    def write(self, name: str, columns: Columns, blocks: Iterable[list[Row]]) -> Result:
        """Write a file as its rows come, and return the result; one block is held in memory, no file is left half."""
        self._folder.mkdir(parents=True, exist_ok=True)
        kept: list[Row] = []
        marks, count = [], 0
        try:
            with self.path(name).open("wb") as file:
                file.write(_line(tuple(column for column, _ in columns)))
                for row in (row for block in blocks for row in block):
                    if count % _MARK_EVERY == 0:
                        marks.append(file.tell())
                    file.write(_line(row))
                    count += 1
                    if count <= KEPT_ROWS and file.tell() <= KEPT_BYTES:
                        kept.append(row)
                marks.append(file.tell())
        except BaseException:
            self.forget(name)
            raise
        if len(kept) == count:
            return Result(columns, kept)
        return Result(columns, [], marks=tuple(marks), count=count)

    def rows(self, name: str, result: Result, begin: int, end: int, fetch: Fetch) -> list[Row]:
        """Return the rows from `begin` up to `end` of a result; `fetch` is asked for a file that is not there."""
        if not result.marks:
            return result.rows[begin:end]
        path = self.path(name)
        if not path.exists():
            self._fetch(path, fetch)
        begin, end = max(begin, 0), min(end, result.count)
        if begin >= end:
            return []
        first, last = begin // _MARK_EVERY, -(-end // _MARK_EVERY)
        with path.open("rb") as file:
            file.seek(result.marks[first])
            text = file.read(result.marks[last] - result.marks[first]).decode()
        skipped = first * _MARK_EVERY
        return list(_parsed(text))[begin - skipped : end - skipped]

    def forget(self, name: str) -> None:
        """Remove a query's file; none is no error."""
        self.path(name).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove all files: what was put to S3 is fetched again when it is asked for."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _fetch(self, path: Path, fetch: Fetch) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{uuid.uuid4().hex}")  # two may ask at once
        try:
            with partial.open("wb") as file:
                fetch(file)
            partial.replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()


def as_file(result: Result) -> bytes:
    """Return the file of a result that is kept whole."""
    names = tuple(name for name, _ in result.columns)
    return b"".join(_line(row) for row in (names, *result.rows))


def _line(row: Row) -> bytes:
    cells = ("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row)
    return (",".join(cells) + "\n").encode()


def _parsed(text: str) -> Iterator[Row]:
    row: list[str | None] = []
    for found in _CELL.finditer(text):
        cell, end = found.groups()
        row.append(None if cell is None else cell[1:-1].replace('""', '"'))
        if end == "\n":
            yield tuple(row)
            row = []

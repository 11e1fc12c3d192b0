"""DuckDB as Athena's engine: views over files, a query, its rows as Athena prints them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from lab_helpers.local_aws.athena.catalogue import CatalogueTable
from lab_helpers.local_aws.athena.objects import LocalFile
from lab_helpers.local_aws.athena.result import Result, athena_type, column_name, printed

MEMORY_LIMIT = "400MB"
THREADS = 2
MOST_RESULT_BYTES = 64 << 20
"""Of one result, as text: it is held in memory until it is in its file."""
MOST_SECONDS = 300
MOST_SPILLED = "1GB"
BLOCK_ROWS, ROW_BYTES = 512, 64
_CANCEL_EVERY_S, _CANCEL_TRIES = 0.05, 100
_MAX_RECORD_BYTES = 2 << 20
"""Twice Firehose's largest record; DuckDB sets aside a multiple of it for each thread."""


class TooMuchError(Exception):
    """A query is larger or longer than it may be here; the text says the bound."""


class Engine:
    """One DuckDB connection for one query; it may read only `folder`."""

    def __init__(self, folder: Path) -> None:
        self._connection = duckdb.connect(":memory:")
        self._folder = folder
        self._cancelled, self._closed = threading.Event(), threading.Event()

    def add_table(self, view: str, table: CatalogueTable, files: Sequence[LocalFile]) -> None:
        """Make a view of a table over its files."""
        connection = self._connection
        keys = ", ".join(f'"{key}" VARCHAR' for key in table.partition_keys)
        connection.execute(f"CREATE TEMP TABLE {view}_files (file VARCHAR{', ' + keys if keys else ''})")
        if files:
            places = ", ".join("?" * (1 + len(table.partition_keys)))
            rows = [[str(file.path), *file.partition] for file in files]
            connection.executemany(f"INSERT INTO {view}_files VALUES ({places})", rows)
        columns = ", ".join(f"r.{_quoted(name)}" for name in table.columns)
        values = "".join(
            f", CAST(f.{_quoted(key)} AS {kind}) AS {_quoted(key)}" for key, kind in table.partition_keys.items()
        )
        source = self._reader(table, files) if files else _no_rows(table)
        rows_of_files = f"{source} r JOIN {view}_files f ON r.filename = f.file"
        connection.execute(f"CREATE TEMP VIEW {view} AS SELECT {columns}{values} FROM {rows_of_files}")

    def run(self, sql: str) -> Result:
        """Run a query. Raises duckdb.Error."""
        self._confine()
        if self._cancelled.is_set():
            raise duckdb.InterruptException("cancelled before it ran")
        overdue = threading.Timer(MOST_SECONDS, self._connection.interrupt)
        overdue.daemon = True
        overdue.start()
        started = time.monotonic()
        try:
            return self._fetched(self._connection.execute(sql))
        except duckdb.InterruptException as exc:
            if time.monotonic() - started < MOST_SECONDS or self._cancelled.is_set():
                raise
            raise TooMuchError(f"Query exhausted time limit: it ran for {MOST_SECONDS} s") from exc
        finally:
            overdue.cancel()

    def _fetched(self, cursor: Any) -> Result:
        """Fetch block by block: what Python holds is outside of DuckDB's own limit."""
        described = enumerate(cursor.description or ())
        kinds = tuple((column_name(column[0], at), athena_type(str(column[1]))) for at, column in described)
        rows: list[tuple[str | None, ...]] = []
        size_bytes = 0
        while block := cursor.fetchmany(BLOCK_ROWS):
            if self._cancelled.is_set():
                raise duckdb.InterruptException("cancelled while it was fetched")
            for row in block:
                told = tuple(printed(value) for value in row)
                size_bytes += ROW_BYTES + sum(len(value) for value in told if value)
                rows.append(told)
            if size_bytes > MOST_RESULT_BYTES:
                bound = f"{MOST_RESULT_BYTES >> 20} MiB"
                raise TooMuchError(f"Query exhausted resources at this scale factor: its result is larger than {bound}")
        return Result(kinds, rows)

    def matching(self, values: Sequence[tuple[str, ...]], keys: Sequence[str], condition: str) -> set[tuple[str, ...]]:
        """Those of the partition values (in the order of `keys`) that satisfy a condition."""
        if not values:
            return set()
        rows = ", ".join("(" + ", ".join("?" * len(keys)) + ")" for _ in values)
        names = ", ".join(_quoted(key) for key in keys)
        flat = [value for row in values for value in row]
        found = self._connection.execute(f"SELECT * FROM (VALUES {rows}) p({names}) WHERE {condition}", flat).fetchall()
        return {tuple(map(str, row)) for row in found}

    def cancel(self) -> None:
        """End the query, whatever it is at; returns when the engine is closed, after some seconds at most."""
        self._cancelled.set()
        for _ in range(_CANCEL_TRIES):
            # DuckDB forgets an interrupt that comes a moment before the query begins
            self._connection.interrupt()
            if self._closed.wait(_CANCEL_EVERY_S):
                return

    def close(self) -> None:
        """Release the connection; safe twice."""
        self._closed.set()
        self._connection.close()

    def _reader(self, table: CatalogueTable, files: Sequence[LocalFile]) -> str:
        paths = ", ".join(_text(str(file.path)) for file in files)
        columns = ", ".join(f"{_quoted(name)}: {_text(kind)}" for name, kind in table.columns.items())
        options = f"format='newline_delimited', filename=true, maximum_object_size={_MAX_RECORD_BYTES}"
        skip = ", ignore_errors=true" if table.skips_malformed else ""
        return f"read_json([{paths}], columns={{{columns}}}, {options}{skip})"

    def _confine(self) -> None:
        """From here on SQL reaches nothing but the table's files."""
        for setting in (
            f"SET memory_limit='{MEMORY_LIMIT}'",
            f"SET threads={THREADS}",
            "SET TimeZone='UTC'",
            f"SET temp_directory={_text(str(self._folder / 'spill'))}",
            f"SET allowed_directories=[{_text(str(self._folder))}]",
            f"SET max_temp_directory_size='{MOST_SPILLED}'",
            "SET enable_external_access=false",
            "SET lock_configuration=true",
        ):
            self._connection.execute(setting)


@contextmanager
def opened(folder: Path) -> Iterator[Engine]:
    """An engine for the length of a block."""
    engine = Engine(folder)
    try:
        yield engine
    finally:
        engine.close()


def _no_rows(table: CatalogueTable) -> str:
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {_quoted(name)}" for name, kind in table.columns.items())
    return f"(SELECT {columns}, '' AS filename WHERE false)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

"""DuckDB as Athena's engine, in a process of its own: views over files, a query, its rows as Athena prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab_helpers.local_aws.athena.catalogue import CatalogueTable
from lab_helpers.local_aws.athena.objects import LocalFile
from lab_helpers.local_aws.athena.result import Result, athena_type, column_name
from lab_helpers.local_aws.duck.literals import identifier, literal
from lab_helpers.local_aws.duck.processes import CancelledError, Worker, Workers, confined

_PRINTED_BY = "lab_helpers.local_aws.athena.result:printed"
_MAX_RECORD_BYTES = 2 << 20
"""Twice Firehose's largest record; DuckDB sets aside a multiple of it for each thread."""


class Engine:
    """One DuckDB connection for one query. Its calls raise SqlError, TooMuchError and CancelledError."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def add_table(self, view: str, table: CatalogueTable, files: Sequence[LocalFile]) -> None:
        """Make a view of a table over its files."""
        keys = ", ".join(f"{identifier(key)} VARCHAR" for key in table.partition_keys)
        self._worker.execute(f"CREATE TEMP TABLE {view}_files (file VARCHAR{', ' + keys if keys else ''})")
        if files:
            places = ", ".join("?" * (1 + len(table.partition_keys)))
            rows = [[str(file.path), *file.partition] for file in files]
            self._worker.execute(f"INSERT INTO {view}_files VALUES ({places})", rows)
        columns = ", ".join(f"r.{identifier(name)}" for name in table.columns)
        values = "".join(
            f", CAST(f.{identifier(key)} AS {kind}) AS {identifier(key)}" for key, kind in table.partition_keys.items()
        )
        source = self._reader(table, files) if files else _no_rows(table)
        rows_of_files = f"{source} r JOIN {view}_files f ON r.filename = f.file"
        self._worker.execute(f"CREATE TEMP VIEW {view} AS SELECT {columns}{values} FROM {rows_of_files}")

    def run(self, sql: str) -> Result:
        """Run a query."""
        columns, rows = self._worker.select(sql, _PRINTED_BY)
        described = enumerate(columns)
        return Result(tuple((column_name(name, at), athena_type(kind)) for at, (name, kind) in described), rows)

    def matching(self, values: Sequence[tuple[str, ...]], keys: Sequence[str], condition: str) -> set[tuple[str, ...]]:
        """Those of the partition values (in the order of `keys`) that satisfy a condition."""
        if not values:
            return set()
        rows = ", ".join("(" + ", ".join("?" * len(keys)) + ")" for _ in values)
        names = ", ".join(identifier(key) for key in keys)
        flat = [value for row in values for value in row]
        asked = f"SELECT * FROM (VALUES {rows}) p({names}) WHERE {condition}"
        _, found = self._worker.select(asked, _PRINTED_BY, flat)
        return {tuple(str(value) for value in row) for row in found}

    def cancel(self) -> None:
        """End the query at once, whatever it is at."""
        self._worker.kill(CancelledError("cancelled"))

    def _reader(self, table: CatalogueTable, files: Sequence[LocalFile]) -> str:
        paths = ", ".join(literal(str(file.path)) for file in files)
        columns = ", ".join(f"{identifier(name)}: {literal(kind)}" for name, kind in table.columns.items())
        options = f"format='newline_delimited', filename=true, maximum_object_size={_MAX_RECORD_BYTES}"
        skip = ", ignore_errors=true" if table.skips_malformed else ""
        return f"read_json([{paths}], columns={{{columns}}}, {options}{skip})"


@contextmanager
def opened(workers: Workers, folder: Path) -> Iterator[Engine]:
    """An engine for the length of a block; SQL reaches nothing but the files in `folder`."""
    with workers.one() as worker, worker.session(confined(workers.bounds, folder)):
        yield Engine(worker)


def _no_rows(table: CatalogueTable) -> str:
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in table.columns.items())
    return f"(SELECT {columns}, '' AS filename WHERE false)"

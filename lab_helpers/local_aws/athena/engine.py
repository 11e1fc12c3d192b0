"""DuckDB as Athena's engine, in a process of its own: views over files, a query, its rows as Athena prints them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab_helpers.local_aws.athena import catalogue
from lab_helpers.local_aws.athena.catalogue import CatalogueTable
from lab_helpers.local_aws.athena.hive_types import COMPLEX
from lab_helpers.local_aws.athena.objects import LocalFile
from lab_helpers.local_aws.athena.result import PATH, Columns, Row, athena_type, column_name
from lab_helpers.local_aws.duck.literals import identifier, literal
from lab_helpers.local_aws.duck.processes import CancelledError, Worker, Workers, confined

_PRINTED_BY = "lab_helpers.local_aws.athena.result:printed"
_TRINO_DIVISION = "SET integer_division=true"
"""5 / 2 is 2."""
BACKSLASH_N = "\\N"
_MAX_RECORD_BYTES = 2 << 20
"""Twice Firehose's largest record; DuckDB sets aside a multiple of it for each thread."""


class Engine:
    """One DuckDB connection for one query. Its calls raise SqlError, TooMuchError and CancelledError."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def add_table(
        self, view: str, table: CatalogueTable, files: Sequence[LocalFile], *, with_paths: bool = False
    ) -> None:
        """Make a view of a table over its files, with their S3 URIs as "$path" where that is asked for."""
        keys = "".join(f", {identifier(key)} VARCHAR" for key in table.partition_keys)
        self._worker.execute(f"CREATE TEMP TABLE {view}_files (file VARCHAR, uri VARCHAR{keys})")
        if files:
            places = ", ".join("?" * (2 + len(table.partition_keys)))
            rows = [[str(file.path), file.uri, *file.partition] for file in files]
            self._worker.execute(f"INSERT INTO {view}_files VALUES ({places})", rows)
        columns = ", ".join(f"r.{identifier(name)}" for name in table.columns)
        values = "".join(
            f", CAST(f.{identifier(key)} AS {kind}) AS {identifier(key)}" for key, kind in table.partition_keys.items()
        )
        path = f", f.uri AS {identifier(PATH)}" if with_paths else ""
        source = self._reader(table, files) if files else _no_rows(table)
        rows_of_files = f"{source} r JOIN {view}_files f ON r.filename = f.file"
        self._worker.execute(f"CREATE TEMP VIEW {view} AS SELECT {columns}{values}{path} FROM {rows_of_files}")

    def add_rows(self, view: str, columns: Mapping[str, str], rows: Sequence[Sequence[str | int | None]]) -> None:
        """Make a table of rows."""
        described = ", ".join(f"{identifier(name)} {kind}" for name, kind in columns.items())
        self._worker.execute(f"CREATE TEMP TABLE {view} ({described})")
        if rows:
            self._worker.execute(f"INSERT INTO {view} VALUES ({', '.join('?' * len(columns))})", rows)

    def execute(self, sql: str) -> None:
        """Run a statement that has no rows."""
        self._worker.execute(sql)

    def columns(self, sql: str) -> list[tuple[str, str]]:
        """A query's columns with DuckDB's types; those without a name are called as `result.column_name` says."""
        _, rows = self._worker.select(f"DESCRIBE {sql}", _PRINTED_BY)
        return [(column_name(str(row[0]), place), str(row[1])) for place, row in enumerate(rows)]

    def plan(self, sql: str) -> list[str]:
        """DuckDB's plan of a query, line by line."""
        _, rows = self._worker.select(f"EXPLAIN {sql}", _PRINTED_BY)
        return [line for row in rows for line in str(row[-1]).splitlines()]

    def copy(self, sql: str, path: Path, options: str) -> int:
        """Write a query's rows to a file, or below a folder; return how many there were."""
        _, rows = self._worker.select(f"COPY ({sql}) TO {literal(str(path))} ({options})", _PRINTED_BY)
        return int(rows[0][0] or 0)

    def run(self, sql: str) -> tuple[Columns, Iterator[list[Row]]]:
        """Run a query; return its columns, and its rows in blocks as they come (the next call waits for their end)."""
        columns, blocks = self._worker.blocks(sql, _PRINTED_BY)
        return tuple((column_name(name, at), athena_type(kind)) for at, (name, kind) in enumerate(columns)), blocks

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
        if table.format == catalogue.PARQUET:
            return self._parquet(table, paths)
        columns = ", ".join(f"{identifier(name)}: {literal(kind)}" for name, kind in table.columns.items())
        if table.format != catalogue.JSON:
            return f"read_csv([{paths}], columns={{{columns}}}, {_csv(table)})"
        options = f"format='newline_delimited', filename=true, maximum_object_size={_MAX_RECORD_BYTES}"
        skip = ", ignore_errors=true" if table.skips_malformed else ""
        return f"read_json([{paths}], columns={{{columns}}}, {options}{skip})"

    def _parquet(self, table: CatalogueTable, paths: str) -> str:
        """A file's columns are found by name; one that no file has is NULL, as for a column that was added later."""
        read = f"read_parquet([{paths}], filename=true, union_by_name=true, hive_partitioning=false)"
        known = {name.lower() for name, _ in self.columns(f"SELECT * FROM {read}")}
        wanted = ", ".join(_as_declared(name, kind, name in known) for name, kind in table.columns.items())
        return f"(SELECT {wanted}, filename FROM {read})"


@contextmanager
def opened(workers: Workers, folder: Path) -> Iterator[Engine]:
    """An engine for the length of a block; SQL reaches nothing but the files in `folder`."""
    with workers.one() as worker, worker.session([_TRINO_DIVISION, *confined(workers.bounds, folder)]):
        yield Engine(worker)


def _as_declared(name: str, kind: str, is_there: bool) -> str:
    if kind == COMPLEX:
        return identifier(name) if is_there else f"CAST(NULL AS VARCHAR) AS {identifier(name)}"
    return f"CAST({identifier(name) if is_there else 'NULL'} AS {kind}) AS {identifier(name)}"


def _csv(table: CatalogueTable) -> str:
    """Options for delimited text, by the SerDe's parameters or its defaults."""
    is_csv, serde = table.format == catalogue.CSV, table.serde
    delimiter = serde.get("separatorChar", ",") if is_csv else serde.get("field.delim", "\x01")
    quote = serde.get("quoteChar", '"') if is_csv else ""
    null = "" if is_csv else f", nullstr={literal(serde.get('serialization.null.format', BACKSLASH_N))}"
    skip = int(table.parameters.get("skip.header.line.count") or 0)
    escape = "" if is_csv else ", escape=''"
    return (
        f"delim={literal(delimiter)}, quote={literal(quote)}{escape}{null}, header=false, skip={skip}, filename=true, "
        "null_padding=true, auto_detect=false, strict_mode=false"
    )


def _no_rows(table: CatalogueTable) -> str:
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in table.columns.items())
    return f"(SELECT {columns}, '' AS filename WHERE false)"

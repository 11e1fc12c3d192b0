"""How a query is answered: objects fetched from S3, given to DuckDB, and what fails said in Athena's manner.

Imported with the first query: sqlglot takes as long to load as the rest of the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.athena import catalogue, ddl, information_schema, statement
from lab_helpers.local_aws.athena.catalogue import CatalogueTable, Place
from lab_helpers.local_aws.athena.engine import Engine, opened
from lab_helpers.local_aws.athena.executions import Execution
from lab_helpers.local_aws.athena.objects import ObjectFiles, TableObject
from lab_helpers.local_aws.athena.result import Result
from lab_helpers.local_aws.athena.result_files import ResultFiles
from lab_helpers.local_aws.athena.statement import TableName, UnsupportedError
from lab_helpers.local_aws.athena.writing import Writing
from lab_helpers.local_aws.duck.processes import CancelledError, SqlError, TooMuchError, Workers

Remember = Callable[[Engine | None], bool]
"""Takes the engine that works, None when it has ended; False when the query was cancelled meanwhile."""


@dataclass(frozen=True)
class Means:
    """What queries are answered with: objects of S3 as files, files for results, processes that SQL runs in."""

    files: ObjectFiles
    results: ResultFiles
    workers: Workers


def answer(glue: Any, s3: Any, execution: Execution, means: Means, remember: Remember) -> tuple[Result, int]:
    """The result of a query, and how many bytes of objects it read. Raises what `reason` knows."""
    asked = execution.statement
    if asked.command:
        return ddl.answer(glue, s3, asked.command), 0
    if asked.external is not None:
        database, table = asked.external
        return ddl.create_table(glue, database, table, is_lenient=asked.is_lenient), 0
    names = statement.tables(asked)
    tables = [catalogue.load(glue, name) for name in names if name.database != statement.INFORMATION_SCHEMA]
    with opened(means.workers, means.files.folder) as engine:
        try:
            if not remember(engine):
                raise UnsupportedError("cancelled")
            views, scanned = _make_views(engine, s3, execution, tables, means.files)
            views |= _schema_views(engine, glue, set(names) - {table.name for table in tables})
            for macro in statement.macros(asked):
                engine.execute(macro)
            return _ran(engine, glue, s3, execution, statement.to_duckdb(asked, views), means), scanned
        finally:
            remember(None)


def _ran(engine: Engine, glue: Any, s3: Any, execution: Execution, sql: str, means: Means) -> Result:
    asked = execution.statement
    if asked.explained == "VALIDATE":
        engine.columns(sql)
        return Result((("Valid", "boolean"),), [("true",)])
    if asked.explained:
        return Result((("Query Plan", "varchar"),), [(line,) for line in engine.plan(sql)])
    if asked.target:
        return Writing(engine, s3, glue, asked.target, output=execution.output, folder=means.files.folder).run(sql)
    return means.results.write(execution.id, *engine.run(sql))


def _schema_views(engine: Engine, glue: Any, names: set[TableName]) -> dict[TableName, str]:
    views = {}
    for number, name in enumerate(names):
        views[name] = f"athena_schema_{number}"
        columns = information_schema.columns(name)
        engine.add_rows(views[name], columns, information_schema.rows(glue, name))
    return views


def reason(error: Exception) -> str | None:
    """Why a query failed: a code, then what is wrong. None for an error that is no fault of the query."""
    if isinstance(error, UnsupportedError):
        return str(error)
    if isinstance(error, ClientError):
        details: Any = error.response["Error"]
        return f"{error.operation_name}: {details['Code']}: {details['Message']}"
    if isinstance(error, TooMuchError):
        return f"EXCEEDED_LOCAL_{'TIME' if error.is_time else 'MEMORY'}_LIMIT: {error}"
    if isinstance(error, CancelledError | BotoCoreError):
        return f"GENERIC_USER_ERROR: {error}"
    if not isinstance(error, SqlError):
        return None
    code = _code(error)
    return f"{code}: {'Division by zero' if code == 'DIVISION_BY_ZERO' else error}"


def _code(error: SqlError) -> str:
    """Athena's code, and its place in the statement where it says one, for what DuckDB refuses."""
    match error.kind:
        case "BinderException" if "column" in str(error).lower():
            return "COLUMN_NOT_FOUND: line 1:1"
        case "BinderException" | "ParserException" | "CatalogException":
            return "SYNTAX_ERROR: line 1:1"
        case "InvalidInputException" if "Division by zero" in str(error):
            return "DIVISION_BY_ZERO"
        case "InvalidInputException":
            return "HIVE_BAD_DATA"
        case _:
            return "GENERIC_USER_ERROR"


def _make_views(
    engine: Engine, s3: Any, execution: Execution, tables: list[CatalogueTable], files: ObjectFiles
) -> tuple[dict[TableName, str], int]:
    views, scanned = {}, 0
    with_paths = statement.asks_for_paths(execution.statement)
    for number, table in enumerate(tables):
        found = list_objects(s3, table)
        condition = statement.partition_filter(execution.statement, table.name, list(table.partition_keys))
        if condition:
            partitions = sorted({item.partition for item in found})
            wanted = engine.matching(partitions, list(table.partition_keys), condition)
            found = [item for item in found if item.partition in wanted]
        views[table.name] = f"athena_table_{number}"
        engine.add_table(views[table.name], table, files.fetch(s3, found), with_paths=with_paths)
        scanned += sum(item.size_bytes for item in found)
    return views, scanned


def list_objects(s3: Any, table: CatalogueTable) -> list[TableObject]:
    """A table's objects that belong to a partition; empty and hidden ones (`_` or `.` first) are passed over,
    as in Hive.
    """
    if table.partitions is not None:
        return [
            TableObject(place.bucket, item["Key"], item["ETag"], item["Size"], values)
            for values, place in table.partitions.items()
            for item in _visible(s3, place)
        ]
    found = []
    for item in _visible(s3, table.place):
        partition = table.partition_of(item["Key"])
        if partition is not None:
            values = tuple(partition[key] for key in table.partition_keys)
            found.append(TableObject(table.place.bucket, item["Key"], item["ETag"], item["Size"], values))
    return found


def _visible(s3: Any, place: Place) -> Iterator[Any]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
    for item in (item for page in pages for item in page.get("Contents", ())):
        hidden = item["Key"].rpartition("/")[2][:1] in ("", "_", ".")
        if item["Size"] and not hidden:
            yield item

"""How a query is answered: objects fetched from S3, given to DuckDB, and what fails said in Athena's manner.

Imported with the first query: sqlglot takes as long to load as the rest of the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.athena import catalogue, statement
from lab_helpers.local_aws.athena.catalogue import CatalogueTable
from lab_helpers.local_aws.athena.engine import Engine, opened
from lab_helpers.local_aws.athena.executions import Execution
from lab_helpers.local_aws.athena.objects import ObjectFiles, TableObject
from lab_helpers.local_aws.athena.result import Result
from lab_helpers.local_aws.athena.statement import TableName, UnsupportedError
from lab_helpers.local_aws.duck.processes import CancelledError, SqlError, TooMuchError, Workers

Remember = Callable[[Engine | None], bool]
"""Takes the engine that works, None when it has ended; False when the query was cancelled meanwhile."""


def answer(
    glue: Any, s3: Any, execution: Execution, files: ObjectFiles, workers: Workers, remember: Remember
) -> tuple[Result, int]:
    """The rows of a query, and how many bytes of objects it read. Raises what `reason` knows."""
    asked = execution.statement
    if asked.show:
        return _shown(glue, asked.show, asked.database), 0
    tables = [catalogue.load(glue, name) for name in statement.tables(asked)]
    with opened(workers, files.folder) as engine:
        try:
            if not remember(engine):
                raise UnsupportedError("cancelled")
            views, scanned = _make_views(engine, s3, execution, tables, files)
            return engine.run(statement.to_duckdb(asked, views)), scanned
        finally:
            remember(None)


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
    return f"{_code(error)}: {error}" if isinstance(error, SqlError) else None


def _code(error: SqlError) -> str:
    """Athena's code, and its place in the statement where it says one, for what DuckDB refuses."""
    match error.kind:
        case "BinderException" if "column" in str(error).lower():
            return "COLUMN_NOT_FOUND: line 1:1"
        case "BinderException" | "ParserException" | "CatalogException":
            return "SYNTAX_ERROR: line 1:1"
        case "InvalidInputException":
            return "HIVE_BAD_DATA"
        case _:
            return "GENERIC_USER_ERROR"


def _make_views(
    engine: Engine, s3: Any, execution: Execution, tables: list[CatalogueTable], files: ObjectFiles
) -> tuple[dict[TableName, str], int]:
    views, scanned = {}, 0
    for number, table in enumerate(tables):
        found = list_objects(s3, table)
        condition = statement.partition_filter(execution.statement, table.name, list(table.partition_keys))
        if condition:
            partitions = sorted({item.partition for item in found})
            wanted = engine.matching(partitions, list(table.partition_keys), condition)
            found = [item for item in found if item.partition in wanted]
        views[table.name] = f"athena_table_{number}"
        engine.add_table(views[table.name], table, files.fetch(s3, found))
        scanned += sum(item.size_bytes for item in found)
    return views, scanned


def list_objects(s3: Any, table: CatalogueTable) -> list[TableObject]:
    """A table's objects that belong to a partition; empty and hidden ones (`_` or `.` first) are passed over,
    as in Hive.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=table.bucket, Prefix=table.prefix)
    found = []
    for item in (item for page in pages for item in page.get("Contents", ())):
        partition = table.partition_of(item["Key"])
        hidden = item["Key"].rpartition("/")[2][:1] in ("", "_", ".")
        if partition is not None and item["Size"] and not hidden:
            values = tuple(partition[key] for key in table.partition_keys)
            found.append(TableObject(table.bucket, item["Key"], item["ETag"], item["Size"], values))
    return found


def _shown(glue: Any, what: str, database: str) -> Result:
    if what == "databases":
        pages = glue.get_paginator("get_databases").paginate()
        return Result((("database_name", "string"),), [(d["Name"],) for page in pages for d in page["DatabaseList"]])
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
    return Result((("tab_name", "string"),), [(table["Name"],) for page in pages for table in page["TableList"]])

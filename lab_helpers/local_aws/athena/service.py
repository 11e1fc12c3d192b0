"""AthenaService: queries run in threads of their own, over files fetched from S3 with a boto3 client.

Not modelled: the caller's own permissions on Glue and S3 (queries read as Athena itself), quotas, the result file's
metadata.
"""

from __future__ import annotations

import csv
import io
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import duckdb
from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.api import Handler, WsgiApp
from lab_helpers.local_aws.athena import catalogue, executions, statement
from lab_helpers.local_aws.athena.catalogue import CatalogueTable
from lab_helpers.local_aws.athena.engine import Engine, Result, opened
from lab_helpers.local_aws.athena.executions import Book, Execution
from lab_helpers.local_aws.athena.objects import ObjectFiles, TableObject
from lab_helpers.local_aws.athena.operations import PRINCIPAL, Operations
from lab_helpers.local_aws.athena.statement import TableName, UnsupportedError
from lab_helpers.local_aws.service import ServiceContext

_LOG = logging.getLogger(__name__)
WORKERS = 2


class AthenaService:
    """Athena of the local AWS."""

    name = "athena"

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._book = Book()
        self._folder = context.data_dir / "objects"
        self._files = ObjectFiles(self._folder)
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._engines: dict[str, Engine] = {}
        self._operations = Operations(self._book, context.clock, context.clients, self._submit, self._cancel)

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        """Return the operations that this service answers itself."""
        return self._operations.table()

    def routes(self) -> Mapping[str, WsgiApp]:
        """Athena has no plain HTTP endpoints."""
        return {}

    def start(self) -> None:
        """Take queries; safe twice."""
        with self._lock:
            self._pool = self._pool or ThreadPoolExecutor(WORKERS, "athena")

    def stop(self) -> None:
        """Cancel what runs, wait for its threads, drop the fetched objects."""
        with self._lock:
            pool, self._pool = self._pool, None
        for execution in self._book.newest(lambda found: found.state not in executions.FINAL):
            self._end(execution, state=executions.CANCELLED)
            self._cancel(execution.id)
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        self._files.clear()

    def status(self) -> dict[str, Any]:
        """Return how many queries are in which state."""
        states = [execution.state for execution in self._book.newest(lambda _: True)]
        return {"queries": {state: states.count(state) for state in sorted(set(states))}}

    def _submit(self, execution: Execution) -> None:
        self.start()
        with self._lock:
            if self._pool is not None:
                self._pool.submit(self._run, execution)

    def _cancel(self, name: str) -> None:
        with self._lock:
            engine = self._engines.get(name)
        if engine is not None:
            engine.cancel()

    def _run(self, execution: Execution) -> None:
        if not self._book.change(execution.id, state=executions.RUNNING):
            return
        try:
            result, scanned = self._answer(execution)
            self._write(execution, result)
        except (UnsupportedError, duckdb.Error, ClientError, BotoCoreError) as error:
            self._end(execution, state=executions.FAILED, reason=_reason(error))
        except Exception as error:
            _LOG.exception("query %s", execution.id)
            self._end(execution, state=executions.FAILED, reason=f"GENERIC_INTERNAL_ERROR: {error}")
        else:
            self._end(execution, state=executions.SUCCEEDED, result=result, scanned_bytes=scanned)

    def _end(self, execution: Execution, **changes: Any) -> None:
        self._book.change(execution.id, completed_at=self._context.clock.now(), **changes)

    def _answer(self, execution: Execution) -> tuple[Result, int]:
        asked = execution.statement
        glue = self._context.clients.as_service("glue", PRINCIPAL, execution.region)
        if asked.show:
            return _shown(glue, asked.show, asked.database), 0
        tables = [catalogue.load(glue, name) for name in statement.tables(asked)]
        with opened(self._folder) as engine:
            try:
                self._remember(execution.id, engine)
                views, scanned = self._make_views(engine, execution, tables)
                return engine.run(statement.to_duckdb(asked, views)), scanned
            finally:
                self._remember(execution.id, None)

    def _make_views(
        self, engine: Engine, execution: Execution, tables: list[CatalogueTable]
    ) -> tuple[dict[TableName, str], int]:
        s3 = self._context.clients.as_service("s3", PRINCIPAL, execution.region)
        views, scanned = {}, 0
        for number, table in enumerate(tables):
            found = list_objects(s3, table)
            condition = statement.partition_filter(execution.statement, table.name, list(table.partition_keys))
            if condition:
                partitions = sorted({item.partition for item in found})
                wanted = engine.matching(partitions, list(table.partition_keys), condition)
                found = [item for item in found if item.partition in wanted]
            views[table.name] = f"athena_table_{number}"
            engine.add_table(views[table.name], table, self._files.fetch(s3, found))
            scanned += sum(item.size_bytes for item in found)
        return views, scanned

    def _remember(self, name: str, engine: Engine | None) -> None:
        with self._lock:
            if engine is None:
                self._engines.pop(name, None)
            else:
                self._engines[name] = engine
        # whoever cancels changes the state first and looks for the engine then: one of the two sees the other
        if engine is not None and self._book.get(name).state in executions.FINAL:
            raise UnsupportedError("cancelled")

    def _write(self, execution: Execution, result: Result) -> None:
        """Put the result file where the caller wants it, every value quoted as Athena does."""
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_NOTNULL if hasattr(csv, "QUOTE_NOTNULL") else csv.QUOTE_ALL)
        writer.writerow(name for name, _ in result.columns)
        writer.writerows(result.rows)
        place = urlsplit(execution.output)
        s3 = self._context.clients.as_service("s3", PRINCIPAL, execution.region)
        s3.put_object(Bucket=place.netloc, Key=place.path.lstrip("/"), Body=text.getvalue().encode())


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


def _reason(error: Exception) -> str:
    """The reason in Athena's manner: a code, then what is wrong."""
    if isinstance(error, UnsupportedError):
        return str(error)
    first = str(error).splitlines()[0]
    if isinstance(error, duckdb.BinderException) and "column" in first.lower():
        return f"COLUMN_NOT_FOUND: line 1:1: {first}"
    if isinstance(error, duckdb.BinderException | duckdb.ParserException | duckdb.CatalogException):
        return f"SYNTAX_ERROR: line 1:1: {first}"
    if isinstance(error, ClientError):
        details: Any = error.response["Error"]
        return f"{error.operation_name}: {details['Code']}: {details['Message']}"
    if isinstance(error, duckdb.InvalidInputException):
        return f"HIVE_BAD_DATA: {first}"
    return f"GENERIC_USER_ERROR: {first}"

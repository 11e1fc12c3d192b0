"""The tables of information_schema, from Glue's catalogue.

Not modelled: tables of information_schema but schemata, tables and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab_helpers.local_aws.athena import hive_types
from lab_helpers.local_aws.athena.statement import INFORMATION_SCHEMA, TableName, UnsupportedError

CATALOGUE = "awsdatacatalog"
Row = Sequence[str | int | None]
_TEXT, _NUMBER = "VARCHAR", "BIGINT"
_COLUMNS = {
    "schemata": {"catalog_name": _TEXT, "schema_name": _TEXT},
    "tables": {"table_catalog": _TEXT, "table_schema": _TEXT, "table_name": _TEXT, "table_type": _TEXT},
    "columns": {
        "table_catalog": _TEXT, "table_schema": _TEXT, "table_name": _TEXT, "column_name": _TEXT,
        "ordinal_position": _NUMBER, "column_default": _TEXT, "is_nullable": _TEXT, "data_type": _TEXT,
        "comment": _TEXT, "extra_info": _TEXT,
    },
}  # fmt: skip


def columns(name: TableName) -> dict[str, str]:
    """Columns of a table with DuckDB's types. Raises UnsupportedError for one that there is not."""
    if name.name not in _COLUMNS:
        raise UnsupportedError(f"TABLE_NOT_FOUND: line 1:1: Table '{name}' does not exist")
    return _COLUMNS[name.name]


def rows(glue: Any, name: TableName) -> list[Row]:
    """Rows of a table."""
    databases = [each["Name"] for page in _pages(glue, "get_databases") for each in page["DatabaseList"]]
    if name.name == "schemata":
        return [(CATALOGUE, each) for each in (*databases, INFORMATION_SCHEMA)]
    found: list[Row] = []
    for database in databases:
        for page in _pages(glue, "get_tables", DatabaseName=database):
            for table in page["TableList"]:
                found += _columns_of(database, table) if name.name == "columns" else [_table(database, table)]
    return found


def _pages(glue: Any, operation: str, **of: str) -> Any:
    return glue.get_paginator(operation).paginate(**of)


def _table(database: str, table: Any) -> Row:
    kind = "VIEW" if table.get("TableType") == "VIRTUAL_VIEW" else "BASE TABLE"
    return CATALOGUE, database, table["Name"], kind


def _columns_of(database: str, table: Any) -> list[Row]:
    storage = table.get("StorageDescriptor") or {}
    keys = [(each, "partition key") for each in table.get("PartitionKeys") or ()]
    described = [(each, None) for each in storage.get("Columns") or ()] + keys
    return [
        (
            CATALOGUE, database, table["Name"], column["Name"], place, None, "YES",
            hive_types.to_trino(column.get("Type", "string")), column.get("Comment"), extra,
        )
        for place, (column, extra) in enumerate(described, 1)
    ]  # fmt: skip

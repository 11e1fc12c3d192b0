"""Names of types: as the catalogue has them (Hive), as DuckDB and as Trino say them. Pure."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

COMPLEX = "JSON"
"""What a nested value of a text format is read as."""
_DUCKDB = {
    "string": "VARCHAR", "varchar": "VARCHAR", "char": "VARCHAR", "tinyint": "TINYINT", "smallint": "SMALLINT",
    "int": "INTEGER", "integer": "INTEGER", "bigint": "BIGINT", "float": "FLOAT", "double": "DOUBLE",
    "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP", "binary": "BLOB",
}  # fmt: skip
_FLAT = {
    "HUGEINT": "BIGINT", "UBIGINT": "BIGINT", "UINTEGER": "BIGINT", "UUID": "VARCHAR", "JSON": "VARCHAR",
    "TIMESTAMP_NS": "TIMESTAMP", "TIMESTAMP_MS": "TIMESTAMP", "TIMESTAMP_S": "TIMESTAMP",
}  # fmt: skip


def to_duckdb(hive: str) -> str:
    """DuckDB's type of a column of the catalogue; a nested one is `COMPLEX`."""
    base = hive.partition("(")[0].strip().lower()
    if base == "decimal":
        return hive.upper() if "(" in hive else "DECIMAL(10, 0)"
    return _DUCKDB.get(base, COMPLEX)


def stored(duckdb: str) -> str:
    """The type that a query's column is written to a file as."""
    return _FLAT.get(duckdb, duckdb)


def to_hive(duckdb: str) -> str:
    """The catalogue's name of a type that DuckDB has written."""
    return _said(duckdb, "duckdb", "hive").lower().replace(": ", ":").replace(", ", ",")


def to_trino(hive: str) -> str:
    """Trino's name of a column's type, as information_schema tells it."""
    return _said(hive, "hive", "trino").lower()


def _said(kind: str, read: str, write: str) -> str:
    built: Any = exp.DataType.build(kind, dialect=read)
    return str(built.sql(dialect=write))

"""A query's rows as Athena prints them, and its names of types. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_ATHENA_TYPES = {
    "HUGEINT": "bigint", "UBIGINT": "bigint", "UINTEGER": "bigint", "INTEGER": "integer", "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP_MS": "timestamp", "TIMESTAMP_S": "timestamp", "JSON": "varchar", "UUID": "varchar", "BLOB": "varbinary",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone", '"NULL"': "unknown", "TIME": "time",
}  # fmt: skip
"""DuckDB's names where lower case is not enough; Trino's sum of integers is a bigint."""

Columns = tuple[tuple[str, str], ...]
"""Names with Athena's types."""
Row = tuple[str | None, ...]

PATH = "$path"
"""The hidden column of every table: the S3 URI of the object that a row is from."""
UNNAMED = "_unnamed_"
"""How the names begin that a query's unnamed columns have in DuckDB."""


@dataclass(frozen=True)
class Result:
    """Column names with Athena's types, and rows of text (None: NULL).

    Of rows that were written to S3, how many (`update_count`) and into which objects (`files`, S3 URIs). A large result
    has no rows here but in its file: `count` of them, and the places in bytes of every thousandth and of the end.
    """

    columns: Columns
    rows: list[Row]
    update_count: int = 0
    files: tuple[str, ...] = ()
    marks: tuple[int, ...] = ()
    count: int = 0

    @property
    def size(self) -> int:
        """How many rows it has."""
        return self.count if self.marks else len(self.rows)


def column_name(name: str, place: int) -> str:
    """Athena's name of a column; one without a name is called by its place."""
    return f"_col{place}" if name.startswith(UNNAMED) else name


def athena_type(duckdb_type: str) -> str:
    """Athena's name of a DuckDB type."""
    if duckdb_type.endswith("[]"):
        return "array"
    base = duckdb_type.partition("(")[0]
    nested = {"STRUCT": "row", "MAP": "map", "DECIMAL": "decimal"}
    return nested.get(base) or _ATHENA_TYPES.get(base, base.lower())


def printed(value: Any) -> str | None:
    """A value as Athena's results print it."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case dt.datetime():
            text = value.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")
            return text + (" UTC" if value.tzinfo else "")
        case float():
            return _float(value)
        case Decimal() | int() | str() | dt.date():
            return str(value)
        case list() | tuple():
            return "[" + ", ".join(printed(item) or "null" for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{key}={printed(item) or 'null'}" for key, item in value.items()) + "}"
        case _:
            return str(value)


def _float(value: float) -> str:
    """Java's Double.toString: plain from 0.001 to 10 million, else with an exponent."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    digits, _, exponent = f"{Decimal(repr(value)).normalize():E}".partition("E")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"

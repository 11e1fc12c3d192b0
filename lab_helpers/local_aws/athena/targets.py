"""Where a statement puts a query's rows: CREATE TABLE AS, UNLOAD, INSERT INTO. Pure.

Source: Athena's user guide, "CREATE TABLE AS", "UNLOAD", "INSERT INTO".
Not modelled: ORC, Avro and Ion, buckets, Iceberg.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

_UNLOAD = re.compile(
    r"(?:\s|--[^\n]*\n)*unload\s*\((?P<query>.*)\)\s*to\s*'(?P<to>[^']*)'\s*(?:with\s*\((?P<options>.*)\))?\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
_OPTION = re.compile(r"(\w+)\s*=\s*(?:'([^']*)'|array\s*\[([^\]]*)\]|(\w+))", re.IGNORECASE)
FORMATS = frozenset({"PARQUET", "JSON", "TEXTFILE"})
_COMPRESSIONS = {"": "gzip", "GZIP": "gzip", "SNAPPY": "snappy", "ZSTD": "zstd", "NONE": "uncompressed"}
HIVE_DELIMITER = "\x01"


@dataclass(frozen=True)
class Target:
    """Where rows go: `kind` is Athena's SubstatementType; database and table are "" for UNLOAD.

    `location` is an S3 URI, "" for a table's own; `format` is one of FORMATS, or what was asked for and is not known.
    """

    kind: str
    database: str = ""
    table: str = ""
    location: str = ""
    format: str = "PARQUET"
    compression: str = ""
    delimiter: str = HIVE_DELIMITER
    partitioned_by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    with_data: bool = True
    is_lenient: bool = False

    @property
    def codec(self) -> str | None:
        """DuckDB's name of the compression, None for one that is not known."""
        return _COMPRESSIONS.get(self.compression.upper())


def unload(sql: str) -> tuple[str, Target] | None:
    """Return an UNLOAD's query and where it goes; None for any other statement."""
    found = _UNLOAD.fullmatch(sql)
    if not found:
        return None
    options = {key.lower(): text or names or word for key, text, names, word in _OPTION.findall(found["options"] or "")}
    return found["query"], _target("UNLOAD", "", "", {"external_location": found["to"], **options})


def of(tree: Any, database: str) -> tuple[Any, Target] | None:
    """Return the query of a CREATE TABLE AS or INSERT and where it goes; None for any other statement."""
    if isinstance(tree, exp.Create) and tree.args.get("kind") == "TABLE" and tree.expression is not None:
        options = dict(_property(each) for each in (tree.args.get("properties") or exp.Properties()).expressions)
        kind, table = "CREATE_TABLE_AS_SELECT", tree.this
    elif isinstance(tree, exp.Insert) and tree.expression is not None:
        schema = tree.this if isinstance(tree.this, exp.Schema) else None
        options = {"columns": ",".join(each.name for each in schema.expressions) if schema else ""}
        kind, table = "INSERT", schema.this if schema else tree.this
    else:
        return None
    found = _target(kind, (table.db or database).lower(), table.name.lower(), options, bool(tree.args.get("exists")))
    return tree.expression, found


def _target(kind: str, database: str, table: str, options: Mapping[str, str], is_lenient: bool = False) -> Target:
    compression = options.get("write_compression") or options.get("parquet_compression") or options.get("compression")
    delimiter = options.get("field_delimiter", HIVE_DELIMITER)
    return Target(
        kind, database, table,
        options.get("external_location", ""),
        options.get("format", "PARQUET").upper(),
        compression or "",
        "\t" if delimiter == "\\t" else delimiter,
        _names(options.get("partitioned_by", "")),
        _names(options.get("columns", "")),
        options.get("with_data", "yes") == "yes",
        is_lenient,
    )  # fmt: skip


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip(" '\"\n\t").lower() for name in listed.split(",") if name.strip())


def _property(found: Any) -> tuple[str, str]:
    if isinstance(found, exp.FileFormatProperty):
        return "format", found.this.name
    if isinstance(found, exp.PartitionedByProperty):
        return "partitioned_by", ",".join(each.name for each in found.this.expressions)
    if isinstance(found, exp.WithDataProperty):
        return "with_data", "no" if found.args.get("no") else "yes"
    value = found.args.get("value")
    return found.this.name.lower(), value.name if isinstance(value, exp.Expression) else str(value)


def select_of(values: Any) -> Any:
    """A bare VALUES as the SELECT that it is."""
    rows = values.copy()
    order, rows.args["order"] = rows.args.get("order"), None
    width = len(rows.expressions[0].expressions) if isinstance(rows.expressions[0], exp.Tuple) else 1
    names = [exp.to_identifier(f"_col{place}", quoted=True) for place in range(width)]
    rows.set("alias", exp.TableAlias(this=exp.to_identifier("rows_"), columns=names))
    made: Any = sqlglot.exp.select("*").from_(rows)
    if order is not None:
        made.set("order", order.copy())
    return made

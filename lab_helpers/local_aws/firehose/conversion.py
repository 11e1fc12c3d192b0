"""Record format conversion: JSON records to Parquet by the columns of a Glue table. Pure.

Source: "Convert input data format" of the Firehose guide; OpenX JSON SerDe (keys without regard to case, mappings).
Not modelled: ORC, the Hive SerDe's time formats, Parquet's block and page sizes.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from lab_helpers.base import nested_json
from lab_helpers.local_aws.firehose.processing import Failure

FAILED = "format-conversion-failed"
PARSE_ERROR, MALFORMED = "DataFormatConversion.ParseError", "DataFormatConversion.MalformedData"
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_INTEGERS = {"tinyint": 8, "smallint": 16, "int": 32, "integer": 32, "bigint": 64}
_SECONDS_END = 100_000_000_000
"""Times at and above this are milliseconds."""


@dataclass(frozen=True)
class Conversion:
    """Which table gives the columns, and how keys are found."""

    database: str
    table: str
    role_arn: str
    region: str | None = None
    compression: str = "SNAPPY"
    ignores_case: bool = True
    mappings: Mapping[str, str] = field(default_factory=dict)


class UnknownTypeError(ValueError):
    """A column's type that is not converted here."""


def parse(configuration: Mapping[str, Any]) -> Conversion | None:
    """Read a DataFormatConversionConfiguration; None when it is off."""
    if not configuration or configuration.get("Enabled") is False:
        return None
    schema = configuration.get("SchemaConfiguration") or {}
    serde = ((configuration.get("InputFormatConfiguration") or {}).get("Deserializer") or {}).get(
        "OpenXJsonSerDe"
    ) or {}
    serializer = (configuration.get("OutputFormatConfiguration") or {}).get("Serializer") or {}
    return Conversion(
        schema.get("DatabaseName", ""),
        schema.get("TableName", ""),
        schema.get("RoleARN", ""),
        schema.get("Region"),
        (serializer.get("ParquetSerDe") or {}).get("Compression") or "SNAPPY",
        serde.get("CaseInsensitive", True) is not False,
        serde.get("ColumnToJsonKeyMappings") or {},
    )


def to_parquet(
    conversion: Conversion, columns: Mapping[str, str], records: Sequence[bytes]
) -> tuple[bytes, list[Failure]]:
    """Return the records as one Parquet file (empty when none is left) and those that could not be converted.

    `columns` are the table's, by name, with their Hive types. Raises UnknownTypeError.
    """
    import pyarrow as pa  # at the server's start it would cost half a second
    import pyarrow.parquet as pq

    schema = pa.schema([(name, arrow_type(kind)) for name, kind in columns.items()])
    rows: list[dict[str, Any]] = []
    failures: list[Failure] = []
    for record in records:
        found = _row(conversion, columns, record)
        if isinstance(found, Failure):
            failures.append(found)
        else:
            rows.append(found)
    if not rows:
        return b"", failures
    target = io.BytesIO()
    codec = {"UNCOMPRESSED": "none"}.get(conversion.compression, conversion.compression.lower())
    pq.write_table(pa.Table.from_pylist(rows, schema), target, compression=codec)
    return target.getvalue(), failures


def failure_document(conversion: Conversion, account_id: str, region: str) -> dict[str, Any]:
    """Return what the error document of a failed record says about the table."""
    return {
        "dataCatalogTable": {
            "catalogId": account_id,
            "databaseName": conversion.database,
            "tableName": conversion.table,
            "region": conversion.region or region,
            "versionId": "LATEST",
        }
    }


def arrow_type(kind: str) -> Any:
    """Return pyarrow's type for a Hive type; raises UnknownTypeError."""
    import pyarrow as pa

    kind = kind.strip().lower()
    if kind in _INTEGERS:
        return getattr(pa, f"int{_INTEGERS[kind]}")()
    simple = {
        "string": pa.string, "double": pa.float64, "float": pa.float32, "boolean": pa.bool_, "date": pa.date32,
        "binary": pa.binary,
    }  # fmt: skip
    if kind in simple:
        return simple[kind]()
    if kind.startswith(("varchar", "char")):
        return pa.string()
    if kind == "timestamp":
        return pa.timestamp("ms")
    if found := _DECIMAL.fullmatch(kind):
        return pa.decimal128(int(found[1]), int(found[2]))
    inner = kind[kind.find("<") + 1 : -1]
    if kind.startswith("array<"):
        return pa.list_(arrow_type(inner))
    if kind.startswith("map<"):
        key, value = split_types(inner)
        return pa.map_(arrow_type(key), arrow_type(value))
    if kind.startswith("struct<"):
        pairs = (part.partition(":") for part in split_types(inner))
        return pa.struct([(name.strip(), arrow_type(type_)) for name, _, type_ in pairs])
    raise UnknownTypeError(f"The column type {kind} is not converted by the local AWS.")


def split_types(text: str) -> list[str]:
    """Return the members of a nested type: `a:int,b:array<int>` has two."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _row(conversion: Conversion, columns: Mapping[str, str], record: bytes) -> dict[str, Any] | Failure:
    try:
        document = nested_json.loads(record)
    except ValueError as exc:
        return Failure(record, PARSE_ERROR, f"Encountered malformed JSON. {exc}", FAILED)
    if not isinstance(document, dict):
        return Failure(record, PARSE_ERROR, "Encountered malformed JSON. A record is no JSON object.", FAILED)
    keys = {key.lower(): value for key, value in document.items()} if conversion.ignores_case else document
    try:
        return {name: _value(keys.get(_key(conversion, name)), kind.strip().lower()) for name, kind in columns.items()}
    except (ValueError, TypeError, OverflowError, InvalidOperation) as exc:
        return Failure(record, MALFORMED, f"Data does not match the schema. {exc}", FAILED)


def _key(conversion: Conversion, column: str) -> str:
    name = conversion.mappings.get(column, column)
    return name.lower() if conversion.ignores_case else name


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind in _INTEGERS:
        return int(value) if not isinstance(value, bool) else _refuse(value, kind)
    if kind in ("double", "float"):
        return float(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else _refuse(value, kind)
    if kind == "timestamp":
        return _time(value)
    if kind == "date":
        return date.fromisoformat(str(value))
    if kind.startswith("decimal"):
        return Decimal(str(value))
    return _nested(value, kind)


def _nested(value: Any, kind: str) -> Any:
    inner = kind[kind.find("<") + 1 : -1]
    if kind.startswith("array<"):
        return [_value(each, inner) for each in value] if isinstance(value, list) else _refuse(value, kind)
    if kind.startswith("map<"):
        of = split_types(inner)[1]
        return [(k, _value(v, of)) for k, v in value.items()] if isinstance(value, dict) else _refuse(value, kind)
    if kind.startswith("struct<"):
        if not isinstance(value, dict):
            return _refuse(value, kind)
        own = {key.lower(): item for key, item in value.items()}
        pairs = (part.partition(":") for part in split_types(inner))
        return {name.strip(): _value(own.get(name.strip()), of) for name, _, of in pairs}
    if kind == "binary":
        return str(value).encode()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _time(value: Any) -> datetime:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no timestamp")
    if isinstance(value, int | float):
        seconds = value / 1000 if abs(value) >= _SECONDS_END else value
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _refuse(value: Any, kind: str) -> Any:
    raise ValueError(f"{value!r} is no {kind}")

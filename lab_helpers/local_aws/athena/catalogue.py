"""Tables of the Glue catalogue as Athena reads them: columns, place, partitions. Pure but for `load`.

Source: Glue's Table structure; Athena, "Partition projection" (types date, integer, enum, injected;
storage.location.template).
Not modelled: tables of other formats than JSON lines (OpenX and Hive JSON SerDe), partitions registered in Glue, views.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from lab_helpers.local_aws.athena.statement import TableName, UnsupportedError

JSON_SERDES = frozenset(
    {
        "org.openx.data.jsonserde.JsonSerDe",
        "org.apache.hive.hcatalog.data.JsonSerDe",
        "com.amazon.ionhiveserde.IonHiveSerDe",
    }
)
_VARIABLE = re.compile(r"\\\$\\\{(\w+)\\\}")
_DUCKDB_TYPES = {
    "string": "VARCHAR", "varchar": "VARCHAR", "char": "VARCHAR", "tinyint": "TINYINT", "smallint": "SMALLINT",
    "int": "INTEGER", "integer": "INTEGER", "bigint": "BIGINT", "float": "FLOAT", "double": "DOUBLE",
    "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP",
}  # fmt: skip


@dataclass(frozen=True)
class CatalogueTable:
    """A table: columns and partition keys with DuckDB's types, and where its objects are."""

    name: TableName
    columns: Mapping[str, str]
    partition_keys: Mapping[str, str]
    bucket: str
    prefix: str
    parameters: Mapping[str, str]
    skips_malformed: bool

    def partition_of(self, key: str) -> dict[str, str] | None:
        """The partition values that an object's key means; None for an object that belongs to no partition."""
        if not self.partition_keys:
            return {}
        template = self.parameters.get("storage.location.template")
        pattern = self._template_pattern(template) if template else self._hive_pattern()
        found = re.match(pattern, key)
        return dict(found.groupdict()) if found else None

    def _template_pattern(self, template: str) -> str:
        path = urlsplit(template).path.lstrip("/").rstrip("/") + "/"
        return _VARIABLE.sub(lambda v: f"(?P<{v[1]}>{self._value_pattern(v[1])})", re.escape(path))

    def _value_pattern(self, key: str) -> str:
        kind = self.parameters.get(f"projection.{key}.type", "injected").lower()
        if kind == "date":
            form = self.parameters.get(f"projection.{key}.format", "yyyy-MM-dd")
            return "".join(r"\d" if letter.isalpha() else re.escape(letter) for letter in form.replace("'", ""))
        return r"-?\d+" if kind == "integer" else "[^/]+"

    def _hive_pattern(self) -> str:
        return re.escape(self.prefix) + "/".join(f"{key}=(?P<{key}>[^/]+)" for key in self.partition_keys) + "/"


def load(glue: Any, name: TableName) -> CatalogueTable:
    """Ask Glue for a table.

    Raises UnsupportedError with Athena's words when there is none, or when it is of another form.
    """
    try:
        found = glue.get_table(DatabaseName=name.database, Name=name.name)["Table"]
    except ClientError as exc:
        raise UnsupportedError(f"TABLE_NOT_FOUND: line 1:1: Table '{name}' does not exist") from exc
    return from_glue(name, found)


def from_glue(name: TableName, table: Mapping[str, Any]) -> CatalogueTable:
    """A table from Glue's description of it."""
    storage = table.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    library = serde.get("SerializationLibrary", "")
    if library not in JSON_SERDES:
        raise UnsupportedError(
            f"NOT_SUPPORTED: {name} is read by {library or 'no SerDe'}; locally only JSON SerDes are"
        )
    place = urlsplit(storage.get("Location", ""))
    return CatalogueTable(
        name,
        _columns(storage.get("Columns", ())),
        _columns(table.get("PartitionKeys", ())),
        place.netloc,
        place.path.lstrip("/"),
        table.get("Parameters") or {},
        (serde.get("Parameters") or {}).get("ignore.malformed.json", "false").lower() == "true",
    )


def _columns(described: Any) -> dict[str, str]:
    return {
        column["Name"].lower(): _DUCKDB_TYPES.get(column.get("Type", "string").partition("(")[0].lower(), "JSON")
        for column in described
    }

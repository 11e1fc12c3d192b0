"""Tables of the Glue catalogue as Athena reads them: columns, place, partitions. Pure but for `load`.

Source: Glue's Table structure; Athena, "Partition projection" (types date, integer, enum, injected;
storage.location.template).
A table whose partitions are not projected has those that are registered in Glue, as in Athena.
Not modelled: tables of other formats than JSON lines, Parquet and delimited text; views; columns of text formats that
are nested are JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from lab_helpers.local_aws.athena import hive_types
from lab_helpers.local_aws.athena.statement import TableName, UnsupportedError

JSON, PARQUET, TEXT, CSV = "json", "parquet", "text", "csv"
SERDES = {
    "org.openx.data.jsonserde.JsonSerDe": JSON,
    "org.apache.hive.hcatalog.data.JsonSerDe": JSON,
    "com.amazon.ionhiveserde.IonHiveSerDe": JSON,
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe": PARQUET,
    "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe": TEXT,
    "org.apache.hadoop.hive.serde2.OpenCSVSerde": CSV,
}
_VARIABLE = re.compile(r"\\\$\\\{(\w+)\\\}")


@dataclass(frozen=True)
class Place:
    """A folder of objects: a bucket and what their keys begin with."""

    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        """The folder's S3 URI."""
        return f"s3://{self.bucket}/{self.prefix}"

    @staticmethod
    def of(uri: str) -> Place:
        """The folder that an S3 URI means, with or without its last slash."""
        parts = urlsplit(uri)
        path = parts.path.lstrip("/")
        return Place(parts.netloc, path if not path or path.endswith("/") else f"{path}/")


@dataclass(frozen=True)
class CatalogueTable:
    """A table: columns and partition keys with DuckDB's types, and where its objects are.

    `partitions` are those that are registered, by their values; None where an object's key says to which it belongs.
    """

    name: TableName
    columns: Mapping[str, str]
    partition_keys: Mapping[str, str]
    place: Place
    parameters: Mapping[str, str]
    format: str
    serde: Mapping[str, str]
    partitions: Mapping[tuple[str, ...], Place] | None = None

    @property
    def skips_malformed(self) -> bool:
        """Whether a line that is no JSON is a row of NULLs."""
        return self.serde.get("ignore.malformed.json", "false").lower() == "true"

    def partition_of(self, key: str) -> dict[str, str] | None:
        """The partition values that an object's key means; None for an object that belongs to no partition."""
        if not self.partition_keys:
            return {}
        template = self.parameters.get("storage.location.template")
        pattern = self._template_pattern(template) if template else self._hive_pattern()
        found = re.match(pattern, key)
        return {key: unquote(value) for key, value in found.groupdict().items()} if found else None

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
        return re.escape(self.place.prefix) + "/".join(f"{key}=(?P<{key}>[^/]+)" for key in self.partition_keys) + "/"


def load(glue: Any, name: TableName) -> CatalogueTable:
    """Ask Glue for a table and its partitions.

    Raises UnsupportedError with Athena's words when there is none, or when it is of another form.
    """
    table = from_glue(name, described(glue, name))
    if table.partition_keys and table.parameters.get("projection.enabled", "false").lower() != "true":
        found = partitions(glue, name)
        places = {tuple(each["Values"]): Place.of(each["StorageDescriptor"]["Location"]) for each in found}
        return replace(table, partitions=places)
    return table


def described(glue: Any, name: TableName) -> dict[str, Any]:
    """Glue's description of a table. Raises UnsupportedError when there is none."""
    try:
        found: dict[str, Any] = glue.get_table(DatabaseName=name.database, Name=name.name)["Table"]
    except ClientError as exc:
        raise UnsupportedError(f"TABLE_NOT_FOUND: line 1:1: Table '{name}' does not exist") from exc
    return found


def partitions(glue: Any, name: TableName) -> list[dict[str, Any]]:
    """Glue's descriptions of a table's partitions."""
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=name.database, TableName=name.name)
    return [each for page in pages for each in page["Partitions"]]


def unescaped(values: Iterable[str]) -> tuple[str, ...]:
    """Values of a partition as they are, from the names of its folders."""
    return tuple(unquote(value) for value in values)


def from_glue(name: TableName, table: Mapping[str, Any]) -> CatalogueTable:
    """A table from Glue's description of it."""
    storage = table.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    library = serde.get("SerializationLibrary", "")
    if library not in SERDES:
        raise UnsupportedError(
            f"NOT_SUPPORTED: {name} is read by {library or 'no SerDe'}; locally JSON, Parquet and text SerDes are"
        )
    return CatalogueTable(
        name,
        _columns(storage.get("Columns", ())),
        _columns(table.get("PartitionKeys", ())),
        Place.of(storage.get("Location", "")),
        table.get("Parameters") or {},
        SERDES[library],
        serde.get("Parameters") or {},
    )


def _columns(described: Any) -> dict[str, str]:
    return {column["Name"].lower(): hive_types.to_duckdb(column.get("Type", "string")) for column in described}

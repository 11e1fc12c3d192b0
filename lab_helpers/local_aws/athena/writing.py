"""Rows that go to S3 instead of to a result: CREATE TABLE AS, INSERT INTO, UNLOAD.

Source: Athena's user guide, "CREATE TABLE AS", "INSERT INTO", "UNLOAD", "Identifying query output files".
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from lab_helpers.base.paths import inside
from lab_helpers.local_aws.athena import catalogue, hive_types
from lab_helpers.local_aws.athena.catalogue import CatalogueTable, Place
from lab_helpers.local_aws.athena.engine import BACKSLASH_N, Engine
from lab_helpers.local_aws.athena.result import Result
from lab_helpers.local_aws.athena.statement import TableName, UnsupportedError
from lab_helpers.local_aws.athena.tables import storage_of, text_parameters
from lab_helpers.local_aws.athena.targets import FORMATS, HIVE_DELIMITER, Target
from lab_helpers.local_aws.duck.literals import identifier, literal

_NO_COLUMNS = (("rows", "bigint"),)
_HIVE_SAFE = " !$&()+,-.;<>@_`|}~"
"""Characters that Hive leaves as they are in the name of a partition's folder; letters and digits too."""


class Writing:
    """One statement's writing: `sql` is the query in DuckDB's SQL, `output` the S3 URI of what the statement makes."""

    def __init__(self, engine: Engine, s3: Any, glue: Any, target: Target, *, output: str, folder: Path) -> None:
        self._engine, self._s3, self._glue, self._target = engine, s3, glue, target
        self._output, self._name = output, output.rpartition("/")[2]
        self._folder = inside(folder, f"written-{self._name}")

    def run(self, sql: str) -> Result:
        """Write the rows. Raises UnsupportedError with Athena's words for what cannot be."""
        match self._target.kind:
            case "CREATE_TABLE_AS_SELECT":
                return self._create(sql)
            case "INSERT":
                return self._insert(sql)
            case _:
                return self._unload(sql)

    def _create(self, sql: str) -> Result:
        target = self._target
        name = TableName(target.database, target.table)
        if _exists(self._glue, name):
            if target.is_lenient:
                return Result(_NO_COLUMNS, [])
            raise UnsupportedError(f"TABLE_ALREADY_EXISTS: line 1:1: Destination table '{name}' already exists")
        columns = self._checked(sql)
        location = f"{(target.location or self._output).rstrip('/')}/"
        self._refuse_filled(location)
        keys = set(target.partitioned_by)
        table = {
            "Name": name.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "has_encrypted_data": "false"},
            "PartitionKeys": [each for each in columns if each["Name"] in keys],
            "StorageDescriptor": storage_of(
                [each for each in columns if each["Name"] not in keys], location, target.format, _delimited(target)
            ),
        }
        files, count = self._write(sql, location, target) if target.with_data else ({}, 0)
        self._glue.create_table(DatabaseName=name.database, TableInput=table)
        self._register(name, table, files)
        return _told(files, count)

    def _insert(self, sql: str) -> Result:
        target, name = self._target, TableName(self._target.database, self._target.table)
        described = catalogue.described(self._glue, name)
        table = catalogue.from_glue(name, described)
        if table.format == catalogue.CSV:
            raise UnsupportedError(f"NOT_SUPPORTED: {name} is written as delimited text by LazySimpleSerDe only")
        form = {catalogue.PARQUET: "PARQUET", catalogue.JSON: "JSON"}.get(table.format, "TEXTFILE")
        delimiter = table.serde.get("field.delim", HIVE_DELIMITER)
        goal = replace(target, format=form, delimiter=delimiter, partitioned_by=tuple(table.partition_keys))
        files, count = self._write(self._as_table(sql, table), table.place.uri, goal)
        if table.parameters.get("projection.enabled", "false").lower() != "true":
            self._register(name, described, files)
        return _told(files, count)

    def _as_table(self, sql: str, table: CatalogueTable) -> str:
        """The query with a table's columns, in their order and with their types."""
        kinds = {**table.columns, **table.partition_keys}
        given, found = self._target.columns or tuple(kinds), self._engine.columns(sql)
        if len(found) != len(given) or set(given) - set(kinds):
            wanted, told = ", ".join(map(_trino, kinds.values())), ", ".join(_trino(kind) for _, kind in found)
            said = f"Insert query has mismatched column types: Table: [{wanted}], Query: [{told}]"
            raise UnsupportedError(f"TYPE_MISMATCH: line 1:1: {said}")
        place = {name: f"c{given.index(name)}" for name in given}
        chosen = ", ".join(
            f"CAST({place.get(name, 'NULL')} AS {_flat(kind)}) AS {identifier(name)}" for name, kind in kinds.items()
        )
        return f"SELECT {chosen} FROM ({sql}) q({', '.join(place.values())})"

    def _unload(self, sql: str) -> Result:
        self._checked(sql)
        location = f"{self._target.location.rstrip('/')}/"
        self._refuse_filled(location)
        return _told(*self._write(sql, location, self._target))

    def _checked(self, sql: str) -> list[dict[str, str]]:
        """A query's columns as the catalogue names them; refuses what Athena cannot write."""
        target = self._target
        if target.format not in FORMATS or target.codec is None:
            asked = target.format if target.codec else f"compression {target.compression}"
            raise UnsupportedError(f"NOT_SUPPORTED: {asked} is not written locally; {', '.join(sorted(FORMATS))} are")
        columns = self._engine.columns(sql)
        for place, (name, kind) in enumerate(columns, 1):
            if name == f"_col{place - 1}" and target.kind == "CREATE_TABLE_AS_SELECT":
                raise UnsupportedError(f"MISSING_COLUMN_NAME: line 1:1: Column name not specified at position {place}")
            if kind in ('"NULL"', "TIMESTAMP WITH TIME ZONE", "TIME"):
                raise UnsupportedError(f"NOT_SUPPORTED: Unsupported Hive type: {_trino(kind)}")
        names = [name.lower() for name, _ in columns]
        if names[len(names) - len(target.partitioned_by) :] != list(target.partitioned_by):
            raise UnsupportedError(
                "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and in the same "
                f"order as the table properties: [{', '.join(target.partitioned_by)}]"
            )
        return [{"Name": name.lower(), "Type": hive_types.to_hive(hive_types.stored(kind))} for name, kind in columns]

    def _refuse_filled(self, location: str) -> None:
        place = Place.of(location)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
        if any(page.get("Contents") for page in pages):
            raise UnsupportedError(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{self._target.database}.{self._target.table}' "
                f"already exists: {location}. You may need to manually clean the data at location '{location}' before "
                "retrying. Athena will not delete data in your account."
            )

    def _write(self, sql: str, location: str, target: Target) -> tuple[dict[str, tuple[str, ...]], int]:
        """Write files and put them to S3; return their URIs with the partition's values, and how many rows they are."""
        kinds = self._engine.columns(sql)
        places = [f"c{place}" for place in range(len(kinds))]
        chosen = ", ".join(
            f"CAST({place} AS {hive_types.stored(kind)}) AS {identifier(name.lower())}"
            for place, (name, kind) in zip(places, kinds, strict=True)
        )
        rows = f"SELECT {chosen} FROM ({sql}) q({', '.join(places)})"
        self._folder.mkdir(parents=True)
        try:
            keys = ", ".join(identifier(key) for key in target.partitioned_by)
            by = f", PARTITION_BY ({keys})" if keys else ""
            goal = self._folder if keys else self._folder / "rows"
            count = self._engine.copy(rows, goal, _options(target) + by)
            return self._upload(location, _ending(target)) if count else {}, count
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _upload(self, location: str, ending: str) -> dict[str, tuple[str, ...]]:
        place, found = Place.of(location), {}
        for number, path in enumerate(sorted(each for each in self._folder.rglob("*") if each.is_file())):
            pairs = [unquote(part).partition("=") for part in path.parent.relative_to(self._folder).parts]
            folder = "".join(f"{key}={quote(value, _HIVE_SAFE)}/" for key, _, value in pairs)
            key = f"{place.prefix}{folder}{self._name}-{number:05}{ending}"
            with path.open("rb") as file:
                self._s3.put_object(Bucket=place.bucket, Key=key, Body=file)
            found[f"s3://{place.bucket}/{key}"] = tuple(value for _, _, value in pairs)
        return found

    def _register(self, name: TableName, table: Mapping[str, Any], files: Mapping[str, tuple[str, ...]]) -> None:
        """Tell Glue the partitions that files are of; those that it knows stay as they are."""
        folders = {values: uri.rpartition("/")[0] for uri, values in files.items() if values}
        made = [
            {"Values": list(values), "StorageDescriptor": {**table["StorageDescriptor"], "Location": folder}}
            for values, folder in sorted(folders.items())
        ]
        if made:
            self._glue.batch_create_partition(DatabaseName=name.database, TableName=name.name, PartitionInputList=made)


def _options(target: Target) -> str:
    codec = target.codec
    if target.format == "PARQUET":
        return f"FORMAT parquet, COMPRESSION {codec}"
    compressed = f", COMPRESSION {'none' if codec == 'uncompressed' else codec}"
    if target.format == "JSON":
        return f"FORMAT json{compressed}"
    null, delimiter = literal(BACKSLASH_N), literal(target.delimiter)
    return f"FORMAT csv, HEADER false, DELIMITER {delimiter}, QUOTE '', ESCAPE '', NULLSTR {null}{compressed}"


def _ending(target: Target) -> str:
    return "" if target.format == "PARQUET" else {"gzip": ".gz", "zstd": ".zst"}.get(target.codec or "", "")


def _delimited(target: Target) -> dict[str, str]:
    return text_parameters(target.delimiter) if target.format == "TEXTFILE" else {}


def _told(files: Mapping[str, Sequence[str]], count: int) -> Result:
    return Result(_NO_COLUMNS, [], count, tuple(files))


def _exists(glue: Any, name: TableName) -> bool:
    try:
        catalogue.described(glue, name)
    except UnsupportedError:
        return False
    return True


def _flat(kind: str) -> str:
    return "VARCHAR" if kind == hive_types.COMPLEX else kind


def _trino(kind: str) -> str:
    return "unknown" if kind == '"NULL"' else kind.lower()

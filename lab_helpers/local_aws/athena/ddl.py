"""Answers to statements that are no queries, from Glue's catalogue and to it.

Not modelled: MSCK REPAIR TABLE finds folders named key=value of all keys, and tells them as Hive does.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from lab_helpers.local_aws.athena import catalogue, tables
from lab_helpers.local_aws.athena.catalogue import Place
from lab_helpers.local_aws.athena.commands import Command
from lab_helpers.local_aws.athena.result import Result
from lab_helpers.local_aws.athena.statement import TableName, UnsupportedError

_NOT_FOUND = "FAILED: SemanticException [Error 10001]: Table not found"
_NOTHING: tuple[tuple[str, str], ...] = ()


def answer(glue: Any, s3: Any, command: Command) -> Result:
    """Do what a command says. Raises UnsupportedError with Athena's words, or botocore's ClientError."""
    return _ANSWERS[command.name](glue, s3, command)


def create_table(glue: Any, database: str, table: Mapping[str, Any], *, is_lenient: bool) -> Result:
    """Answer CREATE EXTERNAL TABLE."""
    if not table["StorageDescriptor"]["Location"]:
        raise UnsupportedError("FAILED: ParseException line 1:1 missing LOCATION at 'EOF'")
    _made(lambda: glue.create_table(DatabaseName=database, TableInput=table), is_lenient=is_lenient)
    return Result(_NOTHING, [])


def _databases(glue: Any, _: Any, command: Command) -> Result:
    pages = glue.get_paginator("get_databases").paginate()
    names = [each["Name"] for page in pages for each in page["DatabaseList"]]
    return Result((("database_name", "string"),), _rows(_like(names, command)))


def _tables(glue: Any, _: Any, command: Command) -> Result:
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=command.database)
    names = [each["Name"] for page in pages for each in page["TableList"]]
    return Result((("tab_name", "string"),), _rows(_like(names, command)))


def _columns(glue: Any, _: Any, command: Command) -> Result:
    table = _described(glue, command)
    names = [each["Name"] for each in (*table["StorageDescriptor"]["Columns"], *(table.get("PartitionKeys") or ()))]
    return Result((("field", "string"),), _rows([tables.padded(name) for name in names]))


def _partitions(glue: Any, _: Any, command: Command) -> Result:
    name, table = _name(command), _described(glue, command)
    keys = [key["Name"] for key in table.get("PartitionKeys") or ()]
    if not keys:
        raise UnsupportedError(f"FAILED: SemanticException Table {name.name} is not a partitioned table")
    found = sorted(
        "/".join(f"{key}={value}" for key, value in zip(keys, each["Values"], strict=True))
        for each in catalogue.partitions(glue, name)
    )
    return Result((("partition", "string"),), _rows(found))


def _create_statement(glue: Any, _: Any, command: Command) -> Result:
    lines = tables.as_statement(command.database, _described(glue, command))
    return Result((("createtab_stmt", "string"),), _rows(lines))


def _properties(glue: Any, _: Any, command: Command) -> Result:
    found = _described(glue, command).get("Parameters") or {}
    wanted = {key: value for key, value in found.items() if command.texts.get("like") in (None, key)}
    lines = [f"{key}\t{value}" for key, value in sorted(wanted.items())]
    return Result((("prpt_name", "string"), ("prpt_value", "string")), _rows(lines))


def _description(glue: Any, _: Any, command: Command) -> Result:
    columns = (("col_name", "string"), ("data_type", "string"), ("comment", "string"))
    return Result(columns, _rows(tables.as_description(_described(glue, command))))


def _drop_table(glue: Any, _: Any, command: Command) -> Result:
    _gone(lambda: glue.delete_table(DatabaseName=command.database, Name=command.table), command)
    return Result(_NOTHING, [])


def _create_database(glue: Any, _: Any, command: Command) -> Result:
    told = {"Description": command.texts.get("comment"), "LocationUri": command.texts.get("location")}
    given = {"Name": command.database} | {key: value for key, value in told.items() if value}
    _made(lambda: glue.create_database(DatabaseInput=given), is_lenient=command.is_lenient)
    return Result(_NOTHING, [])


def _drop_database(glue: Any, s3: Any, command: Command) -> Result:
    held = [] if command.is_lenient and not _knows(glue, command.database) else _tables(glue, s3, command).rows
    if held and "cascade" not in command.texts:
        raise UnsupportedError(
            "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
            f"InvalidOperationException(message:Database {command.database} is not empty. One or more tables exist.)"
        )
    _gone(lambda: glue.delete_database(Name=command.database), command)
    return Result(_NOTHING, [])


def _add_partitions(glue: Any, _: Any, command: Command) -> Result:
    name, table = _name(command), _described(glue, command)
    keys, storage = [key["Name"] for key in table.get("PartitionKeys") or ()], table["StorageDescriptor"]
    for each in command.partitions:
        if set(each.values) != set(keys):
            raise UnsupportedError(
                f"FAILED: SemanticException partition spec {dict(each.values)} doesn't contain all partition columns"
            )
        values = [each.values[key] for key in keys]
        folder = "/".join(f"{key}={each.values[key]}" for key in keys)
        place = each.location or f"{storage['Location'].rstrip('/')}/{folder}"
        made = {"Values": values, "StorageDescriptor": {**storage, "Location": place}}
        _made(lambda made=made: _add(glue, name, made), is_lenient=command.is_lenient)  # type: ignore[misc]
    return Result(_NOTHING, [])


def _add(glue: Any, name: TableName, partition: Mapping[str, Any]) -> None:
    glue.create_partition(DatabaseName=name.database, TableName=name.name, PartitionInput=partition)


def _drop_partitions(glue: Any, _: Any, command: Command) -> Result:
    name, table = _name(command), _described(glue, command)
    keys = [key["Name"] for key in table.get("PartitionKeys") or ()]
    for each in command.partitions:
        wanted = [each.values.get(key, "") for key in keys]
        _gone(
            lambda wanted=wanted: glue.delete_partition(  # type: ignore[misc]
                DatabaseName=name.database, TableName=name.name, PartitionValues=wanted
            ),
            command,
        )
    return Result(_NOTHING, [])


def _done(*_: Any) -> Result:
    """Prepared statements are kept when the statement is started."""
    return Result(_NOTHING, [])


def _repair(glue: Any, s3: Any, command: Command) -> Result:
    name, table = _name(command), _described(glue, command)
    keys, storage = [key["Name"] for key in table.get("PartitionKeys") or ()], table["StorageDescriptor"]
    place, form = Place.of(storage["Location"]), "/".join(f"{re.escape(key)}=([^/]+)" for key in keys) + "/"
    known = {tuple(each["Values"]) for each in catalogue.partitions(glue, name)}
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
    found: dict[tuple[str, ...], str] = {}
    for item in (item for page in pages for item in page.get("Contents", ())):
        if folder := re.match(form, item["Key"][len(place.prefix) :]):
            found[catalogue.unescaped(folder.groups())] = folder[0].rstrip("/")
    lines = []
    for values, folder_name in sorted(found.items()):
        if values not in known:
            location = f"s3://{place.bucket}/{place.prefix}{folder_name}"
            _add(glue, name, {"Values": list(values), "StorageDescriptor": {**storage, "Location": location}})
            lines.append(f"Repair: Added partition to metastore {name.name}:{folder_name}")
    if lines:
        missing = "\t".join(f"{name.name}:{found[values]}" for values in sorted(set(found) - known))
        lines.insert(0, f"Partitions not in metastore:\t{missing}")
    return Result((("result", "string"),), _rows(lines))


_ANSWERS: Mapping[str, Callable[[Any, Any, Command], Result]] = {
    "SHOW_DATABASES": _databases,
    "SHOW_TABLES": _tables,
    "SHOW_COLUMNS": _columns,
    "SHOW_PARTITIONS": _partitions,
    "SHOW_CREATE_TABLE": _create_statement,
    "SHOW_TBLPROPERTIES": _properties,
    "DESCRIBE_TABLE": _description,
    "DROP_TABLE": _drop_table,
    "CREATE_DATABASE": _create_database,
    "DROP_DATABASE": _drop_database,
    "ALTER_TABLE_ADD_PARTITION": _add_partitions,
    "ALTER_TABLE_DROP_PARTITION": _drop_partitions,
    "MSCK_REPAIR_TABLE": _repair,
    "PREPARE": _done,
    "DEALLOCATE_PREPARE": _done,
}


def _described(glue: Any, command: Command) -> dict[str, Any]:
    try:
        return catalogue.described(glue, _name(command))
    except UnsupportedError as exc:
        raise UnsupportedError(f"{_NOT_FOUND} {command.table}") from exc


def _name(command: Command) -> TableName:
    return TableName(command.database, command.table)


def _rows(texts: list[str]) -> list[tuple[str | None, ...]]:
    return [(text,) for text in texts]


def _like(names: list[str], command: Command) -> list[str]:
    """Names that a pattern of Hive's means: `*` is anything, `|` is or."""
    wanted = command.texts.get("like")
    if wanted is None:
        return names
    return [name for name in names if any(fnmatch.fnmatchcase(name, each.strip()) for each in wanted.split("|"))]


def _knows(glue: Any, database: str) -> bool:
    pages = glue.get_paginator("get_databases").paginate()
    return any(each["Name"] == database for page in pages for each in page["DatabaseList"])


def _made(make: Callable[[], Any], *, is_lenient: bool) -> None:
    try:
        make()
    except ClientError as exc:
        if exc.response["Error"]["Code"] != "AlreadyExistsException":
            raise
        if not is_lenient:
            raise UnsupportedError(f"FAILED: SemanticException {exc.response['Error']['Message']}") from exc


def _gone(remove: Callable[[], Any], command: Command) -> None:
    try:
        remove()
    except ClientError as exc:
        if exc.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        if not command.is_lenient:
            what = command.table or command.database
            raise UnsupportedError(f"{_NOT_FOUND} {what}") from exc

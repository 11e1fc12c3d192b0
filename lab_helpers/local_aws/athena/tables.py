"""Tables as Glue keeps them: made of CREATE EXTERNAL TABLE, and told as SHOW CREATE TABLE and DESCRIBE do. Pure.

Source: Athena's user guide, "CREATE TABLE", "SHOW CREATE TABLE", "DESCRIBE"; Hive's "LanguageManual DDL".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp

from lab_helpers.local_aws.athena.targets import HIVE_DELIMITER

_HIVE = "org.apache.hadoop"
_TEXT_INPUT = f"{_HIVE}.mapred.TextInputFormat"
_TEXT_OUTPUT = f"{_HIVE}.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_FORMS = {
    "PARQUET": (
        f"{_HIVE}.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        f"{_HIVE}.hive.ql.io.parquet.MapredParquetInputFormat",
        f"{_HIVE}.hive.ql.io.parquet.MapredParquetOutputFormat",
    ),
    "JSON": ("org.openx.data.jsonserde.JsonSerDe", _TEXT_INPUT, _TEXT_OUTPUT),
    "TEXTFILE": (f"{_HIVE}.hive.serde2.lazy.LazySimpleSerDe", _TEXT_INPUT, _TEXT_OUTPUT),
    "ORC": (
        f"{_HIVE}.hive.ql.io.orc.OrcSerde",
        f"{_HIVE}.hive.ql.io.orc.OrcInputFormat",
        f"{_HIVE}.hive.ql.io.orc.OrcOutputFormat",
    ),
}
_WIDTH = 20


def text_parameters(delimiter: str) -> dict[str, str]:
    """SerDe parameters of delimited text."""
    return {"serialization.format": delimiter, "field.delim": delimiter}


def storage_of(
    columns: Sequence[Mapping[str, str]], location: str, form: str, serde: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Glue's StorageDescriptor of a table in one of the formats that have a name."""
    library, reads, writes = _FORMS[form]
    return {
        "Columns": list(columns),
        "Location": location,
        "InputFormat": reads,
        "OutputFormat": writes,
        "SerdeInfo": {"SerializationLibrary": library, "Parameters": dict(serde or {"serialization.format": "1"})},
    }


def is_external(tree: Any) -> bool:
    """Whether a statement is CREATE EXTERNAL TABLE."""
    properties = tree.args.get("properties") if isinstance(tree, exp.Create) else None
    return bool(properties and properties.find(exp.ExternalProperty))


def input_of(tree: Any) -> dict[str, Any]:
    """Glue's TableInput of a CREATE EXTERNAL TABLE."""
    properties = tree.args["properties"]
    found = {type(each): each for each in properties.expressions}
    options = {each.name: each.args["value"].name for each in properties.expressions if type(each) is exp.Property}
    schema = tree.this
    form, serde = _form(found)
    location = found[exp.LocationProperty].this.name if exp.LocationProperty in found else ""
    storage = storage_of([_column(each) for each in schema.expressions], location, form, serde)
    storage |= _written_out(found, storage)
    partitioned = found.get(exp.PartitionedByProperty)
    comment = found.get(exp.SchemaCommentProperty)
    return {
        "Name": schema.this.name.lower(),
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **options, **({"comment": comment.this.name} if comment else {})},
        "PartitionKeys": [_column(each) for each in partitioned.this.expressions] if partitioned else [],
        "StorageDescriptor": storage,
    }


def _form(found: Mapping[type, Any]) -> tuple[str, dict[str, str]]:
    """The format's name, and its SerDe's parameters."""
    stored = found.get(exp.FileFormatProperty)
    name = "TEXTFILE"
    if stored is not None and isinstance(stored.this, exp.Var | exp.Literal):
        name = stored.this.name.upper()
    if delimited := found.get(exp.RowFormatDelimitedProperty):
        parameters = text_parameters(delimited.text("fields") or HIVE_DELIMITER)
        return name, parameters | ({"escape.delim": delimited.text("escaped")} if delimited.text("escaped") else {})
    return name if name in _FORMS else "TEXTFILE", {}


def _written_out(found: Mapping[type, Any], storage: Mapping[str, Any]) -> dict[str, Any]:
    """What ROW FORMAT SERDE and STORED AS INPUTFORMAT say in place of a format's name."""
    made: dict[str, Any] = {}
    if serde := found.get(exp.RowFormatSerdeProperty):
        given = serde.args.get("serde_properties") or found.get(exp.SerdeProperties)
        pairs = given.expressions if given else ()
        parameters = {each.this.name: (each.args.get("value") or each.expression).name for each in pairs}
        made["SerdeInfo"] = {"SerializationLibrary": serde.this.name, "Parameters": parameters}
    stored = found.get(exp.FileFormatProperty)
    if stored is not None and isinstance(stored.this, exp.InputOutputFormat):
        made["InputFormat"] = stored.this.text("input_format") or storage["InputFormat"]
        made["OutputFormat"] = stored.this.text("output_format") or storage["OutputFormat"]
    return made


def _column(definition: Any) -> dict[str, str]:
    comment = definition.find(exp.CommentColumnConstraint)
    kind = definition.args["kind"].sql(dialect="hive").lower().replace(": ", ":").replace(", ", ",")
    return {"Name": definition.name.lower(), "Type": kind, **({"Comment": comment.this.name} if comment else {})}


def as_statement(database: str, table: Mapping[str, Any]) -> list[str]:
    """The lines of SHOW CREATE TABLE."""
    storage, keys = table["StorageDescriptor"], table.get("PartitionKeys") or ()
    serde = storage.get("SerdeInfo") or {}
    lines = [f"CREATE EXTERNAL TABLE `{database}.{table['Name']}`("]
    lines += _listed([_declared(each) for each in storage["Columns"]])
    if keys:
        lines += ["PARTITIONED BY ( ", *_listed([_declared(each) for each in keys])]
    lines += ["ROW FORMAT SERDE ", f"  '{serde.get('SerializationLibrary', '')}' "]
    if parameters := serde.get("Parameters"):
        lines += ["WITH SERDEPROPERTIES ( ", *_listed(_pairs(parameters), ") ")]
    lines += ["STORED AS INPUTFORMAT ", f"  '{storage.get('InputFormat', '')}' "]
    lines += ["OUTPUTFORMAT ", f"  '{storage.get('OutputFormat', '')}'", "LOCATION", f"  '{storage['Location']}'"]
    options = {key: value for key, value in (table.get("Parameters") or {}).items() if key != "EXTERNAL"}
    return [*lines, "TBLPROPERTIES (", *_listed(_pairs(options))] if options else lines


def as_description(table: Mapping[str, Any]) -> list[str]:
    """The lines of DESCRIBE: name, type and comment, padded and with tabs between them."""
    keys = table.get("PartitionKeys") or ()
    lines = [_described(each) for each in (*table["StorageDescriptor"]["Columns"], *keys)]
    if not keys:
        return lines
    heading = {"Name": "# col_name", "Type": "data_type", "Comment": "comment"}
    blank = "\t \t "
    return [*lines, blank, "# Partition Information\t \t ", _described(heading), blank, *map(_described, keys)]


def padded(name: str) -> str:
    """A name as SHOW COLUMNS prints it."""
    return name.ljust(_WIDTH)


def _described(column: Mapping[str, str]) -> str:
    return "\t".join(column.get(key, "").ljust(_WIDTH) for key in ("Name", "Type", "Comment"))


def _declared(column: Mapping[str, str]) -> str:
    comment = column.get("Comment")
    return f"`{column['Name']}` {column.get('Type', 'string')}" + (f" COMMENT '{comment}'" if comment else "")


def _pairs(parameters: Mapping[str, str]) -> list[str]:
    return [f"'{key}'='{value}'" for key, value in sorted(parameters.items())]


def _listed(items: Sequence[str], end: str = ")") -> list[str]:
    return [f"  {item}, " for item in items[:-1]] + [f"  {items[-1]}{end}"]

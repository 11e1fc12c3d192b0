"""Questions in SQL, asked of Athena's API: for logs that outgrow one machine's memory. pandas gets the answer.

The table is Glue's, over the objects that Firehose delivers, with partition projection on its keys (`YYYY/MM/DD/HH`):
no crawler, and a condition on `datehour` reads only the objects of those hours.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import AwsCallError, WaitTimeoutError
from lab_helpers.base.lazy import pd
from lab_helpers.base.wait import Tick, wait_until
from lab_helpers.lab import Lab
from lab_helpers.logs import frames

FINAL_STATES = ("SUCCEEDED", "FAILED", "CANCELLED")
FIRST_HOUR = "2021/01/01/00"
RECORD_COLUMNS = (
    "source", "log", "container_id", "container_name", "ecs_cluster", "ecs_task_arn", "ecs_task_definition",
)  # fmt: skip
_CONVERT: dict[str, Callable[[pd.Series], pd.Series]] = {
    "tinyint": lambda texts: pd.to_numeric(texts).astype("Int8"),
    "smallint": lambda texts: pd.to_numeric(texts).astype("Int16"),
    "integer": lambda texts: pd.to_numeric(texts).astype("Int32"),
    "bigint": lambda texts: pd.to_numeric(texts).astype("Int64"),
    "float": lambda texts: texts.astype("float64"),
    "double": lambda texts: texts.astype("float64"),
    "decimal": lambda texts: texts.astype("float64"),
    "boolean": lambda texts: texts.map({"true": True, "false": False}).astype("boolean"),
    "date": lambda texts: pd.to_datetime(texts).dt.as_unit("us"),
    "timestamp": lambda texts: pd.to_datetime(texts, utc=True).dt.as_unit("us"),
    "timestamp with time zone": lambda texts: pd.to_datetime(texts.str.removesuffix(" UTC"), utc=True).dt.as_unit("us"),
}


def query(
    athena: Any,
    sql: str,
    database: str,
    output: str,
    *,
    workgroup: str = "primary",
    timeout_s: float = 300,
    every_s: float = 0.5,
    on_tick: Callable[[Tick], None] | None = None,
) -> pd.DataFrame:
    """Ask Athena (Trino SQL) and return the rows, typed: integers nullable, times UTC, text `string[pyarrow]`.

    `output` is the S3 folder for result files ("s3://bucket/folder/"). `frame.attrs["scanned_bytes"]` is what a query
    on an account is billed by. Raises AwsCallError with Athena's reason when the query fails (code `QueryFailed`), and
    WaitTimeoutError after `timeout_s` seconds; the query is then stopped, as it is when the wait is interrupted.
    """
    with aws_errors("StartQueryExecution"):
        started = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": database},
            ResultConfiguration={"OutputLocation": output},
            WorkGroup=workgroup,
        )
    execution = _wait(athena, started["QueryExecutionId"], timeout_s, every_s, on_tick)
    state, reason = execution["Status"]["State"], execution["Status"].get("StateChangeReason", "")
    if state != "SUCCEEDED":
        raise AwsCallError("Athena query", "QueryFailed", reason or state)
    frame = _fetch(athena, execution)
    frame.attrs["scanned_bytes"] = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
    return frame


def ask(lab: Lab, text: str) -> pd.DataFrame:
    """Ask Athena about the lab's delivered logs (table `httpd`) and return the rows; errors as `query`.

    Answers are kept in the log bucket's folder `_athena/`, which neither Athena nor `s3_logs` takes for logs.
    """
    out = lab.outputs
    return query(lab.client("athena"), text, out.glue_database, f"s3://{out.log_bucket}/_athena/")


def s3_select(lab: Lab, key: str, text: str) -> str:
    """Ask one delivered object with S3 Select, as one did in 2021: the selected lines, or AWS's refusal.

    AWS has closed it to new customers since July 2024; only accounts that used it before get an answer. `text` is SQL
    over `s3object`.
    """
    try:
        with aws_errors("SelectObjectContent"):
            answer = lab.client("s3").select_object_content(
                Bucket=lab.outputs.log_bucket,
                Key=key,
                ExpressionType="SQL",
                Expression=text,
                InputSerialization={"JSON": {"Type": "LINES"}, "CompressionType": "GZIP"},
                OutputSerialization={"JSON": {}},
            )
            parts = [event["Records"]["Payload"] for event in answer["Payload"] if "Records" in event]
    except AwsCallError as exc:
        return str(exc)
    return b"".join(parts).decode()


def logs_table(name: str, bucket: str, prefix: str = "") -> dict[str, Any]:
    """Glue's TableInput for the FireLens records that Firehose delivers under a prefix of a bucket."""
    location = f"s3://{bucket}/{prefix}"
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "datehour", "Type": "string"}],
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": "string"} for column in RECORD_COLUMNS],
            "Location": location,
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
                "Parameters": {"ignore.malformed.json": "true"},
            },
        },
        "Parameters": {
            "EXTERNAL": "TRUE",
            "classification": "json",
            "projection.enabled": "true",
            "projection.datehour.type": "date",
            "projection.datehour.format": "yyyy/MM/dd/HH",
            "projection.datehour.range": f"{FIRST_HOUR},NOW",
            "projection.datehour.interval": "1",
            "projection.datehour.interval.unit": "HOURS",
            "storage.location.template": f"{location}${{datehour}}/",
        },
    }


def make_table(glue: Any, database: str, name: str, bucket: str, prefix: str = "") -> None:
    """Make the database and the table of `logs_table`, or renew the table. Raises AwsCallError."""
    table = logs_table(name, bucket, prefix)
    with aws_errors("CreateTable"):
        with suppress(glue.exceptions.AlreadyExistsException):
            glue.create_database(DatabaseInput={"Name": database})
        try:
            glue.create_table(DatabaseName=database, TableInput=table)
        except glue.exceptions.AlreadyExistsException:
            glue.update_table(DatabaseName=database, TableInput=table)


def drop_table(glue: Any, database: str, name: str) -> None:
    """Remove the table and its database; what is gone already is no error. The logs in S3 stay."""
    with aws_errors("DeleteTable"):
        with suppress(glue.exceptions.EntityNotFoundException):
            glue.delete_table(DatabaseName=database, Name=name)
        with suppress(glue.exceptions.EntityNotFoundException):
            glue.delete_database(Name=database)


def _wait(
    athena: Any, name: str, timeout_s: float, every_s: float, on_tick: Callable[[Tick], None] | None
) -> dict[str, Any]:
    def probe() -> dict[str, Any]:
        with aws_errors("GetQueryExecution"):
            return dict(athena.get_query_execution(QueryExecutionId=name)["QueryExecution"])

    try:
        return wait_until(
            probe,
            timeout_s,
            every_s,
            f"Athena query {name}",
            done=lambda execution: execution["Status"]["State"] in FINAL_STATES,
            describe=lambda execution: str(execution["Status"]["State"]),
            on_tick=on_tick,
        )
    except (WaitTimeoutError, KeyboardInterrupt):
        # a query that nobody waits for is billed all the same
        with suppress(AwsCallError), aws_errors("StopQueryExecution"):
            athena.stop_query_execution(QueryExecutionId=name)
        raise


def _fetch(athena: Any, execution: dict[str, Any]) -> pd.DataFrame:
    with aws_errors("GetQueryResults"):
        pages = list(athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution["QueryExecutionId"]))
    rows = [[cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
    columns = pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    names = [column["Name"] for column in columns]
    # a query's first row repeats the column names; the answer to SHOW and DESCRIBE has none
    rows = rows[1:] if execution.get("StatementType") == "DML" and rows[:1] == [names] else rows
    texts = zip(*rows, strict=True) if rows else [[]] * len(names)
    series = [_typed(list(column), info["Type"]) for column, info in zip(texts, columns, strict=True)]
    return pd.concat(series, axis="columns", keys=names) if series else pd.DataFrame()


def _typed(texts: list[str | None], kind: str) -> pd.Series:
    column = pd.Series(texts, dtype=frames.STRING)
    convert = _CONVERT.get(kind.partition("(")[0])
    return convert(column) if convert else column

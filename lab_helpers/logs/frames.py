"""Columns, dtypes and time zone of the lab's DataFrames.

A frame of log lines has one row a line, always all of these columns (`LOG_SCHEMA`), whatever it was read from:

| column | dtype | meaning |
|---|---|---|
| task, container, container_id, cluster, task_definition | category | where the line was printed (FireLens metadata) |
| source | category | `stdout` or `stderr` |
| remote_host, ident, user | category | first three fields of the access-log line; `-` is missing |
| request_time | datetime64[us, UTC] | when the request came in, by httpd's clock, whole seconds |
| method, protocol | category | of the request line |
| path, query | string | the request target before and after the first `?`; no query is missing |
| status | Int16 | of the answer; `-` is missing |
| size | Int64 | body bytes of the answer; `-` (no body) is missing |
| referer, user_agent | category | combined log format only |
| client | category | first address of `X-Forwarded-For`, where the log format has it |
| duration_ms | float64 | how long the answer took, where the log format has `%D` |
| stream | category | CloudWatch log stream |
| event_time, ingested_at | datetime64[us, UTC] | CloudWatch: the record's time; when CloudWatch took it |
| s3_key | category | S3: the object that holds the line |
| delivered_at | datetime64[us, UTC] | S3: when that object was written, whole seconds |
| line | string | the line as it was printed |
| problem | category | missing when all is well, else why fields are missing (`records.PROBLEMS`) |

Strings are `string[pyarrow]` with pd.NA for missing; all times are UTC.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from lab_helpers.base.errors import SettingsError

CATEGORY = pa.dictionary(pa.int32(), pa.string())
TIME = pa.timestamp("us", tz="UTC")
STRING = pd.StringDtype("pyarrow")

LOG_SCHEMA = pa.schema(
    [
        ("task", CATEGORY),
        ("container", CATEGORY),
        ("container_id", CATEGORY),
        ("cluster", CATEGORY),
        ("task_definition", CATEGORY),
        ("source", CATEGORY),
        ("remote_host", CATEGORY),
        ("ident", CATEGORY),
        ("user", CATEGORY),
        ("request_time", TIME),
        ("method", CATEGORY),
        ("path", pa.string()),
        ("query", pa.string()),
        ("protocol", CATEGORY),
        ("status", pa.int16()),
        ("size", pa.int64()),
        ("referer", CATEGORY),
        ("user_agent", CATEGORY),
        ("client", CATEGORY),
        ("duration_ms", pa.float64()),
        ("stream", CATEGORY),
        ("event_time", TIME),
        ("ingested_at", TIME),
        ("s3_key", CATEGORY),
        ("delivered_at", TIME),
        ("line", pa.string()),
        ("problem", CATEGORY),
    ]
)

COLUMN_OF_KEY = {
    "source": "source",
    "container_id": "container_id",
    "container_name": "container",
    "ecs_cluster": "cluster",
    "ecs_task_arn": "task",
    "ecs_task_definition": "task_definition",
}
"""Keys of a FireLens record beside `log`, and the columns that hold them (of the task's ARN only its id)."""

MANY_ROWS = 100_000
"""From so many on, a frame is worth threads: they take some milliseconds to begin with."""
_COLUMNS_AT_ONCE = 2
_FEW = 1024

Moment = datetime | pd.Timestamp | str
"""A point in time: aware, or naive and then UTC; or ISO 8601 text."""


def to_frame(tables: Iterable[pa.Table], schema: pa.Schema = LOG_SCHEMA) -> pd.DataFrame:
    """Put Arrow tables of one schema together as a frame with the documented dtypes; no tables give an empty frame.

    Columns of a large frame are made two at a time, and each gives its Arrow memory back when it is made.
    """
    whole = pa.concat_tables([schema.empty_table(), *tables])
    if whole.num_rows < MANY_ROWS:
        return pd.DataFrame(whole.unify_dictionaries().to_pandas(types_mapper=_pandas_type))
    columns = deque(whole.columns)
    del whole
    with ThreadPoolExecutor(_COLUMNS_AT_ONCE, "frame") as pool:
        made = [pool.submit(_pandas_column, columns.popleft()) for _ in schema.names]
    return pd.DataFrame({name: column.result() for name, column in zip(schema.names, made, strict=True)}, copy=False)


def from_columns(columns: Mapping[str, Any], rows: int, schema: pa.Schema = LOG_SCHEMA) -> pa.Table:
    """An Arrow table of the schema; columns that are not given are missing in every row."""
    return pa.table([_column(columns.get(field.name), rows, field.type) for field in schema], schema=schema)


def with_columns(table: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    """The table with these of its columns put in place."""
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        table = table.set_column(place, field, _column(values, table.num_rows, field.type))
    return table


def empty(schema: pa.Schema = LOG_SCHEMA) -> pd.DataFrame:
    """A frame without rows, with all columns and dtypes."""
    return to_frame([], schema)


def utc(moment: Moment | None, name: str = "time") -> datetime | None:
    """`moment` as an aware UTC datetime; None stays None. Raises SettingsError for text that is no time."""
    if moment is None:
        return None
    try:
        stamp = pd.Timestamp(moment)
    except ValueError as exc:
        raise SettingsError(name, moment, "a time such as 2026-01-31T09:30:00Z") from exc
    stamp = stamp.tz_localize(UTC) if stamp.tzinfo is None else stamp.tz_convert(UTC)
    return stamp.to_pydatetime(warn=False)


def time_range(since: Moment | None, until: Moment | None) -> tuple[datetime | None, datetime | None]:
    """Both ends in UTC; `since` belongs to the range, `until` does not. Raises SettingsError for a reversed range."""
    start, end = utc(since, "since"), utc(until, "until")
    if start and end and start > end:
        raise SettingsError("since", start.isoformat(), f"not after until ({end.isoformat()})")
    return start, end


def task_id(arn: str | None) -> str | None:
    """The id at the end of a task's ARN."""
    return arn.rpartition("/")[2] if arn else None


def _column(values: Any, rows: int, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if values is None:
        return _missing(rows, kind)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values if values.type == kind else values.cast(kind)
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode()
    return pa.array(values, kind)


def _missing(rows: int, kind: pa.DataType) -> pa.Array:
    # a table has ten such columns of few kinds, which may share their memory: Arrow's arrays never change
    return _nulls(max(_FEW, 1 << (rows - 1).bit_length()), kind).slice(0, rows)


@lru_cache(maxsize=64)
def _nulls(rows: int, kind: pa.DataType) -> pa.Array:
    return pa.nulls(rows, kind)


def _pandas_column(column: pa.ChunkedArray) -> Any:
    if pa.types.is_dictionary(column.type):
        return _categorical(column.unify_dictionaries())
    return column.to_pandas(types_mapper=_pandas_type).array


def _categorical(column: pa.ChunkedArray) -> pd.Categorical:
    """The same as `column.to_pandas()`, with codes written once and as narrow as pandas keeps them."""
    categories = column.chunk(0).dictionary
    dtype = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), categories).to_pandas().dtype
    codes = np.empty(len(column), np.min_scalar_type(-len(categories) - 1))
    ends = np.cumsum([len(chunk) for chunk in column.chunks])
    for chunk, end in zip(column.chunks, ends.tolist(), strict=True):
        indices = chunk.indices if not chunk.null_count else chunk.indices.fill_null(-1)
        codes[end - len(chunk) : end] = indices
    return pd.Categorical.from_codes(codes, dtype=dtype, validate=False)


def _pandas_type(kind: pa.DataType) -> Any:
    return {pa.string(): STRING, pa.int16(): pd.Int16Dtype(), pa.int64(): pd.Int64Dtype()}.get(kind)

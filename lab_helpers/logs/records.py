"""FireLens records (JSON objects, one a line) -> an Arrow table of `frames.LOG_SCHEMA`.

Nothing is dropped: what cannot be read becomes a row with its text in `line` and the reason in `problem`.
Source: the record of AWS for Fluent Bit with ECS metadata: source, log, container_id, container_name, ecs_cluster,
ecs_task_arn, ecs_task_definition. Key order is free.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from lab_helpers.logs import frames
from lab_helpers.logs.apache import BROKEN_REQUEST, NOT_ACCESS_LOG, parse_line
from lab_helpers.logs.frames import COLUMN_OF_KEY

if TYPE_CHECKING:
    from lab_helpers.logs.fast import Scanner

FAST_READERS = "LAB_FAST_READERS"
"""Set to off, everything is read by `read_slowly`: the same result, and more time."""
_OFF = ("off", "no", "false", "0")
NOT_JSON = "not JSON"
NO_LOG = "no log field"
NOT_UTF8 = "not UTF-8"
PROBLEMS = (BROKEN_REQUEST, NOT_ACCESS_LOG, NOT_JSON, NO_LOG, NOT_UTF8)

_LINE_COLUMNS = (
    "remote_host", "ident", "user", "request_time", "method", "path", "query", "protocol", "status", "size", "referer",
    "user_agent", "client", "duration_ms", "problem",
)  # fmt: skip
Row = tuple[Any, ...]


class Reader:
    """Reads buffers of records; what it learns from one (`fast.Scanner`) speeds up the next. Threads may share it."""

    def __init__(self) -> None:
        self._scanner = _scanner()

    def read(self, data: bytes) -> tuple[pa.Table, NDArray[np.int64]]:
        """Read newline-delimited records; the table, and for each row the index of the line that it came from.

        Agrees with `read_slowly` row for row.
        """
        table, lines, _ = self._read([data])
        return table, lines

    def read_parts(self, parts: Iterable[bytes]) -> tuple[pa.Table, NDArray[np.int64]]:
        """Read several texts at once; the table, and for each row the index of the text that it came from."""
        table, lines, part_of_line = self._read(parts)
        return table, part_of_line[lines]

    def _read(self, parts: Iterable[bytes]) -> tuple[pa.Table, NDArray[np.int64], NDArray[np.int64]]:
        if self._scanner is None:
            return _read_all_slowly(parts)
        regular = self._scanner.scan(parts)
        tables, lines = regular.tables, regular.lines
        if regular.others or not tables:
            table, origin = read_slowly(b"\n".join(regular.others))
            tables, lines = [*tables, table], np.concatenate([lines, regular.other_lines[origin]])
        whole = tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries()
        if (np.diff(lines) >= 0).all():
            return whole, lines, regular.part_of_line
        order = np.argsort(lines, kind="stable")
        return whole.take(pa.array(order)), lines[order], regular.part_of_line


def _scanner() -> Scanner | None:
    """Return the fast readers; None where they are switched off, or not there: nothing depends on them but time."""
    if os.environ.get(FAST_READERS, "on").lower() in _OFF:
        return None
    try:
        from lab_helpers.logs.fast import Scanner  # late: the folder may be missing
    except ImportError:
        return None
    return Scanner()


def _read_all_slowly(parts: Iterable[bytes]) -> tuple[pa.Table, NDArray[np.int64], NDArray[np.int64]]:
    """Read all parts by the exact reader; the table, each row's line, each line's part."""
    lines_of = [split_lines(part) for part in parts]
    table, origin = read_slowly(b"\n".join(line for lines in lines_of for line in lines) + b"\n")
    return table, origin, np.repeat(np.arange(len(lines_of)), [len(lines) for lines in lines_of])


def read(data: bytes) -> tuple[pa.Table, NDArray[np.int64]]:
    """`Reader.read` for a single buffer."""
    return Reader().read(data)


def read_slowly(data: bytes) -> tuple[pa.Table, NDArray[np.int64]]:
    """Read newline-delimited records one by one: the exact reading that every faster one must agree with.

    Returns the table and, for each row, the index of the line that it came from (a line may hold glued records).
    """
    rows: list[Row] = []
    origin: list[int] = []
    for index, raw in enumerate(split_lines(data)):
        for row in _rows_of_line(raw):
            rows.append(row)
            origin.append(index)
    return _table(rows), np.array(origin, np.int64)


def split_lines(data: bytes) -> list[bytes]:
    """The lines of a delivered object, without their newlines; the last one may lack its newline."""
    lines = data.split(b"\n")
    return lines[:-1] if not lines[-1] else lines


def _rows_of_line(raw: bytes) -> Iterator[Row]:
    if not raw.strip():
        return
    for record, text, problem in _records(raw):
        yield _row(record, text, problem)


def _records(raw: bytes) -> Iterable[tuple[Any, str, str | None]]:
    """Each JSON value of a line, its text, and what is wrong with it."""
    try:
        return [(orjson.loads(raw), "", None)]
    except orjson.JSONDecodeError:
        text = raw.decode("utf-8", "replace")
        return _glued_records(text, NOT_UTF8 if "\ufffd" in text else None)


def _glued_records(text: str, problem: str | None) -> Iterator[tuple[Any, str, str | None]]:
    """Records without a delimiter between them; what follows the last whole one is text that is not JSON."""
    decoder, at = json.JSONDecoder(strict=False), 0
    while at < len(text):
        try:
            record, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield None, text[at:], NOT_JSON
            return
        yield record, text[at:end], problem
        at = end + len(text[end:]) - len(text[end:].lstrip())


def _row(record: Any, text: str, problem: str | None) -> Row:
    if not isinstance(record, dict):
        return (*(None,) * 6, *parse_line("")[:-1], problem or NOT_JSON, text or _as_text(record))
    origin = tuple(_value(record.get(key)) for key in COLUMN_OF_KEY)
    if "log" not in record:
        return (*origin, *parse_line("")[:-1], NO_LOG, text or _as_text(record))
    line = _value(record["log"]) or ""
    fields = parse_line(line)
    return (*origin, *fields[:-1], problem or fields.problem, line)


def _value(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return _clean(value)
    return _as_text(value)


def _as_text(value: Any) -> str:
    return _clean(json.dumps(value, ensure_ascii=False)) or ""


def _clean(text: str | None) -> str | None:
    """Lone surrogates (JSON allows `\\ud800`) cannot be encoded; they become `?`."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def _table(rows: list[Row]) -> pa.Table:
    names = (*COLUMN_OF_KEY.values(), *_LINE_COLUMNS, "line")
    columns: dict[str, Any] = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    if rows:
        columns["task"] = [frames.task_id(arn) for arn in columns["task"]]
    return frames.from_columns(columns, len(rows))

"""Insights queries over the events of log groups: fields, filter, parse, stats, sort, limit, dedup, display, pattern.

Source: "CloudWatch Logs Insights language query syntax" of the CloudWatch Logs User Guide; commands run in the order in
which they are written.
Not modelled: see `syntax`; sampling; that a query takes time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lab_helpers.base import nested_json
from lab_helpers.local_aws.logs.insights.commands import ROWS_MAX, Command, Row, Table, command
from lab_helpers.local_aws.logs.insights.functions import shown
from lab_helpers.local_aws.logs.insights.text import Reader, malformed

_DISCOVERED_MAX = 1_000
"""How many fields of a JSON event are found. Source: "Supported logs and discovered fields"."""
_POINTER = "@ptr"


@dataclass(frozen=True)
class Query:
    """A parsed query."""

    commands: tuple[Command, ...]

    def run(self, rows: Sequence[Row], limit: int = ROWS_MAX) -> tuple[list[list[dict[str, str]]], int]:
        """Return the result's rows, as GetQueryResults shows them, and how many events matched.

        `rows` hold `@timestamp` (a Moment), `@message`, `@ptr` and so on, newest first.
        """
        table = Table(rows, matched=len(rows))
        for run in self.commands:
            table = run(table)
        columns = table.columns or ("@timestamp", "@message")
        columns = tuple(dict.fromkeys((*columns, *table.parsed)))
        if not table.is_grouped:
            columns = (*columns, _POINTER)
        return [_result(row, columns) for row in table.rows[: min(limit, ROWS_MAX)]], table.matched


def parse(text: str) -> Query:
    """Parse a query; raises AwsError MalformedQueryException, naming what is not understood."""
    reader = Reader(text)
    if reader.is_at_end:
        raise malformed("the query is empty")
    commands = []
    while True:
        commands.append(command(reader))
        if reader.is_at_end:
            return Query(tuple(commands))
        reader.expect("|")


def discovered(message: str) -> dict[str, Any]:
    """Return the fields of a JSON event, nested ones with dots and indexes (`a.b.0`); none of another event."""
    if not message.lstrip().startswith("{"):
        return {}
    try:
        document = nested_json.loads(message)
    except ValueError:
        return {}
    return dict(list(_flattened("", document))[:_DISCOVERED_MAX])


def _flattened(path: str, item: Any) -> Iterable[tuple[str, Any]]:
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(item, dict):
        pairs = item.items()
    elif isinstance(item, list):
        pairs = enumerate(item)
    else:
        if item is not None:
            yield path, item
        return
    for name, inner in pairs:
        yield from _flattened(f"{path}.{name}" if path else str(name), inner)


def _result(row: Row, columns: Sequence[str]) -> list[dict[str, str]]:
    return [{"field": name, "value": shown(row[name])} for name in columns if row.get(name) is not None]

"""The commands of an Insights query: each reads its own text and becomes a function from table to table.

Source: "CloudWatch Logs Insights language query syntax" of the CloudWatch Logs User Guide.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab_helpers.local_aws.logs.insights import patterns
from lab_helpers.local_aws.logs.insights.functions import number, shown
from lab_helpers.local_aws.logs.insights.syntax import expression, field_name, named_expressions
from lab_helpers.local_aws.logs.insights.text import Reader, malformed
from lab_helpers.local_aws.logs.insights.tree import Field, Literal, Named
from lab_helpers.local_aws.logs.insights.values import check, group_value, has_aggregate, value

ROWS_MAX = 10_000

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """What goes from command to command.

    `columns` are those to show, with the `parsed` ones behind them until another command names columns; `is_grouped`
    after stats.
    """

    rows: Sequence[Row]
    columns: tuple[str, ...] = ()
    parsed: tuple[str, ...] = ()
    is_grouped: bool = False
    matched: int = 0


Command = Callable[[Table], Table]


def command(reader: Reader) -> Command:
    """Read one command; raises AwsError MalformedQueryException."""
    position = reader.position
    name = reader.take()
    make = _COMMANDS.get(name.text.lower()) if name.kind == "name" else None
    if make is None:
        known = ", ".join(sorted(_COMMANDS))
        raise malformed(f"unexpected symbol found {name.text} (the local AWS knows {known})", position)
    return make(reader)


def _fields(reader: Reader) -> Command:
    columns = tuple(named_expressions(reader))
    for each in columns:
        check(each.expression, aggregates=False)

    def run(table: Table) -> Table:
        computed = [each for each in columns if each.expression != Field(each.name)]
        rows = [{**row, **{each.name: value(each.expression, row) for each in computed}} for row in table.rows]
        names = dict.fromkeys((*table.columns, *(each.name for each in columns)))
        return replace(table, rows=rows if computed else table.rows, columns=tuple(names), parsed=())

    return run


def _display(reader: Reader) -> Command:
    names = tuple(each.name for each in named_expressions(reader))
    return lambda table: replace(table, columns=names, parsed=())


def _filter(reader: Reader) -> Command:
    condition = expression(reader)
    check(condition, aggregates=False)

    def run(table: Table) -> Table:
        rows = [row for row in table.rows if value(condition, row)]
        return replace(table, rows=rows, matched=table.matched if table.is_grouped else len(rows))

    return run


def _parse(reader: Reader) -> Command:
    subject = "@message" if reader.peek().kind == "string" or reader.peek().text == "/" else field_name(reader)
    pattern = reader.regex()
    if pattern is not None:
        names = list(pattern.groupindex)
        if not names:
            raise malformed("a regular expression of parse needs named groups (?<name>…)", reader.position)
    elif reader.peek().kind == "string":
        glob = reader.take().text
        reader.expect("as")
        names = _names(reader)
        pattern = _glob(glob)
        if pattern.groups != len(names):
            raise malformed(f"{glob!r} has {pattern.groups} wildcards, but {len(names)} names", reader.position)
    else:
        raise reader.unexpected()

    def extracted(row: Row) -> Row:
        found = pattern.search(shown(row[subject])) if row.get(subject) is not None else None
        return {**row, **dict(zip(names, found.groups(), strict=False))} if found else row

    def run(table: Table) -> Table:
        return replace(table, rows=[extracted(row) for row in table.rows], parsed=(*table.parsed, *names))

    return run


def _glob(text: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in text.split("*")]
    # The last wildcard takes the rest where nothing follows it, the others as little as they can.
    body = "(.*?)".join(parts)
    return re.compile(body[: -len("(.*?)")] + "(.*)" if text.endswith("*") else body, re.DOTALL)


def _names(reader: Reader) -> list[str]:
    names = [field_name(reader)]
    while reader.takes(","):
        names.append(field_name(reader))
    return names


def _stats(reader: Reader) -> Command:
    results = tuple(named_expressions(reader))
    groups = tuple(named_expressions(reader)) if reader.takes("by") else ()
    for each in results:
        check(each.expression, aggregates=True)
        if not has_aggregate(each.expression):
            raise malformed(f"{each.name} in stats is no aggregate such as count(*)", reader.position)
    for each in groups:
        check(each.expression, aggregates=False)

    def run(table: Table) -> Table:
        rows = [_group_row(groups, results, key, members) for key, members in _grouped(table.rows, groups).items()]
        return replace(table, rows=rows, columns=tuple(e.name for e in (*groups, *results)), parsed=(), is_grouped=True)

    return run


def _grouped(rows: Sequence[Row], groups: Sequence[Named]) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = {} if groups else {(): []}
    for row in rows:
        found.setdefault(tuple(value(each.expression, row) for each in groups), []).append(row)
    return found


def _group_row(groups: Sequence[Named], results: Sequence[Named], key: Sequence[Any], rows: Sequence[Row]) -> Row:
    computed = {each.name: group_value(each.expression, rows) for each in results}
    return {**{each.name: part for each, part in zip(groups, key, strict=True)}, **computed}


def _sort(reader: Reader) -> Command:
    keys = []
    while True:
        position = reader.position
        key = expression(reader)
        check(key, aggregates=True)
        # After stats, a column may be named as it was computed: sort count(*) desc.
        written = reader.since(position)
        keys.append((key, written, reader.takes("asc", "desc") == "desc"))
        if not reader.takes(","):
            break

    def run(table: Table) -> Table:
        rows = list(table.rows)
        for key, written, descending in reversed(keys):
            rows.sort(key=functools.partial(_sort_key, key, written, descending), reverse=descending)
        return replace(table, rows=rows)

    return run


def _sort_key(key: Any, written: str, descending: bool, row: Row) -> tuple[Any, ...]:
    found = row[written] if written in row else value(key, row)
    if found is None:
        return (descending is False, 1, 0, "")
    as_number = number(found)
    place = descending is True
    return (place, 0, as_number, "") if as_number is not None else (place, 1, 0, shown(found))


def _limit(reader: Reader) -> Command:
    count = expression(reader)
    if not isinstance(count, Literal) or not isinstance(count.value, int) or not 1 <= count.value <= ROWS_MAX:
        raise malformed(f"limit needs a number from 1 to {ROWS_MAX}", reader.position)
    wanted = count.value
    return lambda table: replace(table, rows=table.rows[:wanted])


def _dedup(reader: Reader) -> Command:
    names = _names(reader)

    def run(table: Table) -> Table:
        first: dict[tuple[Any, ...], Row] = {}
        for row in table.rows:
            first.setdefault(tuple(row.get(name) for name in names), row)
        return replace(table, rows=list(first.values()))

    return run


def _pattern(reader: Reader) -> Command:
    name = field_name(reader)

    def run(table: Table) -> Table:
        found = patterns.find(shown(row[name]) for row in table.rows if row.get(name) is not None)
        return replace(table, rows=found, columns=patterns.COLUMNS, parsed=(), is_grouped=True)

    return run


_COMMANDS: dict[str, Callable[[Reader], Command]] = {
    "dedup": _dedup,
    "display": _display,
    "fields": _fields,
    "filter": _filter,
    "limit": _limit,
    "parse": _parse,
    "pattern": _pattern,
    "sort": _sort,
    "stats": _stats,
}

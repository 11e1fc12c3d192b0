"""Insights in SQL (QueryLanguage SQL): one SELECT over log groups, answered by DuckDB.

    SELECT `@timestamp`, `@message` FROM `/ecs/firelens/httpd` WHERE `@message` LIKE '% 404 %' LIMIT 10

Source: "OpenSearch SQL" of the CloudWatch Logs User Guide (Spark's SQL; names of groups and fields in backquotes;
logGroups(logGroupIdentifier: [...]) for several).
Not modelled, and refused: commands other than SELECT, OpenSearch's own functions, filterIndex. Not modelled: PPL.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lab_helpers.base.paths import inside
from lab_helpers.local_aws.duck.literals import literal
from lab_helpers.local_aws.duck.processes import SqlError, TooMuchError, Workers, confined
from lab_helpers.local_aws.logs.insights.functions import Moment, number, shown
from lab_helpers.local_aws.logs.insights.text import malformed

Row = Mapping[str, Any]
RowsOf = Callable[[Sequence[str]], Sequence[Row]]
COLUMNS = ("@timestamp", "@message", "@logStream", "@log", "@ingestionTime", "@ptr")
_GROUPS = re.compile(r"`?logGroups`?\s*\(\s*logGroupIdentifier\s*:\s*\[([^\]]*)\]\s*\)`?", re.IGNORECASE)
_SHOWN_BY = "lab_helpers.local_aws.logs.insights.functions:shown_in_sql"


@dataclass(frozen=True)
class SqlQuery:
    """A parsed query: its tree, and the log groups that each of its tables stands for."""

    tree: Any
    groups: Mapping[str, tuple[str, ...]]


def parse(text: str, groups: Sequence[str] = ()) -> SqlQuery:
    """Parse one SELECT; `groups` are those that the call names. Raises AwsError MalformedQueryException."""
    named: dict[str, tuple[str, ...]] = {}

    def several(found: re.Match[str]) -> str:
        name = f"groups_{len(named)}"
        named[name] = tuple(part.strip().strip("'\"") for part in found[1].split(",") if part.strip())
        return f"`{name}`"

    try:
        trees = [tree for tree in sqlglot.parse(_GROUPS.sub(several, text), read="spark") if tree is not None]
    except SqlglotError as exc:
        raise malformed(f"SQL cannot be read: {str(exc).splitlines()[0]}") from exc
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise malformed("the local AWS answers one SELECT statement in SQL")
    tree = trees[0]
    names = {each.alias for each in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise malformed(f"{table.sql('spark')} is no log group")
        name = ".".join(part.name for part in table.parts)
        if name not in names:
            named.setdefault(name, (name,))
    if not named and groups:
        raise malformed("SQL names its log groups itself: FROM `LOG-GROUP`")
    return SqlQuery(tree, named)


def run(
    query: SqlQuery, rows_of: Callable[[Sequence[str]], Sequence[Row]], limit: int, workers: Workers
) -> list[list[dict[str, str]]]:
    """Return the result's rows as GetQueryResults shows them; `rows_of` gives the events of some groups.

    Raises AwsError MalformedQueryException for what DuckDB does not understand, or what takes more than it may.
    """
    tables, known = {}, set[str]()
    with tempfile.TemporaryDirectory(prefix="lab-insights-") as named:
        files, folder = {}, Path(named)
        for nth, (name, groups) in enumerate(query.groups.items()):
            table = _table(rows_of(groups))
            known |= set(table.column_names)
            tables[name], files[f"t{nth}"] = f"t{nth}", inside(folder, f"t{nth}.parquet")
            pq.write_table(table, files[f"t{nth}"])
        try:
            sql = _translated(query.tree, tables, known).sql(dialect="duckdb")
            with workers.one() as worker, worker.session(confined(workers.bounds, folder)):
                for view, path in files.items():
                    worker.execute(f"CREATE TEMP VIEW {view} AS SELECT * FROM read_parquet({literal(path)})")
                columns, found = worker.select(sql, _SHOWN_BY, most_rows=limit)
        except (SqlError, TooMuchError) as exc:
            raise malformed(f"SQL failed: {exc}") from exc
        except SqlglotError as exc:
            raise malformed(f"SQL cannot be translated: {str(exc).splitlines()[0]}") from exc
    return [
        [{"field": name, "value": value} for (name, _), value in zip(columns, row, strict=True) if value is not None]
        for row in found
    ]


def _translated(tree: Any, tables: Mapping[str, str], known: set[str]) -> Any:
    """Return the tree with log groups as views, and dotted fields as the columns that they are."""
    aliases = {table.alias for table in tree.find_all(exp.Table) if table.alias}

    def change(node: Any) -> Any:
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            name = ".".join(part.name for part in node.parts)
            if name in tables:
                view = exp.Table(this=exp.to_identifier(tables[name]))
                return exp.alias_(view, node.alias, table=True) if node.alias else view
        if isinstance(node, exp.Column | exp.Dot):
            path = [part.name for part in node.parts]
            of = path.pop(0) if path[0] in aliases and len(path) > 1 else None
            if ".".join(path) in known:
                return exp.column(exp.to_identifier(".".join(path), quoted=True), table=of)
        return node

    return tree.copy().transform(change)


def _table(rows: Sequence[Row]) -> pa.Table:
    """Return rows as a table: times as times, a field as numbers where all its values are, else as text."""
    names = dict.fromkeys((*COLUMNS, *(name for row in rows for name in row)))
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, Moment) for value in present):
        return pa.array([None if v is None else int(v) for v in values], pa.timestamp("ms"))
    if present and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        kind = pa.int64() if all(isinstance(value, int) for value in present) else pa.float64()
        return pa.array([None if v is None else number(v) for v in values], kind)
    return pa.array([None if v is None else shown(v) for v in values], pa.string())

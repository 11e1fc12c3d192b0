"""A statement in Athena's SQL (Trino): which tables it reads, and the same in DuckDB's SQL. Pure.

Not modelled: MERGE, UPDATE, DELETE, Iceberg, views, federated catalogues, Trino's query plans (EXPLAIN tells DuckDB's),
overflows, time zones of results but UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lab_helpers.local_aws.athena import commands, functions, targets
from lab_helpers.local_aws.athena import tables as glue_tables
from lab_helpers.local_aws.athena.commands import Command
from lab_helpers.local_aws.athena.result import PATH, UNNAMED
from lab_helpers.local_aws.athena.targets import Target
from lab_helpers.local_aws.kit.api import AwsError

CATALOG = "awsdatacatalog"
_TOO_DEEP = "line 1:1: statement is too large (stack overflow while parsing)"
"""Trino's words."""
_EXPLAIN = re.compile(
    r"(?:\s|--[^\n]*\n)*explain(?:\s+analyze)?(?:\s*\((?P<options>[^()]*)\))?\s+(?=select|with|values|insert|create|\()",
    re.IGNORECASE,
)
_ODD = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What sqlglot raises, besides its own errors, for statements that nobody writes."""
INFORMATION_SCHEMA = "information_schema"


class UnsupportedError(Exception):
    """The statement is SQL, but none that is answered here; the text is the query's reason to fail."""


@dataclass(frozen=True, order=True)
class TableName:
    """A table of the catalogue, in lower case as Athena keeps names."""

    database: str
    name: str

    def __str__(self) -> str:
        return f"{CATALOG}.{self.database}.{self.name}"


@dataclass(frozen=True)
class Statement:
    """A parsed statement: a `command`, a new table (`external`: database, Glue's TableInput), else `tree` is a query,
    whose rows go to `target` where there is one.

    `explained` is "TEXT" or "VALIDATE" where its plan is asked for. `problem` is why the query will fail, where that is
    known before it runs.
    """

    tree: Any
    database: str
    command: Command | None = None
    problem: str = ""
    target: Target | None = None
    explained: str = ""
    external: tuple[str, dict[str, Any]] | None = None
    is_lenient: bool = False

    @property
    def type(self) -> str:
        """Athena's StatementType."""
        if self.external:
            return "DDL"
        return "UTILITY" if self.explained else self.command.type if self.command else "DML"

    @property
    def subtype(self) -> str:
        """Athena's SubstatementType."""
        if self.command or self.external:
            return self.command.name if self.command else "CREATE_TABLE"
        return "EXPLAIN" if self.explained else self.target.kind if self.target else "SELECT"

    @property
    def is_select(self) -> bool:
        """Whether its rows are its result."""
        return self.subtype == "SELECT"


def parse(sql: str, database: str, parameters: Sequence[str] = ()) -> Statement:
    """Parse one statement, `parameters` in place of its question marks.

    Raises AwsError (InvalidRequestException) as StartQueryExecution does for malformed ones.
    """
    if command := commands.parse(sql, database.lower()):
        return Statement(None, database.lower(), command)
    if explained := _EXPLAIN.match(sql):
        form = "VALIDATE" if "validate" in (explained["options"] or "").lower() else "TEXT"
        return replace(parse(sql[explained.end() :], database, parameters), explained=form)
    if unloaded := targets.unload(sql):
        return replace(parse(unloaded[0], database, parameters), target=unloaded[1])
    sql, problem = _bound(sql, parameters)
    tree = _tree(sql)
    try:
        return _statement(tree, database, problem)
    except _ODD as exc:  # parts are not where SQL has them
        raise _refused(1, 1, sql.split()[0]) from exc


def _statement(tree: Any, database: str, problem: str) -> Statement:
    if glue_tables.is_external(tree):
        table = tree.find(exp.Table)
        external = ((table.db or database).lower(), glue_tables.input_of(tree))
        return Statement(None, database.lower(), external=external, is_lenient=bool(tree.args.get("exists")))
    found = targets.of(tree, database)
    tree, target = found or (tree, None)
    if isinstance(tree, exp.Values):
        tree = targets.select_of(tree)
    return Statement(tree, database.lower(), problem=problem, target=target)


def _tree(sql: str) -> Any:
    try:
        trees = [tree for tree in sqlglot.parse(sql, read="athena") if tree is not None]
    except SqlglotError as exc:
        raise _malformed(exc) from exc
    except RecursionError as exc:
        raise AwsError("InvalidRequestException", _TOO_DEEP, extra={"AthenaErrorCode": "MALFORMED_QUERY"}) from exc
    except _ODD as exc:
        raise _refused(1, 1, (sql.split() or [""])[0]) from exc
    if len(trees) != 1:
        raise AwsError("InvalidRequestException", f"Only one sql statement is allowed. Got: {sql}")
    if isinstance(trees[0], exp.Condition | exp.Alias) and not isinstance(trees[0], exp.Query):
        # sqlglot reads a bare expression where SQL wants a statement
        raise _refused(1, 1, sql.split()[0])
    return trees[0]


def _bound(sql: str, parameters: Sequence[str]) -> tuple[str, str]:
    """Return the SQL with each `?` replaced by its parameter, an expression in SQL; and why that cannot be done."""
    try:
        places = [token.start for token in sqlglot.tokenize(sql, read="athena") if token.text == "?"]
    except SqlglotError:
        return sql, ""  # the parser says what is wrong with it
    places = [place for place in places if sql[place] == "?"]
    if len(places) != len(parameters):
        counts = f"expected {len(places)} but found {len(parameters)}"
        return sql, f"SYNTAX_ERROR: line 1:1: Incorrect number of parameters: {counts}"
    for place, parameter in reversed(list(zip(places, parameters, strict=True))):
        sql = sql[:place] + _constant(parameter) + sql[place + 1 :]
    return sql, ""


def _constant(parameter: str) -> str:
    """Return a parameter's text; raises AwsError for what is no constant expression."""
    try:
        trees = sqlglot.parse(parameter, read="athena")
    except SqlglotError as exc:
        raise _malformed(exc) from exc
    if len(trees) != 1 or not isinstance(trees[0], exp.Expression) or trees[0].find(exp.Query, exp.Column):
        raise _refused(1, 1, parameter)
    literal = isinstance(trees[0], exp.Literal)
    return parameter.strip() if literal else f"({trees[0].sql(dialect='athena')})"


def expressions(text: str) -> list[str]:
    """The expressions of a list of them. Raises AwsError (InvalidRequestException) for what is none."""
    return [str(each.sql(dialect="athena")) for each in _tree(f"SELECT {text}").expressions]


def tables(statement: Statement) -> list[TableName]:
    """The catalogue's tables that a query reads. Raises UnsupportedError for what is no query."""
    if statement.problem:
        raise UnsupportedError(statement.problem)
    if not isinstance(statement.tree, exp.Query):
        raise UnsupportedError(f"NOT_SUPPORTED: {type(statement.tree).__name__} statements are not answered locally")
    return sorted({_name(table, statement.database) for table in _catalogue_tables(statement.tree)})


def asks_for_paths(statement: Statement) -> bool:
    """Whether a query names the hidden column "$path"."""
    return any(column.name == PATH for column in statement.tree.find_all(exp.Column))


def macros(statement: Statement) -> list[str]:
    """Statements that teach DuckDB the functions of Trino's that the query calls."""
    return functions.macros(statement.tree)


def to_duckdb(statement: Statement, views: Mapping[TableName, str]) -> str:
    """The query for DuckDB, with a view's name in place of each table."""
    tree = statement.tree.copy()
    if asks_for_paths(statement):
        _hide_paths(tree)
    for table in list(_catalogue_tables(tree)):
        view = exp.to_table(views[_name(table, statement.database)])
        table.replace(exp.alias_(view, table.alias_or_name, table=True))
    _mark_unnamed(tree)
    return str(functions.as_trino_means(tree).sql(dialect="duckdb"))


def _hide_paths(tree: Any) -> None:
    """Keep "$path" out of a `*` that stands for a table's own columns."""
    own = {id(table.find_ancestor(exp.Select)) for table in _catalogue_tables(tree)}
    for star in list(tree.find_all(exp.Star)):
        holder = star.parent if isinstance(star.parent, exp.Column) else star
        if isinstance(holder.parent, exp.Select) and id(holder.parent) in own:
            star.set("except_", [exp.to_identifier(PATH, quoted=True)])


def _mark_unnamed(tree: Any) -> None:
    """Give columns without a name one that the result names by its place: Trino says `_col0`, DuckDB `count_star()`."""
    for number, select in enumerate(list(tree.find_all(exp.Select))):
        for place, column in enumerate(select.expressions):
            plain = column.unnest() if isinstance(column, exp.Paren) else column
            if not isinstance(plain, exp.Alias | exp.Aliases | exp.Column | exp.Dot | exp.Star):
                column.replace(exp.alias_(column.copy(), f"{UNNAMED}{number}_{place}", quoted=True))


def partition_filter(statement: Statement, table: TableName, keys: list[str]) -> str | None:
    """What the query's WHERE says about a table's partition columns alone, in DuckDB's SQL; None when it says nothing.

    Only where the table is read once, by a SELECT of its own without joins: elsewhere a condition may mean another
    table.
    """
    uses = [use for use in _catalogue_tables(statement.tree) if _name(use, statement.database) == table]
    select = uses[0].find_ancestor(exp.Select) if len(uses) == 1 else None
    where = select.args.get("where") if select is not None and not select.args.get("joins") else None
    if where is None:
        return None
    conditions = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    about_keys = [part for part in conditions if _is_about(part, keys)]
    if not about_keys:
        return None
    bare = [part.transform(_unqualified) for part in about_keys]
    return str(exp.and_(*bare).sql(dialect="duckdb"))


def _catalogue_tables(tree: Any) -> list[Any]:
    ctes = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    found = [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    return [table for table in found if table.db or table.name.lower() not in ctes]


def _name(table: Any, database: str) -> TableName:
    return TableName((table.db or database).lower(), table.name.lower())


def _is_about(condition: Any, keys: list[str]) -> bool:
    columns = [column.name.lower() for column in condition.find_all(exp.Column)]
    return bool(columns) and set(columns) <= set(keys) and not condition.find(exp.Query)


def _unqualified(node: Any) -> Any:
    return exp.column(node.name) if isinstance(node, exp.Column) else node


def _malformed(exc: SqlglotError) -> AwsError:
    first = (getattr(exc, "errors", None) or [{}])[0]
    return _refused(first.get("line") or 1, first.get("col") or 1, first.get("highlight") or "<EOF>")


def _refused(line: int, column: int, near: str) -> AwsError:
    extra = {"AthenaErrorCode": "MALFORMED_QUERY"}
    return AwsError("InvalidRequestException", f"line {line}:{column}: mismatched input '{near}'", extra=extra)

"""The stream processor's SQL: CREATE STREAM … AS SELECT … FROM STREAM:… or TAG:'…' WHERE …

Source: Fluent Bit 5.1.1, stream_processor/parser (sql.l, sql.y). As there, AND and OR bind alike and to the right, and
NOT takes all that follows.
Not modelled, and told: aggregate functions with their windows and GROUP BY, snapshots. Of a syntax error the reference
also tells what it expected.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab_helpers.router.streams import conditions
from lab_helpers.router.streams.conditions import Expression, Value

_KEYWORDS = (
    "CREATE", "FLUSH", "STREAM", "SNAPSHOT", "WITH", "SELECT", "AS", "FROM", "WHERE", "AND", "OR", "NOT", "WINDOW",
    "GROUP BY", "LIMIT", "IS", "NULL", "SUM", "AVG", "COUNT", "MIN", "MAX", "TIMESERIES_FORECAST", "CONTAINS", "TIME",
    "TUMBLING", "HOPPING", "ADVANCE BY", "HOUR", "MINUTE", "SECOND", "NOW", "UNIX_TIMESTAMP", "RECORD_TAG",
    "RECORD_TIME", "TRUE", "FALSE",
)  # fmt: skip
AGGREGATES = frozenset({"SUM", "AVG", "COUNT", "MIN", "MAX", "TIMESERIES_FORECAST"})
FUNCTIONS = frozenset({"NOW", "UNIX_TIMESTAMP", "RECORD_TAG", "RECORD_TIME"})
_TOLD = {
    "GROUP BY": "GROUP_BY", "ADVANCE BY": "ADVANCE_BY", "NULL": "NUL", "TRUE": "BOOLTYPE", "FALSE": "BOOLTYPE",
    "STREAM:": "FROM_STREAM", "TAG:": "FROM_TAG", "@RECORD": "RECORD", "!=": "NEQ", "<>": "NEQ", "<": "LT",
    "<=": "LTE", ">": "GT", ">=": "GTE", "": "end of file",
}  # fmt: skip
"""What the reference calls a token in an error, where that is not its word."""
_TOKEN = re.compile(
    r"(?P<string>'(?:[^']|'')*')|(?P<word>(?:GROUP BY|ADVANCE BY)|STREAM:|TAG:|@RECORD|[_A-Za-z][A-Za-z0-9_.]*)"
    r"|(?P<float>(?:-?[1-9][0-9]*|0)\.[0-9]+)|(?P<integer>-?[1-9][0-9]*|0)|(?P<sign>!=|<>|<=|>=|[<>*,=()\[\].;'])"
    r"|(?P<space>[ \t\n]+)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)


class SqlError(Exception):
    """A query that is none; the text is how the reference begins its line, empty where it has none."""


class NotModelledError(Exception):
    """A query that the reference would run and this router does not; the text names what it asks for."""


@dataclass(frozen=True)
class Key:
    """One of the keys that are selected: `*` (no name), a key with what lies below, or a function."""

    name: str = ""
    below: tuple[str, ...] = ()
    function: str = ""
    alias: str = ""

    @property
    def shown(self) -> str:
        """What its value is called without an alias."""
        return self.name + "".join(f"['{each}']" for each in self.below)


@dataclass(frozen=True)
class Query:
    """A query. `stream` is what it makes ("": it prints); the source is a stream's name or a pattern of tags."""

    keys: tuple[Key, ...]
    source: str
    is_tag: bool
    condition: Expression | None
    stream: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


def parse(text: str) -> Query:
    """Read a query. Raises SqlError, NotModelledError."""
    return _Reader(text).statement()


@dataclass(frozen=True)
class _Token:
    kind: str
    """A keyword or a sign as it stands, else string, integer, float, identifier; "" at the end."""
    text: str = ""

    @property
    def told(self) -> str:
        names = {"string": "STRING", "integer": "INTEGER", "float": "FLOATING", "identifier": "IDENTIFIER"}
        sign = (
            f"'{self.kind}'" if len(self.kind) == 1 and not self.kind.isalpha() and self.kind not in "<>" else self.kind
        )
        return names.get(self.kind, _TOLD.get(self.kind, sign))


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = [*_tokens(text), _Token("")]
        self._at = 0

    def statement(self) -> Query:
        if self._takes("CREATE") or self._is("FLUSH"):
            if self._is("FLUSH", "SNAPSHOT"):
                raise NotModelledError("snapshots")
            self._wants("STREAM")
            name = self._wants("identifier").text
            properties = self._properties() if self._takes("WITH") else {}
            self._wants("AS")
            return self._select(name, properties)
        return self._select("", {})

    def _properties(self) -> dict[str, str]:
        found = {}
        self._wants("(")
        while True:
            name = self._wants("identifier").text
            self._wants("=")
            found[name.lower()] = self._wants("string").text
            if not self._takes(","):
                self._wants(")")
                return found

    def _select(self, stream: str, properties: Mapping[str, str]) -> Query:
        self._wants("SELECT")
        keys = [self._key()]
        while self._takes(","):
            keys.append(self._key())
            if keys[-1] == Key():
                raise SqlError("")  # all keys stand first, or not at all; the reference does not say so
        self._wants("FROM")
        is_tag = not self._takes("STREAM:")
        if is_tag:
            self._wants("TAG:")
        source = self._wants("string" if is_tag else "identifier").text
        if self._is("WINDOW", "GROUP BY"):
            raise NotModelledError("windows" if self._is("WINDOW") else "GROUP BY")
        condition = self._condition() if self._takes("WHERE") else None
        if self._is("GROUP BY"):
            raise NotModelledError("GROUP BY")
        if self._takes("LIMIT"):
            self._wants("integer")
        self._wants(";")
        self._wants("")
        return Query(tuple(keys), source, is_tag, condition, stream, properties)

    def _key(self) -> Key:
        if self._takes("*"):
            return Key()
        token = self._next()
        if token.kind in AGGREGATES:
            raise NotModelledError("aggregate functions")
        if token.kind in FUNCTIONS:
            self._wants("(")
            self._wants(")")
            return Key(function=token.kind, alias=self._alias())
        if token.kind != "identifier":
            raise self._unexpected(token)
        below = self._below()
        return Key(token.text, below, alias=self._alias())

    def _alias(self) -> str:
        return self._wants("identifier").text if self._takes("AS") else ""

    def _below(self) -> tuple[str, ...]:
        found = []
        while self._takes("["):
            found.append(self._wants("string").text)
            self._wants("]")
        return tuple(found)

    def _condition(self) -> Expression:
        if self._takes("NOT"):
            return conditions.negated(self._condition())
        left = self._primary()
        for word in ("AND", "OR"):
            if self._takes(word):
                return conditions.joined(left, word, self._condition())
        return left

    def _primary(self) -> Expression:
        if self._takes("("):
            inside = self._condition()
            self._wants(")")
            return lambda facts: conditions.truth(inside(facts))
        if self._is("integer", "float", "string", "TRUE", "FALSE"):
            return conditions.literal(self._value())
        if self._takes("@RECORD"):
            return self._comparison(self._record_function(), is_key=False)
        name = self._wants("identifier").text
        return self._comparison(conditions.field(name, self._below()), is_key=True)

    def _record_function(self) -> Expression:
        self._wants(".")
        if self._takes("TIME"):
            self._wants("(")
            self._wants(")")
            return conditions.record_time
        self._wants("CONTAINS")
        self._wants("(")
        name = self._wants("identifier").text
        key = conditions.field(name, self._below())
        self._wants(")")
        return conditions.contains(key)

    def _comparison(self, left: Expression, *, is_key: bool) -> Expression:
        if is_key and self._takes("IS"):
            is_negated = self._takes("NOT")
            self._wants("NULL")
            is_null = conditions.compared(left, "=", None)
            return conditions.negated(is_null) if is_negated else is_null
        for sign in ("=", "!=", "<>", "<=", ">=", "<", ">"):
            if self._takes(sign):
                value = self._value()
                if sign in ("!=", "<>"):
                    return conditions.negated(conditions.compared(left, "=", value))
                return conditions.compared(left, sign, value)
        if is_key:
            return lambda facts: conditions.truth(left(facts))
        return conditions.compared(left, "=", True)

    def _value(self) -> Value:
        token = self._next()
        match token.kind:
            case "integer":
                return int(token.text)
            case "float":
                return float(struct.unpack("f", struct.pack("f", float(token.text)))[0])  # as short as the reference's
            case "string":
                return token.text
            case "TRUE" | "FALSE":
                return token.kind == "TRUE"
        raise self._unexpected(token)

    def _is(self, *kinds: str) -> bool:
        return self._tokens[self._at].kind in kinds

    def _takes(self, kind: str) -> bool:
        if not self._is(kind):
            return False
        self._at += 1
        return True

    def _wants(self, kind: str) -> _Token:
        token = self._next()
        if token.kind != kind:
            raise self._unexpected(token)
        return token

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _unexpected(self, token: _Token) -> SqlError:
        return SqlError(f"syntax error, unexpected {token.told}")


def _tokens(text: str) -> list[_Token]:
    found = []
    for each in _TOKEN.finditer(text):
        kind, word = str(each.lastgroup), each[0]
        if kind == "string":
            found.append(_Token(kind, word[1:-1].replace("''", "'")))
        elif kind == "word":
            upper = word.upper()
            is_keyword = upper in _KEYWORDS or upper in ("STREAM:", "TAG:", "@RECORD")
            found.append(_Token(upper) if is_keyword else _Token("identifier", word))
        elif kind == "sign":
            found.append(_Token(word))
        elif kind in ("integer", "float"):
            found.append(_Token(kind, word))
    return found

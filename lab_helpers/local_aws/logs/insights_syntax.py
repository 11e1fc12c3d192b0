"""The text of an Insights query to a tree: commands, and the expressions in them.

Source: "CloudWatch Logs Insights language query syntax" of the CloudWatch Logs User Guide.
Not modelled: SOURCE, pattern, diff, anomaly, unnest, unmask, lookup, joins and subqueries; OpenSearch PPL and SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lab_helpers.local_aws.api import AwsError

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<quoted>`[^`]*`)
    | (?P<duration>\d+(?:ms|s|sec|m|min|h|hr|d|w|mo|q|y)\b)
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>@?[A-Za-z_][\w@]*(?:\.[\w@]+|\[\d+\])*)
    | (?P<operator>=~|!=|<=|>=|[=<>()\[\],|+\-*/%^])""",
    re.VERBOSE,
)
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/")
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Token:
    """One piece of the query; `text` of a name or string is without its quotes."""

    kind: str
    text: str
    position: int


@dataclass(frozen=True)
class Literal:
    value: str | float | int


@dataclass(frozen=True)
class Duration:
    """A span of time: `amount` of `unit` (s, m, h, d, w, …)."""

    amount: int
    unit: str


@dataclass(frozen=True)
class Field:
    name: str


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Binary:
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Not:
    inner: Expression


@dataclass(frozen=True)
class Negative:
    inner: Expression


@dataclass(frozen=True)
class Match:
    """`like`: a part of the text, or a regular expression."""

    subject: Expression
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Among:
    subject: Expression
    choices: tuple[Expression, ...]


Expression = Literal | Duration | Field | Call | Binary | Not | Negative | Match | Among


@dataclass(frozen=True)
class Named:
    """An expression and the name of its column: its alias, else its own text."""

    name: str
    expression: Expression


def malformed(problem: str, position: int = 0) -> AwsError:
    """Make the error for a query that cannot be understood; `position` counts characters from 0."""
    location = {"startCharOffset": position, "endCharOffset": position + 1}
    return AwsError(
        "MalformedQueryException",
        f"{problem} at line 1 and position {position + 1}",
        extra={"queryCompileError": {"location": location, "message": problem}},
    )


class Reader:
    """Reads a query from left to right. Regular expressions are only where a command or `like` allows them."""

    def __init__(self, text: str) -> None:
        self._text, self._position = text, 0

    @property
    def position(self) -> int:
        """Where the next token begins."""
        return self.peek().position

    @property
    def is_at_end(self) -> bool:
        return self.peek().kind == "end"

    def peek(self) -> Token:
        """Return the next token without taking it."""
        position = self._position
        while position < len(self._text):
            found = _TOKEN.match(self._text, position)
            if found is None:
                raise malformed(f"unexpected symbol found {self._text[position]}", position)
            kind = str(found.lastgroup)
            if kind != "space":
                return Token(kind, _plain(kind, found[0]), position)
            position = found.end()
        return Token("end", "end of query", len(self._text))

    def take(self) -> Token:
        """Take the next token."""
        token = self.peek()
        found = _TOKEN.match(self._text, token.position)
        self._position = found.end() if found else len(self._text)
        return token

    def takes(self, *texts: str) -> str:
        """Take the next token if it is one of these words or operators, and return it; the empty text if not."""
        token = self.peek()
        if token.kind in {"name", "operator"} and token.text.lower() in texts:
            return self.take().text.lower()
        return ""

    def expect(self, text: str) -> None:
        """Take this word or operator; raises AwsError MalformedQueryException when something else is there."""
        if not self.takes(text):
            raise self.unexpected()

    def unexpected(self) -> AwsError:
        """Make the error about the next token."""
        token = self.peek()
        return malformed(f"unexpected symbol found {token.text}", token.position)

    def since(self, position: int) -> str:
        """Return the query's text from a position to here."""
        return self._text[position : self._position].strip()

    def regex(self) -> re.Pattern[str] | None:
        """Take a regular expression between slashes; None when there is none here."""
        position = self.peek().position
        found = _REGEX.match(self._text, position)
        if found is None:
            return None
        self._position = found.end()
        try:
            return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", found[1]).replace(r"\/", "/"))
        except re.error as exc:
            raise malformed(f"invalid regular expression {found[0]}: {exc}", position) from exc


def expression(reader: Reader) -> Expression:
    """Read one expression, `or` binding loosest."""
    left = _conjunction(reader)
    while reader.takes("or"):
        left = Binary("or", left, _conjunction(reader))
    return left


def named_expressions(reader: Reader) -> Iterator[Named]:
    """Read `expression [as name], …`."""
    while True:
        position = reader.position
        read = expression(reader)
        name = read.name if isinstance(read, Field) else reader.since(position)
        yield Named(field_name(reader) if reader.takes("as") else name, read)
        if not reader.takes(","):
            return


def field_name(reader: Reader) -> str:
    """Read a field's name, in backquotes or not."""
    if reader.peek().kind not in {"name", "quoted"}:
        raise reader.unexpected()
    return reader.take().text


def _conjunction(reader: Reader) -> Expression:
    left = _negation(reader)
    while reader.takes("and"):
        left = Binary("and", left, _negation(reader))
    return left


def _negation(reader: Reader) -> Expression:
    return Not(_negation(reader)) if reader.takes("not") else _comparison(reader)


def _comparison(reader: Reader) -> Expression:
    left = _sum(reader)
    sign = reader.takes(*_COMPARISONS)
    if sign:
        return Binary(sign, left, _sum(reader))
    if reader.takes("not"):
        return Not(_membership(reader, left, reader.takes("like", "in")))
    word = reader.takes("like", "=~", "in")
    return _membership(reader, left, word) if word else left


def _membership(reader: Reader, subject: Expression, word: str) -> Expression:
    if word == "in":
        reader.expect("[")
        choices = [expression(reader)]
        while reader.takes(","):
            choices.append(expression(reader))
        reader.expect("]")
        return Among(subject, tuple(choices))
    pattern = reader.regex() if word else None
    if pattern is None:
        if not word or reader.peek().kind != "string":
            raise reader.unexpected()
        pattern = re.compile(re.escape(reader.take().text).replace("%", ".*"))
    return Match(subject, pattern)


def _sum(reader: Reader) -> Expression:
    left = _product(reader)
    while sign := reader.takes("+", "-"):
        left = Binary(sign, left, _product(reader))
    return left


def _product(reader: Reader) -> Expression:
    left = _power(reader)
    while sign := reader.takes("*", "/", "%"):
        left = Binary(sign, left, _power(reader))
    return left


def _power(reader: Reader) -> Expression:
    left = _primary(reader)
    return Binary("^", left, _power(reader)) if reader.takes("^") else left


def _primary(reader: Reader) -> Expression:
    if reader.takes("-"):
        return Negative(_primary(reader))
    if reader.takes("("):
        inner = expression(reader)
        reader.expect(")")
        return inner
    token = reader.peek()
    if token.kind not in {"string", "number", "duration", "quoted", "name"}:
        raise reader.unexpected()
    reader.take()
    if token.kind == "name" and reader.takes("("):
        return Call(token.text.lower(), _arguments(reader))
    return _simple(token)


def _simple(token: Token) -> Expression:
    if token.kind == "string":
        return Literal(token.text)
    if token.kind == "number":
        return Literal(float(token.text) if re.search(r"[.eE]", token.text) else int(token.text))
    if token.kind == "duration":
        amount = re.match(r"\d+", token.text)
        digits = amount[0] if amount else ""
        return Duration(int(digits), token.text[len(digits) :])
    return Field(token.text)


def _arguments(reader: Reader) -> tuple[Expression, ...]:
    if reader.takes(")"):
        return ()
    if reader.takes("*"):
        reader.expect(")")
        return (Field("*"),)
    arguments = [expression(reader)]
    while reader.takes(","):
        arguments.append(expression(reader))
    reader.expect(")")
    return tuple(arguments)


def _plain(kind: str, text: str) -> str:
    if kind == "string":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text[1:-1] if kind == "quoted" else text

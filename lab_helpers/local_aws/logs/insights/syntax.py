"""The text of an Insights query to a tree: commands, and the expressions in them.

Source: "CloudWatch Logs Insights language query syntax" of the CloudWatch Logs User Guide.
Not modelled: SOURCE, diff, anomaly, unnest, unmask, lookup, joins and subqueries; OpenSearch PPL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab_helpers.local_aws.logs.insights.text import Reader, Token
from lab_helpers.local_aws.logs.insights.tree import (
    Among,
    Binary,
    Call,
    Duration,
    Expression,
    Field,
    Literal,
    Match,
    Named,
    Negative,
    Not,
)

_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


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

"""What a query's WHERE says of a record.

Source: Fluent Bit 5.1.1, flb_sp.c (reduce_expression, numerical_comp, logical_operation): a key that is not there makes
every comparison false, a text beside a number is read as one as far as it goes, NULL and lists are no values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = bool | int | float | str | None
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_WHOLE = re.compile(r"\s*[+-]?\d+", re.ASCII)


class Nothing:
    """What a key that is not there comes to; NULL is a value, this is none."""


NOTHING = Nothing()
Found = Value | Nothing


@dataclass(frozen=True)
class Facts:
    """A record as a query sees it."""

    tag: str
    time_ns: int
    body: Mapping[Any, Any]


Expression = Callable[[Facts], Found]


def field(name: str, below: Sequence[str]) -> Expression:
    """Return what reads a key, and what lies below it where that is a map."""

    def read(facts: Facts) -> Found:
        found = look_up(facts.body, name, below)
        if isinstance(found, Mapping):
            return True
        return found if found is None or isinstance(found, bool | int | float | str) else NOTHING

    return read


def look_up(body: Mapping[Any, Any], name: str, below: Sequence[str]) -> Any:
    """Return the value at a key, or below it; NOTHING where there is none."""
    if name not in body:
        return NOTHING
    found = body[name]
    for each in below if isinstance(found, Mapping) else ():
        if not isinstance(found, Mapping) or each not in found:
            return NOTHING
        found = found[each]
    return found


def literal(value: Value) -> Expression:
    """Return what is always this value."""
    return lambda _: value


def compared(left: Expression, operator: str, right: Value) -> Expression:
    """Return whether a value is `=`, `<`, `<=`, `>` or `>=` another."""
    compare = _OPERATORS[operator]

    def holds(facts: Facts) -> bool:
        found = left(facts)
        if isinstance(found, Nothing):
            return False
        if isinstance(found, str) and not isinstance(right, str):
            found = _as_number(found)
        if _kind(found) != _kind(right):
            return False
        if found is None or isinstance(found, bool) or right is None or isinstance(right, bool):
            return operator == "=" and found == right
        if isinstance(found, str) and isinstance(right, str):
            return compare(found, right) if operator == "=" else compare(found, right[: len(found)])
        return compare(found, right)

    return holds


def negated(condition: Expression) -> Expression:
    """Return whether it does not hold."""
    return lambda facts: not truth(condition(facts))


def joined(left: Expression, word: str, right: Expression) -> Expression:
    """Return whether both hold, or one does (`AND`, `OR`)."""
    if word == "AND":
        return lambda facts: truth(left(facts)) and truth(right(facts))
    return lambda facts: truth(left(facts)) or truth(right(facts))


def truth(value: Found) -> bool:
    """Return what a value is as a condition: numbers above zero and all texts are true."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value > 0
    return isinstance(value, str)


def contains(key: Expression) -> Expression:
    """Return whether the key is there: `@record.contains(key)`."""
    return lambda facts: not isinstance(key(facts), Nothing)


def record_time(facts: Facts) -> float:
    """Return the record's time in seconds: `@record.time()`."""
    return facts.time_ns / 1e9


def _as_number(text: str) -> Value:
    dots = text.count(".")
    found = (_NUMBER if dots == 1 else _WHOLE).match(text) if dots < 2 else None
    if found is None:
        return text
    return float(found[0]) if dots else int(found[0])


def _kind(value: Value) -> str:
    if value is None or isinstance(value, bool | str):
        return type(value).__name__
    return "number"


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}

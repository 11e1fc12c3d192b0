"""The value of an Insights expression for one row, or for a group of rows.

A row maps names to values: text, numbers, `Moment` (epoch milliseconds shown as a time). What is missing is None.

Source: "Supported operations and functions" of the CloudWatch Logs Insights query syntax.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lab_helpers.local_aws.logs.insights.functions import AGGREGATES, SCALARS, Moment, number, shown
from lab_helpers.local_aws.logs.insights.text import malformed
from lab_helpers.local_aws.logs.insights.tree import (
    Among,
    Binary,
    Call,
    Duration,
    Expression,
    Field,
    Literal,
    Match,
    Negative,
    Not,
)

Row = Mapping[str, Any]

_UNITS_MS = {
    "ms": 1,
    "s": 1_000, "sec": 1_000,
    "m": 60_000, "min": 60_000,
    "h": 3_600_000, "hr": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}  # fmt: skip


def check(expression: Expression, *, aggregates: bool) -> None:
    """Raise AwsError MalformedQueryException for a function that is unknown here, or not allowed in this place."""
    for call in _calls(expression):
        known = call.function in SCALARS or call.function == "bin" or (aggregates and call.function in AGGREGATES)
        if not known:
            what = "not allowed here" if call.function in AGGREGATES else "not supported by the local AWS"
            raise malformed(f"function {call.function} is {what}")


def has_aggregate(expression: Expression) -> bool:
    """Whether an expression needs a group of rows."""
    return any(call.function in AGGREGATES for call in _calls(expression))


def value(expression: Expression, row: Row) -> Any:
    """Evaluate an expression for one row."""
    match expression:
        case Literal():
            return expression.value
        case Field():
            return row.get(expression.name)
        case Negative():
            return _arithmetic("-", 0, value(expression.inner, row))
        case Not():
            return not _is_true(value(expression.inner, row))
        case Match():
            subject = value(expression.subject, row)
            return subject is not None and expression.pattern.search(shown(subject)) is not None
        case Among():
            subject = value(expression.subject, row)
            return any(_compare("=", subject, value(choice, row)) for choice in expression.choices)
        case Binary():
            return _binary(expression, row)
        case Call():
            return _call(expression, row)
        case Duration():
            return expression.amount * _unit_ms(expression)


def group_value(expression: Expression, rows: Sequence[Row]) -> Any:
    """Evaluate an expression with aggregates for a group of rows."""
    match expression:
        case Call() if expression.function in AGGREGATES:
            return _aggregate(expression, rows)
        case Binary():
            left, right = group_value(expression.left, rows), group_value(expression.right, rows)
            return _arithmetic(expression.operator, left, right)
        case Negative():
            return _arithmetic("-", 0, group_value(expression.inner, rows))
        case _:
            return value(expression, rows[0] if rows else {})


def _calls(expression: Expression) -> Iterable[Call]:
    match expression:
        case Call():
            yield expression
            parts: Sequence[Expression] = expression.arguments
        case Binary():
            parts = (expression.left, expression.right)
        case Not() | Negative():
            parts = (expression.inner,)
        case Match():
            parts = (expression.subject,)
        case Among():
            parts = (expression.subject, *expression.choices)
        case _:
            parts = ()
    for part in parts:
        yield from _calls(part)


def _is_true(of: Any) -> bool:
    return of not in (None, "", 0, False, "false", "0")


def _binary(expression: Binary, row: Row) -> Any:
    left = value(expression.left, row)
    if expression.operator == "and":
        return _is_true(left) and _is_true(value(expression.right, row))
    if expression.operator == "or":
        return _is_true(left) or _is_true(value(expression.right, row))
    right = value(expression.right, row)
    if expression.operator in _COMPARE:
        return _compare(expression.operator, left, right)
    return _arithmetic(expression.operator, left, right)


def _compare(sign: str, left: Any, right: Any) -> bool:
    """Compare as numbers where both are, else as texts; with what is missing nothing compares."""
    if left is None or right is None:
        return False
    numbers = number(left), number(right)
    if None not in numbers:
        return _COMPARE[sign](*numbers)
    return _COMPARE[sign](shown(left), shown(right))


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a % b,
    "^": lambda a, b: a**b,
}


def _arithmetic(sign: str, left: Any, right: Any) -> Any:
    if sign in _COMPARE:
        return _compare(sign, left, right)
    first, second = number(left), number(right)
    if first is None or second is None:
        return None
    try:
        return _ARITHMETIC[sign](first, second)
    except (ZeroDivisionError, OverflowError):
        return None


def _call(call: Call, row: Row) -> Any:
    if call.function == "bin":
        return _bin(row.get("@timestamp"), call.arguments)
    if call.function in {"datefloor", "dateceil"}:
        moment = number(value(call.arguments[0], row))
        floor = _bin(moment, call.arguments[1:])
        step = _width_ms(call.arguments[1:])
        return Moment(floor + step) if call.function == "dateceil" and floor is not None and floor != moment else floor
    arguments = [value(argument, row) for argument in call.arguments]
    try:
        return SCALARS[call.function](*arguments)
    except (TypeError, ValueError):
        return None  # a function of what is missing, or of the wrong kind, has no value
    except KeyError:
        return None  # an aggregate that no stats before computed


def _bin(moment: float | int | None, arguments: Sequence[Expression]) -> Moment | None:
    if moment is None:
        return None
    width = _width_ms(arguments)
    return Moment(int(moment) // width * width)


def _width_ms(arguments: Sequence[Expression]) -> int:
    if len(arguments) != 1 or not isinstance(arguments[0], Duration):
        raise malformed("a period such as 5m or 1h is needed in bin(…), datefloor(…) and dateceil(…)")
    return arguments[0].amount * _unit_ms(arguments[0])


def _unit_ms(duration: Duration) -> int:
    if duration.unit not in _UNITS_MS:
        raise malformed(f"the unit {duration.unit!r} of a period is not supported by the local AWS")
    return _UNITS_MS[duration.unit]


def _aggregate(call: Call, rows: Sequence[Row]) -> Any:
    argument = call.arguments[0] if call.arguments else Field("*")
    if argument == Field("*"):
        return len(rows)
    if call.function in {"earliest", "latest"}:
        present = [row for row in rows if value(argument, row) is not None]
        pick = min if call.function == "earliest" else max
        return value(argument, pick(present, key=lambda row: row["@timestamp"])) if present else None
    values = [found for row in rows if (found := value(argument, row)) is not None]
    if call.function in {"count", "count_distinct", "sortsfirst", "sortslast"}:
        return AGGREGATES[call.function](values)
    numbers = [found for each in values if (found := number(each)) is not None]
    if not numbers:
        return None
    rest = [value(extra, {}) for extra in call.arguments[1:]]
    result = AGGREGATES[call.function](numbers, *rest)
    return Moment(result) if call.function in {"min", "max"} and isinstance(values[0], Moment) else result

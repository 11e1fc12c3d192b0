"""The value of an Insights expression for one row, or for a group of rows.

A row maps names to values: text, numbers, `Moment` (epoch milliseconds shown as a time). What is missing is None.

Source: "Supported operations and functions" of the CloudWatch Logs Insights query syntax.
Not modelled: URL, JSON and most IP functions, which are refused by their names.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

from lab_helpers.local_aws.logs.insights_syntax import (
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
    malformed,
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


class Moment(int):
    """Epoch milliseconds that are shown as a time in UTC."""


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


def shown(of: Any) -> str:
    """Return a value as a result shows it."""
    if isinstance(of, Moment):
        moment = datetime.fromtimestamp(of // 1000, UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{of % 1000:03d}"
    if isinstance(of, bool):
        return "1" if of else "0"
    if isinstance(of, float):
        return str(int(of)) if of.is_integer() and abs(of) < 1e15 else f"{of:.4f}".rstrip("0").rstrip(".")
    return str(of)


def number(of: Any) -> float | int | None:
    """Return a value as a number, None when it is none."""
    if isinstance(of, int | float):
        return of
    try:
        return int(of) if str(of).lstrip("-").isdigit() else float(of)
    except (TypeError, ValueError):
        return None


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


def _percentile(numbers: list[float], percent: float) -> float:
    ordered = sorted(numbers)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


AGGREGATES: dict[str, Callable[..., Any]] = {
    "count": len,
    "count_distinct": lambda values: len({shown(each) for each in values}),
    "sum": sum,
    "avg": statistics.fmean,
    "min": min,
    "max": max,
    "median": statistics.median,
    "stddev": statistics.pstdev,
    "pct": _percentile,
    "percentile": _percentile,
    "earliest": lambda: None,
    "latest": lambda: None,
    "sortsfirst": lambda values: min(map(shown, values), default=None),
    "sortslast": lambda values: max(map(shown, values), default=None),
}
"""earliest and latest need the rows, see `_aggregate`."""


def _text(of: Any) -> str:
    if of is None:
        raise TypeError("a missing value is no text")
    return shown(of)


def _contains(text: Any, part: Any) -> int:
    return int(_text(part) in _text(text))


def _number(of: Any) -> Any:
    found = number(of)
    if found is None:
        raise ValueError(f"{of!r} is no number")
    return found


SCALARS: dict[str, Callable[..., Any]] = {
    "abs": lambda a: abs(_number(a)),
    "ceil": lambda a: math.ceil(_number(a)),
    "floor": lambda a: math.floor(_number(a)),
    "sqrt": lambda a: math.sqrt(_number(a)),
    "log": lambda a: math.log(_number(a)),
    "greatest": lambda *a: max(_number(each) for each in a),
    "least": lambda *a: min(_number(each) for each in a),
    "ispresent": lambda a: a is not None,
    "isempty": lambda a: a is None or _text(a) == "",
    "isblank": lambda a: a is None or not _text(a).strip(),
    "coalesce": lambda *a: next((each for each in a if each is not None), None),
    "concat": lambda *a: "".join(map(_text, a)),
    "strlen": lambda a: len(_text(a)),
    "toupper": lambda a: _text(a).upper(),
    "tolower": lambda a: _text(a).lower(),
    "trim": lambda a, characters=None: _text(a).strip(characters),
    "ltrim": lambda a, characters=None: _text(a).lstrip(characters),
    "rtrim": lambda a, characters=None: _text(a).rstrip(characters),
    "substr": lambda a, start, length=None: _text(a)[start : None if length is None else start + length],
    "replace": lambda a, old, new: _text(a).replace(_text(old), _text(new)),
    "strcontains": _contains,
    "tomillis": lambda a: int(_number(a)),
    "frommillis": lambda a: Moment(_number(a)),
    "datefloor": lambda: None,
    "dateceil": lambda: None,
    "isvalidip": lambda a: bool(ip_address(_text(a))),
    "isipinsubnet": lambda a, net: ip_address(_text(a)) in ip_network(_text(net)),
    "isipv4insubnet": lambda a, net: ip_address(_text(a)) in ip_network(_text(net)),
}
"""datefloor and dateceil need their period unevaluated, see `_call`."""

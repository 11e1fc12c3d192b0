"""The functions of Insights: of one row's values (SCALARS), and of a group's (AGGREGATES); how values are shown.

Source: "Supported operations and functions" of the CloudWatch Logs Insights query syntax.
Not modelled: URL, JSON and most IP functions, which are refused by their names.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any


class Moment(int):
    """Epoch milliseconds that are shown as a time in UTC."""


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


def shown_in_sql(of: Any) -> str | None:
    """Return a value of DuckDB's as a result shows it."""
    if of is None:
        return None
    if hasattr(of, "strftime") and hasattr(of, "hour"):
        return f"{of:%Y-%m-%d %H:%M:%S}.{of.microsecond // 1000:03d}"
    if isinstance(of, bool):
        return "true" if of else "false"
    return shown(of)


def number(of: Any) -> float | int | None:
    """Return a value as a number, None when it is none."""
    if isinstance(of, int | float):
        return of
    try:
        return int(of) if str(of).lstrip("-").isdigit() else float(of)
    except (TypeError, ValueError):
        return None


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

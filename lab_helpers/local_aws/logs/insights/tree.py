"""The tree of an Insights expression."""

from __future__ import annotations

import re
from dataclasses import dataclass


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

"""Condition operators: do the request's context keys satisfy a statement's Condition element?

Source: "IAM JSON policy elements: Condition operators" and "Creating a condition with multiple keys or values" of the
IAM User Guide.
Not modelled: which context keys AWS puts into which request; only those count that the caller of `evaluate` gives.
"""

from __future__ import annotations

import base64
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address, ip_network
from typing import Any

from .patterns import Pattern, arn_match, expand
from .statements import Condition, Quantifier

Values = Mapping[str, tuple[str, ...]]
NULL = "Null"

Test = Callable[[Pattern, str], bool]


@dataclass(frozen=True)
class Operator:
    """How one wanted value is compared with one value of the request; `negated` ones want none to fit."""

    test: Test
    negated: bool = False


def satisfied(condition: Condition, values: Values, *, variables: bool) -> bool:
    """Whether the context satisfies one condition.

    `values` are the request's context keys in lower case; `variables` says whether `${...}` in a value is replaced.
    """
    present = values.get(condition.key.lower())
    if condition.operator == NULL:
        return any((present is None) == (wanted == "true") for wanted in condition.values)
    if present is None:
        return _without_key(condition)
    known = OPERATORS[condition.operator]
    patterns = [expand(wanted, values if variables else None) for wanted in condition.values]
    fits = [any(p is not None and known.test(p, value) for p in patterns) is not known.negated for value in present]
    return all(fits) if _wants_all(condition, known) else any(fits)


def _without_key(condition: Condition) -> bool:
    if condition.quantifier is not Quantifier.NONE:
        return condition.quantifier is Quantifier.ALL or condition.if_exists
    return condition.if_exists or OPERATORS[condition.operator].negated


def _wants_all(condition: Condition, known: Operator) -> bool:
    if condition.quantifier is Quantifier.NONE:
        return known.negated
    return condition.quantifier is Quantifier.ALL


def _equals(wanted: Pattern, value: str) -> bool:
    return wanted.literal == value


def _equals_ignoring_case(wanted: Pattern, value: str) -> bool:
    return wanted.literal.lower() == value.lower()


def _like(wanted: Pattern, value: str) -> bool:
    return wanted.matches(value)


def _binary(wanted: Pattern, value: str) -> bool:
    try:
        return base64.b64decode(wanted.literal) == base64.b64decode(value)
    except ValueError:
        return False


def _in_network(wanted: Pattern, value: str) -> bool:
    try:
        return ip_address(value) in ip_network(wanted.literal, strict=False)
    except ValueError:
        return False


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Test:
    def test(wanted: Pattern, value: str) -> bool:
        try:
            return compare(Decimal(value), Decimal(wanted.literal))
        except InvalidOperation:
            return False

    return test


def _dated(compare: Callable[[datetime, datetime], bool]) -> Test:
    def test(wanted: Pattern, value: str) -> bool:
        try:
            return compare(_moment(value), _moment(wanted.literal))
        except (ValueError, OverflowError):
            return False

    return test


def _moment(text: str) -> datetime:
    """Read seconds since 1970 or an ISO 8601 date; a date without a zone is UTC."""
    if text.lstrip("-").isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_ORDERS: dict[str, tuple[Callable[[Any, Any], bool], bool]] = {
    "Equals": (operator.eq, False),
    "NotEquals": (operator.eq, True),
    "LessThan": (operator.lt, False),
    "LessThanEquals": (operator.le, False),
    "GreaterThan": (operator.gt, False),
    "GreaterThanEquals": (operator.ge, False),
}

OPERATORS: dict[str, Operator] = {
    "StringEquals": Operator(_equals),
    "StringNotEquals": Operator(_equals, negated=True),
    "StringEqualsIgnoreCase": Operator(_equals_ignoring_case),
    "StringNotEqualsIgnoreCase": Operator(_equals_ignoring_case, negated=True),
    "StringLike": Operator(_like),
    "StringNotLike": Operator(_like, negated=True),
    # AWS documents ArnEquals and ArnLike as behaving identically.
    "ArnEquals": Operator(arn_match),
    "ArnNotEquals": Operator(arn_match, negated=True),
    "ArnLike": Operator(arn_match),
    "ArnNotLike": Operator(arn_match, negated=True),
    "Bool": Operator(_equals_ignoring_case),
    "BinaryEquals": Operator(_binary),
    "IpAddress": Operator(_in_network),
    "NotIpAddress": Operator(_in_network, negated=True),
    **{f"Numeric{name}": Operator(_numeric(order), negated) for name, (order, negated) in _ORDERS.items()},
    **{f"Date{name}": Operator(_dated(order), negated) for name, (order, negated) in _ORDERS.items()},
}

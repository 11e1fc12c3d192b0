"""Condition operators: each for itself, missing keys, several values."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.iam.conditions import satisfied
from lab_helpers.iam.policy import parse

from .builders import document, statement


def holds(operator: str, wanted: Any, *present: str, key: str = "k:key") -> bool:
    """Whether a condition holds for a request with these values of the key; none means that the key is missing."""
    policy = parse(document(statement("Allow", Condition={operator: {"k:Key": wanted}})))
    (condition,) = policy.statements[0].conditions
    return satisfied(condition, {key: present} if present else {}, variables=True)


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "result"),
    [
        ("StringEquals", "a*", "a*", True),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "A", "a", False),
        ("StringEquals", ["x", "a"], "a", True),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "A", "a", True),
        ("StringNotEqualsIgnoreCase", "A", "a", False),
        ("StringLike", "a?c*", "abcd", True),
        ("StringNotLike", "a*", "abc", False),
        ("NumericEquals", 10, "10.0", True),
        ("NumericNotEquals", "10", "11", True),
        ("NumericLessThan", "10", "9.5", True),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "10", False),
        ("NumericGreaterThanEquals", "10", "nine", False),
        ("DateEquals", "2024-01-01T00:00:00Z", "1704067200", True),
        ("DateNotEquals", "2024-01-01", "2024-01-02", True),
        ("DateLessThan", "2024-01-01T00:00:00Z", "2023-12-31T23:59:59Z", True),
        ("DateGreaterThan", "2024-01-01T09:00:00+09:00", "2024-01-01T00:00:01Z", True),
        ("DateLessThanEquals", "2024-01-01", "yesterday", False),
        ("DateGreaterThanEquals", "2024-01-01", "2024-01-01", True),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("BinaryEquals", "QQ==", "QQ==", True),
        ("BinaryEquals", "QQ==", "Qg==", False),
        ("IpAddress", "10.0.0.0/16", "10.0.11.7", True),
        ("IpAddress", "10.0.0.1", "10.0.0.2", False),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
        ("IpAddress", "10.0.0.0/16", "2001:db8::1", False),
        ("NotIpAddress", "10.0.0.0/16", "192.168.0.1", True),
        ("ArnEquals", "arn:aws:s3:::lo?s", "arn:aws:s3:::logs", True),
        ("ArnLike", "arn:aws:s3:::*", "arn:aws:s3:::logs", True),
        ("ArnNotEquals", "arn:aws:s3:::logs", "arn:aws:s3:::logs", False),
        ("ArnNotLike", "arn:aws:iam::*:role/*", "arn:aws:iam::123456789012:user/mia", True),
    ],
)
def test_each_operator_compares_in_its_way(operator: str, wanted: Any, value: str, result: bool) -> None:
    """Wanted values are alternatives; what cannot be read as number, date or address does not fit."""
    assert holds(operator, wanted, value) is result


@pytest.mark.parametrize(
    ("operator", "result"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringEqualsIfExists", True),
        ("Bool", False),
        ("NotIpAddress", True),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
        ("ForAnyValue:StringEqualsIfExists", True),
    ],
)
def test_a_missing_key_fails_unless_negated_or_if_exists(operator: str, result: bool) -> None:
    """Without its key a condition does not hold, but negated ones, IfExists and ForAllValues do."""
    assert holds(operator, "true") is result


@pytest.mark.parametrize(
    ("operator", "present", "result"),
    [
        ("ForAllValues:StringEquals", ("a", "b"), True),
        ("ForAllValues:StringEquals", ("a", "c"), False),
        ("ForAnyValue:StringEquals", ("c", "b"), True),
        ("ForAnyValue:StringEquals", ("c", "d"), False),
        ("ForAllValues:StringNotEquals", ("c", "d"), True),
        ("ForAllValues:StringNotEquals", ("c", "a"), False),
        ("ForAnyValue:StringNotEquals", ("a", "c"), True),
        ("ForAnyValue:StringNotEquals", ("a", "b"), False),
        ("StringNotEquals", ("a", "c"), False),
    ],
)
def test_quantifiers_take_several_values_together(operator: str, present: tuple[str, ...], result: bool) -> None:
    """ForAllValues wants every value of the request to fit, ForAnyValue one."""
    assert holds(operator, ["a", "b"], *present) is result


@pytest.mark.parametrize(("wanted", "present", "result"), [("true", (), True), ("true", ("x",), False)])
def test_null_asks_whether_a_key_is_missing(wanted: str, present: tuple[str, ...], result: bool) -> None:
    """Null true wants the key missing, Null false wants it there."""
    assert holds("Null", wanted, *present) is result
    assert holds("Null", "false" if wanted == "true" else "true", *present) is not result


def test_a_variable_is_replaced_in_a_wanted_value() -> None:
    """Condition values may hold variables; one without a value fits nothing."""
    assert holds("StringLike", "${k:key}", "mia")
    assert not holds("StringLike", "${aws:unknown}", "mia")

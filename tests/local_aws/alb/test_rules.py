"""Listener rules decide as AWS's do."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.local_aws.alb.http.heads import parse_request
from lab_helpers.local_aws.alb.rules import choose, parse_rules, pick_weighted


def chosen(conditions: list[dict[str, Any]], head: str, client: str = "192.0.2.1") -> bool:
    rules = parse_rules(
        [
            {"RuleArn": "default", "Priority": "default", "Actions": [{"Type": "forward", "TargetGroupArn": "d"}]},
            {
                "RuleArn": "r",
                "Priority": "5",
                "Conditions": conditions,
                "Actions": [{"Type": "forward", "TargetGroupArn": "t"}],
            },
        ]
    )
    rule = choose(rules, parse_request(head.replace("\n", "\r\n").encode(), client))
    assert rule is not None
    return rule.arn == "r"


HEAD = "GET /img/a.png?version=v1&x HTTP/1.1\nHost: Shop.Example.com:8080\nUser-Agent: curl/8\nX-Env: Test"


@pytest.mark.parametrize(
    ("condition", "matches"),
    [
        ({"Field": "path-pattern", "Values": ["/img/*"]}, True),
        ({"Field": "path-pattern", "Values": ["/IMG/*"]}, False),
        ({"Field": "path-pattern", "Values": ["/img/?.png"]}, True),
        ({"Field": "path-pattern", "Values": ["/img"]}, False),
        ({"Field": "path-pattern", "PathPatternConfig": {"Values": ["/no", "*.png"]}}, True),
        ({"Field": "host-header", "Values": ["*.example.com"]}, True),
        ({"Field": "host-header", "Values": ["example.com"]}, False),
        ({"Field": "host-header", "HostHeaderConfig": {"Values": ["SHOP.example.com"]}}, True),
        ({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x-env", "Values": ["te*"]}}, True),
        ({"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x-none", "Values": ["*"]}}, False),
        ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST", "GET"]}}, True),
        ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["get"]}}, False),
        ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "version", "Value": "v?"}]}}, True),
        ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Value": "v1"}]}}, True),
        ({"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "version", "Value": "v2"}]}}, False),
        ({"Field": "source-ip", "SourceIpConfig": {"Values": ["192.0.2.0/24"]}}, True),
        ({"Field": "source-ip", "SourceIpConfig": {"Values": ["198.51.100.0/24"]}}, False),
        ({"Field": "phase-of-the-moon", "Values": ["*"]}, False),
    ],
)
def test_conditions(condition: dict[str, Any], matches: bool) -> None:
    """Each condition type, its wildcards and its case rules; an unknown one never holds."""
    assert chosen([condition], HEAD) is matches


def test_all_conditions_must_hold() -> None:
    """Conditions of one rule are joined by and, the values of one condition by or."""
    path, host = {"Field": "path-pattern", "Values": ["/img/*"]}, {"Field": "host-header", "Values": ["other"]}
    assert chosen([path], HEAD)
    assert not chosen([path, host], HEAD)


def test_rules_are_tried_by_priority_and_the_default_last() -> None:
    """The order in which the API lists rules does not matter."""
    shapes = [{"RuleArn": p, "Priority": p, "Actions": []} for p in ("default", "50", "7", "100")]
    assert [rule.arn for rule in parse_rules(shapes)] == ["7", "50", "100", "default"]


def test_weights_divide_requests() -> None:
    """A draw in [0, 1) falls on target groups by their weights; a weight of zero gets nothing."""
    forward = {
        "TargetGroups": [
            {"TargetGroupArn": "a", "Weight": 1},
            {"TargetGroupArn": "z", "Weight": 0},
            {"TargetGroupArn": "b", "Weight": 3},
        ]
    }
    action = parse_rules([{"Priority": "1", "Actions": [{"Type": "forward", "ForwardConfig": forward}]}])[0].action
    assert action.target_group_arns == ("a", "z", "b")
    assert [pick_weighted(action.weights, draw) for draw in (0.0, 0.24, 0.25, 0.99)] == ["a", "a", "b", "b"]
    assert pick_weighted((("a", 0),), 0.5) is None

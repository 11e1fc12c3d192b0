"""Listener rules, pure: which action a request gets.

Source: "Listener rules for your Application Load Balancer" (condition types, wildcards `*` and `?`, priorities).
Not modelled: authenticate-oidc, authenticate-cognito and jwt-validation actions (answered 500), regular-expression
conditions, rule transforms, target group stickiness.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import parse_qsl

DEFAULT_PRIORITY = 0
"""How the default rule's priority is written in access logs."""


class Question(Protocol):
    """What conditions look at: a request's head and the client's address."""

    @property
    def method(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def client(self) -> str: ...
    def header(self, name: str) -> str | None: ...


Condition = Callable[[Question], bool]


@dataclass(frozen=True)
class Action:
    """What to do: `kind` is "forward", "fixed-response", "redirect" or a type that is not modelled.

    `weights` are (target group ARN, weight) of a forward action; `options` the members of FixedResponseConfig or
    RedirectConfig.
    """

    kind: str
    weights: tuple[tuple[str, int], ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def target_group_arns(self) -> tuple[str, ...]:
        """Where a forward action leads."""
        return tuple(arn for arn, _ in self.weights)


@dataclass(frozen=True)
class Rule:
    """Conditions (all must hold) and the action; priority 0 is the default rule's."""

    arn: str
    priority: int
    conditions: tuple[Condition, ...]
    action: Action

    def matches(self, question: Question) -> bool:
        """Tell whether all conditions hold."""
        return not self.conditions or all(condition(question) for condition in self.conditions)


def choose(rules: Iterable[Rule], question: Question) -> Rule | None:
    """Return the first rule that matches; `rules` come in the order of `parse_rules`."""
    for rule in rules:
        if rule.matches(question):
            return rule
    return None


def parse_rules(shapes: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Read Rule shapes; returned by priority, the default rule last."""
    rules = [_parse_rule(shape) for shape in shapes]
    return tuple(sorted(rules, key=lambda rule: (rule.priority == DEFAULT_PRIORITY, rule.priority)))


def pick_weighted(weights: tuple[tuple[str, int], ...], draw: float) -> str | None:
    """Return a target group's ARN by weight; `draw` is in [0, 1). None: all weights are zero."""
    left = draw * sum(weight for _, weight in weights)
    for arn, weight in weights:
        if left < weight:
            return arn
        left -= weight
    return None


def _parse_rule(shape: Mapping[str, Any]) -> Rule:
    priority = str(shape.get("Priority", "default"))
    return Rule(
        arn=shape.get("RuleArn", ""),
        priority=DEFAULT_PRIORITY if priority == "default" else int(priority),
        conditions=tuple(_parse_condition(condition) for condition in shape.get("Conditions") or []),
        action=_parse_actions(shape.get("Actions") or []),
    )


def _parse_actions(shapes: Iterable[Mapping[str, Any]]) -> Action:
    # The last action routes; the ones before it only authenticate.
    none: Mapping[str, Any] = {"Type": "none"}
    shape = max(shapes, key=lambda action: int(action.get("Order") or 0), default=none)
    kind = shape["Type"]
    if kind == "forward":
        return Action(kind, _parse_weights(shape))
    options = shape.get("FixedResponseConfig") or shape.get("RedirectConfig") or {}
    return Action(kind, options={name: str(value) for name, value in options.items()})


def _parse_weights(shape: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    groups = (shape.get("ForwardConfig") or {}).get("TargetGroups") or []
    if groups:
        return tuple((group["TargetGroupArn"], int(group.get("Weight", 1))) for group in groups)
    return ((shape["TargetGroupArn"], 1),) if shape.get("TargetGroupArn") else ()


def _parse_condition(shape: Mapping[str, Any]) -> Condition:
    maker = _CONDITIONS.get(shape.get("Field", ""))
    if maker is None:
        return lambda question: False  # noqa: ARG005 - a condition we cannot read must not let a request through
    return maker(shape)


def _values(shape: Mapping[str, Any], config: str) -> list[Any]:
    return list((shape.get(config) or {}).get("Values") or shape.get("Values") or [])


def _host_header(shape: Mapping[str, Any]) -> Condition:
    matches = _any_wildcard(_values(shape, "HostHeaderConfig"), ignore_case=True)
    return lambda question: matches(question.host.partition(":")[0])


def _path_pattern(shape: Mapping[str, Any]) -> Condition:
    matches = _any_wildcard(_values(shape, "PathPatternConfig"), ignore_case=False)
    return lambda question: matches(question.path)


def _http_header(shape: Mapping[str, Any]) -> Condition:
    name = shape["HttpHeaderConfig"]["HttpHeaderName"].lower()
    matches = _any_wildcard(_values(shape, "HttpHeaderConfig"), ignore_case=True)
    return lambda question: (value := question.header(name)) is not None and matches(value)


def _request_method(shape: Mapping[str, Any]) -> Condition:
    methods = frozenset(_values(shape, "HttpRequestMethodConfig"))
    return lambda question: question.method in methods


def _query_string(shape: Mapping[str, Any]) -> Condition:
    pairs = [
        (_any_wildcard([pair["Key"]] if pair.get("Key") else ["*"], True), _any_wildcard([pair["Value"]], True))
        for pair in _values(shape, "QueryStringConfig")
    ]
    return lambda question: any(
        key_matches(key) and value_matches(value)
        for key, value in parse_qsl(question.query, keep_blank_values=True)
        for key_matches, value_matches in pairs
    )


def _source_ip(shape: Mapping[str, Any]) -> Condition:
    networks = [ipaddress.ip_network(cidr, strict=False) for cidr in _values(shape, "SourceIpConfig")]
    return lambda question: any(ipaddress.ip_address(question.client) in network for network in networks)


_CONDITIONS: dict[str, Callable[[Mapping[str, Any]], Condition]] = {
    "host-header": _host_header,
    "path-pattern": _path_pattern,
    "http-header": _http_header,
    "http-request-method": _request_method,
    "query-string": _query_string,
    "source-ip": _source_ip,
}


def _any_wildcard(patterns: list[str], ignore_case: bool) -> Callable[[str], bool]:
    compiled = [_wildcard(pattern, ignore_case) for pattern in patterns]
    return lambda text: any(pattern.fullmatch(text) for pattern in compiled)


@lru_cache(maxsize=1024)
def _wildcard(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    pieces = {"*": ".*", "?": "."}
    text = "".join(pieces.get(character, re.escape(character)) for character in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))

"""Does a statement apply to a request?

Source: "IAM JSON policy elements reference" of the IAM User Guide: actions and context keys ignore case, ARNs do not.
Not modelled: that a Deny with NotPrincipal hits a role session unless session, role and account are all excepted (here
role or session is enough), and that it always hits whoever has a permissions boundary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .conditions import satisfied
from .patterns import expand, wildcard_match
from .principals import Caller, CallerType, Grant, caller_of, grant_of
from .statements import Effect, Policy, Principals, Statement


@dataclass(frozen=True)
class AccessRequest:
    """One access to decide on.

    `principal_arn` is the caller as AWS names it (`arn:aws:sts::…:assumed-role/ROLE/SESSION`, a user's ARN, an account
    root's, or a service such as `delivery.logs.amazonaws.com`); `account_id` is the account that owns the resource;
    `action` is `service:Operation`; `resource` the real ARN or `*`. `context` holds condition keys and their values:
    a text, or a tuple of texts for a multivalued key. What follows from the principal alone (`aws:PrincipalArn`,
    `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:username`) is filled in unless `context` says otherwise.
    """

    principal_arn: str
    account_id: str
    action: str
    resource: str = "*"
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def caller(self) -> Caller:
        """Who asks."""
        return caller_of(self.principal_arn)

    @cached_property
    def values(self) -> Mapping[str, tuple[str, ...]]:
        """The context keys in lower case, with those that follow from the principal."""
        given = {key.lower(): (value,) if isinstance(value, str) else value for key, value in self.context.items()}
        return _implied(self.caller) | given


def applying(policy: Policy, effect: Effect, request: AccessRequest) -> Iterator[tuple[int, Statement]]:
    """Yield the statements of one effect that apply to the request, with their index; principals are not looked at."""
    values = request.values if policy.has_variables else None
    for index, statement in enumerate(policy.statements):
        if statement.effect is effect and _applies(statement, request, values):
            yield index, statement


def grant(statement: Statement, caller: Caller) -> Grant:
    """Say what a statement of a resource-based or trust policy gives to a caller."""
    if statement.principals is not None:
        return grant_of(statement.principals, caller)
    if statement.not_principals is None or _is_excepted(statement.not_principals, caller):
        return Grant.NONE
    return Grant.ROLE if caller.type in (CallerType.ROLE, CallerType.SESSION) else Grant.DIRECT


def _is_excepted(named: Principals, caller: Caller) -> bool:
    # An account among the exceptions excepts its root user only, not everyone in it.
    return grant_of(named, caller) >= Grant.ROLE


def _applies(statement: Statement, request: AccessRequest, values: Mapping[str, tuple[str, ...]] | None) -> bool:
    return (
        _action_applies(statement, request.action)
        and _resource_applies(statement, request.resource, values)
        and all(satisfied(c, request.values, variables=values is not None) for c in statement.conditions)
    )


def _action_applies(statement: Statement, action: str) -> bool:
    if statement.actions is not None:
        return any(wildcard_match(pattern, action, ignore_case=True) for pattern in statement.actions)
    return not any(wildcard_match(pattern, action, ignore_case=True) for pattern in statement.not_actions or ())


def _resource_applies(statement: Statement, arn: str, values: Mapping[str, tuple[str, ...]] | None) -> bool:
    if statement.resources is not None:
        patterns = (expand(text, values) for text in statement.resources)
        return any(pattern is not None and pattern.matches(arn) for pattern in patterns)
    # A trust policy names no resource: it speaks of its own role.
    spared = [expand(text, values) for text in statement.not_resources or ()]
    # "All but what I cannot name" must not become "all".
    return not any(pattern is None or pattern.matches(arn) for pattern in spared)


def _implied(caller: Caller) -> dict[str, tuple[str, ...]]:
    if caller.type is CallerType.SERVICE:
        return {"aws:principalservicename": (caller.arn,), "aws:principalisawsservice": ("true",)}
    if caller.type is CallerType.ANONYMOUS:
        return {"aws:principaltype": (caller.type.value,)}
    implied: dict[str, tuple[str, ...]] = {
        "aws:principalarn": (caller.principal_arn,),
        "aws:principalaccount": (caller.account,),
        "aws:principaltype": (caller.type.value,),
        "aws:principalisawsservice": ("false",),
    }
    return implied | ({"aws:username": (caller.name,)} if caller.type is CallerType.USER else {})

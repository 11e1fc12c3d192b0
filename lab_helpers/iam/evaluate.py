"""The decision: may this principal do this, and which statement says so?

Source: "Policy evaluation logic" (flow for a single account, and across accounts), "Permissions boundaries for IAM
entities", "Session policies" of the IAM User Guide.
Not modelled: service and resource control policies, VPC endpoint policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .decision import Decision, Outcome, PolicyType, StatementRef
from .match import AccessRequest, applying, grant
from .policy import Document, parse
from .principals import CallerType, Grant
from .statements import Effect, Policy, PolicyKind

__all__ = [
    "AccessRequest",
    "Decision",
    "NamedPolicy",
    "Outcome",
    "PolicySet",
    "PolicyType",
    "StatementRef",
    "decide_by_trust",
    "evaluate",
]


@dataclass(frozen=True)
class NamedPolicy:
    """A policy and what a person knows it by; `arn` is empty for inline and bucket policies."""

    name: str
    policy: Policy
    arn: str = ""

    @classmethod
    def of(cls, name: str, document: Document, *, arn: str = "", kind: PolicyKind = PolicyKind.IDENTITY) -> NamedPolicy:
        """Parse a document (see policy.parse); raises PolicyError."""
        return cls(name, parse(document, kind), arn)


@dataclass(frozen=True)
class PolicySet:
    """All policies that bear on one request.

    `identity` are the caller's inline and attached policies, `resource` is the policy of what is accessed (a bucket
    policy), `boundary` the caller's permissions boundary; None where there is none. `session` are the policies that the
    session was made with: together they must allow, too; None where it was made with none.
    """

    identity: tuple[NamedPolicy, ...] = ()
    resource: NamedPolicy | None = None
    boundary: NamedPolicy | None = None
    session: tuple[NamedPolicy, ...] | None = None

    @property
    def asks_for_resource_tags(self) -> bool:
        """Whether any of them depends on the tags of what is accessed."""
        single = (policy for policy in (self.resource, self.boundary) if policy is not None)
        return any(named.policy.asks_for_resource_tags for named in (*self.identity, *single, *(self.session or ())))


def evaluate(request: AccessRequest, policies: PolicySet) -> Decision:
    """Decide one access: an explicit deny anywhere first, then what grants it, within boundary and session policies."""
    denied = next(_denials(request, policies), None)
    if denied is not None:
        return Decision(request, Outcome.EXPLICIT_DENY, denied.policy_type, denied)
    reach, granted = _resource_grant(request, policies.resource)
    if request.caller.type in (CallerType.SERVICE, CallerType.ANONYMOUS):
        return _allowed_or_missing(request, granted, PolicyType.RESOURCE)
    if request.caller.account == request.account_id and reach is Grant.DIRECT:
        return _allowed_or_missing(request, granted, PolicyType.RESOURCE)
    return _within_limits(request, policies, reach, granted)


def decide_by_trust(request: AccessRequest, trust: NamedPolicy) -> Decision:
    """Decide by a role's trust policy alone (see trust.may_assume)."""
    denied = next(_naming(request, trust, Effect.DENY, PolicyType.TRUST), None)
    if denied is not None:
        return Decision(request, Outcome.EXPLICIT_DENY, PolicyType.TRUST, denied)
    granted = next(_naming(request, trust, Effect.ALLOW, PolicyType.TRUST), None)
    return _allowed_or_missing(request, granted, PolicyType.TRUST)


def _within_limits(request: AccessRequest, policies: PolicySet, reach: Grant, granted: StatementRef | None) -> Decision:
    is_root = request.caller.type is CallerType.ROOT
    identity = _first_allow(request, policies.identity, PolicyType.IDENTITY)
    same_account = request.caller.account == request.account_id
    if same_account and reach is Grant.ROLE:
        identity = identity or granted  # the role is named: the resource's policy grants as its own policies would
    if identity is None and not is_root:
        return Decision(request, Outcome.IMPLICIT_DENY, PolicyType.IDENTITY)
    boundary = policies.boundary
    if boundary is not None and _first_allow(request, [boundary], PolicyType.BOUNDARY) is None:
        return Decision(request, Outcome.IMPLICIT_DENY, PolicyType.BOUNDARY)
    if policies.session is not None and _first_allow(request, policies.session, PolicyType.SESSION) is None:
        return Decision(request, Outcome.IMPLICIT_DENY, PolicyType.SESSION)
    if not same_account:
        return _allowed_or_missing(request, granted, PolicyType.RESOURCE)
    return Decision(request, Outcome.ALLOWED, identity.policy_type if identity else PolicyType.IDENTITY, identity)


def _allowed_or_missing(request: AccessRequest, granted: StatementRef | None, policy_type: PolicyType) -> Decision:
    return Decision(request, Outcome.ALLOWED if granted else Outcome.IMPLICIT_DENY, policy_type, granted)


def _denials(request: AccessRequest, policies: PolicySet) -> Iterator[StatementRef]:
    # AWS names one policy type only where several deny; the order is that of its evaluation flow.
    if policies.resource is not None:
        yield from _naming(request, policies.resource, Effect.DENY, PolicyType.RESOURCE)
    for policy in policies.identity:
        yield from _refs(request, policy, Effect.DENY, PolicyType.IDENTITY)
    if policies.boundary is not None:
        yield from _refs(request, policies.boundary, Effect.DENY, PolicyType.BOUNDARY)
    for policy in policies.session or ():
        yield from _refs(request, policy, Effect.DENY, PolicyType.SESSION)


def _resource_grant(request: AccessRequest, policy: NamedPolicy | None) -> tuple[Grant, StatementRef | None]:
    if policy is None:
        return Grant.NONE, None
    found = [
        (grant(ref.statement, request.caller), ref)
        for ref in _naming(request, policy, Effect.ALLOW, PolicyType.RESOURCE)
    ]
    return max(found, key=lambda pair: pair[0], default=(Grant.NONE, None))


def _first_allow(
    request: AccessRequest, policies: Iterable[NamedPolicy], policy_type: PolicyType
) -> StatementRef | None:
    return next((ref for policy in policies for ref in _refs(request, policy, Effect.ALLOW, policy_type)), None)


def _naming(
    request: AccessRequest, policy: NamedPolicy, effect: Effect, policy_type: PolicyType
) -> Iterator[StatementRef]:
    """Yield the applying statements that name the caller."""
    for ref in _refs(request, policy, effect, policy_type):
        if grant(ref.statement, request.caller) is not Grant.NONE:
            yield ref


def _refs(
    request: AccessRequest, policy: NamedPolicy, effect: Effect, policy_type: PolicyType
) -> Iterator[StatementRef]:
    for index, statement in applying(policy.policy, effect, request):
        yield StatementRef(policy_type, policy.name, statement.sid, index, statement)

"""May this principal assume this role?

Source: "Troubleshoot access denied error messages" and "Update a role trust policy" of the IAM User Guide.
Not modelled: web identity and SAML federation, external ids other than as the condition key `sts:ExternalId`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .evaluate import AccessRequest, Decision, NamedPolicy, PolicySet, decide_by_trust, evaluate
from .policy import Document
from .statements import PolicyKind

ASSUME_ROLE = "sts:AssumeRole"


def may_assume(
    trust_policy: Document,
    principal: str,
    context: Mapping[str, str | tuple[str, ...]] | None = None,
    *,
    role_arn: str = "*",
    action: str = ASSUME_ROLE,
    own: PolicySet | None = None,
) -> Decision:
    """Decide whether a principal may assume the role that has this trust policy.

    `principal` is a service (`ecs-tasks.amazonaws.com`) or an ARN. `own` are the caller's policies: they decide where
    the trust policy names only the caller's account, they can deny, and their boundary counts. Without them the trust
    policy decides alone, as it does for services. Raises PolicyError when the document is malformed.
    """
    trust = NamedPolicy.of("trust policy", trust_policy, kind=PolicyKind.TRUST)
    request = AccessRequest(principal, _account_of(role_arn), action, role_arn, context or {})
    decision = decide_by_trust(request, trust)
    if own is None or not decision.allowed:
        return decision
    return evaluate(request, replace(own, resource=trust))


def _account_of(arn: str) -> str:
    return arn.split(":")[4] if arn.count(":") >= 5 else ""

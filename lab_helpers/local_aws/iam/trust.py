"""May this principal assume this role?

Source: "Troubleshoot access denied error messages" and "Update a role trust policy" of the IAM User Guide.
Not modelled: web identity and SAML federation, external ids other than as the condition key `sts:ExternalId`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .evaluate import AccessRequest, Decision, NamedPolicy, decide_by_trust
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
) -> Decision:
    """Decide by the role's trust policy whether a principal may assume it.

    `principal` is a service (`ecs-tasks.amazonaws.com`) or an ARN. Where the trust policy names only the caller's
    account (its root ARN), this answers yes: the account's own policies then have to allow sts:AssumeRole on
    `role_arn` too, which `evaluate` decides. Raises PolicyError when the document is malformed.
    """
    trust = NamedPolicy.of("trust policy", trust_policy, kind=PolicyKind.TRUST)
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    return decide_by_trust(AccessRequest(principal, account, action, role_arn, context or {}), trust)

"""The result of an evaluation, and AWS's sentence for it.

Source: "Troubleshoot access denied error messages" of the IAM User Guide; what services do otherwise (S3's quotes,
EC2's opening sentence, IAM's names, STS without a because, no resource where none is named) is as they answer.
Not modelled: the ARN of the denying policy that AWS appends to some explicit denials; EC2's encoded authorization
message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from .match import AccessRequest
from .principals import CallerType
from .statements import Statement

# Services that answer a denial with `AccessDenied`; those of the JSON protocols answer `AccessDeniedException`.
_ACCESS_DENIED = frozenset(
    {"s3", "iam", "sts", "elasticloadbalancing", "cloudwatch", "autoscaling", "cloudformation", "tag"}
)
# Services whose sentence has no "on resource" for a call that names nothing (others say "on resource: *").
_SILENT_ON_ALL = frozenset({"ec2", "elasticloadbalancing", "s3"})
_EVERYTHING = frozenset({"*", "arn:aws:s3:::*"})
_NAMES_NOTHING = re.compile(r"\w+:(Describe|List)\w*")
_IAM_SHOWS_ARN = frozenset({"CreateRole", "CreateUser", "CreateGroup", "CreateInstanceProfile", "PassRole"})
_EC2_OPENING = "You are not authorized to perform this operation. "


class Outcome(Enum):
    """The three results of an evaluation."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


class PolicyType(Enum):
    """The type of the policy that decided, in the words of AWS's messages."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    TRUST = "role trust policy"


_DENIED_IN = {
    PolicyType.IDENTITY: "an identity-based policy",
    PolicyType.RESOURCE: "a resource-based policy",
    PolicyType.BOUNDARY: "a permissions boundary",
    PolicyType.SESSION: "a session policy",
    PolicyType.TRUST: "the role trust policy",
}


@dataclass(frozen=True)
class StatementRef:
    """A statement that decided: its policy, its Sid (may be empty) and its place in the policy, from 0."""

    policy_type: PolicyType
    policy_name: str
    sid: str
    index: int
    statement: Statement

    def __str__(self) -> str:
        return f"{self.policy_name} / {self.sid or f'statement {self.index + 1}'}"


@dataclass(frozen=True)
class Decision:
    """The result, with its why.

    `policy_type` is the type of policy that allowed, that denied, or in which the Allow is missing. `decided_by` is
    None for an implicit deny (no statement said anything) and for an account's root user.
    """

    request: AccessRequest
    outcome: Outcome
    policy_type: PolicyType
    decided_by: StatementRef | None = None

    @property
    def allowed(self) -> bool:
        """Whether the access may happen."""
        return self.outcome is Outcome.ALLOWED

    @property
    def reason(self) -> str:
        """The clause of AWS's message that says why; for an allowed access, what allowed it."""
        if self.outcome is Outcome.ALLOWED:
            return f"allowed by {self.decided_by or 'being the root user of the account'}"
        if self.outcome is Outcome.EXPLICIT_DENY:
            return f"with an explicit deny in {_DENIED_IN[self.policy_type]}"
        return f"because no {self.policy_type.value} allows the {self.request.action} action"

    @property
    def message(self) -> str:
        """AWS's sentence for a denial; empty for an allowed access."""
        if self.allowed:
            return ""
        if self.policy_type is PolicyType.TRUST:
            return f"{_opening(self.request)} {self._trust_clause}"
        opening = _EC2_OPENING if _service(self.request.action) == "ec2" else ""
        return f"{opening}{_opening(self.request)}{_on_resource(self.request)} {self.reason}"

    @property
    def _trust_clause(self) -> str:
        # STS names the role and leaves the reason out; the User Guide's sentence has the reason and no role.
        return self.reason if self.request.resource == "*" else f"on resource: {self.request.resource}"

    @property
    def error_code(self) -> str:
        """The code that the service answers a denial with."""
        return error_code(self.request.action)

    @property
    def http_status(self) -> int:
        """The HTTP status that goes with the code."""
        return http_status(self.request.action)


def error_code(action: str) -> str:
    """The code of a denial: `AccessDenied`, `UnauthorizedOperation` (EC2) or `AccessDeniedException`."""
    service = _service(action)
    if service == "ec2":
        return "UnauthorizedOperation"
    return "AccessDenied" if service in _ACCESS_DENIED else "AccessDeniedException"


def http_status(action: str) -> int:
    """The HTTP status of a denial: 400 with `AccessDeniedException` (the JSON protocols), else 403."""
    return 400 if error_code(action) == "AccessDeniedException" else 403


def _opening(request: AccessRequest) -> str:
    who = "Service Principal" if request.caller.type is CallerType.SERVICE else "User"
    return f"{who}: {request.principal_arn} is not authorized to perform: {request.action}"


def _on_resource(request: AccessRequest) -> str:
    service = _service(request.action)
    if service in _SILENT_ON_ALL and request.resource in _EVERYTHING and _NAMES_NOTHING.match(request.action):
        return ""
    shown = _SHOWN.get(service, _as_it_is)(request)
    return f" on resource: {shown}"


def _as_it_is(request: AccessRequest) -> str:
    return request.resource


def _quoted(request: AccessRequest) -> str:
    return f'"{request.resource}"'


def _as_iam_shows_it(request: AccessRequest) -> str:
    """IAM shows what exists already by its kind and name, and what is to be made, passed or listed by its ARN."""
    kind, _, name = request.resource.partition("::")[2].partition(":")[2].partition("/")
    operation = request.action.partition(":")[2]
    if kind == "policy":
        name = (
            f"path /{name}"
            if operation == "ListPolicies"
            else name
            if operation == "CreatePolicy"
            else request.resource
        )
        return f"policy {name}"
    if not name or operation in _IAM_SHOWS_ARN:
        return request.resource
    return f"{kind.replace('-', ' ')} {name.rpartition('/')[2]}"


_SHOWN: dict[str, Callable[[AccessRequest], str]] = {"s3": _quoted, "iam": _as_iam_shows_it}


def _service(action: str) -> str:
    return action.partition(":")[0].lower()

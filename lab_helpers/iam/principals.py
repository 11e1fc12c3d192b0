"""Who a caller is, and what a Principal element gives to it.

Source: "AWS JSON policy elements: Principal" and "Permissions boundaries for IAM entities" (section on resource-based
policies) of the IAM User Guide.
Not modelled: federated and canonical-user principals (they never match), unique ids (AIDA..., AROA...) as principals,
that a service's name of a region is that service in this region only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, IntEnum

from .statements import Principals

_ARN = re.compile(r"arn:(?P<partition>[^:]+):(?P<service>iam|sts)::(?P<account>\d{12}):(?P<rest>.+)", re.DOTALL)
_REGIONAL = re.compile(r"(?P<service>[a-z][a-z-]*)\.[a-z]{2}(-[a-z]+)+-\d\.(?P<suffix>amazonaws\.com(\.cn)?)")
"""Source: the trust policies of "Subscription filters" (CloudWatch Logs User Guide); LocalStack's recordings."""
_ACCOUNT = re.compile(r"\d{12}")
ANONYMOUS = "anonymous"
"""In the place of the ARN of a caller without keys."""


class CallerType(Enum):
    """The kinds of callers; the values are those of `aws:PrincipalType`."""

    ROOT = "Account"
    USER = "User"
    ROLE = "Role"
    SESSION = "AssumedRole"
    FEDERATED = "FederatedUser"
    SERVICE = "Service"
    ANONYMOUS = "Anonymous"


class Grant(IntEnum):
    """How far an Allow of a resource-based policy reaches; more is stronger."""

    NONE = 0
    ACCOUNT = 1  # the account is named: its own identity policies decide
    ROLE = 2  # the role is named: grants, within the role's permissions boundary
    DIRECT = 3  # the user or the role session itself is named: grants


@dataclass(frozen=True)
class Caller:
    """A caller's identity; `name` is the user's or role's without its path, `account` is empty for services."""

    arn: str
    type: CallerType
    account: str = ""
    name: str = ""

    @property
    def principal_arn(self) -> str:
        """The value of `aws:PrincipalArn`: for a role session the ARN of the role (here without its path)."""
        if self.type is CallerType.SESSION:
            partition = self.arn.split(":", 2)[1]
            return f"arn:{partition}:iam::{self.account}:role/{self.name}"
        return self.arn


def caller_of(principal: str) -> Caller:
    """Read a caller's ARN, or a service's name such as `firehose.amazonaws.com`.

    What is neither is taken for a service: it then matches nothing but its own name.
    """
    if principal == ANONYMOUS:
        return Caller(principal, CallerType.ANONYMOUS)
    found = _ARN.fullmatch(principal)
    if found is None:
        return Caller(principal, CallerType.SERVICE, "", principal)
    kind, _, rest = found["rest"].partition("/")
    types = {"user": CallerType.USER, "role": CallerType.ROLE, "federated-user": CallerType.FEDERATED}
    if kind == "assumed-role":
        return Caller(principal, CallerType.SESSION, found["account"], rest.split("/", 1)[0])
    return Caller(principal, types.get(kind, CallerType.ROOT), found["account"], rest.rsplit("/", 1)[-1])


def grant_of(principals: Principals, caller: Caller) -> Grant:
    """Say what a Principal element gives to a caller; anything but NONE means that it names the caller."""
    if caller.type is CallerType.SERVICE:
        named = principals.everyone or any(_is_service(name, caller.arn) for name in principals.service)
        return Grant.DIRECT if named else Grant.NONE
    everyone = _as_entity(caller) if principals.everyone else Grant.NONE
    if caller.type is CallerType.ANONYMOUS:
        return everyone
    return max([everyone, *(_aws_grant(name, caller) for name in principals.aws)], default=Grant.NONE)


def _is_service(named: str, service: str) -> bool:
    """Whether a principal names a service: as it is, or of one region (logs.eu-west-1.amazonaws.com)."""
    regional = _REGIONAL.fullmatch(named)
    return named == service or (regional is not None and f"{regional['service']}.{regional['suffix']}" == service)


def _aws_grant(named: str, caller: Caller) -> Grant:
    if named == caller.arn:
        return _as_entity(caller) if caller.type is CallerType.ROLE else Grant.DIRECT
    if _ACCOUNT.fullmatch(named):
        return Grant.ACCOUNT if named == caller.account else Grant.NONE
    other = caller_of(named)
    if other.account != caller.account:
        return Grant.NONE
    if other.type is CallerType.ROOT:
        return Grant.ACCOUNT
    # An assumed role's ARN has lost the role's path, but role names are unique in an account.
    same_role = other.type is CallerType.ROLE and caller.type is CallerType.SESSION and other.name == caller.name
    return Grant.ROLE if same_role else Grant.NONE


def _as_entity(caller: Caller) -> Grant:
    return Grant.ROLE if caller.type in (CallerType.ROLE, CallerType.SESSION) else Grant.DIRECT

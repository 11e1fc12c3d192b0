"""What a policy document says, as frozen data.

Source: "IAM JSON policy elements reference" of the IAM User Guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from lab_helpers.base.errors import LocalAwsError

VERSION_2008 = "2008-10-17"
VERSION_2012 = "2012-10-17"
# What AWS assumes where a document names no version; it knows no policy variables.
DEFAULT_VERSION = VERSION_2008
_RESOURCE_TAG = ":resourcetag/"


class PolicyError(LocalAwsError):
    """A policy document cannot be understood.

    `code` is what IAM answers such a document with; S3 answers a bucket policy with `s3_code` and `s3_message`.
    """

    code = "MalformedPolicyDocument"
    s3_code = "MalformedPolicy"

    def __init__(self, where: str, problem: str, s3_message: str = "") -> None:
        super().__init__(f"Policy document: {where}: {problem}.")
        self.where, self.problem = where, problem
        self.s3_message = s3_message or str(self)


class Effect(Enum):
    """What a statement does when it applies."""

    ALLOW = "Allow"
    DENY = "Deny"


class PolicyKind(Enum):
    """Where a document is used; decides which elements it must and must not have."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"


class Quantifier(Enum):
    """How the values of a multivalued context key are taken together."""

    NONE = ""
    ALL = "all"
    ANY = "any"


@dataclass(frozen=True)
class Principals:
    """A Principal or NotPrincipal element; `everyone` is `"*"` or `{"AWS": "*"}`."""

    everyone: bool = False
    aws: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    federated: tuple[str, ...] = ()
    canonical_user: tuple[str, ...] = ()


@dataclass(frozen=True)
class Condition:
    """One operator on one context key; any of `values` satisfies it."""

    operator: str
    key: str
    values: tuple[str, ...]
    if_exists: bool = False
    quantifier: Quantifier = Quantifier.NONE


@dataclass(frozen=True)
class Statement:
    """One statement. An element that the document does not have is None; one with an empty list names nothing."""

    effect: Effect
    sid: str = ""
    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    not_resources: tuple[str, ...] | None = None
    principals: Principals | None = None
    not_principals: Principals | None = None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A parsed document."""

    version: str = DEFAULT_VERSION
    statements: tuple[Statement, ...] = ()
    kind: PolicyKind = PolicyKind.IDENTITY

    @property
    def has_variables(self) -> bool:
        """Whether `${...}` stands for a value: only version 2012-10-17 knows policy variables."""
        return self.version == VERSION_2012

    @cached_property
    def asks_for_resource_tags(self) -> bool:
        """Whether it depends on the tags of what is accessed: they are looked up only then."""
        return any(_RESOURCE_TAG in text.lower() for statement in self.statements for text in _texts(statement))


def _texts(statement: Statement) -> Iterator[str]:
    yield from (*(statement.resources or ()), *(statement.not_resources or ()))
    for condition in statement.conditions:
        yield from (condition.key, *condition.values)

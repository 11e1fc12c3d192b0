"""What the gateway and the services of the local AWS say to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Any]


class AwsError(Exception):
    """An error as AWS words it; the gateway puts it into the form of the service's protocol.

    `code` is AWS's error code, `status` the HTTP status, `extra` further members of the error shape, `headers` further
    headers of S3's answer.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.extra = code, message, status, dict(extra or {})
        self.headers = dict(headers or {})


class NobodyAnswersError(Exception):
    """Neither we nor the control plane have an operation; the text says which part is missing."""


@dataclass(frozen=True)
class SessionPolicies:
    """What a role session was limited to when it was made: one document, and managed policies by their ARNs."""

    document: str = ""
    arns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.document or self.arns)


@dataclass(frozen=True)
class SessionTags:
    """The tags of a role session as (key, value), and the keys, in lower case, that go on to the sessions it starts."""

    pairs: tuple[tuple[str, str], ...] = ()
    transitive: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Caller:
    """Who makes a call.

    `kind` is "operator" (the lab's user: unrestricted), "role" (assumed role: policies are evaluated), "user" (IAM
    user: policies are evaluated), "service" (one of AWS's own service principals: unrestricted, but AssumeRole asks the
    role's trust policy) or "anonymous". `session_policies` limit a role's session further, `session_tags` describe it.
    """

    kind: str
    arn: str
    account_id: str
    role_arn: str | None = None
    principal: str | None = None
    access_key_id: str | None = None
    session_policies: SessionPolicies = SessionPolicies()
    session_tags: SessionTags = SessionTags()


@dataclass(frozen=True)
class ApiRequest:
    """One call, parsed.

    `service` is the signing name ("ecs", "firehose", "elasticloadbalancing", "logs", "s3", "ecr", "sts", "athena");
    `params` the members of the input shape by their AWS names (query protocols too: lists and structures are decoded).
    `forward` lets moto answer this call, with other params if given, and returns the members of the output shape; an
    error of moto's is raised as `AwsError`.
    """

    service: str
    operation: str
    region: str
    account_id: str
    caller: Caller
    params: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    forward: Callable[[Mapping[str, Any] | None], dict[str, Any]] = lambda params: {}  # noqa: ARG005


@dataclass(frozen=True)
class EventStream:
    """The one member of an answer that goes on: (event type, members), until there is no more; AwsError ends it."""

    events: Iterator[tuple[str, Mapping[str, Any]]]


Handler = Callable[[ApiRequest], dict[str, Any]]
"""Answers one operation: returns the members of the output shape (timestamps as epoch seconds), or raises AwsError.

An answer that is a stream has one member, an `EventStream`."""


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of a role; `expires_at` is epoch seconds."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: float
    role_arn: str


class Service(Protocol):
    """One service of the local AWS, as the composition root (server.py) sees it."""

    name: str

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        """Return the operations this service answers itself: {(signing name, operation): handler}."""

    def routes(self) -> Mapping[str, WsgiApp]:
        """Return plain HTTP endpoints by path prefix (for example "/v2/" of a registry); they get the whole environ."""

    def start(self) -> None:
        """Start threads; called once the API answers."""

    def stop(self) -> None:
        """Stop and drain; safe before start and safe twice."""

    def status(self) -> dict[str, Any]:
        """Return JSON-ready figures for `lab status`."""

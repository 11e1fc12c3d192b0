"""Asks IAM about a call: gathers the caller's policies from the control plane, records every denial.

Source: "AWS global condition context keys" of the IAM User Guide, for the keys that every call carries.
Not modelled: keys of multi-factor authentication, VPC endpoints and organisations, which are absent.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from lab_helpers.iam import tags
from lab_helpers.iam.actions import required
from lab_helpers.iam.call import ANY, Access
from lab_helpers.iam.evaluate import AccessRequest, Decision, NamedPolicy, PolicySet, evaluate
from lab_helpers.iam.explain import row
from lab_helpers.iam.policy import Document, PolicyError, PolicyKind, parse
from lab_helpers.iam.trust import ASSUME_ROLE, may_assume
from lab_helpers.local_aws.identity import log_accounts, session_tags
from lab_helpers.local_aws.kit.api import AwsError, Caller, SessionPolicies
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.s3.public import callers as public_callers

DENIALS_KEPT = 1000
_LOG = logging.getLogger(__name__)
_UNRESTRICTED = frozenset({"operator", "service"})
_DELIVERERS = frozenset({"delivery.logs.amazonaws.com", "logdelivery.elasticloadbalancing.amazonaws.com"})
"""Services that write logs into a customer's bucket with no role: only the bucket's policy lets them."""
_STS_ASKS_ITSELF = frozenset({"AssumeRole", "GetCallerIdentity"})
_NO_TRUST: Mapping[str, Any] = {"Version": "2012-10-17", "Statement": []}
_EVERYTHING = NamedPolicy(
    "the operator's",
    parse(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
        PolicyKind.IDENTITY,
    ),
)


@dataclass(frozen=True)
class _NoPolicies:
    identity: tuple[tuple[str, str], ...] = ()
    boundary: tuple[str, str] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    unique_id: str = ""


_NO_POLICIES = _NoPolicies()
Context = Mapping[str, str | tuple[str, ...]]
TagsOf = Callable[[str], Mapping[str, str]]


@dataclass(frozen=True)
class Held:
    """What decides about a principal: its policies, their texts by name, and the keys that it brings along."""

    policies: PolicySet
    texts: Mapping[str, str]
    keys: Context


class PolicySource(public_callers.BucketSource, Protocol):
    """Where policies are kept: moto_bridge.MotoBridge."""

    def trust_policy(self, role_arn: str) -> str | None: ...

    def role_policies(self, role_arn: str) -> Any: ...

    def user_policies(self, name: str) -> Any: ...

    def group_policies(self, name: str) -> Any: ...

    def managed_policy(self, arn: str) -> tuple[str, str] | None: ...


class Authoriser:
    """Decides each call of a restricted caller by the policies as they are now."""

    def __init__(self, source: PolicySource, clock: Clock, tags_of: TagsOf = lambda arn: {}) -> None:  # noqa: ARG005
        """`tags_of` returns the tags of the resource that an ARN names; asked only for policies that look at them."""
        self._source, self._clock, self._tags_of = source, clock, tags_of
        self._lock = threading.Lock()
        self._denials: deque[dict[str, str]] = deque(maxlen=DENIALS_KEPT)

    def check(
        self,
        caller: Caller,
        service: str,
        operation: str,
        region: str,
        params: Mapping[str, Any],
        context: Context | None = None,
    ) -> None:
        """Raise AwsError, with AWS's code and sentence, when `caller` may not make this call.

        `context` are the condition keys of the HTTP call, such as `aws:SourceIp`. The operator may do everything but
        what a bucket's policy denies about its objects.
        """
        free = _is_free(caller, service, operation)
        if free and not self._may_be_denied(caller, service, params):
            return
        if caller.kind == "anonymous":
            if service != "s3":
                raise AwsError("AccessDenied", "Access Denied", 403)
            now = {**(context or {}), **self._times(), "aws:ResourceAccount": caller.account_id}
            public_callers.check(self._source, caller.account_id, operation, params, region, now)
            return
        policies = self._policies(caller, params.get("Bucket") if service == "s3" else None)
        if free:
            policies = replace(policies, identity=(_EVERYTHING,))
        keys = {**(context or {}), **tags.request_keys(params), **self._keys(caller)}
        for access in required(service, operation, params, region, caller.account_id):
            about = {**keys, **access.context, **self._resource_keys(access, policies)}
            wanted = AccessRequest(caller.arn, caller.account_id, access.action, access.resource_arn, about)
            self._settle(_decided(wanted, policies, log_accounts.older_name(caller.principal, region)))

    def _may_be_denied(self, caller: Caller, service: str, params: Mapping[str, Any]) -> bool:
        """Whether a bucket's policy has a say: over objects also for who may do everything by policies of his own."""
        about_objects = service == "s3" and (params.get("Key") or params.get("Delete"))
        return caller.kind == "operator" and bool(about_objects and self._source.bucket_policy(params["Bucket"]))

    def check_trust(
        self, caller: Caller, role_arn: str, context: Context | None = None, action: str = ASSUME_ROLE
    ) -> None:
        """Raise AwsError when `caller` may not assume a role (or tag its session), or there is no such role.

        The role's trust policy decides; for users and roles their own policies count too. `context` are the condition
        keys of the call, such as `sts:ExternalId`.
        """
        # AWS does not tell a stranger whether a role exists.
        document: Document = self._source.trust_policy(role_arn) or _NO_TRUST
        own = self._policies(caller, None) if caller.kind in {"role", "user"} else None
        keys = {**(context or {}), **self._keys(caller)}
        who = caller.principal or caller.arn
        try:
            decision = may_assume(document, who, keys, role_arn=role_arn, action=action, own=own)
        except PolicyError as exc:
            _LOG.warning("the trust policy of %s lets nobody in: %s", role_arn, exc)
            decision = may_assume(_NO_TRUST, who, keys, role_arn=role_arn, action=action, own=own)
        self._settle(decision)

    def held(self, caller: Caller) -> Held:
        """Return what decides about a caller, or about the members of a group; raises AwsError NoSuchEntity."""
        found = self._found(caller)
        if not found.unique_id and caller.kind not in _UNRESTRICTED:
            kind, _, name = caller.arn.rpartition(":")[2].partition("/")
            raise AwsError("NoSuchEntity", f"The {kind} with name {name.rpartition('/')[2]} cannot be found.", 404)
        texts = dict((*found.identity, *([found.boundary] if found.boundary else [])))
        return Held(self._policies(caller, None), texts, self._keys(caller))

    def require_policy(self, arn: str) -> None:
        """Raise AwsError when there is no such managed policy."""
        if self._source.managed_policy(arn) is None:
            raise AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)

    def denials(self) -> list[dict[str, str]]:
        """Return the rows (iam.explain.row) of the denials recorded so far, oldest first."""
        with self._lock:
            return list(self._denials)

    def _keys(self, caller: Caller) -> dict[str, str | tuple[str, ...]]:
        keys: dict[str, str | tuple[str, ...]] = {
            **self._times(),
            "aws:ResourceAccount": caller.account_id,
            **tags.principal_keys(session_tags.of_principal(self._found(caller).tags, caller.session_tags)),
        }
        if user_id := self.user_id(caller):
            keys["aws:userid"] = user_id
        # An assumed role's ARN has lost the role's path; policies name the role with it.
        return keys | ({"aws:PrincipalArn": caller.role_arn} if caller.role_arn else {})

    def _times(self) -> dict[str, str]:
        now = self._clock.now()
        return {
            "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws:EpochTime": str(int(now.timestamp())),
        }

    def user_id(self, caller: Caller) -> str:
        """Return what GetCallerIdentity calls UserId and policies `aws:userid`; empty for AWS's own services."""
        unique_id = str(self._found(caller).unique_id)
        return f"{unique_id}:{caller.arn.rsplit('/', 1)[-1]}" if unique_id and caller.role_arn else unique_id

    def _resource_keys(self, access: Access, policies: PolicySet) -> tags.Keys:
        if access.resource_arn == ANY or not policies.asks_for_resource_tags:
            return {}
        return tags.resource_keys(access.action.partition(":")[0], self._tags_of(access.resource_arn))

    def _found(self, caller: Caller) -> Any:
        if caller.kind == "service":
            return _NO_POLICIES
        if caller.kind == "group":
            return self._source.group_policies(caller.arn.rsplit("/", 1)[-1])
        if caller.role_arn:
            return self._source.role_policies(caller.role_arn)
        return self._source.user_policies(caller.arn.rsplit("/", 1)[-1])

    def _policies(self, caller: Caller, bucket: str | None) -> PolicySet:
        found = self._found(caller)
        on_bucket = self._source.bucket_policy(bucket) if bucket else None
        return PolicySet(
            identity=tuple(_named(name, text) for name, text in found.identity),
            resource=_named("bucket policy", on_bucket, PolicyKind.RESOURCE) if on_bucket else None,
            boundary=_named(*found.boundary) if found.boundary else None,
            session=tuple(self._of_session(caller.session_policies)) if caller.session_policies else None,
        )

    def _of_session(self, limits: SessionPolicies) -> Iterator[NamedPolicy]:
        """Yield a session's policies; a managed one that is gone by now allows nothing."""
        if limits.document:
            yield _named("session policy", limits.document)
        for arn in limits.arns:
            if found := self._source.managed_policy(arn):
                yield _named(*found)

    def _settle(self, decision: Decision) -> None:
        if decision.allowed:
            return
        with self._lock:
            self._denials.append(row(self._clock.now(), decision))
        raise AwsError(decision.error_code, decision.message, decision.http_status)


def _decided(wanted: AccessRequest, policies: PolicySet, older_name: str | None) -> Decision:
    """Decide as the caller, or else by the name under which it is known in older policies."""
    decision = evaluate(wanted, policies)
    if decision.allowed or older_name is None:
        return decision
    again = evaluate(replace(wanted, principal_arn=older_name), policies)
    return again if again.allowed else decision


def _is_free(caller: Caller, service: str, operation: str) -> bool:
    """Whether a call needs no permission: the operator's, most of those of AWS's own services, and two of STS."""
    delivers = caller.principal in _DELIVERERS and service == "s3"
    return (caller.kind in _UNRESTRICTED and not delivers) or (service == "sts" and operation in _STS_ASKS_ITSELF)


def _named(name: str, document: str, kind: PolicyKind = PolicyKind.IDENTITY) -> NamedPolicy:
    """Parse a stored policy; one that cannot be understood denies everything, since it may have meant to deny this.

    Policies are checked when they are put (policy_checks.py), so this is for what came another way.
    """
    try:
        return NamedPolicy(name, parse(document, kind))
    except PolicyError as exc:
        _LOG.warning("%s denies everything: %s", name, exc)
        return NamedPolicy(f"{name} (malformed)", _deny_all(kind))


def _deny_all(kind: PolicyKind) -> Any:
    everyone = {"Principal": "*"} if kind is PolicyKind.RESOURCE else {}
    deny = {"Sid": "Malformed", "Effect": "Deny", "Action": "*", "Resource": "*", **everyone}
    return parse({"Version": "2012-10-17", "Statement": [deny]}, kind)

"""Asks IAM about a call: gathers the caller's policies from the control plane, records every denial."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from lab_helpers.local_aws.api import AwsError, Caller
from lab_helpers.local_aws.clock import Clock
from lab_helpers.local_aws.iam.actions import required
from lab_helpers.local_aws.iam.evaluate import AccessRequest, Decision, NamedPolicy, PolicySet, evaluate
from lab_helpers.local_aws.iam.policy import PolicyKind
from lab_helpers.local_aws.iam.trust import may_assume

DENIALS_KEPT = 1000
_UNRESTRICTED = frozenset({"operator", "service"})
_STS_ASKS_ITSELF = frozenset({"AssumeRole", "GetCallerIdentity"})


class PolicySource(Protocol):
    """Where policies are kept: moto_bridge.MotoBridge."""

    def trust_policy(self, role_arn: str) -> str | None: ...

    def role_policies(self, role_arn: str) -> Any: ...

    def user_policies(self, name: str) -> Any: ...

    def bucket_policy(self, bucket: str) -> str | None: ...


@dataclass(frozen=True)
class Denial:
    """One refused call, as `lab explain-denials` shows it; `at` is ISO 8601 in UTC."""

    at: str
    principal: str
    action: str
    resource: str
    reason: str


class Authoriser:
    """Decides each call of a restricted caller by the policies as they are now."""

    def __init__(self, source: PolicySource, clock: Clock) -> None:
        self._source, self._clock = source, clock
        self._lock = threading.Lock()
        self._denials: deque[Denial] = deque(maxlen=DENIALS_KEPT)

    def check(self, caller: Caller, service: str, operation: str, region: str, params: Any) -> None:
        """Raise AwsError, with AWS's code and sentence, when `caller` may not make this call."""
        if caller.kind in _UNRESTRICTED or (service == "sts" and operation in _STS_ASKS_ITSELF):
            return
        if caller.kind == "anonymous":
            raise AwsError("AccessDenied", "Access Denied", 403)
        policies = self._policies(caller, params.get("Bucket") if service == "s3" else None)
        for access in required(service, operation, params, region, caller.account_id):
            wanted = AccessRequest(caller.arn, caller.account_id, access.action, access.resource_arn, access.context)
            self._settle(evaluate(wanted, policies))

    def check_trust(self, caller: Caller, role_arn: str) -> None:
        """Raise AwsError when a role's trust policy does not let `caller` in, or there is no such role."""
        who = caller.principal or caller.arn
        document = self._source.trust_policy(role_arn)
        if document is None:
            # AWS does not tell a stranger whether a role exists.
            document = {"Version": "2012-10-17", "Statement": []}
        self._settle(may_assume(document, who, role_arn=role_arn))

    def denials(self) -> list[Denial]:
        """Return the denials recorded so far, oldest first."""
        with self._lock:
            return list(self._denials)

    def _policies(self, caller: Caller, bucket: str | None) -> PolicySet:
        if caller.role_arn:
            found = self._source.role_policies(caller.role_arn)
        else:
            found = self._source.user_policies(caller.arn.rsplit("/", 1)[-1])
        on_bucket = self._source.bucket_policy(bucket) if bucket else None
        return PolicySet(
            identity=tuple(NamedPolicy.of(name, text) for name, text in found.identity),
            resource=NamedPolicy.of("bucket policy", on_bucket, kind=PolicyKind.RESOURCE) if on_bucket else None,
            boundary=NamedPolicy.of(*found.boundary) if found.boundary else None,
        )

    def _settle(self, decision: Decision) -> None:
        if decision.allowed:
            return
        asked = decision.request
        at = self._clock.now().isoformat()
        denial = Denial(at, asked.principal_arn, asked.action, asked.resource, decision.reason)
        with self._lock:
            self._denials.append(denial)
        raise AwsError(decision.error_code, decision.message, decision.http_status)

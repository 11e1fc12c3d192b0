"""Who calls: access keys that this server issued, and the principals behind them."""

from __future__ import annotations

import base64
import hashlib
import secrets
import string
import threading
from dataclasses import dataclass, replace

from lab_helpers.local_aws.kit.api import Caller, Credentials, SessionPolicies, SessionTags
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.service import Kept, NothingKept

OPERATOR = "lab-operator"
ROLE_SESSION_S = 3600
"""How long a role's credentials last. Source: AssumeRole's default DurationSeconds."""


_KEPT = "keys"
_EXPIRED_KEPT_S = 3600.0
"""How long an expired key is still known, so that its user hears ExpiredToken."""


@dataclass(frozen=True)
class KeyPair:
    """Long-lived credentials of the lab's operator or of one of AWS's service principals."""

    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class KnownKey:
    """An access key with who it belongs to; `session_token` is "" for keys that last."""

    caller: Caller
    secret_access_key: str
    session_token: str = ""
    is_expired: bool = False


class CredentialStore:
    """Issues keys and finds the caller behind one; safe to use from several threads."""

    def __init__(self, account_id: str, clock: Clock) -> None:
        self._account_id, self._clock = account_id, clock
        self._lock = threading.Lock()
        self._callers: dict[str, Caller] = {}
        self._sessions: dict[str, Credentials] = {}
        self._services: dict[str, KeyPair] = {}
        self.operator = _key_pair("AKIA")
        self.operator_arn = arn = f"arn:aws:iam::{account_id}:user/{OPERATOR}"
        key = self.operator.access_key_id
        self._callers[key] = Caller("operator", arn, account_id, access_key_id=key)
        self.operator_id = unique_id("AIDA", arn)
        self._kept: Kept = NothingKept()

    def keep_in(self, kept: Kept) -> None:
        """Take the keys over that an earlier server issued, and keep those issued from now on."""
        with self._lock:
            self._kept = kept
            found = kept.load(_KEPT)
            if found is not None:
                self.operator, self._services, self._callers, self._sessions = found
            self._keep()

    def _keep(self) -> None:
        """Write the keys down, without those that have expired; the lock is held."""
        if not self._kept.is_kept:
            return
        now = self._clock.now().timestamp()
        for key in [key for key, session in self._sessions.items() if session.expires_at <= now - _EXPIRED_KEPT_S]:
            del self._sessions[key], self._callers[key]
        self._kept.save(_KEPT, (self.operator, self._services, self._callers, self._sessions))

    def service_keys(self, principal: str) -> KeyPair:
        """Return the keys of one of AWS's own principals, e.g. "ecs.amazonaws.com"; the same at every call."""
        with self._lock:
            if principal not in self._services:
                keys = _key_pair("AKIA")
                self._services[principal] = keys
                self._callers[keys.access_key_id] = Caller(
                    "service", principal, self._account_id, principal=principal, access_key_id=keys.access_key_id
                )
                self._keep()
            return self._services[principal]

    def issue(
        self,
        role_arn: str,
        session_name: str,
        duration_s: float = ROLE_SESSION_S,
        policies: SessionPolicies = SessionPolicies(),  # noqa: B008  (frozen)
        tags: SessionTags = SessionTags(),  # noqa: B008  (frozen)
    ) -> Credentials:
        """Return temporary credentials of a role; the decision who may have them is the caller's."""
        arn = f"arn:aws:sts::{self._account_id}:assumed-role/{role_arn.rsplit('/', 1)[-1]}/{session_name}"
        caller = Caller("role", arn, self._account_id, role_arn=role_arn, session_policies=policies, session_tags=tags)
        return self._issue(caller, duration_s)

    def issue_for(self, caller: Caller, duration_s: float) -> Credentials:
        """Return temporary credentials of one who has keys that last: they may do what the caller may."""
        return self._issue(caller, duration_s)

    def _issue(self, caller: Caller, duration_s: float) -> Credentials:
        keys, token = _key_pair("ASIA"), secrets.token_urlsafe(96)
        expires_at = self._clock.now().timestamp() + duration_s
        issued = Credentials(keys.access_key_id, keys.secret_access_key, token, expires_at, caller.role_arn or "")
        with self._lock:
            self._callers[keys.access_key_id] = replace(caller, access_key_id=keys.access_key_id)
            self._sessions[keys.access_key_id] = issued
            self._keep()
        return issued

    def find(self, access_key_id: str) -> KnownKey | None:
        """Return an access key and who it belongs to, None for one that this server did not issue."""
        with self._lock:
            caller, session = self._callers.get(access_key_id), self._sessions.get(access_key_id)
            pairs = (self.operator, *self._services.values())
        if caller is None:
            return None
        if session is None:
            secret = next((each.secret_access_key for each in pairs if each.access_key_id == access_key_id), None)
            return KnownKey(caller, secret) if secret else None
        expired = self._clock.now().timestamp() >= session.expires_at
        return KnownKey(caller, session.secret_access_key, session.session_token, expired)


def unique_id(prefix: str, arn: str) -> str:
    """Return an id as IAM gives them (AIDA…, AROA…), always the same for an ARN, and saying nothing about keys."""
    digest = base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()
    return prefix + digest[:17]


def _key_pair(prefix: str) -> KeyPair:
    letters = string.ascii_uppercase + "234567"
    key = prefix + "".join(secrets.choice(letters) for _ in range(16))
    return KeyPair(key, secrets.token_urlsafe(30))

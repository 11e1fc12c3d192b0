"""Every access key that is good for a call: those this server issued, IAM users' and federated sessions'."""

from __future__ import annotations

from typing import Any, Protocol

from lab_helpers.local_aws.identity.credentials import CredentialStore, KnownKey
from lab_helpers.local_aws.kit.api import Caller
from lab_helpers.local_aws.kit.clock import Clock


class KeySource(Protocol):
    """Where keys are that were not issued here: moto_bridge.MotoBridge."""

    def user_key(self, access_key_id: str) -> tuple[str, str] | None: ...

    def federated_session(self, access_key_id: str) -> Any: ...


class KeyRing:
    """Finds the secret and the caller of an access key."""

    def __init__(self, store: CredentialStore, source: KeySource, account_id: str, clock: Clock) -> None:
        self._store, self._source, self._account_id, self._clock = store, source, account_id, clock

    def find(self, access_key_id: str) -> KnownKey | None:
        """Return an access key and who it belongs to, None for one that nobody has."""
        return self._store.find(access_key_id) or self._users(access_key_id) or self._federated(access_key_id)

    def _users(self, access_key_id: str) -> KnownKey | None:
        found = self._source.user_key(access_key_id)
        if found is None:
            return None
        name, secret = found
        arn = f"arn:aws:iam::{self._account_id}:user/{name}"
        return KnownKey(Caller("user", arn, self._account_id, access_key_id=access_key_id), secret)

    def _federated(self, access_key_id: str) -> KnownKey | None:
        session = self._source.federated_session(access_key_id)
        if session is None:
            return None
        caller = Caller("role", session.arn, self._account_id, role_arn=session.role_arn, access_key_id=access_key_id)
        expired = self._clock.now().timestamp() >= session.expires_at
        return KnownKey(caller, session.secret_access_key, session.session_token, expired)

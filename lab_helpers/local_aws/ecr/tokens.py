"""Registry passwords and download links, and whom they were given to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass

from lab_helpers.local_aws.kit.api import Caller
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.service import Kept, NothingKept

_KEPT = "tokens"

TOKEN_S = 12 * 3600.0
"""How long a token is valid. Source: GetAuthorizationToken in the ECR API reference."""
LINK_S = 3600.0
"""How long a layer's download link is valid (our choice; AWS does not say)."""


@dataclass(frozen=True)
class Holder:
    """Who got a token, for which region, and until when (epoch seconds)."""

    caller: Caller
    region: str
    expires_at: float


class Tokens:
    """Issues and recognises tokens; safe to use from several threads."""

    def __init__(self, clock: Clock, kept: Kept | None = None) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._kept = kept or NothingKept()
        self._holders: dict[str, Holder]
        self._secret: bytes
        self._holders, self._secret = self._kept.load(_KEPT) or ({}, secrets.token_bytes(32))

    def issue(self, caller: Caller, region: str) -> tuple[str, float]:
        """Return an authorization token (base64 of AWS:password) and its expiry in epoch seconds."""
        now = self._clock.now().timestamp()
        password = secrets.token_urlsafe(96)
        with self._lock:
            self._holders = {key: found for key, found in self._holders.items() if found.expires_at > now}
            self._holders[password] = Holder(caller, region, now + TOKEN_S)
            self._kept.save(_KEPT, (self._holders, self._secret))
        return base64.b64encode(f"AWS:{password}".encode()).decode(), now + TOKEN_S

    def holder(self, authorization: str) -> Holder | None:
        """Return who sent an HTTP Authorization header, None for a wrong or expired one."""
        scheme, _, encoded = authorization.partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        with self._lock:
            found = self._holders.get(password)
        if scheme.lower() != "basic" or user != "AWS" or found is None:
            return None
        return found if found.expires_at > self._clock.now().timestamp() else None

    def sign(self, path: str) -> str:
        """Return the query string of a download link."""
        expires = int(self._clock.now().timestamp() + LINK_S)
        return f"Expires={expires}&Signature={self._signature(path, expires)}"

    def is_signed(self, path: str, expires: str, signature: str) -> bool:
        """Whether a download link is ours and still valid."""
        if not expires.isdigit() or int(expires) < self._clock.now().timestamp():
            return False
        return hmac.compare_digest(signature, self._signature(path, int(expires)))

    def _signature(self, path: str, expires: int) -> str:
        return hmac.new(self._secret, f"{path}?{expires}".encode(), hashlib.sha256).hexdigest()

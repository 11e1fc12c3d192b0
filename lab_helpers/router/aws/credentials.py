"""AWS credentials of the router: environment, container endpoint (a task role's), shared credentials file.

Source: the AWS SDKs' container credentials contract; Fluent Bit 4.2.8's order. Container credentials are fetched again
five minutes before they expire, and at once when AWS calls them expired.
Not modelled: instance metadata is not asked (the reference adds an `[imds]` warning), nor web identities.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from lab_helpers.router.aws.http_client import Connection, HttpError, Target, Tls
from lab_helpers.router.core.log import Log

ECS_HOST = "169.254.170.2"
# where AWS_CONTAINER_CREDENTIALS_RELATIVE_URI points
REFRESH_EARLY_S = 300
FETCH_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Credentials:
    """Keys to sign with; `token` is '' for long-lived ones, `expires_at` epoch seconds or None."""

    key_id: str
    secret: str
    token: str = ""
    expires_at: float | None = None


class CredentialsProvider:
    """Where credentials come from; shared by all outputs of a router, safe from all threads."""

    def __init__(self, environment: Mapping[str, str], log: Log, now: Callable[[], float] = time.time) -> None:
        self._environment, self._log, self._now = environment, log, now
        self._lock = threading.Lock()
        self._cached: Credentials | None = None

    def get(self) -> Credentials | None:
        """Return credentials that are good now, or None where there are none."""
        with self._lock:
            cached = self._cached
            due = cached is None or (
                cached.expires_at is not None and cached.expires_at - REFRESH_EARLY_S < self._now()
            )
            if due:
                fresh = self._find()
                if fresh is not None or cached is None or (cached.expires_at or 0) < self._now():
                    self._cached = fresh
            return self._cached

    def refresh(self) -> None:
        """Fetch anew: AWS has refused the present ones."""
        with self._lock:
            self._cached = self._find() or self._cached

    def _find(self) -> Credentials | None:
        found = self._from_environment() or self._from_container() or self._from_file()
        if found is None:
            self._tell_missing()
        return found

    def _tell_missing(self) -> None:
        path, profile = self._profile()
        if not path or not os.path.exists(path):
            self._log.error(f"[aws_credentials] Shared credentials file {path} does not exist")
        self._log.error(f"[aws_credentials] Failed to retrieve credentials for AWS Profile {profile}")

    def _from_environment(self) -> Credentials | None:
        key_id = self._environment.get("AWS_ACCESS_KEY_ID", "")
        secret = self._environment.get("AWS_SECRET_ACCESS_KEY", "")
        token = self._environment.get("AWS_SESSION_TOKEN", "")
        return Credentials(key_id, secret, token) if key_id and secret else None

    def _from_container(self) -> Credentials | None:
        where = container_endpoint(self._environment)
        if where is None:
            return None
        target, path = where
        headers = [("Host", target.host_header), ("Accept", "application/json"), ("Connection", "close")]
        token = self._authorization()
        if token:
            headers.append(("Authorization", token))
        connection = Connection(target, self._log, FETCH_TIMEOUT_S)
        try:
            response = connection.exchange("GET", path, headers, b"")
            if response.status == 200:
                return parse_container_answer(response.body)
            self._log.error(f"[aws_credentials] HTTP credentials request: response status {response.status}")
            return None
        except (HttpError, ValueError, KeyError) as exc:
            self._log.error(f"[aws_credentials] Failed to fetch credentials from the container endpoint: {exc}")
            return None
        finally:
            connection.close()

    def _authorization(self) -> str:
        path = self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "")
        if path:
            try:
                with open(path, encoding="utf-8") as file:
                    return file.read().strip()
            except OSError as exc:
                self._log.error(f"[aws_credentials] cannot read the authorization token file: {exc}")
        return self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")

    def _from_file(self) -> Credentials | None:
        path, profile = self._profile()
        try:
            with open(path, encoding="utf-8") as file:
                values = parse_profile(file.read(), profile)
        except OSError:
            return None
        key_id, secret = values.get("aws_access_key_id", ""), values.get("aws_secret_access_key", "")
        return Credentials(key_id, secret, values.get("aws_session_token", "")) if key_id and secret else None

    def _profile(self) -> tuple[str, str]:
        """Return the path of the shared credentials file, '' where none can be named, and the profile's name."""
        home = self._environment.get("HOME", "")
        path = self._environment.get("AWS_SHARED_CREDENTIALS_FILE") or (home and f"{home}/.aws/credentials")
        return path, self._environment.get("AWS_PROFILE", "default")


def container_endpoint(environment: Mapping[str, str]) -> tuple[Target, str] | None:
    """Return (target, path) of the container credentials endpoint, or None where none is named."""
    relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")
    full = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    if relative:
        return Target(ECS_HOST, 80), relative
    if not full:
        return None
    scheme, _, rest = full.partition("://")
    address, slash, path = rest.partition("/")
    host, _, port = address.partition(":")
    tls = Tls() if scheme == "https" else None
    return Target(host, int(port or (443 if tls else 80)), tls), slash + path or "/"


def parse_container_answer(body: bytes) -> Credentials:
    """Return the credentials in the endpoint's JSON. Raises ValueError, KeyError."""
    answer = orjson.loads(body)
    return Credentials(
        answer["AccessKeyId"], answer["SecretAccessKey"], answer.get("Token", ""), epoch(answer.get("Expiration", ""))
    )


def parse_profile(text: str, profile: str) -> dict[str, str]:
    """Return the settings of one profile of a shared credentials file."""
    values: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            current = stripped.strip("[]").removeprefix("profile ").strip()
        elif current == profile and "=" in stripped and not stripped.startswith("#"):
            name, _, value = stripped.partition("=")
            values[name.strip().lower()] = value.strip()
    return values


def epoch(text: str) -> float | None:
    """Return the epoch seconds of an ISO 8601 time in UTC, None for ''. Raises ValueError."""
    if not text:
        return None
    import calendar

    return float(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))

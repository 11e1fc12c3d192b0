"""boto3 clients by which the services of the local AWS reach each other, with the credentials of who acts."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.config
import botocore.credentials
import botocore.session

from lab_helpers.local_aws.identity.credentials import CredentialStore
from lab_helpers.local_aws.kit.api import Credentials

_CONFIG = botocore.config.Config(
    proxies={},  # nothing of ours may leave the loopback interface, whatever HTTP_PROXY says
    retries={"mode": "standard", "max_attempts": 2},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=16,
    s3={"addressing_style": "path"},
    inject_host_prefix=False,  # streaming-127.0.0.1 leads nowhere
    parameter_validation=False,
)


class LoopbackClients:
    """Makes and keeps clients for one endpoint."""

    def __init__(self, endpoint_url: str, store: CredentialStore) -> None:
        self._endpoint_url, self._store = endpoint_url, store
        self._lock = threading.RLock()
        self._made: dict[tuple[str, ...], Any] = {}
        self._loader: Any = None

    def as_operator(self, service: str, region: str) -> Any:
        """Return a client with the lab operator's keys."""
        keys = self._store.operator
        return self._client(("operator", service, region), keys.access_key_id, keys.secret_access_key)

    def as_service(self, service: str, principal: str, region: str) -> Any:
        """Return a client that calls as AWS's own `principal`."""
        keys = self._store.service_keys(principal)
        return self._client((principal, service, region), keys.access_key_id, keys.secret_access_key)

    def as_role(self, service: str, role_arn: str, session_name: str, principal: str, region: str) -> Any:
        """Return a client with a role's credentials; see `service.Clients`."""
        key = ("role", service, role_arn, session_name, principal, region)
        with self._lock:
            if key not in self._made:
                credentials = botocore.credentials.RefreshableCredentials.create_from_metadata(
                    metadata=_metadata(self.assume(role_arn, session_name, principal, region)),
                    refresh_using=lambda: _metadata(self.assume(role_arn, session_name, principal, region)),
                    method="assume-role",
                )
                session = self._session()
                session._credentials = credentials  # botocore has no public way to hand over refreshable credentials
                self._made[key] = self._from_session(session, service, region)
            return self._made[key]

    def assume(self, role_arn: str, session_name: str, principal: str, region: str) -> Credentials:
        """Return a role's temporary credentials, through AssumeRole as `principal`."""
        sts = self.as_service("sts", principal, region)
        got = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)["Credentials"]
        expires_at = got["Expiration"].timestamp()
        return Credentials(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], expires_at, role_arn)

    def forget(self, session_name: str) -> None:
        """Close and drop the role clients made for `session_name`: a task that ended takes its clients with it."""
        with self._lock:
            old = [key for key in self._made if key[0] == "role" and key[3] == session_name]
            clients = [self._made.pop(key) for key in old]
        for client in clients:
            client.close()

    def close(self) -> None:
        """Close every client's connections."""
        with self._lock:
            for client in self._made.values():
                client.close()
            self._made.clear()

    def _client(self, key: tuple[str, ...], access_key_id: str, secret: str) -> Any:
        with self._lock:
            if key not in self._made:
                session = self._session()
                session.set_credentials(access_key_id, secret)
                self._made[key] = self._from_session(session, key[1], key[2])
            return self._made[key]

    def _session(self) -> Any:
        session = botocore.session.Session(session_vars=_IGNORE_ENVIRONMENT)
        if self._loader is None:
            self._loader = session.get_component("data_loader")
        session.register_component("data_loader", self._loader)  # one copy of the service models in memory
        return session

    def _from_session(self, session: Any, service: str, region: str) -> Any:
        made = boto3.Session(botocore_session=session, region_name=region)
        return made.client(service, endpoint_url=self._endpoint_url, config=_CONFIG)


_IGNORE_ENVIRONMENT = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
    "ignore_configured_endpoint_urls": (None, None, True, None),
}
"""The user's own AWS settings never reach the local AWS's clients."""


def _metadata(credentials: Credentials) -> dict[str, str]:
    return {
        "access_key": credentials.access_key_id,
        "secret_key": credentials.secret_access_key,
        "token": credentials.session_token,
        "expiry_time": datetime.fromtimestamp(credentials.expires_at, UTC).isoformat(),
    }

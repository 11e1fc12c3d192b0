"""boto3 clients: endpoint, credentials, retries, timeouts; AWS's errors become the lab's.

`Clients.local` reads nothing from the environment or from ~/.aws: what is there must not decide where a local call
goes.
"""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import boto3
import botocore.session
import orjson
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import JSONFileLoader

from lab_helpers.base.errors import AccessDeniedError, AwsCallError, LabError, LocalAwsNotRunningError, NotFoundError

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
DENIED_CODES = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
)
NOT_FOUND_CODES = frozenset({"ResourceNotFoundException", "NotFound", "404", "EntityNotFoundException", "NoSuchEntity"})
RETRY_MODES: dict[str, Literal["standard", "adaptive"]] = {"logs": "adaptive"}
"""Once throttled, an adaptive client finds a pace that its threads keep to together: FilterLogEvents has a quota of
five calls a second, and the reader has sixteen threads."""
SKEWED_CODES = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"})
SKEWED_TEXTS = ("Signature expired", "Signature not yet current")
"""AWS takes calls whose time differs from its own by five minutes at most (S3: fifteen)."""
SET_CLOCK = "This machine's clock disagrees with AWS's: set it (NTP), then try again."
NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""botocore session variables (config key, environment, default, converter) that look nowhere."""


class QuickFileLoader(JSONFileLoader):
    """Reads botocore's descriptions of services by orjson: they are half of what a service's first client takes.

    botocore reads them with Python's json into ordered dictionaries; plain dictionaries keep their order, too.
    """

    def load_file(self, file_path: str) -> Any:
        """Return what a file holds, None when there is none; `file_path` is without its extension."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return orjson.loads(plain.read_bytes())
        return orjson.loads(gzip.decompress(packed.read_bytes())) if packed.is_file() else None


class SharedFileLoader(QuickFileLoader):
    """Reads a description once a process, for all sessions: EC2's alone is 10 MB, and each session had its own.

    Only for who leaves it as it is: botocore merges its own additions into it, which are the same each time. S3's is
    read for each session: botocore takes the bucket out of its paths at the first call.
    """

    @staticmethod
    @cache
    def _read(file_path: str) -> Any:
        return QuickFileLoader().load_file(file_path)

    def load_file(self, file_path: str) -> Any:
        """Return what a file holds, the same object each time where it is shared; None when there is none."""
        shares = "s3" not in Path(file_path).parts
        return self._read(str(file_path)) if shares else super().load_file(file_path)


@dataclass(frozen=True)
class ClientSettings:
    """How patient a client is."""

    connect_timeout_s: float = 5.0
    read_timeout_s: float = 60.0
    max_attempts: int = 8
    """Throttling, 5xx and lost connections are tried again, with backoff and jitter."""
    pool_size: int = 32
    """Connections a client may hold; the readers run that many threads at most."""


@dataclass
class Clients:
    """Makes one boto3 client a service and keeps it. Use `Clients.local(…)` or `Clients.account(…)`."""

    session: Any
    endpoint_url: str | None = None
    settings: ClientSettings = ClientSettings()
    proxies: dict[str, str] | None = None
    _made: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def local(
        cls,
        endpoint_url: str,
        region: str,
        access_key_id: str = "lab",
        secret_access_key: str = "lab",
        settings: ClientSettings = ClientSettings(),
    ) -> Clients:
        """Clients of the embedded AWS at `endpoint_url`; environment, profiles and proxies are ignored."""
        core = _reading_quickly(botocore.session.Session(session_vars=NO_PROFILE))
        session = boto3.Session(access_key_id, secret_access_key, region_name=region, botocore_session=core)
        return cls(session, endpoint_url, settings, proxies={})

    @classmethod
    def account(cls, region: str, profile: str | None = None, settings: ClientSettings = ClientSettings()) -> Clients:
        """Clients of a real account, with the credentials that boto3 finds (profile, environment, instance role)."""
        with aws_errors("session"):
            # with the profile from the start: what a session looked up without it, it would remember
            core = _reading_quickly(botocore.session.Session(profile=profile))
            session = boto3.Session(profile_name=profile, region_name=region, botocore_session=core)
            return cls(session, None, settings)

    @property
    def region(self) -> str:
        """Region of all clients."""
        return str(self.session.region_name)

    def client(self, service: str) -> Any:
        """The boto3 client of a service, by boto3's name ("logs", "s3", "elbv2", …); safe to share between threads."""
        with self._lock:
            if service not in self._made:
                self._made[service] = self._make(service)
            return self._made[service]

    def _make(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint_url, config=self._config(service))

    def _config(self, service: str) -> Config:
        return Config(
            connect_timeout=self.settings.connect_timeout_s,
            read_timeout=self.settings.read_timeout_s,
            retries={"mode": RETRY_MODES.get(service, "standard"), "total_max_attempts": self.settings.max_attempts},
            max_pool_connections=self.settings.pool_size,
            proxies=self.proxies,
            # Neither a shell that was pointed at a local AWS nor a profile may lead a call elsewhere than it was told.
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # the stubs do not know it
            s3={"addressing_style": "path"} if self.endpoint_url else None,
            inject_host_prefix=self.endpoint_url is None,  # streaming-127.0.0.1 leads nowhere
        )

    def close(self) -> None:
        """Close all connections; may be called twice, and clients are made anew when asked for."""
        with self._lock:
            for client in self._made.values():
                client.close()
            self._made.clear()


def _reading_quickly(core: Any) -> Any:
    """Let one botocore session read its descriptions so; others of the process are left alone."""
    core.get_component("data_loader").file_loader = SharedFileLoader()
    return core


@contextmanager
def aws_errors(doing: str = "") -> Iterator[None]:
    """Turn what boto3 raises inside the block into errors of the lab, keeping AWS's code and words.

    `doing` names the step for errors that carry no operation name. Nothing listening on a loopback address is
    LocalAwsNotRunningError; access denied AccessDeniedError; something missing NotFoundError; the rest AwsCallError.
    """
    try:
        yield
    except ClientError as exc:
        raise _from_client_error(exc) from exc
    except BotoCoreError as exc:
        raise _from_botocore_error(exc, doing) from exc


def _from_client_error(exc: ClientError) -> AwsCallError:
    error: Any = exc.response.get("Error", {})
    code, message = str(error.get("Code", "Unknown")), str(error.get("Message", exc))
    if code in SKEWED_CODES or any(text in message for text in SKEWED_TEXTS):
        message += f" {SET_CLOCK}"
    return _error_class(code)(exc.operation_name, code, message)


def _error_class(code: str) -> type[AwsCallError]:
    if code in DENIED_CODES:
        return AccessDeniedError
    if code in NOT_FOUND_CODES or code.startswith("NoSuch") or code.endswith(("NotFoundException", ".NotFound")):
        return NotFoundError
    return AwsCallError


def _from_botocore_error(exc: BotoCoreError, doing: str) -> LabError:
    where = str(getattr(exc, "kwargs", {}).get("endpoint_url") or "")
    if urlsplit(where).hostname in LOOPBACK_HOSTS:
        address = urlsplit(where)
        return LocalAwsNotRunningError(f"{address.scheme}://{address.netloc}", type(exc).__name__)
    return AwsCallError(doing or "boto3", type(exc).__name__, str(exc))

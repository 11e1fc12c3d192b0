"""What the composition root hands to each service: the same few things for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lab_helpers.local_aws.kit.api import Credentials, WsgiApp
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.network import Network


class Clients(Protocol):
    """boto3 clients against the local AWS; services reach each other only through these."""

    def as_service(self, service: str, principal: str, region: str) -> Any:
        """Return a boto3 client that calls as AWS's own `principal`, e.g. "ecs.amazonaws.com" (unrestricted)."""

    def as_role(self, service: str, role_arn: str, session_name: str, principal: str, region: str) -> Any:
        """Return a boto3 client with a role's credentials, assumed by `principal` and refreshed before they expire.

        Raises botocore's ClientError (AccessDenied) when the role's trust policy does not let `principal` in.
        """

    def forget(self, session_name: str) -> None:
        """Drop the clients that `as_role` made and kept for `session_name`."""

    def assume(self, role_arn: str, session_name: str, principal: str, region: str) -> Credentials:
        """Return a role's temporary credentials; raises like `as_role`."""


@dataclass(frozen=True)
class Runtimes:
    """Which program plays which part ("auto" takes the real one where it is installed), and what an image may hold.

    httpd: "auto", "apache" or "builtin"; router: "auto", "fluent-bit" or "builtin"; `image_mib`: what the layers of one
    image may unpack to.
    """

    httpd: str = "auto"
    router: str = "auto"
    image_mib: int = 4096


class HandlersOnly:
    """What a service leaves out that only answers calls: pages, threads, figures. It names itself and its overrides."""

    def routes(self) -> Mapping[str, WsgiApp]:
        """Serve no pages."""
        return {}

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""

    def status(self) -> dict[str, Any]:
        """Return no figures."""
        return {}


class Kept(Protocol):
    """What a service keeps beyond the life of its process: a few values by name."""

    is_kept: bool

    def load(self, name: str) -> Any:
        """Return what was saved under a name, None when nothing was."""

    def save(self, name: str, value: Any) -> None:
        """Keep a value; it is kept when this returns."""

    def names(self) -> list[str]:
        """Return the names of what was saved."""

    def append(self, name: str, values: Sequence[Any]) -> None:
        """Add to a list that only grows; it is kept when this returns."""

    def appended(self, name: str) -> list[Any]:
        """Return what was added to a list."""

    def rewrite(self, name: str, values: Sequence[Any]) -> None:
        """Let a list be these values."""


class NothingKept:
    """A service that keeps nothing: its state ends with the process."""

    is_kept = False

    def load(self, name: str) -> Any:  # noqa: ARG002
        return None

    def save(self, name: str, value: Any) -> None:
        """Keep nothing."""

    def names(self) -> list[str]:
        return []

    def append(self, name: str, values: Sequence[Any]) -> None:
        """Keep nothing."""

    def appended(self, name: str) -> list[Any]:  # noqa: ARG002
        return []

    def rewrite(self, name: str, values: Sequence[Any]) -> None:
        """Keep nothing."""


NOTHING_KEPT = NothingKept()


@dataclass(frozen=True)
class ServiceContext:
    """A service's surroundings.

    `endpoint_url` is plain HTTP on 127.0.0.1; `tls_port` a TLS listener (same API) on 127.0.0.1 whose certificate
    authority is in `ca_file` (for the real fluent-bit). `data_dir` is private to the service and exists; `kept` holds
    what the service finds again after a restart.
    """

    endpoint_url: str
    tls_port: int
    ca_file: Path
    account_id: str
    data_dir: Path
    clock: Clock
    network: Network
    clients: Clients
    runtimes: Runtimes = Runtimes()
    kept: Kept = NOTHING_KEPT

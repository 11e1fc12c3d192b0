"""What the tests are pointed at: a local AWS in a process of its own, or a real account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from lab_helpers.backends.account import AwsBackend
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.wait import wait_until

State = TypeVar("State")
ACCOUNT_PATIENCE = 15.0
"""A real account takes that much longer: images are pulled, addresses given, policies made known everywhere."""


@dataclass
class Target:
    """The factory of clients, and how patient the tests are with it."""

    backend: LocalBackend | AwsBackend
    region: str
    account: str

    @property
    def is_local(self) -> bool:
        return self.backend.name == "local"

    def client(self, service: str) -> Any:
        """Return a boto3 client with the operator's credentials."""
        return self.backend.client(service)

    @property
    def endpoint_url(self) -> str | None:
        """The one address of a local AWS; None on an account."""
        return self.environment().get("AWS_ENDPOINT_URL") if self.is_local else None

    def environment(self) -> dict[str, str]:
        """Return the environment for a program that speaks AWS."""
        return self.backend.environment()

    def wait(
        self,
        probe: Callable[[], State],
        what: str,
        *,
        done: Callable[[State], bool] = bool,
        timeout_s: float = 30.0,
        every_s: float = 0.1,
    ) -> State:
        """Wait until `done` holds of what `probe` returns; both times are those of the local AWS."""
        patience = 1.0 if self.is_local else ACCOUNT_PATIENCE
        return wait_until(probe, timeout_s * patience, every_s * patience, what, done=done)

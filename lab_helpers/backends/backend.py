"""What a run asks of the place it runs in. What only some places have is a member with a default, so nobody asks which
place it is; what differs in a sentence or a number is in `base.capabilities`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from lab_helpers.base.errors import LabError
from lab_helpers.base.injected_fault import InjectedFault

Tell = Callable[[str], object]
"""Takes a sentence for the person who waits, such as `print`."""


def silent(_: str) -> None:
    """Tell nobody."""


class Backend(Protocol):
    """Members without a default are every backend's own; those with one are the local AWS's, told for all others."""

    name: str

    @property
    def base_image(self) -> str:
        """What the Fluent Bit image is built on; empty: the configuration's own."""

    def start(self, tell: Tell = silent) -> None:
        """Make sure it is there; what takes some seconds is told first."""

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service, in the lab's region."""

    def environment(self) -> dict[str, str]:
        """Return the whole environment for a child process that speaks AWS (Terraform, the aws CLI)."""

    def identity(self) -> str:
        """Return what state belongs to: an instance of the local AWS, or an account and region."""

    def account(self) -> str:
        """Return the 12 digits of the account that calls are made in; raises LabError."""

    def caller_arn(self) -> str:
        """Return who calls; raises LabError."""

    @property
    def needs_review(self) -> bool:
        """Whether making something there is reviewed first and agreed to: it may cost money."""
        return True

    def is_running(self) -> bool:
        """Whether it can be asked at all; AWS is always there."""
        return True

    def stop(self) -> bool:
        """Stop what was started for this run; return whether there was something: of an account nothing is ours."""
        return False

    def status(self) -> dict[str, Any] | None:
        """Return the server's own figures; None where only AWS's services tell any."""
        return None

    def board(self) -> dict[str, Any] | None:
        """Return the pipeline's figures and calls of one moment; None where CloudWatch has to be asked for them."""
        return None

    def events(self, after: int = 0) -> list[dict[str, Any]] | None:  # noqa: ARG002
        """Return the API calls with a `number` above `after`; None where CloudTrail has to be asked for them."""
        return None

    def add_fault(self, fault: InjectedFault) -> str:  # noqa: ARG002
        """Have a fault made; return its number. Raises LabError where none can be."""
        raise LabError("Faults can be injected into the local AWS only: an account is not ours to break.")

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that were made, each with its `number` and the calls `matched` and `hit`."""
        return []

    def clear_faults(self, number: str = "") -> list[dict[str, Any]]:  # noqa: ARG002
        """End one fault, or all; return their rows as they were at the end."""
        return []

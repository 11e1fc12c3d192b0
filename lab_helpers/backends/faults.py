"""Faults that the local AWS is asked to make, for as long as a block lasts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.backends.backend import Backend
from lab_helpers.base.errors import LocalAwsNotRunningError
from lab_helpers.base.injected_fault import InjectedFault


@dataclass
class FaultInForce:
    """A fault that is on; afterwards `matched` and `hit` are its final figures."""

    backend: Backend
    number: str
    _ended: dict[str, Any] = field(default_factory=dict)

    @property
    def matched(self) -> int:
        """How many calls it concerned so far."""
        return int(self._row().get("matched", 0))

    @property
    def hit(self) -> int:
        """How many calls it has hit so far."""
        return int(self._row().get("hit", 0))

    def end(self) -> None:
        """Switch it off; safe twice, and where the local AWS has gone meanwhile."""
        with contextlib.suppress(LocalAwsNotRunningError, OSError):
            for row in self.backend.clear_faults(self.number):
                self._ended = row

    def _row(self) -> dict[str, Any]:
        rows = [] if self._ended else self.backend.faults()
        return next((row for row in rows if row["number"] == self.number), self._ended)


@contextlib.contextmanager
def injected(backend: Backend, **members: Any) -> Iterator[FaultInForce]:
    """Have the local AWS make a fault (InjectedFault's members) inside the block; it is undone whatever happens.

    Raises SettingsError for a fault that cannot be, LabError on another backend.
    """
    fault = InjectedFault(**members)
    force = FaultInForce(backend, backend.add_fault(fault))
    try:
        yield force
    finally:
        force.end()

"""How long a cell says nothing: the longest pause before, between and after its messages, as a person sees them.

A message is whatever the kernel sends: a line, a result, a bar that moves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

SILENT_S = 5.0
"""A cell that says nothing for longer looks dead."""


@dataclass(frozen=True)
class Silence:
    """The longest pause of one cell, in seconds; `cell` is its id in the notebook."""

    cell: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.cell} {self.seconds:.1f} s"


class Listener:
    """Listens to a notebook's cells, one after the other: `begin`, `hear` at each message, `end`."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard_at = monotonic()
        self._longest_s = 0.0
        self.silent: list[Silence] = []
        """The cells that were silent for more than `SILENT_S`, in their order."""

    def begin(self) -> None:
        """Note that a cell begins."""
        self._heard_at, self._longest_s = self._monotonic(), 0.0

    def hear(self) -> None:
        """Note a message of the cell."""
        now = self._monotonic()
        self._longest_s, self._heard_at = max(self._longest_s, now - self._heard_at), now

    def end(self, cell: str) -> None:
        """Note that the cell has ended."""
        self.hear()
        if self._longest_s > SILENT_S:
            self.silent.append(Silence(cell, round(self._longest_s, 1)))

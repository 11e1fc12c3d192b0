"""How far a Terraform run is: counted from its events, and shown as plain text.

The seam for displays is `Display`: called with a run's label ("terraform apply") it gives a context manager that
lives as long as the run and gives the callable that gets its events. A widget can keep a `Progress` of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Self, TextIO

from lab_helpers.terraform.events import (
    ChangeCounts,
    Diagnostic,
    Event,
    Heartbeat,
    PlannedChange,
    ProvisionOutput,
    ResourceFailed,
    ResourceFinished,
    ResourceStarted,
)

OnEvent = Callable[[Event], None]
Display = Callable[[str], AbstractContextManager[OnEvent]]

CHANGING = frozenset({"create", "update", "delete", "replace"})
"""Actions that count as work; "read" and "no-op" do not."""

STEADY_S = 5.0
"""Something is printed at least this often while Terraform runs: a trainee sees life, nbval does not time out."""


def silent(_: str) -> AbstractContextManager[OnEvent]:
    """Show nothing: a display."""
    return nullcontext(lambda _: None)


@dataclass
class Progress:
    """Counts of one run, kept up by `take`. A replacement is two steps: a deletion and a creation."""

    total: int = 0
    done: int = 0
    failed: int = 0
    elapsed_s: float = 0.0
    running: dict[str, str] = field(default_factory=dict)
    """Address -> action, in the order of beginning."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Address -> how long it took; a replaced resource counts both steps."""
    gone: set[str] = field(default_factory=set)
    """Addresses that were deleted, and not made again."""
    errors: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    counts: ChangeCounts | None = None
    planned: list[PlannedChange] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Count an event."""
        match event:
            case PlannedChange():
                self._plan(event)
            case ResourceStarted(action=action) if action in CHANGING:
                self.running[event.address] = action
            case ResourceFinished(action=action) if action in CHANGING:
                self._end(event.address, event.elapsed_s)
                (self.gone.add if action == "delete" else self.gone.discard)(event.address)
                self.done += 1
            case ResourceFailed():
                self._end(event.address, event.elapsed_s)
                self.failed += 1
            case ChangeCounts():
                self.counts = event
                self._settle(event)
            case Diagnostic():
                (self.errors if event.is_error else self.warnings).append(event)
            case Heartbeat():
                self.elapsed_s = event.elapsed_s

    def _plan(self, change: PlannedChange) -> None:
        self.planned.append(change)
        if change.action in CHANGING:
            self.total += 2 if change.action == "replace" else 1

    def _settle(self, counts: ChangeCounts) -> None:
        """At the end of a run that did all it could: a change whose value turned out to be the old one is none."""
        if counts.operation != "plan" and not self.failed:
            self.total = self.done

    def _end(self, address: str, elapsed_s: float) -> None:
        self.running.pop(address, None)
        self.seconds[address] = self.seconds.get(address, 0.0) + elapsed_s


class ProgressPrinter:
    """Prints a run line by line, each line begun with `label`, so that one pattern finds them all.

    Lines come when work is announced, when a slow resource is done, and every few seconds in between; the quick ones
    are only counted.
    """

    slow_s = 5.0
    """A resource that took this long is worth a line of its own."""

    def __init__(self, label: str = "terraform", out: TextIO | None = None, steady_s: float = STEADY_S) -> None:
        self.label = label
        self.progress = Progress()
        self._out = out
        self._steady_s = steady_s
        self._printed_at_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def __call__(self, event: Event) -> None:
        """Take an event and print what is worth printing."""
        self.progress.take(event)
        line = self._line(event)
        if line:
            self._printed_at_s = self.progress.elapsed_s
            print(f"{self.label}: {line}", file=self._out or sys.stdout, flush=True)

    def _line(self, event: Event) -> str:
        match event:
            case ChangeCounts(operation="plan"):
                return f"plan: {event.add} to add, {event.change} to change, {event.remove} to destroy"
            case ChangeCounts():
                return f"done: {event.add} added, {event.change} changed, {event.remove} destroyed"
            case ResourceFinished(action=action) if action in CHANGING and event.elapsed_s >= self.slow_s:
                return f"{self._count()} · {event.address} took {event.elapsed_s:.0f} s"
            case ResourceFailed():
                return f"{event.address} failed"
            case ProvisionOutput(text=text) if text:
                return f"{event.address} | {text}"
            case Diagnostic() if not event.is_error:  # errors come with the exception
                return str(event)
            case Heartbeat() if event.elapsed_s - self._printed_at_s >= self._steady_s:
                return f"{self._count()} · {self.progress.elapsed_s:.0f} s{self._waiting()}"
        return ""

    def _count(self) -> str:
        if not self.progress.total:
            return "at work"
        return f"{self.progress.done} of {self.progress.total}"

    def _waiting(self) -> str:
        if not self.progress.running:
            return ""
        first, *others = self.progress.running
        more = f" and {len(others)} more" if others else ""
        return f", working on {first}{more}"

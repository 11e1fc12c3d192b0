"""A Terraform run as it goes on: one bar over all resources, and what is being worked on."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from lab_helpers.base.messages import say
from lab_helpers.display.progress import Bar
from lab_helpers.terraform.events import Event, RefreshFinished
from lab_helpers.terraform.progress import Progress

MAX_NAMED = 3
"""Resources in work that are named in the line."""


class TerraformBar:
    """Shows the events of one run: `with TerraformBar("terraform apply") as on_event:
    terraform.apply(on_event=on_event)`.
    """

    def __init__(self, what: str = "terraform apply", bar: Bar | None = None) -> None:
        self._bar = bar or Bar(what)
        self.progress = Progress()
        self._refreshed = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._bar.__exit__(kind, exc, tb)

    def __call__(self, event: Event) -> None:
        """Take an event of the run."""
        self.progress.take(event)
        self._refreshed += isinstance(event, RefreshFinished)
        share = self.progress.done / self.progress.total if self.progress.total else None
        self._bar.note(self._line(), share)

    def _line(self) -> str:
        progress = self.progress
        if not progress.total:
            return say("{count} resources refreshed", count=self._refreshed) if self._refreshed else say("planning")
        named = [f"{action} {address}" for address, action in list(progress.running.items())[:MAX_NAMED]]
        hidden = len(progress.running) - MAX_NAMED
        more = [say("{count} more", count=hidden)] if hidden > 0 else []
        done = say("{done} of {total} resources", done=progress.done, total=progress.total)
        failed = say(", {count} failed", count=progress.failed) if progress.failed else ""
        return done + failed + "".join(f" | {name}" for name in named + more)

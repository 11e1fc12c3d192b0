"""What Terraform says while it works: its `-json` lines as events.

Source: Terraform, "Machine-Readable UI" (version 1.x of that format).
Not modelled: state moves, test runs, ephemeral resources; their lines are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True)
class PlannedChange(Event):
    """Terraform intends to do `action` (create, update, delete, replace, read, no-op …) to a resource."""

    address: str
    action: str
    reason: str = ""


@dataclass(frozen=True)
class Drift(Event):
    """A resource was changed behind Terraform's back."""

    address: str
    action: str


@dataclass(frozen=True)
class ResourceStarted(Event):
    """Work on a resource has begun."""

    address: str
    action: str


@dataclass(frozen=True)
class ResourceProgress(Event):
    """Work on a resource goes on since `elapsed_s` seconds."""

    address: str
    action: str
    elapsed_s: float


@dataclass(frozen=True)
class ResourceFinished(Event):
    """Work on a resource is done; `resource_id` is AWS's id of it, empty after a deletion."""

    address: str
    action: str
    elapsed_s: float
    resource_id: str = ""


@dataclass(frozen=True)
class ResourceFailed(Event):
    """Work on a resource has failed; a Diagnostic says why."""

    address: str
    action: str
    elapsed_s: float


@dataclass(frozen=True)
class ProvisionOutput(Event):
    """A provisioner (here: the image build) has printed something."""

    address: str
    text: str


@dataclass(frozen=True)
class RefreshStarted(Event):
    """Terraform reads a resource's present state."""

    address: str


@dataclass(frozen=True)
class RefreshFinished(Event):
    """Terraform has read a resource's present state."""

    address: str


@dataclass(frozen=True)
class ChangeCounts(Event):
    """How many resources are to be changed (operation "plan") or were (operation "apply", "destroy")."""

    add: int
    change: int
    remove: int
    operation: str

    @property
    def total(self) -> int:
        """All changes together."""
        return self.add + self.change + self.remove


@dataclass(frozen=True)
class Diagnostic(Event):
    """An error or a warning in Terraform's own words; `line` is 0 where no file is at fault."""

    severity: str
    summary: str
    detail: str = ""
    address: str = ""
    file: str = ""
    line: int = 0

    @property
    def is_error(self) -> bool:
        """Whether Terraform stops for it."""
        return self.severity == "error"

    def __str__(self) -> str:
        place = f"\n  on {self.file}:{self.line}" if self.file else ""
        about = f"\n  with {self.address}" if self.address else ""
        detail = f"\n{self.detail}" if self.detail else ""
        return f"{self.severity.capitalize()}: {self.summary}{about}{place}{detail}"


@dataclass(frozen=True)
class Heartbeat(Event):
    """The runner's own: Terraform still runs, `elapsed_s` seconds after its start."""

    elapsed_s: float


@dataclass(frozen=True)
class PlainLine(Event):
    """A line that is no JSON: all that `init` says, or a crash report."""

    text: str


def parse_line(line: str) -> Event | None:
    """Return the event that a line of `-json` output stands for, or None for those that no one needs."""
    if not line.strip():
        return None
    try:
        message = json.loads(line)
    except json.JSONDecodeError:
        return PlainLine(line)
    if not isinstance(message, dict):
        return PlainLine(line)
    reader = _READERS.get(str(message.get("type")))
    return reader(message) if reader is not None else None


def _address(hook: Mapping[str, Any]) -> str:
    return str(hook.get("resource", {}).get("addr", ""))


def _planned(message: Mapping[str, Any]) -> Event:
    change = message["change"]
    return PlannedChange(_address(change), str(change.get("action", "")), str(change.get("reason", "")))


def _drift(message: Mapping[str, Any]) -> Event:
    return Drift(_address(message["change"]), str(message["change"].get("action", "")))


def _started(message: Mapping[str, Any]) -> Event:
    hook = message["hook"]
    return ResourceStarted(_address(hook), str(hook.get("action", "")))


def _progress(message: Mapping[str, Any]) -> Event:
    hook = message["hook"]
    return ResourceProgress(_address(hook), str(hook.get("action", "")), float(hook.get("elapsed_seconds", 0)))


def _finished(message: Mapping[str, Any]) -> Event:
    hook = message["hook"]
    seconds = float(hook.get("elapsed_seconds", 0))
    return ResourceFinished(_address(hook), str(hook.get("action", "")), seconds, str(hook.get("id_value", "")))


def _failed(message: Mapping[str, Any]) -> Event:
    hook = message["hook"]
    return ResourceFailed(_address(hook), str(hook.get("action", "")), float(hook.get("elapsed_seconds", 0)))


def _provision(message: Mapping[str, Any]) -> Event:
    hook = message["hook"]
    return ProvisionOutput(_address(hook), str(hook.get("output", "")).rstrip("\n"))


def _refresh_started(message: Mapping[str, Any]) -> Event:
    return RefreshStarted(_address(message["hook"]))


def _refresh_finished(message: Mapping[str, Any]) -> Event:
    return RefreshFinished(_address(message["hook"]))


def _counts(message: Mapping[str, Any]) -> Event:
    changes = message["changes"]
    add, change, remove = (int(changes.get(name, 0)) for name in ("add", "change", "remove"))
    return ChangeCounts(add, change, remove, str(changes.get("operation", "")))


def _diagnostic(message: Mapping[str, Any]) -> Event:
    found = message["diagnostic"]
    place = found.get("range") or {}
    return Diagnostic(
        severity=str(found.get("severity", "error")),
        summary=str(found.get("summary", "")),
        detail=str(found.get("detail", "")),
        address=str(found.get("address", "")),
        file=str(place.get("filename", "")),
        line=int((place.get("start") or {}).get("line", 0)),
    )


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {
    "apply_complete": _finished,
    "apply_errored": _failed,
    "apply_progress": _progress,
    "apply_start": _started,
    "change_summary": _counts,
    "diagnostic": _diagnostic,
    "planned_change": _planned,
    "provision_progress": _provision,
    "refresh_complete": _refresh_finished,
    "refresh_start": _refresh_started,
    "resource_drift": _drift,
}

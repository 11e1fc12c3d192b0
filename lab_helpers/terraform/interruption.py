"""What an interrupted run leaves, and how the next one takes it up.

A mark in the data folder says that a run has begun and not ended well. What it made and could not write down is
imported by the next apply, through import blocks in a copy of the configuration; a lock in a remote state whose
Terraform was killed is broken.
Source: Terraform, "Import" (import blocks, from 1.5 on) and "State: locking" for the words of a lock that is held.
"""

from __future__ import annotations

import json
import pwd
import re
import shutil
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from os import getuid
from pathlib import Path

from lab_helpers.base.config import write_private

FOLDER = "taking-up"
IMPORTS = "imports.tf"
_THERE_ALREADY = re.compile(
    r"already ?exist|AlreadyOwnedByYou|ResourceInUseException|AlreadyAssociated|InvalidSubnet\.Conflict|\.Duplicate|"
    r"DuplicateLoadBalancerName|DuplicateTargetGroupName|DuplicateListener",
    re.IGNORECASE,
)
_LOCKED = "Error acquiring the state lock"
_LOCK_FACT = re.compile(r"^\s*(ID|Operation|Who|Created):\s+(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class StateLock:
    """A lock on a state that Terraform met: its id, whose it is (user@host), the operation, and since when."""

    lock_id: str
    who: str
    operation: str
    since: str

    @property
    def time(self) -> str:
        """The time of day, UTC; as Terraform says it where that is no time."""
        created = _moment(self.since)
        return f"{created:%H:%M:%S} UTC" if created else self.since


@dataclass(frozen=True)
class Mark:
    """The file that says that a run has begun and has not ended well."""

    path: Path

    @property
    def since(self) -> datetime | None:
        """When the interrupted run began; None when there is none."""
        try:
            return _moment(self.path.read_text(encoding="utf-8"))
        except OSError:
            return None

    def set(self) -> None:
        """Note that a run begins; one that is there stays: what the first run left may still be there."""
        if self.since is None:
            write_private(self.path, datetime.now(UTC).isoformat())

    def clear(self) -> None:
        """Note that a run has ended well."""
        self.path.unlink(missing_ok=True)


def is_there_already(error_text: str) -> bool:
    """Whether Terraform failed for something that AWS has and the state does not."""
    return _THERE_ALREADY.search(error_text) is not None


def lock_told(error_text: str) -> StateLock | None:
    """Return the lock that Terraform's error tells of; None for any other error."""
    if _LOCKED not in error_text:
        return None
    facts = dict(_LOCK_FACT.findall(error_text))
    operation = facts.get("Operation", "").removeprefix("OperationType").lower()
    return StateLock(facts.get("ID", ""), facts.get("Who", "?"), operation or "?", facts.get("Created", "?"))


def is_of_the_dead(lock: StateLock, interrupted_since: datetime | None) -> bool:
    """Whether a lock is what our own interrupted run left: of this user and machine, and made since that began.

    Only to be asked by who has the turn in the data folder: no run of it is alive then.
    """
    created = _moment(lock.since)
    ours = lock.who == f"{pwd.getpwuid(getuid()).pw_name}@{socket.gethostname()}"
    return ours and None not in (created, interrupted_since) and created >= interrupted_since  # type: ignore[operator]


def with_imports(source_dir: Path, data_dir: Path, there: Mapping[str, str]) -> Path:
    """Copy the configuration, and the image's folder beside it, with an import block for each {address: id}."""
    copy = data_dir / FOLDER
    shutil.rmtree(copy, ignore_errors=True)
    for folder in (source_dir, source_dir.parent / "fluentbit"):
        if folder.is_dir():
            shutil.copytree(folder, copy / folder.name, ignore=shutil.ignore_patterns("*.tfstate*"))
    (copy / source_dir.name / IMPORTS).write_text(import_blocks(there), encoding="utf-8")
    return copy / source_dir.name


def import_blocks(there: Mapping[str, str]) -> str:
    """Return Terraform's import blocks for {address: id}."""
    blocks = (f"import {{\n  to = {address}\n  id = {json.dumps(name)}\n}}\n" for address, name in there.items())
    return "\n".join(blocks)


def put_aside_if_broken(state: Path) -> Path | None:
    """Put a state aside that was being written when its Terraform was killed; return where, None when it is whole.

    The backup that Terraform made when that run began takes its place: what the run made since is found in AWS, and
    what it deleted is noticed when the state is refreshed.
    """
    if not state.exists() or _is_whole(state):
        return None
    aside = state.replace(state.with_name("broken.tfstate"))
    backup = state.with_name(f"{state.name}.backup")
    if _is_whole(backup):
        shutil.copy2(backup, state)
    return aside


def missing(there: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Return what is there and not in the state."""
    in_state = set(known)
    return {address: name for address, name in there.items() if address not in in_state}


def _is_whole(state: Path) -> bool:
    try:
        return isinstance(json.loads(state.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False


def _moment(text: str) -> datetime | None:
    """Return a moment from ISO 8601 or from Go's `2026-11-29 13:25:24.123456789 +0000 UTC`; None for other text."""
    found = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,6})?", text)
    if found is None:
        return None
    return datetime.fromisoformat(f"{found[1]}T{found[2]}{(found[3] or '.0').ljust(7, '0')}+00:00")

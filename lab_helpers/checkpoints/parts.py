"""Which files of the lab's state are its state, and which are made again by whoever needs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

DATABASE = "aws/state.db"
"""Read by SQLite, never copied while somebody writes it."""
_NEVER = ("server.log", "aws/server.json", "aws/server.pem", "aws/ca.pem", "aws/ecs", "aws/athena")
"""Of the process that runs now: its address, its certificates, its tasks' folders, objects that Athena fetched."""
_TERRAFORM = "terraform"
_OF_TERRAFORM = ("state",)
"""The rest of its folder is the provider, and what init made: the same for every state."""
_LINKED = ("aws/objects/", "aws/ecr/blobs/")
"""Files that are written once, or copied before a second writing: a checkpoint may share them with the state."""
_TRANSIENT = (".lock", ".partial", ".db-wal", ".db-shm")


def is_state(relative: str) -> bool:
    """Whether a file (its path below the state folder) belongs to a checkpoint."""
    top, _, rest = relative.partition("/")
    if top.startswith("."):  # of an exchange of states (restoring.py)
        return False
    if relative.endswith(_TRANSIENT) or any(relative == each or relative.startswith(f"{each}/") for each in _NEVER):
        return False
    return top != _TERRAFORM or rest.partition("/")[0] in _OF_TERRAFORM


def is_shared(relative: str) -> bool:
    """Whether a checkpoint may have a hard link to a file."""
    return relative.startswith(_LINKED)


def files(state: Path) -> Iterator[str]:
    """Yield the files of a state but its database, by their paths below `state`."""
    for path in state.rglob("*"):
        relative = path.relative_to(state).as_posix()
        if relative != DATABASE and is_state(relative) and path.is_file() and not path.is_symlink():
            yield relative


def units(state: Path) -> list[str]:
    """Return what is exchanged as a whole when another state takes the place of this one."""
    tops = [path.name for path in state.glob("*") if path.name != _TERRAFORM and not path.name.startswith(".")]
    inner = [f"{_TERRAFORM}/{name}" for name in _OF_TERRAFORM if (state / _TERRAFORM / name).exists()]
    return sorted(inner + [name for name in tops if is_state(name)])

"""What has to be the same for a state to be read: the lab's own format, moto, and Python's kind of bytecode."""

from __future__ import annotations

import sys
from importlib.metadata import version

FORMAT = 11
"""Goes up when what is kept, or how, changes: an older state is then refused, never read half."""
READABLE = (6, 7, 8, 9, 10)
"""Older formats that are read as they are, each with what the later ones changed: 10 has buckets and tags of objects in
one piece, 9 alarms; the journal of 8 has no calls of Application Auto Scaling; 7 has large results of Athena in its
state; 6 has no journal of moto's calls."""


def state_version() -> str:
    """Return the version that a state made now has."""
    return _version(FORMAT)


def readable_versions() -> frozenset[str]:
    """Return the versions of older states that are read, and are of this version from then on."""
    return frozenset(_version(each) for each in READABLE)


def _version(number: int) -> str:
    return f"format {number}, moto {version('moto')}, Python {sys.version_info[0]}.{sys.version_info[1]}"

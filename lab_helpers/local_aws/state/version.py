"""What has to be the same for a state to be read: the lab's own format, moto, and Python's kind of bytecode."""

from __future__ import annotations

import sys
from importlib.metadata import version

FORMAT = 6
"""Goes up when what is kept, or how, changes: an older state is then refused, never read half."""


def state_version() -> str:
    """Return the version that a state made now has."""
    return f"format {FORMAT}, moto {version('moto')}, Python {sys.version_info[0]}.{sys.version_info[1]}"

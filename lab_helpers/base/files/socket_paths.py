"""Where a unix socket can be made: its path must be short, and temporary folders may lie deep."""

from __future__ import annotations

import tempfile
from pathlib import Path

SOCKET_PATH_BYTES = 103
"""What macOS takes for a unix socket; Linux takes 107."""

SHORT_FOLDER = "/tmp"


def folder_for_sockets(name_bytes: int) -> str:
    """Return where temporary files are; /tmp if that is too deep for a socket whose path below it has `name_bytes`."""
    here = Path(tempfile.gettempdir()).resolve()
    return str(here) if len(bytes(here)) + name_bytes <= SOCKET_PATH_BYTES else SHORT_FOLDER

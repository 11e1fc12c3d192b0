"""A file that is written at once: a reader sees the old one or the new one, and two writers do not meet."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from lab_helpers.base.files.programs import await_runnable


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write `content` beside `path` under a name that no other thread or process takes, and put it in its place.

    Missing folders are made. `mode` is the new file's, less the process's umask; a program can be run at once. A write
    that is broken off leaves the old file, and one whose name ends in `.partial`. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    if mode & 0o100:
        await_runnable(partial)
    partial.replace(path)


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file of the lab's own; empty where there is none, or nothing that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

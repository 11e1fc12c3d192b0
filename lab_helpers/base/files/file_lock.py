"""A lock that ends with its holder, however that ends: `flock` on a file that says who holds it and since when.

The file stays; what counts is the lock, so a file left by a killed process is free. A child that inherits the
descriptor holds the lock on.
Not modelled: network file systems without flock; Windows.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_PATIENCE_S = 0.2
"""Those who only look hold the lock too, for some microseconds."""


@dataclass(frozen=True)
class FileLock:
    """A lock that is held; `release` it, or leave its `with` block."""

    descriptor: int

    @classmethod
    def take(cls, path: Path, holder: Mapping[str, Any]) -> FileLock | None:
        """Take the lock and write down who holds it (JSON-ready); None when another holds it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _locked(descriptor):
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(dict(holder)).encode())
        return cls(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def release(self) -> None:
        """Let go, once: others may take it unless a child still holds it."""
        os.close(self.descriptor)


def holder_of(path: Path) -> dict[str, Any] | None:
    """Return what the holder of a lock wrote down ({} while it is at it), None when nobody holds it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        # Shared: two who look do not see each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _told(os.read(descriptor, 4096))
    finally:
        os.close(descriptor)
    return None


def _locked(descriptor: int) -> bool:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            threading.Event().wait(0.01)
        else:
            return True


def _told(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

"""Programs that the lab writes and then runs, beside threads that start others."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

from lab_helpers.base.wait import wait_until

_LEASE = getattr(fcntl, "F_SETLEASE", None)
"""Linux's; other systems run a program that is open for writing."""
_BOUND_S, _EVERY_S = 30.0, 0.002


def await_runnable(path: Path) -> None:
    """Return when nobody has a file open for writing any more: Linux runs no such program (ETXTBSY).

    What this process has closed may still be open in a child that another thread was starting, until that runs its own
    program. For files that nobody else knows yet: who opened one for writing now would interrupt this process.
    Raises WaitTimeoutError, OSError. Source: fcntl(2), "Leases"; execve(2), ETXTBSY.
    """
    if _LEASE is None:
        return
    with path.open("rb") as file:
        wait_until(lambda: _closed(file.fileno()), _BOUND_S, _EVERY_S, f"{path.name} to be closed by all who write it")


def _closed(number: int) -> bool:
    assert _LEASE is not None, "asked where there are leases only"
    try:
        fcntl.fcntl(number, _LEASE, fcntl.F_RDLCK)
    except OSError as exc:
        # A file system without leases has no answer; the program's start has.
        return exc.errno != errno.EAGAIN
    fcntl.fcntl(number, _LEASE, fcntl.F_UNLCK)
    return True

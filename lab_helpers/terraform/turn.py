"""One Terraform at a time over one data folder: a lock that lasts as long as anything of the run does."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from lab_helpers.base.errors import TerraformBusyError
from lab_helpers.base.files.file_lock import FileLock, holder_of

FILE = "run.lock"


def take(data_dir: Path, command: str) -> FileLock:
    """Take the turn for a command; raises TerraformBusyError that says what is running and since when.

    The program inherits the lock: a Terraform whose notebook was killed keeps it until it has ended in order.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir / FILE
    since = f"{datetime.now(UTC):%H:%M:%S} UTC"
    turn = FileLock.take(file, {"command": command, "since": since, "pid": os.getpid()})
    if turn is None:
        holder = holder_of(file) or {}
        told = [str(holder.get(name, "?")) for name in ("command", "since", "pid")]
        raise TerraformBusyError(command=told[0], since=told[1], process=told[2])
    return turn

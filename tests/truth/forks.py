"""Local AWSs by forking: what takes seconds to load is loaded once. Run as `python -m tests.truth.forks`.

Each line on stdin is `start FOLDER PORT` or `stop`; each is answered with one line when it is done: `up`, `failed` or
`down`. A server is a process of its own with nothing of an earlier one in it; it ends when this process's stdin does.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from lab_helpers.local_aws import __main__ as server

READY_S = 240
STOP_S = 20
POLL_S = 0.01


def main() -> int:
    """Load everything, then do as told until stdin ends."""
    _load()
    child = 0
    for line in sys.stdin:
        word, *told = line.rstrip("\n").split("\t")
        if child:
            _stop(child)
            child = 0
        if word == "start":
            folder, port = told
            child = _start(Path(folder), port)
            answer = "up" if _is_up(child, Path(folder)) else "failed"
        else:
            answer = "down"
        print(answer, flush=True)
    if child:
        _stop(child)
    return 0


def _load() -> None:
    from lab_helpers.local_aws import alb, athena, ecr, ecs, firehose  # noqa: F401
    from lab_helpers.local_aws.athena import service  # noqa: F401
    from lab_helpers.local_aws.moto_bridge import MotoBridge

    MotoBridge().warm_up()


def _start(folder: Path, port: str) -> int:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        os._exit(server.main(["--data-dir", str(folder), "--port", port]))
    return child


def _is_up(child: int, folder: Path) -> bool:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and not _has_ended(child):
        if (folder / "server.json").exists():
            return True
        time.sleep(POLL_S)
    return False


def _stop(child: int) -> None:
    os.kill(child, signal.SIGTERM)
    until = time.monotonic() + STOP_S
    while not _has_ended(child):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
        time.sleep(POLL_S)


def _has_ended(child: int) -> bool:
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


if __name__ == "__main__":
    sys.exit(main())

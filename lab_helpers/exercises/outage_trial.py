"""Try an extra.conf in an outage: the lab's log router runs, nothing can be sent, and its tcp input is flooded.

The outputs to AWS are led to a port where nobody listens, so that a trial needs no AWS and no permission.
Not modelled: a container's cgroup; what is measured is the router's resident memory.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from dataclasses import dataclass

import psutil

from lab_helpers.base.config import inherited
from lab_helpers.firelens.running import Running, running

FLOOD_MB, LIMIT_MIB = 60, 64
LINE_BYTES = 15_000
START_TIMEOUT_S = 15.0
WATCH_S = 4.0
"""How long the router is watched after the flood: a second try of each chunk falls into it."""
SAMPLE_S = 0.05
_NO_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "trial", "AWS_SECRET_ACCESS_KEY": "trial", "AWS_REGION": "ap-northeast-1"}
_FRUGAL = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""What is freed goes back at once: a busy machine must not make a right answer look too large (seen: 41 to 73 MiB)."""
_QUICK = "[SERVICE]\n    scheduler.base 1\n    scheduler.cap 1\n    Grace 1\n"


@dataclass(frozen=True)
class Seen:
    """What a flood did: megabytes that the input took, the router's peak of resident memory, and chunks given up."""

    taken_mb: int
    peak_mib: int
    dropped: int


def flood(extra_conf: str, megabytes: int) -> Seen:
    """Run the router on an extra.conf with one tcp input and flood it; raises LabError when it does not start."""
    port = _free_port()
    text, environ = _QUICK + _led(extra_conf, port, _free_port()), {**inherited(), **_NO_CREDENTIALS, **_FRUGAL}
    with running(text, environ, at_once=True) as router:
        with _connect(router, port) as connection, _Peak(router.pid) as peak:
            taken = _send(connection, megabytes)
            peak.watch(WATCH_S)
        router.stop(at_once=True)
        return Seen(taken, peak.mib, router.err.count("cannot be retried"))


def _led(extra_conf: str, port: int, nowhere: int) -> str:
    """Return the configuration with the trial's port, a folder of its own for the buffer, and outputs led nowhere."""
    text = re.sub(r"(?im)^(\s*Port\s+).*$", rf"\g<1>{port}", extra_conf)
    text = re.sub(r"(?im)^(\s*storage\.path\s+).*$", r"\g<1>buffer", text)
    transport = f"endpoint 127.0.0.1\n    port {nowhere}\n    tls off"
    return re.sub(r"(?im)^(\s*)Name\s+cloudwatch_logs\s*$", rf"\g<0>\n    {transport}", text)


def _connect(router: Running, port: int) -> socket.socket:
    found: list[socket.socket] = []

    def try_once() -> bool:
        with contextlib.suppress(OSError):
            found.append(socket.create_connection(("127.0.0.1", port), timeout=START_TIMEOUT_S))
        return bool(found)

    router.wait(try_once, START_TIMEOUT_S, "the router to listen")
    if not found:
        raise router.refusal()
    return found[0]


def _send(connection: socket.socket, megabytes: int) -> int:
    """Send numbered lines; return how many megabytes were taken before the connection was closed."""
    pad, lines = b"0" * (LINE_BYTES - 8), megabytes * 10**6 // LINE_BYTES
    for number in range(lines):
        try:
            connection.sendall(b"%6d %b\n" % (number, pad))
        except OSError:
            return number * LINE_BYTES // 10**6
    return megabytes


class _Peak:
    """Samples a process's resident memory in a thread, from entering to leaving."""

    def __init__(self, pid: int) -> None:
        self._process, self.mib, self._done = psutil.Process(pid), 0, threading.Event()
        self._thread = threading.Thread(target=self._run, name="trial-memory", daemon=True)

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._thread.join()

    def watch(self, seconds: float) -> None:
        """Let time pass in which only the sampling goes on."""
        self._done.wait(seconds)

    def _run(self) -> None:
        while not self._done.wait(SAMPLE_S):
            with contextlib.suppress(psutil.Error):
                self.mib = max(self.mib, self._process.memory_info().rss >> 20)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])

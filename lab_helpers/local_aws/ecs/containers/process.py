"""One container: a child process with its own group, environment and folder, whose output goes to a log driver."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from lab_helpers.local_aws.ecs.containers.shown_paths import ShownPaths
from lab_helpers.local_aws.ecs.containers.warden import Warden
from lab_helpers.local_aws.ecs.logs.drivers import LogDriver
from lab_helpers.local_aws.ecs.logs.lines import LineSplitter, LogLine

log = logging.getLogger(__name__)

READ_BYTES = 65_536
TAIL_LINES = 20
GATHER_S = 0.02
"""How long lines gather in the pipe while they come one after the other: each reading takes the interpreter's lock
from the load balancer, and at thousands of lines a second that would halve what it can carry. A line after a pause is
read at once; a line's time is at most this much late."""
MUCH_BYTES = READ_BYTES // 8
"""From here on a container waits for its reader: no more gathering."""
LINGER_S = 2.0
"""How long output is still read after the process ended, when a process it left behind holds the pipe."""


class ContainerProcess:
    """Runs one program as a container.

    `on_exit` is called once, from the reading thread, after the last line has gone to the driver. Lines with `hidden`
    in them do not reach it. `shown`: places of this machine -> what the container calls them ("" for its root); what it
    prints says so, too.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        driver: LogDriver,
        warden: Warden,
        on_exit: Callable[[], None] = lambda: None,
        hidden: bytes | None = None,
        shown: Mapping[str, str] | None = None,
    ) -> None:
        self._driver, self._warden, self._on_exit, self._hidden = driver, warden, on_exit, hidden
        self._shown = ShownPaths(shown or {})
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.exited = threading.Event()
        self.finished = threading.Event()
        self._process = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        warden.guard(self._process.pid)
        name = f"ecs-container-{self._process.pid}"
        self._reaping = threading.Lock()
        self._reader = threading.Thread(target=self._read, name=name, daemon=True)
        self._waiter = threading.Thread(target=self._wait, name=f"{name}-wait", daemon=True)
        self._waiter.start()  # first: the reader joins it
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while running; 128 + signal for a killed process, as a container runtime reports it."""
        code = self._process.returncode
        return 128 - code if code is not None and code < 0 else code

    def last_line(self) -> str:
        """Return the last non-empty line that the container printed, or ""."""
        return next((line for line in reversed(self._tail) if line.strip()), "")

    def tail(self) -> list[str]:
        """Return the last lines that the container printed."""
        return list(self._tail)

    def stop(self, timeout_s: float, first: signal.Signals = signal.SIGTERM) -> int:
        """Send `first` to the container's first process, after `timeout_s` SIGKILL to all; return the exit code."""
        self._signal(first)
        if not self.exited.wait(timeout_s):
            self._kill_group()
        self.finished.wait()
        return self.exit_code or 0

    def kill(self) -> None:
        """Send SIGKILL to all of the container; one that has ended is left alone."""
        self._kill_group()

    def _signal(self, number: signal.Signals) -> None:
        # Not Popen.send_signal: it reaps a process that has just ended, and the waiter then waits for nobody.
        with self._reaping, contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None:
                os.kill(self._process.pid, number)

    def _kill_group(self) -> None:
        with self._reaping, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._process.returncode is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def _wait(self) -> None:
        # What the first process leaves behind goes with it, as in a PID namespace.
        # Not reaped before its group is killed: until then nobody else can be given the group's number.
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            self._kill_group()
            with self._reaping:
                self._process.wait()
        else:  # macOS: reaped first, the number of its group is hardly given to another within this moment
            self._process.wait()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._warden.release(self._process.pid)
        self.exited.set()

    def _read(self) -> None:
        try:
            self._pump()
        finally:
            self._waiter.join()
            self._driver.end_of_output()
            self.finished.set()
            self._on_exit()

    def _pump(self) -> None:
        splitters = {"stdout": LineSplitter("stdout"), "stderr": LineSplitter("stderr")}
        with selectors.DefaultSelector() as selector:
            for pipe, name in ((self._process.stdout, "stdout"), (self._process.stderr, "stderr")):
                if pipe is not None:
                    selector.register(pipe, selectors.EVENT_READ, splitters[name])
            read_at, much = time.monotonic(), False
            while selector.get_map() and not self._abandoned(ready := selector.select(LINGER_S)):
                if not much and time.monotonic() - read_at < GATHER_S:
                    self.exited.wait(GATHER_S)
                much = max((self._take(selector, key) for key, _ in ready), default=0) > MUCH_BYTES
                read_at = time.monotonic()

    def _abandoned(self, ready: list[tuple[selectors.SelectorKey, int]]) -> bool:
        return not ready and self.exited.is_set()

    def _take(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> int:
        """Read once from a pipe; return how many bytes."""
        stream, splitter = cast(IO[bytes], key.fileobj), cast(LineSplitter, key.data)
        data = os.read(stream.fileno(), READ_BYTES)
        if not data:
            selector.unregister(stream)
            stream.close()
        lines = splitter.feed(data) if data else splitter.finish()
        if self._hidden is not None:
            lines = [line for line in lines if self._hidden not in line.text]
        if self._shown:
            lines = [line._replace(text=self._shown(line.text)) for line in lines]
        if lines:
            self._remember(lines)
            self._driver.write(lines)
        return len(data)

    def _remember(self, lines: list[LogLine]) -> None:
        self._tail.extend(line.text.decode("utf-8", "replace") for line in lines[-TAIL_LINES:])

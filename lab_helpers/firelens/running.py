"""The log router as a program: which one there is, and a run of it on a configuration. All trials start it here.

Tasks start it as a container (local_aws/ecs/runtimes/log_router.py), with the same `command`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab_helpers.base.errors import LabError, MissingToolError
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until

END_TIMEOUT_S = 20.0
"""How long a router may take to end after SIGTERM: its grace, and some more on a busy machine."""
POLL_S = 0.05


def command(choice: str = "auto") -> list[str]:
    """Return the command line of the log router that the lab runs ("auto", "fluent-bit" or "builtin").

    Raises MissingToolError where the real one is asked for and is not on PATH.
    """
    found = shutil.which("fluent-bit") if choice in {"auto", "fluent-bit"} else None
    if choice == "fluent-bit" and not found:
        raise MissingToolError("fluent-bit", "it is not on PATH", "Install it, or set LAB_ROUTER to builtin.")
    return [found] if found else [sys.executable, "-m", "lab_helpers.router"]


class Running:
    """A router that was started on a configuration: what it prints, whether it runs, and how it ended."""

    def __init__(self, argv: Sequence[str], config: Path, folder: Path, environ: Mapping[str, str]) -> None:
        self._out, self._err = folder / "out", folder / "err"
        with self._out.open("wb") as stdout, self._err.open("wb") as stderr:
            self._process = subprocess.Popen(
                [*argv, "-c", str(config), "-f", "1"],
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=dict(environ), cwd=folder,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def out(self) -> str:
        """Its standard output so far."""
        return self._out.read_text(errors="replace")

    @property
    def err(self) -> str:
        """Its log so far."""
        return self._err.read_text(errors="replace")

    def wait(self, until: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Wait until something is so, or the router has ended. Raises WaitTimeoutError."""
        wait_until(lambda: self.has_ended or until(), timeout_s, POLL_S, what)

    def refusal(self) -> LabError:
        """Return the error of a router that ended instead of starting, in its own words."""
        said = [line for line in self.err.splitlines() if "error]" in line]
        return LabError(say("Fluent Bit does not start with this configuration: {said}", said=" ".join(said[:2])))

    def stop(self, *, at_once: bool = False) -> None:
        """End it (SIGTERM, and SIGKILL when that does not do; `at_once`: SIGKILL); safe twice."""
        if self.has_ended:
            return
        if not at_once:
            self._process.terminate()
            try:
                self._process.wait(END_TIMEOUT_S)
                return
            except subprocess.TimeoutExpired:
                pass
        self._process.kill()
        self._process.wait()


@contextmanager
def running(
    config: str | Path, environ: Mapping[str, str], choice: str | Sequence[str] = "auto", *, at_once: bool = False
) -> Iterator[Running]:
    """Start the router on a configuration, text or a file; it is stopped at the end (`at_once`: killed).

    `choice` is `command`'s, or a command line. It runs in a folder of its own that goes with it; a text lies there.
    """
    argv = command(choice) if isinstance(choice, str) else choice
    with tempfile.TemporaryDirectory(prefix="lab-router-") as name:
        folder = Path(name)
        file = config if isinstance(config, Path) else folder / "fluent-bit.conf"
        if isinstance(config, str):
            file.write_text(config, encoding="utf-8")
        router = Running(argv, file, folder, environ)
        try:
            yield router
        finally:
            router.stop(at_once=at_once)

"""One Terraform run: python-terraform makes the command line, we run it and follow what it says.

python-terraform (0.10 or 0.14) can neither be given an environment nor, in 0.14, a process that runs beside the caller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import python_terraform

from lab_helpers.base import process
from lab_helpers.base.errors import TerraformError
from lab_helpers.terraform.events import Event, Heartbeat, PlainLine
from lab_helpers.terraform.progress import OnEvent, Progress

log = logging.getLogger(__name__)


class Follower:
    """Follows one run: hands its events to the display and keeps what the error text needs."""

    def __init__(
        self, label: str, on_event: OnEvent, parse: Callable[[str], Event | None], inherited: tuple[int, ...] = ()
    ) -> None:
        self.label, self._inherited = label, inherited
        self.progress = Progress()
        self._on_event, self._parse = on_event, parse
        self._plain: list[str] = []
        self._ended: process.Streamed | None = None

    def follow(self, argv: list[str], env: Mapping[str, str], cwd: Path) -> process.Streamed:
        self._ended = process.stream(
            argv, env=env, cwd=cwd, on_line=self._line, on_tick=self._tick, inherited=self._inherited
        )
        self.progress.elapsed_s = self._ended.seconds
        return self._ended

    def check(self, accepted: tuple[int, ...]) -> None:
        """Raise TerraformError unless the run ended with an accepted status."""
        assert self._ended is not None, "followed before checked"
        for warning in self.progress.warnings:
            log.info("%s: %s", self.label, warning)
        if self._ended.returncode not in accepted:
            raise TerraformError(self.label, f"exit status {self._ended.returncode}", self._error_text())

    def _error_text(self) -> str:
        told = "\n\n".join(str(error) for error in self.progress.errors)
        return (
            told or process.tail(self._ended.stderr_tail if self._ended else "") or process.tail("\n".join(self._plain))
        )

    def _line(self, line: str) -> None:
        event = self._parse(line)
        if isinstance(event, PlainLine):
            self._plain.append(event.text)
        if event is not None:
            self._take(event)

    def _tick(self, elapsed_s: float) -> None:
        self._take(Heartbeat(elapsed_s))

    def _take(self, event: Event) -> None:
        self.progress.take(event)
        self._on_event(event)


class PythonTerraform(python_terraform.Terraform):  # type: ignore[misc]  # it ships no types
    """python-terraform, with its command lines run by us: environment given, output followed, Ctrl-C passed on."""

    def __init__(self, source_dir: Path, binary: Path, env: Mapping[str, str], follower: Follower) -> None:
        super().__init__(working_dir=str(source_dir), terraform_bin_path=str(binary))
        self._env, self._follower = env, follower

    def cmd(self, cmd: str, *args: str, **options: Any) -> tuple[int, str, str]:
        """Run a command and return status, output (empty: it was followed) and errors, as python-terraform does."""
        argv = self.generate_cmd_string(cmd, *args, **options)
        ended = self._follower.follow(argv, self._env, Path(str(self.working_dir)))
        return ended.returncode, "", ended.stderr_tail

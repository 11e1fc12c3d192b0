"""Programs that run beside the lab: calls that wait, and one that hands over lines while the program runs.

Arguments are always a list (no shell, so paths may hold spaces), the environment is always the caller's. What is
followed, or has children, has a guard: it does not outlive the lab's process, however that ends.
"""

from __future__ import annotations

import logging
import os
import queue
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lab_helpers.base.errors import CommandError, MissingToolError
from lab_helpers.base.guard import GRACE_S, Guard

log = logging.getLogger(__name__)

TAIL_LINES = 40
"""Lines of output that an error carries: enough for a traceback, still one screen."""


@dataclass(frozen=True)
class Finished:
    """A program that has ended: its status, what it printed, how long it took in seconds."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float


@dataclass(frozen=True)
class Streamed:
    """A program that has ended and whose lines were handed over; `stderr_tail` is the end of its error stream."""

    returncode: int
    stderr_tail: str
    seconds: float


def run(argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str], cwd: Path | None = None) -> Finished:
    """Run a program to its end and return what it printed, whatever its status.

    Raises MissingToolError when there is no such program, CommandError when it does not end within `timeout_s`.
    """
    begin = time.monotonic()
    try:
        done = subprocess.run(
            list(argv), stdin=subprocess.DEVNULL, capture_output=True, cwd=cwd, env=dict(env), timeout=timeout_s
        )
    except FileNotFoundError as exc:
        raise _missing(argv[0], cwd) from exc
    except subprocess.TimeoutExpired as exc:
        seen = tail(_text(exc.stdout) + _text(exc.stderr))
        raise CommandError(command_line(argv), f"did not end within {timeout_s:.0f} s", seen) from exc
    return Finished(done.returncode, _text(done.stdout), _text(done.stderr), time.monotonic() - begin)


def check(argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str], cwd: Path | None = None) -> Finished:
    """Run a program that has to succeed; raises CommandError with the end of its output when it does not."""
    done = run(argv, timeout_s=timeout_s, env=env, cwd=cwd)
    if done.returncode != 0:
        raise CommandError(command_line(argv), f"exit status {done.returncode}", tail(done.stdout + done.stderr))
    return done


def stream(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    on_line: Callable[[str], None],
    on_tick: Callable[[float], None],
    tick_s: float = 1.0,
    inherited: Sequence[int] = (),
    grace_s: float = GRACE_S,
) -> Streamed:
    """Run a program and call `on_line` for each line of its output as it comes, in the calling thread.

    `on_tick` gets the seconds since the start, at least every `tick_s` while nothing is printed. Ctrl-C is passed on to
    the program once for each time it is pressed, its remaining lines are still handed over, and KeyboardInterrupt
    is raised when it has ended. Should a callback fail, the program is interrupted and awaited too. Should this
    process be killed, the program is interrupted, and killed after `grace_s` seconds; whatever it started goes with it,
    and its temporary files do.
    `inherited` are descriptors that stay open as long as anything of it runs: locks.
    """
    with _RunningProgram(argv, env, cwd, inherited, grace_s) as program:
        interrupted = False
        while True:
            try:
                _pump(program, on_line, on_tick, tick_s)
                break
            except KeyboardInterrupt:
                interrupted = True
                program.interrupt()
        if interrupted:
            raise KeyboardInterrupt
        return program.result()


def run_guarded(argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str], cwd: Path) -> Finished:
    """Run a program with children to its end, as `run` does; nothing of it is left, however this ends.

    `stderr` is the end of its error stream. Ctrl-C is passed on. Raises MissingToolError, CommandError.
    """
    lines = list[str]()

    def look(elapsed_s: float) -> None:
        if elapsed_s > timeout_s:
            program.kill()
            seen = tail("\n".join(lines))
            raise CommandError(command_line(argv), f"did not end within {timeout_s:.0f} s", seen)

    with _RunningProgram(argv, env, cwd, (), GRACE_S) as program:
        try:
            _pump(program, lines.append, look, min(1.0, timeout_s))
        except KeyboardInterrupt:
            program.interrupt()
            raise
        ended = program.result()
    return Finished(ended.returncode, "\n".join([*lines, ""]) if lines else "", ended.stderr_tail, ended.seconds)


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def command_line(argv: Sequence[str]) -> str:
    """Return the command as one would type it."""
    return shlex.join(argv)


class _RunningProgram:
    """Owns the process and the two threads that read it; leaving the `with` block always awaits its end."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, inherited: Sequence[int], grace_s: float
    ) -> None:
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.begin = time.monotonic()
        self._errors: deque[str] = deque(maxlen=TAIL_LINES)
        output, errors = os.pipe(), os.pipe()
        self._output, self._error_output = _reading(output[0]), _reading(errors[0])
        self._guard = Guard((output[0], errors[0]), inherited, grace_s)
        try:
            # A group of its own: a terminal or a Jupyter kernel sends Ctrl-C to the whole process group, the program
            # would get it a second time from us, and Terraform takes two interrupts as "drop everything".
            self._process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env={**env, "TMPDIR": self._guard.scratch},
                stdin=subprocess.DEVNULL,
                stdout=output[1],
                stderr=errors[1],
                pass_fds=inherited,
                process_group=self._guard.group,
            )
        except BaseException as exc:
            self._guard.end()
            self._output.close()
            self._error_output.close()
            if isinstance(exc, FileNotFoundError):
                raise _missing(argv[0], cwd) from exc
            raise
        finally:
            os.close(output[1])
            os.close(errors[1])
        self._guard.watch(self._process.pid)
        self._readers = [
            threading.Thread(target=self._read_output, name="program-stdout", daemon=True),
            threading.Thread(target=self._read_errors, name="program-stderr", daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> _RunningProgram:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and kind is not KeyboardInterrupt:
            self.interrupt()
        self._await_end()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begin

    def interrupt(self) -> None:
        """Pass Ctrl-C on."""
        if self._process.poll() is None:
            log.info("interrupting process %d", self._process.pid)
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill it, with all that it started."""
        self._guard.end()

    def look_after(self) -> None:
        """Keep the guard alive, and let it clear up once the program has ended: a child may hold the output open."""
        if self._process.poll() is None:
            self._guard.keep()
        else:
            self._guard.end()

    def result(self) -> Streamed:
        self._await_end()
        return Streamed(self._process.returncode, "\n".join(self._errors), self.seconds)

    def _await_end(self) -> None:
        self._process.wait()
        self._guard.end()
        for reader in self._readers:
            reader.join()

    def _read_output(self) -> None:
        try:
            with self._output as output:
                for line in output:
                    self.lines.put(line.rstrip("\n"))
        finally:
            self.lines.put(None)

    def _read_errors(self) -> None:
        with self._error_output as errors:
            self._errors.extend(line.rstrip("\n") for line in errors)


def _pump(
    program: _RunningProgram, on_line: Callable[[str], None], on_tick: Callable[[float], None], tick_s: float
) -> None:
    """Hand lines over until the program closes its output."""
    next_tick = program.seconds + tick_s
    while True:
        try:
            line = program.lines.get(timeout=max(0.0, next_tick - program.seconds))
        except queue.Empty:
            program.look_after()
            on_tick(program.seconds)
            next_tick = program.seconds + tick_s
            continue
        if line is None:
            return
        on_line(line)


def _reading(descriptor: int) -> IO[str]:
    return open(descriptor, encoding="utf-8", errors="replace")


def _missing(program: str, cwd: Path | None) -> MissingToolError:
    where = f" (or the folder {cwd} to run it in)" if cwd is not None and not cwd.is_dir() else ""
    return MissingToolError(program, f"there is no such program{where}", "Install it, or put its folder on PATH.")


def _text(raw: bytes | str | None) -> str:
    if raw is None:
        return ""
    return raw if isinstance(raw, str) else raw.decode("utf-8", errors="replace")

"""Run a command again and again, or once, and take each line that it prints as a record.

Source: Fluent Bit 5.1.1, in_exec: `/bin/sh -c COMMAND` in a process group of its own, with the router's environment and
rights; a line is cut at `buf_size`, a text at its first NUL. While a command runs the next one waits. At the end the
group gets SIGTERM, and SIGKILL where that does not do.
The command is the trainee's own, as a container's is. Whoever runs somebody else's configuration (`lab try`) sets
LAB_ROUTER_NO_COMMANDS in the router's environment: then the input is refused.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

from lab_helpers.router.core.loop import Timer
from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.core.service import NO_COMMANDS
from lab_helpers.router.parsing.named_parser import named_parser
from lab_helpers.router.parsing.parser import NoMatchError, Parser
from lab_helpers.router.plugin import Input, InputContext, InputPlugin, PluginInitError
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import NS, Record

READ_BYTES = 1 << 16
END_CHECK_S = 0.05
GRACE_S = 1.0
BY_SIGNAL = 128
# a shell's exit code for a program that a signal has ended is this and the signal's number


class Exec(Input):
    """The input: a timer, and the command that runs now."""

    def __init__(self, options: Options, context: InputContext) -> None:
        self._context, self._command = context, options["command"]
        if self._command is None:
            raise PluginInitError("no input 'command' was given")
        self._parser = _parser(options["parser"], context)
        if options["buf_size"] < 0:
            raise PluginInitError("buffer size is invalid")
        self._most = max(1, options["buf_size"] - 1)
        self._ends_router, self._passes_code = options["exit_after_oneshot"], options["propagate_exit_code"]
        if self._passes_code and not self._ends_router:
            raise PluginInitError("propagate_exit_code=True option makes no sense without exit_after_oneshot=True")
        if context.service.environment.get(NO_COMMANDS):
            raise PluginInitError(
                f"the command of this input is not run: the configuration is somebody else's ({NO_COMMANDS} is set); "
                "take the input out, or run the configuration as a task of your own"
            )
        self._is_once = options["oneshot"] or self._ends_router
        self._interval_s = _interval_s(options)
        self._timer: Timer | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def start(self) -> None:
        """Begin: at once where the command is to run once, else after the first interval."""
        if self._is_once:
            self._timer = self._context.loop.call_after(0, self._run)
        else:
            self.resume()

    def pause(self) -> None:
        """Start no further command."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def resume(self) -> None:
        """Start commands again."""
        if self._timer is None and not self._is_once:
            self._timer = self._context.loop.call_every(self._interval_s, self._run)

    def stop(self) -> None:
        """End the command that runs, with all that it has started."""
        self.pause()
        child = self._child
        if child is None:
            return
        self._child = None
        self._context.loop.remove_reader(child.stdout)
        _signal(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
        _signal(child, signal.SIGKILL)
        child.wait()
        _close(child)

    def _run(self) -> None:
        if self._child is not None:
            return
        try:
            self._child = subprocess.Popen(
                ["/bin/sh", "-c", self._command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, process_group=0
            )
        except OSError as exc:
            self._context.log.debug(f"command {self._command} failed: {exc.strerror}")
            return
        assert self._child.stdout is not None
        os.set_blocking(self._child.stdout.fileno(), False)
        self._context.loop.add_reader(self._child.stdout, self._read)

    def _read(self) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        try:
            data = os.read(self._child.stdout.fileno(), READ_BYTES)
        except BlockingIOError:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            lines, self._rest = [*lines, self._rest], b""
        self._take(lines)
        if not data:
            self._context.loop.remove_reader(self._child.stdout)
            self._ended()

    def _take(self, lines: list[bytes]) -> None:
        pieces = [line[at : at + self._most] for line in lines for at in range(0, len(line) or 1, self._most)]
        records = [record for piece in pieces for record in self._records(piece.partition(b"\0")[0])]
        if records:
            self._context.ingest(self._context.tag, Batch(records=records))

    def _records(self, line: bytes) -> list[Record]:
        text, now_ns = line.decode("utf-8", "surrogateescape"), time.time_ns()
        if self._parser is None:
            return [Record(now_ns, {"exec": text})]
        try:
            parsed = self._parser.parse(text)
        except NoMatchError:
            self._context.log.error("parser returned an error")
            return []
        return [Record(now_ns if parsed.time_ns is None else parsed.time_ns, parsed.body)]

    def _ended(self) -> None:
        """See what became of the command, which may close its output before it ends."""
        child = self._child
        if child is None:
            return
        code = child.poll()
        if code is None:
            self._context.loop.call_after(END_CHECK_S, self._ended)
            return
        self._child = None
        _close(child)
        code = BY_SIGNAL - code if code < 0 else code
        self._context.log.debug(f"command {self._command} exited with code {code}")
        if self._ends_router:
            self._context.log.info("one-shot command exited, terminating fluent-bit")
            self._context.exit(code if self._passes_code else 0)


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _close(child: subprocess.Popen[bytes]) -> None:
    if child.stdout is not None:
        child.stdout.close()


def _parser(name: str | None, context: InputContext) -> Parser | None:
    if name is None:
        return None
    parser = named_parser(name, context.service)
    if parser is None:
        context.log.error(f"requested parser '{name}' not found")
    return parser


def _interval_s(options: Options) -> float:
    seconds, nanoseconds = options["interval_sec"], options["interval_nsec"]
    if seconds <= 0 and nanoseconds <= 0:
        return 1.0
    return float(max(0, seconds) + max(0, nanoseconds) / NS)


PLUGIN = InputPlugin(
    "exec",
    "Run a command, and take each line that it prints as a record.",
    Exec,
    (
        Option("command", help="The command, for /bin/sh; required."),
        Option("parser", help="Parser for each line; without one the line is under the key exec."),
        Option("interval_sec", Kind.INTEGER, "Seconds between two commands.", "1"),
        Option("interval_nsec", Kind.INTEGER, "Nanoseconds on top of interval_sec.", "0"),
        Option("buf_size", Kind.SIZE, "Longest line in bytes; the rest is a record of its own.", "4096"),
        Option("oneshot", Kind.FLAG, "Run the command once.", "false"),
        Option("exit_after_oneshot", Kind.FLAG, "End the router after it.", "false"),
        Option("propagate_exit_code", Kind.FLAG, "End with the command's exit code.", "false"),
    ),
    core=("tag", "mem_buf_limit"),
    config_error="unable to load configuration",
)

"""Makes sure that a program does not outlive the lab process that drives it, nor its own children it.

A shell of less than 2 MiB leads the process group that the program is put into, and holds the reading end of a pipe.
When the pipe closes without a word, because the lab was killed, the program gets the interrupt by which it ends in
order, and what is left after `GRACE_S` is killed; when the lab says that the program has ended, what it left behind is
killed at once. The shell holds the reading ends of the program's output too: a program that writes to nobody dies of
SIGPIPE in mid-work. It removes the program's temporary files: a Terraform that is killed leaves its providers' sockets.
A shell, because PR_SET_PDEATHSIG follows a thread, reaches no grandchildren, and is Linux only.
Not modelled: Windows; children that leave the process group.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence

from lab_helpers.base.files.socket_paths import folder_for_sockets

log = logging.getLogger(__name__)

GRACE_S = 300
"""How long a program whose lab was killed may take to end in order: a load balancer takes minutes to be made."""

# Its standard output and error are the reading ends of the program's. Killing group 0 ends the shell as well.
_SCRIPT = """
trap '' INT TERM HUP
scratch=$2
pid=$3
leave() { rm -rf -- "$scratch"; kill -s KILL 0; }
[ -n "$pid" ] || read -r pid || leave
read -r word
if [ -z "$word" ]; then
    (sleep "$1"; leave) &
    cat <&2 >/dev/null &
    kill -s INT "$pid"
    cat <&1 >/dev/null
fi
leave
"""


_NAME_BYTES = len("/lab-run-12345678/plugin-dir1234567890/plugin1234567890")


class Guard:
    """The guarding shell of one program. `outputs` are the reading ends of the program's output and error streams.

    Start it first, start the program with `process_group=guard.group` and `scratch` as its TMPDIR, then `watch` it;
    `scratch` goes when the program does. The guard is guarded: `keep` starts another one when it has ended. `inherited`
    descriptors stay open until nothing of the group is left.
    """

    def __init__(self, outputs: tuple[int, int], inherited: Sequence[int] = (), grace_s: float = GRACE_S) -> None:
        self._outputs, self._inherited, self._grace_s = outputs, tuple(inherited), grace_s
        self._lock = threading.Lock()
        self._pid: int | None = None
        self.scratch = tempfile.mkdtemp(prefix="lab-run-", dir=folder_for_sockets(_NAME_BYTES))
        self._shell = self._start(0)
        self.group = self._shell.pid

    def watch(self, pid: int) -> None:
        """Tell the guard which process to interrupt."""
        with self._lock:
            self._pid = pid
            self._tell(f"{pid}\n")

    def keep(self) -> None:
        """Start the guard anew when somebody has killed it."""
        with self._lock:
            if self._pid is None or self._shell.poll() is None:
                return
            self._close_pipe()
            log.warning("the guard of process %d was killed and is started again", self._pid)
            with contextlib.suppress(PermissionError, ProcessLookupError):  # nothing of the group is left
                self._shell = self._start(self.group)

    def end(self) -> None:
        """Kill what the program left behind, and end the guard; safe twice."""
        with self._lock:
            self._tell("ended\n" if self._pid is not None else "")
            self._pid = None
            self._close_pipe()
            self._shell.wait()
            shutil.rmtree(self.scratch, ignore_errors=True)  # the shell did it, unless somebody killed it

    def _start(self, group: int) -> subprocess.Popen[bytes]:
        output, errors = self._outputs
        return subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "lab-guard", str(self._grace_s), self.scratch, str(self._pid or "")],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
            env={"PATH": os.defpath},
            pass_fds=self._inherited,
            process_group=group,
        )

    def _tell(self, words: str) -> None:
        assert self._shell.stdin is not None, "opened with PIPE"
        with contextlib.suppress(OSError, ValueError):  # it was killed, or told before
            self._shell.stdin.write(words.encode())
            self._shell.stdin.flush()

    def _close_pipe(self) -> None:
        assert self._shell.stdin is not None, "opened with PIPE"
        with contextlib.suppress(OSError):
            self._shell.stdin.close()

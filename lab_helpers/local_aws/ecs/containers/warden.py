"""Makes sure that no container outlives the local AWS, however that ends.

A shell of less than 2 MiB holds the reading end of a pipe. It is told each container's process group; when the pipe
closes, because the local AWS stopped or was killed, it kills what is left and removes the sockets' folder. A shell,
because PR_SET_PDEATHSIG follows the *thread* that started a process, reaches no grandchildren, and is Linux only.
The guard is guarded: a shell that is killed is replaced at once, and the new one is told all that it has to guard.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from pathlib import Path

from lab_helpers.base.files.socket_paths import SHORT_FOLDER, folder_for_sockets

log = logging.getLogger(__name__)

_SCRIPT = """
groups=$2
while read -r verb group; do
    case $verb in
        add) groups="$groups $group" ;;
        drop) kept=; for each in $groups; do [ "$each" = "$group" ] || kept="$kept $each"; done; groups=$kept ;;
    esac
done
for each in $groups; do kill -s KILL -- "-$each" 2>/dev/null; done
rm -rf -- "$1"
"""

_NAME_BYTES = len("/lab-ecs-12345678/0123456789abcdef0123456789abcdef.sock")


def _run_folder() -> str:
    """Return where the folder is made: where temporary files are, if that is short enough.

    In /tmp, too, if root has that to itself: Apache's child is another user, and could not read its pages (a TMPDIR of
    libpam-tmpdir, or below root's home).
    """
    here = Path(folder_for_sockets(_NAME_BYTES))
    is_open = os.geteuid() != 0 or all(each.stat().st_mode & stat.S_IXOTH for each in (here, *here.parents))
    return str(here) if is_open else SHORT_FOLDER


class Warden:
    """Owns the guarding shell and `run_dir`, a folder with a short path for unix sockets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[int, None] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._run_dir: Path | None = None

    @property
    def run_dir(self) -> Path:
        """The folder for sockets; starts the warden when it is first asked for."""
        self.start()
        if self._run_dir is None:
            raise RuntimeError("The warden was stopped.")
        return self._run_dir

    def start(self) -> None:
        """Start the shell; does nothing when it runs."""
        with self._lock:
            if self._process is not None:
                return
            self._run_dir = Path(tempfile.mkdtemp(prefix="lab-ecs-", dir=_run_folder()))
            self._process = self._shell(self._run_dir)

    def guard(self, group: int) -> None:
        """Have the process group killed if the local AWS ends without `release`."""
        with self._lock:
            self._groups[group] = None
            self._tell("add", group)

    def release(self, group: int) -> None:
        """Forget a group whose processes have ended: its number may be given to strangers."""
        with self._lock:
            self._groups.pop(group, None)
            self._tell("drop", group)

    def stop(self) -> None:
        """End the shell (it kills what it still guards) and remove the folder."""
        with self._lock:
            process, self._process = self._process, None
            folder, self._run_dir = self._run_dir, None
            self._groups.clear()
        if process is not None and process.stdin is not None:
            process.stdin.close()
            process.wait()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _shell(self, folder: Path) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "lab-ecs-warden", str(folder), " ".join(map(str, self._groups))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the lab's terminal must not reach it
        )
        threading.Thread(target=self._replace, args=(process,), name="ecs-warden", daemon=True).start()
        return process

    def _replace(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for a shell's end; start another one unless the warden was stopped."""
        process.wait()
        with self._lock:
            if self._process is not process or self._run_dir is None:
                return
            log.warning("The warden of the containers ended with %s and is started again.", process.returncode)
            assert process.stdin is not None, "opened with PIPE"
            with contextlib.suppress(OSError):
                process.stdin.close()
            self._process = self._shell(self._run_dir)

    def _tell(self, verb: str, group: int) -> None:
        """Say a line to the shell. One that has just been killed does not hear it: its successor is told all."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(OSError):
            self._process.stdin.write(f"{verb} {group}\n".encode())
            self._process.stdin.flush()

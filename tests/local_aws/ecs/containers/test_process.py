"""Containers are processes: their output is read to the end, and nothing of them survives."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import psutil
import pytest

from lab_helpers.base.files.socket_paths import SOCKET_PATH_BYTES
from lab_helpers.base.wait import wait_until
from lab_helpers.local_aws.ecs.containers import process as process_module
from lab_helpers.local_aws.ecs.containers.process import ContainerProcess
from lab_helpers.local_aws.ecs.containers.warden import Warden
from lab_helpers.local_aws.ecs.logs.lines import LogLine


class Kept:
    """A log driver that keeps lines."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.ended = threading.Event()

    def write(self, lines: list[LogLine]) -> None:
        self.lines += lines

    def end_of_output(self) -> None:
        self.ended.set()

    def close(self, timeout_s: float) -> None:
        del timeout_s

    def counters(self) -> dict[str, int]:
        return {}

    def texts(self, source: str = "stdout") -> list[str]:
        return [line.text.decode() for line in self.lines if line.source == source]


@pytest.fixture
def warden() -> Warden:
    return Warden()


def _run(script: str, folder: Path, kept: Kept, warden: Warden, **rest: object) -> ContainerProcess:
    env = {"PATH": os.environ["PATH"], "GREETING": "hello"}
    return ContainerProcess(["/bin/sh", "-c", script], env, folder, kept, warden, **rest)  # type: ignore[arg-type]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_output_environment_and_exit_code(tmp_path: Path, warden: Warden) -> None:
    """Both streams are read, the environment is the container's own, the exit code is known."""
    kept = Kept()
    process = _run("echo $GREETING $PWD; echo oops >&2; printf tail; exit 3", tmp_path, kept, warden)
    assert process.finished.wait(10)
    assert kept.texts() == [f"hello {tmp_path}", "tail"]
    assert kept.texts("stderr") == ["oops"]
    assert process.exit_code == 3
    assert process.last_line() in ("tail", "oops")


def test_a_stop_signal_is_answered(tmp_path: Path, warden: Warden) -> None:
    """A container that heeds SIGTERM ends with its own code, and its last words are kept."""
    kept = Kept()
    script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    process = _run(script, tmp_path, kept, warden)
    while not kept.lines:
        assert not process.exited.wait(0.01)
    assert process.stop(10) == 0
    assert kept.texts() == ["ready", "bye"]


def test_a_deaf_container_is_killed(tmp_path: Path, warden: Warden) -> None:
    """After stopTimeout comes SIGKILL, seen as 137."""
    kept = Kept()
    process = _run("trap '' TERM; echo ready; while :; do sleep 0.05; done", tmp_path, kept, warden)
    while not kept.lines:
        assert not process.exited.wait(0.01)
    assert process.stop(0.1) == 137


def test_children_go_with_their_container(tmp_path: Path, warden: Warden) -> None:
    """What the first process leaves behind is killed when it ends, and does not hold up the reading."""
    kept = Kept()
    process = _run("sleep 60 & echo $!; exit 0", tmp_path, kept, warden)
    assert process.finished.wait(10)
    child = int(kept.texts()[0])
    # killed it is when the container has ended; that the system is through with it takes it a moment
    wait_until(lambda: not _alive(child), 20, 0.02, "the child to be gone")


def test_hidden_lines_never_reach_the_driver(tmp_path: Path, warden: Warden) -> None:
    """What belongs to the lab's wiring is not part of the container's log."""
    kept = Kept()
    process = _run("echo a; echo wiring b; echo c", tmp_path, kept, warden, hidden=b"wiring")
    assert process.finished.wait(10)
    assert kept.texts() == ["a", "c"]


def test_paths_are_those_that_the_container_knows(tmp_path: Path, warden: Warden) -> None:
    """On AWS nobody sees the folder of this machine in which a container's files lie."""
    kept = Kept()
    process = _run(
        "echo /home/x/rootfs/etc/a.conf:1; echo /home/x/rootfs-b/c",
        tmp_path,
        kept,
        warden,
        shown={"/home/x/rootfs": ""},
    )
    assert process.finished.wait(10)
    assert kept.texts() == ["/etc/a.conf:1", "/home/x/rootfs-b/c"]
    assert process.tail() == kept.texts()


SERVER = textwrap.dedent(
    """
        import sys, threading
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        from lab_helpers.local_aws.ecs.logs.drivers import NoLog
        from lab_helpers.local_aws.ecs.containers.process import ContainerProcess
        from lab_helpers.local_aws.ecs.containers.warden import Warden
        warden = Warden()
        print(warden.run_dir, flush=True)
        print(warden._process.pid, flush=True)
        argv = ["/bin/sh", "-c", "sleep 60 & echo $! > pids; echo $$ >> pids; touch ready; wait"]
        ContainerProcess(argv, {"PATH": sys.argv[2]}, Path("."), NoLog(), warden)
        threading.Event().wait()
        """
)
"""A stand-in of the local AWS: a warden and one container with a child."""


def test_nothing_survives_a_killed_server(tmp_path: Path) -> None:
    """kill -9 of the local AWS takes every container with it, grandchildren too, and the sockets' folder."""
    server, run_dir, _, pids = _served(tmp_path)
    server.kill()
    server.wait()
    assert _eventually(lambda: not any(map(_alive, pids)) and not run_dir.exists())


def test_a_killed_warden_is_replaced(tmp_path: Path) -> None:
    """The guard is guarded: after kill -9 of the warden, kill -9 of the local AWS still leaves nothing."""
    server, run_dir, warden, pids = _served(tmp_path)
    os.kill(warden, signal.SIGKILL)
    assert _eventually(lambda: any(pid != warden for pid in _wardens(server.pid)))
    server.kill()
    server.wait()
    assert _eventually(lambda: not any(map(_alive, pids)) and not run_dir.exists())


def _served(folder: Path) -> tuple[subprocess.Popen[str], Path, int, list[int]]:
    """Start SERVER; return it, its folder of sockets, its warden's pid, and the pids of its container."""
    root = Path(__file__).parents[4]
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(root), os.environ["PATH"]], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    with server.stdout as output:
        run_dir, warden = Path(output.readline().strip()), int(output.readline())
    assert _eventually((folder / "ready").exists)
    pids = [int(line) for line in (folder / "pids").read_text().split()]
    assert all(map(_alive, pids))
    return server, run_dir, warden, pids


def _wardens(server: int) -> list[int]:
    """Return the pids of a server's wardens that run."""
    children = psutil.Process(server).children()
    return [
        each.pid for each in children if each.status() != psutil.STATUS_ZOMBIE and "lab-ecs-warden" in each.cmdline()
    ]


def _eventually(condition: object, timeout_s: float = 10.0) -> bool:
    pause = threading.Event()
    for _ in range(int(timeout_s / 0.02)):
        if condition():  # type: ignore[operator]
            return True
        pause.wait(0.02)
    return False


def test_stop_of_a_warden_is_safe_twice() -> None:
    """Before start and after stop, stopping does nothing."""
    warden = Warden()
    warden.stop()
    folder = warden.run_dir
    assert folder.is_dir()
    warden.stop()
    warden.stop()
    assert not folder.exists()


def test_a_container_may_be_silent_for_long(tmp_path: Path, warden: Warden, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing read for longer than LINGER_S ends the reading only after the program has ended."""
    monkeypatch.setattr(process_module, "LINGER_S", 0.05)
    kept = Kept()
    process = _run("echo before; sleep 0.5; echo after", tmp_path, kept, warden)
    assert process.finished.wait(10)
    assert kept.texts() == ["before", "after"]


def test_lines_in_quick_succession_are_read_together(tmp_path: Path, warden: Warden) -> None:
    """A hundred lines, a millisecond apart, take few readings; none is lost, and they stay in order."""
    kept, sizes = Kept(), list[int]()
    write = kept.write
    kept.write = lambda lines: (sizes.append(len(lines)), write(lines))[1]  # type: ignore[method-assign]
    script = "import time\nfor n in range(100):\n    print(n, flush=True)\n    time.sleep(0.001)"
    process = _run(f"{shlex.quote(sys.executable)} -c '{script}'", tmp_path, kept, warden)
    assert process.finished.wait(20)
    assert kept.texts() == [str(number) for number in range(100)]
    assert len(sizes) < 50


def test_sockets_have_a_short_path_where_temporary_files_lie_deep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unix socket's path ends at 103 bytes on macOS: a longer one could not be bound, and no log line arrived."""
    deep = tmp_path / ("d" * 80)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    warden = Warden()
    try:
        assert len(str(warden.run_dir / f"{'0' * 32}.sock")) <= SOCKET_PATH_BYTES
    finally:
        warden.stop()


def test_roots_own_temporary_folder_is_no_place_for_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apache's child is another user: below a folder that is root's alone it would answer 403 to everything."""
    own = tmp_path / "own"
    own.mkdir(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    warden = Warden()
    try:
        assert warden.run_dir.parent == Path("/tmp")
    finally:
        warden.stop()
    assert list(own.iterdir()) == []

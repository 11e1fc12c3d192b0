"""The local AWS as a background process: started, found, lost, stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base import config
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.config import Settings
from lab_helpers.base.errors import LocalAwsNotRunningError, LocalAwsStartError
from lab_helpers.base.wait import wait_until
from lab_helpers.checkpoints import begin_anew
from lab_helpers.lab import Notes, attach

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[LocalBackend]:
    """A backend with a state folder of its own; its server is stopped afterwards."""
    made = LocalBackend(config.load({}, home=tmp_path / "a home"))
    yield made
    made.stop()


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_start_answers_and_stop_ends_it(backend: LocalBackend) -> None:
    """After start the API answers, after stop the process is gone and its state file too."""
    backend.start()
    state = backend.running()
    assert state is not None
    assert backend.client("sts").get_caller_identity()["Arn"].endswith("user/lab-operator")
    assert backend.stop() is True
    assert _gone(state.pid)
    assert backend.running() is None
    assert backend.stop() is False


def test_second_start_finds_the_running_one(backend: LocalBackend) -> None:
    """Starting what runs changes nothing: the same process, the same instance. Who waits for a start is told so."""
    told: list[str] = []
    backend.start(told.append)
    assert [line.partition(":")[0] for line in told] == ["The local AWS does not run"]
    first = backend.running()
    backend.start(told.append)
    assert backend.running() == first
    assert len(told) == 1


START = """
    import sys
    from pathlib import Path
    from lab_helpers.backends.local import LocalBackend
    from lab_helpers.base import config
    sys.stdin.readline()
    backend = LocalBackend(config.load({}, home=Path(sys.argv[1])))
    backend.start()
    print(backend.identity())
"""


def _started_at_once(home: Path, count: int) -> list[str]:
    """Start the local AWS of one folder from several processes at the same moment; return the instances they got."""
    argv = [sys.executable, "-c", textwrap.dedent(START), str(home)]
    starts = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=config.inherited())
        for _ in range(count)
    ]
    for start in starts:
        assert start.stdin is not None
        start.stdin.write("\n")
        start.stdin.flush()
    return [start.communicate()[0].strip() for start in starts]


def test_started_by_three_at_once_there_is_one_server(backend: LocalBackend, tmp_path: Path) -> None:
    """All three get it, and `lab down` leaves none."""
    instances = _started_at_once(tmp_path / "a home", 3)
    assert len(set(instances)) == 1
    assert instances[0] == backend.identity()
    assert len(_servers(backend.folder)) == 1
    assert backend.stop() is True
    assert not _servers(backend.folder)


def test_a_server_without_its_state_file_is_found(backend: LocalBackend) -> None:
    """The lock says whose the folder is: a second server does not start beside it, and `lab down` ends it."""
    backend.start()
    state = backend.running()
    assert state is not None
    (backend.folder / "server.json").unlink()
    second = subprocess.run(backend._command(), capture_output=True, text=True, env=config.inherited(), timeout=60)
    assert (second.returncode, "another local AWS works in" in second.stderr) == (1, True)
    assert backend.stop() is True
    assert _gone(state.pid)


def test_a_server_that_stands_still_is_stopped(backend: LocalBackend) -> None:
    """One that was sent SIGSTOP answers nobody; `lab down` ends it all the same."""
    backend.start()
    state = backend.running()
    assert state is not None
    os.kill(state.pid, signal.SIGSTOP)
    assert backend.stop() is True
    assert _gone(state.pid)


def _servers(folder: Path) -> list[int]:
    """Return the pids of the servers of a data folder."""
    found = psutil.process_iter(["cmdline"])
    return [each.pid for each in found if {"--data-dir", str(folder)} <= set(each.info["cmdline"] or ())]


def test_state_file_with_keys_is_for_its_owner_only(backend: LocalBackend) -> None:
    """Nobody else on this machine reads the operator's keys."""
    backend.start()
    assert (backend.folder / "server.json").stat().st_mode & 0o077 == 0


def test_killed_server_is_said_with_what_to_do(backend: LocalBackend) -> None:
    """A call after kill -9 names the address and how to start again, and does not hang."""
    backend.start()
    state = backend.running()
    assert state is not None
    logs = backend.client("logs")
    os.kill(state.pid, signal.SIGKILL)
    os.waitpid(state.pid, 0)
    with pytest.raises(LocalAwsNotRunningError, match="lab up"), aws_errors("DescribeLogGroups"):
        logs.describe_log_groups()
    with pytest.raises(LocalAwsNotRunningError, match="lab up"):
        backend.client("logs")


def test_stale_state_file_counts_as_none(backend: LocalBackend) -> None:
    """A state file whose server is gone, or whose pid is another program's, does not keep a new one from starting."""
    backend.folder.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stale = {
        "pid": os.getpid(),
        "instance_id": "stale",
        "endpoint_url": f"http://127.0.0.1:{port}",
        "access_key_id": "k",
        "secret_access_key": "s",
    }
    (backend.folder / "server.json").write_text(json.dumps(stale))
    assert backend.running() is None
    backend.start()
    assert backend.identity() != "stale"


def test_broken_state_file_counts_as_none(backend: LocalBackend) -> None:
    """Half a JSON file is no server."""
    backend.folder.mkdir(parents=True)
    (backend.folder / "server.json").write_text('{"pid": 1')
    assert backend.running() is None


def test_taken_port_is_said_with_the_reason(tmp_path: Path) -> None:
    """The background process's own reason reaches the caller, and nothing keeps running."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        backend = LocalBackend(config.load({}, home=tmp_path, port=port))
        with pytest.raises(LocalAwsStartError, match=f"port {port} .* is taken"):
            backend.start()
    assert backend.running() is None


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server cannot write its log there: who starts it looks, says where, and what to do."""
    full = shutil.disk_usage(tmp_path)._replace(free=4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    monkeypatch.setattr(LocalBackend, "_command", lambda _: [sys.executable, "-c", "raise SystemExit(1)"])
    with pytest.raises(LocalAwsStartError, match=r"no space is left where .*aws is\. Make room there, or set LAB_HOME"):
        LocalBackend(Settings(home=tmp_path)).start()


def test_two_labs_side_by_side(tmp_path: Path) -> None:
    """Two state folders are two instances that know nothing of each other."""
    one, two = (LocalBackend(config.load({}, home=tmp_path / name)) for name in ("one", "two"))
    try:
        one.start()
        two.start()
        one.client("logs").create_log_group(logGroupName="/only/one")
        assert two.client("logs").describe_log_groups()["logGroups"] == []
        assert one.identity() != two.identity()
    finally:
        one.stop()
        two.stop()


def test_a_copied_folder_is_no_way_to_the_original(tmp_path: Path) -> None:
    """Its server.json names a server that holds the lock of another folder: neither spoken to nor stopped."""
    original, copy = (LocalBackend(config.load({}, home=tmp_path / name)) for name in ("original", "copy"))
    try:
        original.start()
        original.client("logs").create_log_group(logGroupName="/kept")
        shutil.copytree(tmp_path / "original", tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
        assert copy.running() is None
        assert copy.stop() is False
        assert (tmp_path / "copy" / "aws" / "server.json").exists() is False
        copy.start()
        copy.client("logs").delete_log_group(logGroupName="/kept")
        assert copy.stop() is True
        assert len(original.client("logs").describe_log_groups()["logGroups"]) == 1
    finally:
        copy.stop()
        original.stop()


def test_environment_leads_to_the_local_aws_only(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever AWS settings the shell has, a child gets the local endpoint and the server's own keys."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    backend.start()
    given = backend.environment()
    state = backend.running()
    assert state is not None
    assert "AWS_PROFILE" not in given
    assert given["AWS_ENDPOINT_URL"] == state.endpoint_url
    assert given["AWS_ACCESS_KEY_ID"] == state.access_key_id != "AKIAREAL"


def test_notes_of_another_instance_are_forgotten(tmp_path: Path) -> None:
    """What a notebook noted outlives its server, and is not taken for true on one that begins anew."""
    settings = config.load({}, home=tmp_path)
    lab = attach(settings)
    try:
        lab.notes.take("applied")
        assert attach(settings).notes.has("applied")
        LocalBackend(settings).stop()
        assert attach(settings).notes.has("applied")
        LocalBackend(settings).stop(at_once=True)
        begin_anew(settings)
        assert not attach(settings).notes.has("applied")
    finally:
        LocalBackend(settings).stop()


def test_server_dies_with_nothing_left_on_sigterm(backend: LocalBackend) -> None:
    """A terminated server takes its state file with it."""
    backend.start()
    state = backend.running()
    assert state is not None
    os.kill(state.pid, signal.SIGTERM)
    wait_until(lambda: not (backend.folder / "server.json").exists(), 30, 0.05, "the state file to go")


def test_two_open_notebooks_keep_each_others_notes(tmp_path: Path) -> None:
    """What one notebook notes is seen, and not overwritten, by another that was opened before."""
    one, two = Notes(tmp_path, "me"), Notes(tmp_path, "me")
    one.take("a", 1)
    two.take("b", 2)
    assert (one.read("b", "b", "02"), two.read("a", "a", "02")) == (2, 1)
    one.drop("a")
    assert not two.has("a")
    assert two.has("b")

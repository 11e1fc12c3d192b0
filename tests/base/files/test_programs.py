"""Programs that are written and run at once, while other threads start programs."""

from __future__ import annotations

import fcntl
import io
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab_helpers.base.files.programs import await_runnable
from lab_helpers.base.files.whole_file import write_whole
from lab_helpers.local_aws.ecs.containers.unpacking import unpack

SCRIPT = b"#!/bin/sh\n"
TIMES = 150
"""A plain write and run meets "Text file busy" in four of a hundred here."""


@pytest.fixture
def starting() -> Iterator[None]:
    """Two threads that start one program after the other."""
    ended = threading.Event()

    def start() -> None:
        while not ended.is_set():
            subprocess.run(["/bin/true"], check=True)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield
    ended.set()
    for thread in threads:
        thread.join()


def unpacked(path: Path, content: bytes) -> None:
    """Write a program as an image's layer does."""
    layer = path.parent / f"{path.name}.tar"
    with tarfile.open(layer, "w") as archive:
        info = tarfile.TarInfo(path.name)
        info.size, info.mode = len(content), 0o755
        archive.addfile(info, io.BytesIO(content))
    unpack(layer, path.parent)


@pytest.mark.parametrize("write", [lambda path, content: write_whole(path, content, 0o755), unpacked])
@pytest.mark.usefixtures("starting")
def test_what_was_written_runs_at_once(write: Callable[[Path, bytes], None], tmp_path: Path) -> None:
    """No child of another thread still holds it open for writing."""
    for number in range(TIMES):
        write(tmp_path / f"program-{number}", SCRIPT)
        subprocess.run([str(tmp_path / f"program-{number}")], check=True)


@pytest.mark.skipif(not hasattr(fcntl, "F_SETLEASE"), reason="this system runs programs that are open for writing")
def test_a_program_that_a_child_holds_open_is_awaited(tmp_path: Path) -> None:
    """The call returns when the child has ended, not before."""
    program = tmp_path / "program"
    with program.open("wb") as file:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file)
    waiting = threading.Thread(target=await_runnable, args=(program,), daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    child.communicate()
    waiting.join(10)
    assert not waiting.is_alive()

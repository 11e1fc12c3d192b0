"""Locks that end with their holder."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from lab_helpers.base.files.file_lock import FileLock, holder_of

HOLDER = """
    import sys, threading
    from pathlib import Path
    from lab_helpers.base.files.file_lock import FileLock
    assert FileLock.take(Path(sys.argv[1]), {"who": "a child"})
    print("held", flush=True)
    threading.Event().wait()
"""


def test_one_holds_it_and_says_who(tmp_path: Path) -> None:
    """A second taker gets nothing and reads who has it; after release it is free."""
    path = tmp_path / "lock"
    assert holder_of(path) is None
    with FileLock.take(path, {"who": "me"}) as held:  # type: ignore[union-attr]
        assert held is not None
        assert FileLock.take(path, {"who": "you"}) is None
        assert holder_of(path) == {"who": "me"}
    assert holder_of(path) is None


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """kill -9 leaves the file, but no lock."""
    path = tmp_path / "lock"
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(HOLDER), str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child.stdout as output:
        assert output.readline() == b"held\n"
        assert holder_of(path) == {"who": "a child"}
        child.kill()
        child.wait()
    assert path.exists()
    again = FileLock.take(path, {"who": "me"})
    assert again is not None
    again.release()


def test_a_child_that_inherits_it_holds_it_on(tmp_path: Path) -> None:
    """The lock of a run lasts as long as its program does, whoever started that."""
    path = tmp_path / "lock"
    held = FileLock.take(path, {"who": "me"})
    assert held is not None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(held.descriptor,))
    held.release()
    assert holder_of(path) == {"who": "me"}
    child.communicate(b"\n")
    assert holder_of(path) is None

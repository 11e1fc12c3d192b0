"""Files that are written at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lab_helpers.base.files.whole_file import write_whole


def test_writers_at_the_same_moment_do_not_meet(tmp_path: Path) -> None:
    """Eight threads, each file is one of theirs as a whole, and nothing lies beside it."""
    path, begin, failed = tmp_path / "new" / "file", threading.Barrier(8), list[Exception]()
    contents = [bytes([64 + one]) * 200_000 for one in range(8)]

    def write(content: bytes) -> None:
        begin.wait(10)
        try:
            for _ in range(20):
                write_whole(path, content)
        except OSError as exc:
            failed.append(exc)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert path.read_bytes() in contents
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_a_private_file_is_never_open_to_others(tmp_path: Path) -> None:
    """The mode is there from the first byte on, also where a broken-off write left something."""
    path = tmp_path / "secret"
    path.touch(mode=0o644)
    write_whole(path, b"x", 0o600)
    assert (path.stat().st_mode & 0o777, path.read_bytes()) == (0o600, b"x")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    """A place that cannot be written is told, and what was there stays."""
    folder = tmp_path / "file"
    folder.mkdir()
    (folder / "kept").touch()
    with pytest.raises(OSError, match="file"):
        write_whole(folder, b"x")
    assert (folder / "kept").exists()

"""Try again at each save. What has changed is told by time and size of the files, looked at a few times a second."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lab_helpers.trying.image_files import NO_IMAGE_FILES

POLL_S = 0.1
MOST_WATCHED = 2_000
"""Files; what is beyond is not looked at."""

Snapshot = Mapping[Path, tuple[int, int]]
"""Time of the last change in nanoseconds and size in bytes, by file."""


def watch(
    paths: Sequence[Path], once: Callable[[], None], prepare: Callable[[], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:  # fmt: skip
    """Call `once`, and again after each save below `paths`, until KeyboardInterrupt.

    `prepare` runs after each verdict; a save meanwhile is not missed.
    """
    while True:
        before = snapshot(paths)
        once()
        prepare()
        wait_for_save(paths, before, sleep)


def wait_for_save(paths: Sequence[Path], before: Snapshot, sleep: Callable[[float], None] = time.sleep) -> None:
    """Return when the files are others than `before`, and stay so for a moment: an editor writes in several steps."""
    now = snapshot(paths)
    while now == before:
        sleep(POLL_S)
        now = snapshot(paths)
    last: Snapshot = {}
    while last != now:
        last = now
        sleep(POLL_S)
        now = snapshot(paths)


def snapshot(paths: Sequence[Path]) -> Snapshot:
    """Return the state of files and of all below folders; what is not there is left out."""
    found: dict[Path, tuple[int, int]] = {}
    for path in (each for named in paths for each in _files(named)):
        try:
            state = path.stat()
        except OSError:
            continue
        found[path] = state.st_mtime_ns, state.st_size
        if len(found) == MOST_WATCHED:
            break
    return found


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
    for root, folders, names in os.walk(path):
        folders[:] = sorted(set(folders) - NO_IMAGE_FILES)
        yield from (Path(root, name) for name in sorted(names))

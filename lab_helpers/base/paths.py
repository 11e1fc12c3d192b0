"""The one way in which a name from outside (an API call, an image, a log line) becomes a path.

`inside` is for names that must stay what they are: one that leads out of its folder is refused. `below` is for paths
that a container's program or an image speaks of: they are looked up as in that container, with its root as `/`.
tests/test_structure.py holds the rooms that take such names to these two.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from lab_helpers.base.errors import PathOutsideError

MOST_LINKS = 40
"""Source: path_resolution(7): the kernel follows no more symbolic links in one path."""


def inside(folder: Path, *names: str) -> Path:
    """Return the path of relative `names` in `folder`, which need not exist.

    Raises PathOutsideError for a name that is empty, absolute, has `.`, `..` or NUL in it, or that a symbolic link
    leads out of the folder.
    """
    for name in names:
        if not is_plain(name):
            raise PathOutsideError(name, str(folder))
    path = folder.joinpath(*names)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise PathOutsideError("/".join(names), str(folder))
    return path


def is_plain(name: str) -> bool:
    """Whether a name is a relative path that only goes down."""
    return "\0" not in name and bool(name) and not {"", ".", ".."} & set(name.split("/"))


def below(root: Path, path: str) -> Path:
    """Return where `path` is, seen by somebody whose `/` is the folder `root`; it need not exist.

    Links in between and the last one are followed as there: an absolute one starts at `root`, and `..` at `root` stays.
    Raises PathOutsideError for NUL and for links in a circle.
    """
    return _walk(root, path, follow_last=True)


def entry_below(root: Path, path: str) -> Path:
    """Return where the entry `path` itself is: like `below`, but a link at its end is not followed."""
    return _walk(root, path, follow_last=False)


def _walk(root: Path, path: str, *, follow_last: bool) -> Path:
    if "\0" in path:
        raise PathOutsideError(path, str(root))
    left, at, links = deque(path.split("/")), root, 0
    while left:
        part = left.popleft()
        if part in {"", "."}:
            continue
        if part == "..":
            at = at.parent if at != root else root
            continue
        here = at / part
        if (left or follow_last) and here.is_symlink():
            links += 1
            if links > MOST_LINKS:
                raise PathOutsideError(path, str(root))
            target = os.readlink(here)
            at = root if target.startswith("/") else at
            left.extendleft(reversed(target.split("/")))
        else:
            at = here
    return at

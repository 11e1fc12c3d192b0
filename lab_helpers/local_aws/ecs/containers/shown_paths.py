"""Paths as the container knows them: nobody on AWS sees the folders of this machine that stand for its files."""

from __future__ import annotations

import re
from collections.abc import Mapping


class ShownPaths:
    """Gives text back with places of this machine named as in the container; false where there are none to name.

    `names`: place -> path in the container, "" for its root. The longest place counts; a name that only begins like a
    place (`rootfs-b`) is another.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = {place.encode(): path.encode() for place, path in names.items()}
        places = b"|".join(map(re.escape, sorted(self._names, key=len, reverse=True)))
        self._places = re.compile(rb"(" + places + rb")(?![\w-]|\.\w)(/?)")

    def __bool__(self) -> bool:
        return bool(self._names)

    def __call__(self, text: bytes) -> bytes:
        return self._places.sub(lambda found: self._names[found[1]] + found[2] or b"/", text)

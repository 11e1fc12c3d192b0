"""How long each resource took when a run made or changed it last: an apply that makes nothing is asked for it, too."""

from __future__ import annotations

import json
from pathlib import Path

from lab_helpers.base.files.whole_file import read_object, write_whole
from lab_helpers.terraform.progress import Progress


def add(path: Path, progress: Progress) -> None:
    """Write down what a run took for which resources, beside what is known; a deleted one is forgotten."""
    if progress.seconds:
        known = {**read(path), **progress.seconds}
        left = {address: seconds for address, seconds in known.items() if address not in progress.gone}
        write_whole(path, json.dumps(left, indent=2).encode())


def read(path: Path) -> dict[str, float]:
    """Return {address: seconds}."""
    return read_object(path)

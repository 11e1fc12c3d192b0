"""How long each resource took when a run made or changed it last: an apply that makes nothing is asked for it, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab_helpers.terraform.progress import Progress


def add(path: Path, progress: Progress) -> None:
    """Write down what a run took for which resources, beside what is known; a deleted one is forgotten."""
    if progress.seconds:
        known = {**read(path), **progress.seconds}
        left = {address: seconds for address, seconds in known.items() if address not in progress.gone}
        path.write_text(json.dumps(left, indent=2), encoding="utf-8")


def read(path: Path) -> dict[str, float]:
    """Return {address: seconds}."""
    return read_object(path)


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file of ours; empty where there is none, or no whole one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

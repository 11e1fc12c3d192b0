"""What a trainee hands in where no class is served: progress and minutes in one file, or a copy of their folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab_helpers.base import nested_json
from lab_helpers.base.files.whole_file import write_whole
from lab_helpers.exercises import Progress
from lab_helpers.exercises.progress import FILE
from lab_helpers.workbook.course import pages
from lab_helpers.workbook.time_used import TimeUsed

MINUTES = "minutes"
_MOST_S = 1e7


def hand_in(home: Path, owner: str, file: Path) -> None:
    """Write one file that `lab progress --class` reads: attempts, guesses, and seconds by notebook."""
    used = TimeUsed(home)
    seconds = {page.name: used.of(page.name).seconds for page in pages()}
    content = Progress(home, owner).as_dict()
    content[MINUTES] = {name: round(each) for name, each in seconds.items() if each}
    write_whole(file, json.dumps(content, indent=1).encode())


def minutes_of(file: Path) -> tuple[int, int] | None:
    """Return the minutes used, and those planned for the notebooks that were begun; None where a file has no times.

    They are in the file itself (`hand_in`), or beside it in a copy of the folder.
    """
    seconds = _in_file(file) or (_beside(file) if file.name == FILE else {})
    if not seconds:
        return None
    planned = sum(page.minutes for page in pages() if page.name in seconds)
    return round(sum(seconds.values()) / 60), planned


def _in_file(file: Path) -> dict[str, float]:
    known = {page.name for page in pages()}
    try:
        found: Any = nested_json.loads(file.read_text(encoding="utf-8")).get(MINUTES, {})
        seconds = {name: float(each) for name, each in found.items() if name in known}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return {name: each for name, each in seconds.items() if 0 < each <= _MOST_S}


def _beside(file: Path) -> dict[str, float]:
    used = TimeUsed(file.parent)
    found = {page.name: used.of(page.name).seconds for page in pages()}
    return {name: each for name, each in found.items() if 0 < each <= _MOST_S}

"""The files of a drill as they are when it is broken, and mended (the latter are left out of a student's copy).

A file has the same name in both, and in the trainee's working copy: `drills/match_nothing/extra.conf`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab_helpers.base.errors import LabError
from lab_helpers.base.messages import say
from lab_helpers.base.paths import inside

HERE = Path(__file__).parent
BROKEN, MENDED = HERE / "broken", HERE / "mended"
CONF, CONTAINERS, TASK_ROLE, EXECUTION_ROLE = "extra.conf", "containers.json", "task-role.json", "execution-role.json"
MEMBERS = ("essential", "logConfiguration", "memory", "memoryReservation", "name", "stopTimeout")
"""What a containers.json may say of a container; the rest of its definition is the drill's."""

Files = Mapping[str, str]
"""Texts of a drill's files by their names."""


def path_of(drill: str, name: str) -> str:
    """Return a file's name in the trainee's working copy."""
    return f"drills/{drill}/{name}"


def broken(drill: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return the files with the mistake in them."""
    return {name: inside(BROKEN, drill, name).read_text(encoding="utf-8") for name in names}


def mended(drill: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return the files without the mistake; empty in a student's copy."""
    paths = {name: inside(MENDED, drill, name) for name in names}
    return {name: path.read_text(encoding="utf-8") for name, path in paths.items() if path.is_file()}


def members(files: Files, container: str) -> dict[str, Any]:
    """Return what the drill's containers.json says of a container, nothing without the file; raises LabError."""
    if CONTAINERS not in files:
        return {}
    try:
        found = json.loads(files[CONTAINERS])
        given = {each["name"]: each for each in found}
    except (ValueError, TypeError, KeyError) as exc:
        raise refusal(CONTAINERS, say("it is no list of containers with a `name` each")) from exc
    for name, each in given.items():
        if other := sorted(set(each) - set(MEMBERS)):
            told = say("{container} has `{member}`; known here: {known}", container=name, member=other[0],
                       known=", ".join(MEMBERS))  # fmt: skip
            raise refusal(CONTAINERS, told)
    return dict(given.get(container, {}))


def refusal(name: str, words: str) -> LabError:
    """Return the error that says why no task is started with a file."""
    return LabError(say("No task is started with this {name}: {words}", name=name, words=words))

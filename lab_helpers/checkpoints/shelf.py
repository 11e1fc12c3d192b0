"""The checkpoints that there are, and how they may be called."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from lab_helpers.base.config import Settings
from lab_helpers.base.errors import CheckpointError, SettingsError
from lab_helpers.base.paths import inside

AUTOMATIC = "begin-"
"""How the names begin of those that a notebook's beginning takes: `begin-05`, `begin-drills-3`."""
META, PARTIAL = "checkpoint.json", ".partial"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint: when it was taken (ISO 8601, UTC), of which instance of the local AWS, with what in it."""

    name: str
    at: str
    instance: str
    log_events: int = 0
    objects: int = 0
    copied_bytes: int = 0
    notebook: str = ""

    @property
    def is_automatic(self) -> bool:
        """Whether a notebook's beginning took it."""
        return self.name.startswith(AUTOMATIC)


class Shelf:
    """The folder of the checkpoints of one backend; one that is not whole does not count."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.home / "checkpoints" / settings.backend

    def path(self, name: str) -> Path:
        """Return where a checkpoint is or would be."""
        return inside(self.folder, name)

    def find(self, name: str) -> Checkpoint | None:
        """Return a checkpoint, None when there is none of that name."""
        try:
            return Checkpoint(**json.loads((self.path(name) / META).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def has_note(self, name: str, note: str) -> bool:
        """Whether a note of the notebooks was taken when a checkpoint was."""
        try:
            return note in json.loads((self.path(name) / "state" / "notes" / "notes.json").read_text())
        except (OSError, ValueError):
            return False

    def get(self, name: str) -> Checkpoint:
        """Return a checkpoint; raises CheckpointError that names those that there are."""
        found = self.find(name)
        if found is None:
            raise CheckpointError.missing(name, [each.name for each in self.all()])
        return found

    def all(self) -> list[Checkpoint]:
        """Return all checkpoints, the oldest first."""
        names = [path.name for path in self.folder.glob("*") if not path.name.endswith(PARTIAL)]
        return sorted((found for name in names if (found := self.find(name))), key=lambda each: each.at)

    def put(self, partial: Path, checkpoint: Checkpoint) -> None:
        """Let a folder that is filled be a checkpoint; one of that name is replaced."""
        (partial / META).write_text(json.dumps(asdict(checkpoint), indent=1))
        place = self.path(checkpoint.name)
        shutil.rmtree(place, ignore_errors=True)
        partial.rename(place)

    def delete(self, name: str) -> None:
        """Delete a checkpoint; raises CheckpointError when there is none."""
        self.get(name)
        shutil.rmtree(self.path(name))


def checked_name(name: str) -> str:
    """Return a name that a person chose; raises SettingsError for one that cannot be."""
    if not _NAME.fullmatch(name) or name.startswith(AUTOMATIC):
        raise SettingsError(
            "The checkpoint's name",
            name,
            "1 to 40 letters, digits, - and _, beginning with a letter (and not with begin-, which notebooks take)",
        )
    return name


def automatic_name(notebook: str) -> str:
    """Return the name of the checkpoint that a notebook's beginning takes ("drills/3_lost" → `begin-drills-3`)."""
    folder, _, stem = notebook.removeprefix("ja/").rpartition("/")
    number = re.sub(r"[^A-Za-z0-9]", "", stem.partition("_")[0])
    return AUTOMATIC + "-".join(filter(None, (folder.replace("/", "-"), number)))

"""What a trainee has tried, in one small JSON file; and the table of a whole class."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lab_helpers.base.errors import SettingsError

FILE = "progress.json"
HEADLESS = "headless"
"""Folder of headless runs in a lab's home: nobody's progress."""


@dataclass(frozen=True)
class Record:
    """One exercise of one trainee. `passed_at` is ISO 8601 in UTC; empty: not passed."""

    attempts: int = 0
    hints: int = 0
    solution_seen: bool = False
    passed_at: str = ""

    @property
    def status(self) -> str:
        """In words, as `lab progress` shows it."""
        if self.passed_at:
            return "passed, solution seen" if self.solution_seen else "passed"
        return "not yet" if self.attempts else "not attempted"


class Progress:
    """The file of one trainee; every change is written at once. An unreadable file counts as empty."""

    def __init__(self, home: Path, owner: str = "", now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._file, self._now = home / FILE, now
        self.owner, self._records = _read(self._file)
        self.owner = owner or self.owner

    def of(self, name: str) -> Record:
        """Return the record of an exercise."""
        return self._records.get(name, Record())

    def attempted(self, name: str, passed: bool) -> None:
        """Count an attempt; the first success stays, whatever is tried later."""
        record = self.of(name)
        passed_at = record.passed_at or (self._now().isoformat(timespec="seconds") if passed else "")
        self._write(name, replace(record, attempts=record.attempts + 1, passed_at=passed_at))

    def hinted(self, name: str, step: int) -> None:
        """Write down that the hints up to `step` were seen."""
        self._write(name, replace(self.of(name), hints=step))

    def solution_seen(self, name: str) -> None:
        """Write down that the solution was looked at."""
        self._write(name, replace(self.of(name), solution_seen=True))

    def _write(self, name: str, record: Record) -> None:
        self._records[name] = record
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".partial")
        content = {"owner": self.owner, "exercises": {key: asdict(value) for key, value in self._records.items()}}
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
        partial.replace(self._file)


def table(progress: Progress, names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return one row per exercise: name, status, attempts, hints; the header first."""
    records = [(name, progress.of(name)) for name in names]
    rows = [(name, record.status, str(record.attempts), str(record.hints)) for name, record in records]
    return [("exercise", "status", "attempts", "hints"), *rows]


def class_table(folder: Path, names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return one row per trainee (passed, tried, the exercises open after a try), the header first.

    `folder` holds the trainees' files anywhere below it: a copy of each `.lab` folder, or files `NAME.progress.json`.
    Raises SettingsError when there is none.
    """
    files = [path for path in sorted(folder.rglob(f"*{FILE}")) if HEADLESS not in path.relative_to(folder).parts]
    if not files:
        raise SettingsError("--class", str(folder.name), f"a folder with the trainees' {FILE} files below it")
    header = ("trainee", "passed", "tried", "stuck at")
    return [header, *(_class_row(path, folder, tuple(names)) for path in files)]


def _class_row(path: Path, folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    owner, records = _read(path)
    place = path.relative_to(folder)
    trainee = place.parts[0] if len(place.parts) > 1 else path.name.removesuffix(FILE).rstrip(".") or owner
    passed = [name for name in names if name in records and records[name].passed_at]
    stuck = [name for name in names if name in records and records[name].attempts and name not in passed]
    return (trainee, f"{len(passed)} of {len(names)}", str(len(passed) + len(stuck)), " ".join(stuck))


def _read(file: Path) -> tuple[str, dict[str, Record]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return content.get("owner", ""), {name: Record(**value) for name, value in content["exercises"].items()}
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return "", {}

"""What a trainee has tried, in one small JSON file; and the table of a whole class."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab_helpers.base import nested_json
from lab_helpers.base.errors import SettingsError
from lab_helpers.base.files.whole_file import write_whole

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


@dataclass(frozen=True)
class Guess:
    """One prediction: what was chosen before, and what happened; both empty until they are known."""

    chosen: str = ""
    outcome: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the guess was what happened."""
        return bool(self.chosen) and self.chosen == self.outcome


class Progress:
    """The file of one trainee; every change is written at once. An unreadable file counts as empty."""

    def __init__(self, home: Path, owner: str = "", now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._file, self._now = home / FILE, now
        self.owner, self._records, self._guesses = _read(self._file)
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

    def guess(self, name: str) -> Guess:
        """Return a prediction as it stands."""
        return self._guesses.get(name, Guess())

    def guessed(self, name: str, choice: str) -> None:
        """Keep a guess; once the outcome is shown, the guess stays as it was."""
        self._reload()
        if not self.guess(name).outcome:
            self._guesses[name] = Guess(choice)
            self._save()

    def revealed(self, name: str, outcome: str) -> Guess:
        """Keep what happened, and return it beside the guess."""
        self._reload()
        self._guesses[name] = replace(self.guess(name), outcome=outcome)
        self._save()
        return self._guesses[name]

    def guesses(self) -> dict[str, Guess]:
        """Return all predictions by name."""
        return dict(self._guesses)

    def _write(self, name: str, record: Record) -> None:
        self._reload()
        self._records[name] = record
        self._save()

    def _reload(self) -> None:
        """Take what others have written meanwhile: a widget lives longer than the cell that made it."""
        _, self._records, self._guesses = _read(self._file)

    def as_dict(self) -> dict[str, Any]:
        """Return it as its file has it."""
        return {
            "owner": self.owner,
            "exercises": {key: asdict(value) for key, value in self._records.items()},
            "predictions": {key: asdict(value) for key, value in self._guesses.items()},
        }

    def _save(self) -> None:
        write_whole(self._file, json.dumps(self.as_dict(), indent=1).encode())


def table(progress: Progress, names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return one row per exercise: name, status, attempts, hints; the header first."""
    records = [(name, progress.of(name)) for name in names]
    rows = [(name, record.status, str(record.attempts), str(record.hints)) for name, record in records]
    return [("exercise", "status", "attempts", "hints"), *rows]


def guess_table(progress: Progress) -> list[tuple[str, ...]]:
    """Return one row per prediction: name, the guess, what happened, whether it was right; the header first."""
    rows = [
        (name, each.chosen or "no guess", each.outcome, "right" if each.is_right else "")
        for name, each in sorted(progress.guesses().items())
    ]
    return [("prediction", "guess", "outcome", ""), *rows]


def class_guesses(folder: Path) -> list[tuple[str, ...]]:
    """Return one row per prediction of a class: how many guessed it, how many were right, what most said."""
    found: dict[str, list[Guess]] = {}
    for path in _files(folder):
        for name, guess in _read(path)[2].items():
            found.setdefault(name, []).append(guess)
    rows = [_guess_row(name, guesses) for name, guesses in sorted(found.items())]
    return [("prediction", "guessed", "right", "most said"), *rows]


def _guess_row(name: str, guesses: list[Guess]) -> tuple[str, ...]:
    chosen = [each.chosen for each in guesses if each.chosen]
    most = max(sorted(set(chosen)), key=chosen.count, default="")
    right = sum(each.is_right for each in guesses)
    return (name, f"{len(chosen)} of {len(guesses)}", str(right), most)


def class_table(
    folder: Path, names: Iterable[str], minutes_of: Callable[[Path], tuple[int, int] | None] = lambda _: None
) -> list[tuple[str, ...]]:
    """Return one row per trainee (passed, tried, minutes, the exercises open after a try), the header first.

    `minutes_of` a file are those used, and those planned for what was begun. `folder` holds the trainees' files
    anywhere below it: a copy of each `.lab` folder, or files `NAME.progress.json`.
    Raises SettingsError when there is none.
    """
    files = _files(folder)
    if not files:
        raise SettingsError("--class", str(folder.name), f"a folder with the trainees' {FILE} files below it")
    header, wanted = ("trainee", "passed", "tried", "minutes", "planned", "stuck at"), tuple(names)
    return [header, *(_class_row(path, folder, wanted, minutes_of(path)) for path in files)]


def _files(folder: Path) -> list[Path]:
    """Return the trainees' files below a folder; those of headless runs are nobody's."""
    return [path for path in sorted(folder.rglob(f"*{FILE}")) if HEADLESS not in path.relative_to(folder).parts]


def _class_row(path: Path, folder: Path, names: tuple[str, ...], minutes: tuple[int, int] | None) -> tuple[str, ...]:
    owner, records, _ = _read(path)
    place = path.relative_to(folder)
    trainee = place.parts[0] if len(place.parts) > 1 else path.name.removesuffix(FILE).rstrip(".") or owner
    passed = [name for name in names if name in records and records[name].passed_at]
    stuck = [name for name in names if name in records and records[name].attempts and name not in passed]
    used, planned = map(str, minutes) if minutes else ("–", "–")
    return (trainee, f"{len(passed)} of {len(names)}", str(len(passed) + len(stuck)), used, planned, " ".join(stuck))


def _read(file: Path) -> tuple[str, dict[str, Record], dict[str, Guess]]:
    try:
        content = nested_json.loads(file.read_text(encoding="utf-8"))
        records = {name: Record(**value) for name, value in content["exercises"].items()}
        guesses = {
            name: Guess(str(value["chosen"]), str(value["outcome"]))
            for name, value in content.get("predictions", {}).items()
        }
        return content.get("owner", ""), records, guesses
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return "", {}, {}

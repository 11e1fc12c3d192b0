"""Trainees of a class for tests: state folders with progress in them, and a clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab_helpers.classroom.syllabus import lessons
from lab_helpers.exercises import Progress
from lab_helpers.workbook.time_used import TimeUsed

STEPS = {name: lesson.page.steps for name, lesson in lessons().items()}


@dataclass
class Clock:
    """Seconds that pass only when a test says so."""

    at: float = 1_000_000.0

    def __call__(self) -> float:
        return self.at


def works(home: Path, notebook: str, clock: Clock, minutes: int = 3) -> None:
    """Somebody opens a notebook and runs a cell a minute."""
    used = TimeUsed(home, clock)
    used.begun(notebook)
    for _ in range(minutes):
        clock.at += 60
        used.worked(notebook)


def guesses(home: Path, name: str, choice: str, outcome: str = "") -> None:
    """Somebody gives a prediction, and with `outcome` runs the cell that shows what happened."""
    progress = Progress(home)
    progress.guessed(name, choice)
    if outcome:
        progress.revealed(name, outcome)

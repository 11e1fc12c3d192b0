"""The workbook's notebooks as a trainee sees them: titles, planned minutes, steps and guesses, and how each stands.

Read from the notebooks themselves, so that nothing has to be declared twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from lab_helpers.base.config import PROJECT, Settings
from lab_helpers.base.messages import ENGLISH, language_of, say
from lab_helpers.base.paths import inside
from lab_helpers.exercises import Progress
from lab_helpers.workbook.time_used import TimeUsed

PARTS = ("", "drills", "incident", "faq")
"""Folders of the notebooks in the order of the course; the first are the main ones."""
NAMES = {"": "", "drills": "drill", "incident": "incident", "faq": "FAQ"}
"""How the parts are called."""
_TITLE = re.compile(r"^# (?:.* · )?(.+)$", re.MULTILINE)
_MINUTES = re.compile(r"\*\*(?:Time|時間)\*\*\D*(\d+)")
_STEP = re.compile(r"""lab\.(?:step|exercise)\(\s*["']([^"']+)["']""")
_GUESS = re.compile(r"""lab\.predict\(\s*["']([^"']+)["']""")


class State(Enum):
    """How far a notebook is."""

    DONE = "done"
    BEGUN = "begun"
    OPEN = "open"


@dataclass(frozen=True)
class Page:
    """One notebook: its name without a language ("drills/3_lost_or_double"), and what it asks for."""

    name: str
    title: str
    minutes: int
    steps: tuple[str, ...]
    guesses: tuple[str, ...]

    @property
    def number(self) -> str:
        """Its number, as it is called ("04", "3")."""
        return self.name.rpartition("/")[2].partition("_")[0]

    @property
    def part(self) -> str:
        """Its folder; empty for a main notebook."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True)
class Stand:
    """How one notebook stands. `used_min`: minutes in which somebody worked in it."""

    page: Page
    passed: int
    guessed: int
    answered: int
    used_min: float
    was_ended: bool

    @property
    def state(self) -> State:
        """Done: each step passed and each guess answered; without any of these, when its foot was reached."""
        asked = len(self.page.steps) + len(self.page.guesses)
        done = self.passed + self.answered
        if done == asked and (asked or self.was_ended):
            return State.DONE
        return State.BEGUN if done or self.guessed or self.used_min > 0 else State.OPEN


def plain_name(notebook: str) -> str:
    """Return a notebook's name without its language ("ja/04_traffic" → "04_traffic")."""
    language = language_of(notebook)
    return notebook if language == ENGLISH else notebook.removeprefix(f"{language}/")


@cache
def pages(language: str = ENGLISH, notebooks: Path = PROJECT / "notebooks") -> tuple[Page, ...]:
    """Return the notebooks of a language, in the order of the course."""
    folder = notebooks if language == ENGLISH else inside(notebooks, language)
    return tuple(_page(path, folder) for part in PARTS for path in _found(folder, part))


def stands(settings: Settings, language: str = ENGLISH) -> list[Stand]:
    """Return how each notebook stands, in the order of the course."""
    progress, used = Progress(settings.home, settings.owner), TimeUsed(settings.home)
    return [_stand(page, progress, used) for page in pages(language)]


def total(found: Sequence[Stand]) -> str:
    """Return the sum of a course in a sentence."""
    return say(
        "All: {done} of {count} notebooks done, {passed} of {steps} steps passed, "
        "{guessed} of {guesses} guesses given, {used} minutes of about {planned}.",
        done=sum(each.state.value == "done" for each in found),
        count=len(found),
        passed=sum(each.passed for each in found),
        steps=sum(len(each.page.steps) for each in found),
        guessed=sum(each.guessed for each in found),
        guesses=sum(len(each.page.guesses) for each in found),
        used=round(sum(each.used_min for each in found)),
        planned=sum(each.page.minutes for each in found),
    )


def _stand(page: Page, progress: Progress, used: TimeUsed) -> Stand:
    guesses = [progress.guess(name) for name in page.guesses]
    time = used.of(page.name)
    return Stand(
        page,
        passed=sum(bool(progress.of(name).passed_at) for name in page.steps),
        guessed=sum(bool(each.chosen) for each in guesses),
        answered=sum(bool(each.outcome) for each in guesses),
        used_min=time.seconds / 60,
        was_ended=bool(time.ended_at),
    )


def _found(folder: Path, part: str) -> Iterator[Path]:
    yield from sorted((inside(folder, part) if part else folder).glob("[0-9]*_*.ipynb"))


def _page(path: Path, folder: Path) -> Page:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    head = "".join(cells[0]["source"]) if cells else ""
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    title, minutes = _TITLE.search(head), _MINUTES.search(head)
    return Page(
        path.relative_to(folder).with_suffix("").as_posix(),
        title[1] if title else path.stem,
        int(minutes[1]) if minutes else 0,
        tuple(dict.fromkeys(_STEP.findall(code))),
        tuple(dict.fromkeys(_GUESS.findall(code))),
    )

"""What a trainee's machine tells the trainer's, all of it: the course's own names, numbers, nothing that was typed.

    here, section     the notebook and the number of its section in which a cell was run last
    quiet_s           seconds since then
    minutes           by notebook, as the strip counts them
    ended             notebooks whose foot was reached
    passed, failed    steps and exercises that are passed; by name, how often the others were tried
    guessed, seen     predictions that were given; by name, after the outcome was shown: which option was chosen
                      (-1: none that the course has), and which it was

No answer, no log line, no path, no account, no text of a cell is in it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab_helpers.classroom.syllabus import Question, lessons, questions
from lab_helpers.exercises import Guess, Progress
from lab_helpers.workbook.time_used import TimeUsed

MOST_BYTES = 16 * 1024
MOST_ENTRIES = 200
MOST_NUMBER = 1_000_000
NAMELESS = -1
_NAME = re.compile(r"[a-z0-9][a-z0-9_/]{0,59}")


class ReportError(ValueError):
    """What came is no report; its text says which part."""


@dataclass(frozen=True)
class Report:
    """See the module; `here` is empty for somebody who has run no cell yet."""

    here: str = ""
    section: int = 0
    quiet_s: int = 0
    minutes: Mapping[str, int] = field(default_factory=dict)
    ended: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()
    failed: Mapping[str, int] = field(default_factory=dict)
    guessed: tuple[str, ...] = ()
    seen: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self)


def taken(home: Path, section: Callable[[str], int] = lambda _: 0, now: Callable[[], float] = time.time) -> Report:
    """Return the report of the trainee whose state is in `home`; `section` says where they are in a notebook."""
    progress, used = Progress(home), TimeUsed(home)
    times = {name: used.of(name) for name in lessons()}
    here = max(times, key=lambda name: times[name].last, default="")
    last = times[here].last if here else 0.0
    steps = {name: progress.of(name) for lesson in lessons().values() for name in lesson.page.steps}
    asked = {name for lesson in lessons().values() for name in lesson.page.guesses}
    guesses = {name: guess for name, guess in sorted(progress.guesses().items()) if name in asked}
    return Report(
        here if last else "",
        section(here) if last else 0,
        min(int(max(now() - last, 0.0)), MOST_NUMBER) if last else 0,
        {name: round(each.seconds / 60) for name, each in times.items() if each.seconds},
        tuple(name for name, each in times.items() if each.ended_at),
        tuple(name for name, record in steps.items() if record.passed_at),
        {name: record.attempts for name, record in steps.items() if record.attempts and not record.passed_at},
        tuple(name for name, guess in guesses.items() if guess.chosen),
        {name: _numbers(questions().get(name), guess) for name, guess in guesses.items() if guess.outcome},
    )


def _numbers(question: Question | None, guess: Guess) -> tuple[int, int]:
    options = question.options if question else ()
    return (_number(options, guess.chosen), _number(options, guess.outcome))


def _number(options: tuple[str, ...], text: str) -> int:
    return options.index(text) if text in options else NAMELESS


def parsed(value: Any) -> Report:
    """Return the report that a JSON value is; raises ReportError for anything else in it."""
    if not isinstance(value, dict) or set(value) - set(Report.__dataclass_fields__):
        raise ReportError("a report has other members")
    here = value.get("here", "")
    return Report(
        here if here == "" else _name(here),
        _whole(value.get("section", 0), 0),
        _whole(value.get("quiet_s", 0), 0),
        {_name(name): _whole(each, 0) for name, each in _entries(value, "minutes", dict).items()},
        tuple(map(_name, _entries(value, "ended", list))),
        tuple(map(_name, _entries(value, "passed", list))),
        {_name(name): _whole(each, 0) for name, each in _entries(value, "failed", dict).items()},
        tuple(map(_name, _entries(value, "guessed", list))),
        {_name(name): _pair(each) for name, each in _entries(value, "seen", dict).items()},
    )


def _entries(value: dict[str, Any], name: str, kind: type[Any]) -> Any:
    found = value.get(name, kind())
    if not isinstance(found, kind) or len(found) > MOST_ENTRIES:
        raise ReportError(f"{name} is none of at most {MOST_ENTRIES} entries")
    return found


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ReportError("a name is none of the course's")
    return value


def _whole(value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_NUMBER:
        raise ReportError("a number is none, or too large")
    return value


def _pair(value: Any) -> tuple[int, int]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ReportError("a prediction is no pair of numbers")
    return (_whole(value[0], NAMELESS), _whole(value[1], NAMELESS))

"""What every exercise has: an answer that is judged, hints one after the other, a solution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from lab_helpers import display
from lab_helpers.base.errors import LabError
from lab_helpers.base.messages import say
from lab_helpers.base.paths import inside
from lab_helpers.exercises.progress import Progress

SOLUTIONS = Path(__file__).with_name("solutions")


class Status(Enum):
    """How an exercise stands."""

    NOT_ATTEMPTED = "not attempted"
    FAILED = "not yet"
    PASSED = "passed"


MARKS = {Status.NOT_ATTEMPTED: "…", Status.FAILED: "✘", Status.PASSED: "✔"}


@dataclass(frozen=True)
class Verdict:
    """What `check` says; its text is what the notebook shows."""

    name: str
    status: Status
    why: str
    exercise: Exercise | None = field(default=None, repr=False, compare=False)
    """Who gave it: a person who has the notebook open gets buttons for a hint and the solution."""

    def _ipython_display_(self) -> None:
        if self.exercise is None or not display.in_live_notebook():
            raise NotImplementedError  # IPython then prints it
        self.exercise.show(self)

    def __repr__(self) -> str:
        status = say(self.status.value)
        told = say("exercise {name}: {status}. {why}", name=self.name, status=status, why=self.why)
        return f"{MARKS[self.status]} {told}".rstrip()


@dataclass(frozen=True)
class Words:
    """A text that a notebook shows as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text


class Desk(Protocol):
    """What a judge may look at: the trainee's lab."""

    @property
    def notes(self) -> Any:
        """What earlier notebooks left (lab.Notes)."""

    @property
    def outputs(self) -> Any:
        """Terraform's outputs."""

    def client(self, service: str) -> Any:
        """Return a boto3 client."""


Judge = Callable[[Any, Desk], str]
"""Return why an answer is wrong, in words that lead on; empty when it is right."""


@dataclass(frozen=True)
class Task:
    """One exercise as it stands in the catalogue. `wants` names the kind of answer, for who gave another."""

    name: str
    title: str
    judge: Judge
    hints: tuple[str, ...]
    wants: type | tuple[type, ...] = str


class Exercise:
    """A task in the hands of one trainee."""

    def __init__(self, task: Task, desk: Desk, progress: Progress, solutions: Path = SOLUTIONS) -> None:
        self.task, self._desk, self._progress, self._solutions = task, desk, progress, solutions
        self._given: Any = ...

    def check(self, answer: Any = ...) -> Verdict:
        """Judge an answer and write the result down; `...` counts as not attempted.

        Never raises for a wrong answer, so that a headless run goes on.
        """
        verdict = self._judged(answer)
        if verdict.status is not Status.NOT_ATTEMPTED:
            self._progress.attempted(self.task.name, verdict.status is Status.PASSED)
        self._given = answer
        return replace(verdict, exercise=self)

    def show(self, verdict: Verdict) -> None:
        """Show a verdict with buttons: judge the cell's answer again, a hint, the solution."""
        told: list[str] = []

        def told_below(now: Verdict, words: Words) -> display.Shown:
            told.extend([words.text] if words.text not in told else [])
            return display.below(display.text(repr(now)), told)

        actions = [
            display.Action("Check", lambda: display.text(repr(self.check(self._given)))),
            display.Action("Hint", lambda: told_below(verdict, self.hint())),
            display.Action("Solution", lambda: told_below(verdict, self.solution())),
        ]
        display.show_with_buttons(display.text(repr(verdict)), actions)

    def hint(self) -> Words:
        """Return the next hint; after the last one, the last again."""
        count = len(self.task.hints)
        step = min(self._progress.of(self.task.name).hints + 1, count)
        self._progress.hinted(self.task.name, step)
        hint = say(self.task.hints[step - 1])
        more = "" if step < count else " " + say("It was the last: solution() shows an answer.")
        return Words(say("Hint {step} of {count}: {hint}", step=step, count=count, hint=hint) + more)

    def solution(self) -> Words:
        """Return an answer as code for the cell; in a student's copy, where to get it."""
        file = inside(self._solutions, f"{self.task.name}.txt")
        if not file.exists():
            return Words(say("This copy has no solutions: ask your trainer."))
        self._progress.solution_seen(self.task.name)
        return Words(file.read_text(encoding="utf-8").rstrip())

    def _judged(self, answer: Any) -> Verdict:
        task = self.task
        if answer is ...:
            why = say("Put your answer in the place of `...` and run the cell.")
            return Verdict(task.name, Status.NOT_ATTEMPTED, why)
        if not isinstance(answer, task.wants):
            wanted = " / ".join(kind.__name__ for kind in _as_tuple(task.wants))
            why = say("The answer has the type {kind}, wanted is: {wanted}.", kind=type(answer).__name__, wanted=wanted)
            return Verdict(task.name, Status.FAILED, why)
        try:
            why = task.judge(answer, self._desk)
        except LabError as exc:  # such as a router that refuses the configuration
            why = str(exc)
        return Verdict(task.name, Status.FAILED if why else Status.PASSED, why)


def _as_tuple(kinds: type | tuple[type, ...]) -> tuple[type, ...]:
    return kinds if isinstance(kinds, tuple) else (kinds,)

"""What a step is: a task that the trainee does with their own hands, and that the running lab is asked about.

A step is declared once, in the module of its notebook (n03.py: notebook 03); its reference answer and the beginning of
its files lie beside, in `solutions/ID/` and `starts/ID/`, each file under its name in the working copy (an answer that
is no file: `solutions/ID/answer.py`, which sets `answer`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from lab_helpers.base.messages import say
from lab_helpers.base.paths import inside
from lab_helpers.lab import Lab

HERE = Path(__file__).parent
SOLUTIONS, STARTS = HERE / "solutions", HERE / "starts"
ANSWER = "answer.py"
UNTOUCHED = ...
"""What stands in the place of an answer until somebody gives one."""


class Act(Enum):
    """What brings a file's change into the running lab."""

    NONE = "none"
    APPLY = "apply"
    DEPLOY = "deploy"
    APPLY_AND_DEPLOY = "apply and deploy"


class Kind(Enum):
    """What the trainee decides in a step."""

    FILE = "file"
    QUERY = "query"
    POLICY = "policy"
    MEND = "mend"
    ANSWER = "answer"


@dataclass(frozen=True)
class Verdict:
    """What a check found: whether the step is done, and why it is right or what is missing."""

    is_passed: bool
    why: str


def passed(why: str, /, **values: Any) -> Verdict:
    """Return that the step is done; `why` says why the answer is right, in the reader's language."""
    return Verdict(True, say(why, **values))


def not_yet(reason: str, /, **values: Any) -> Verdict:
    """Return that something is missing; `reason` leads on without giving the answer away."""
    return Verdict(False, say(reason, **values))


Check = Callable[[Lab, Any], Verdict]
"""Looks at the running lab; the second argument is the answer, for a step on files the text of its first file."""
Trial = Callable[[str], Verdict]
"""Looks at the text of the first file before anything is deployed, such as by the router on sample lines."""


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that every run with --solve tries.

    `answer` is what a trainee might give; for files the first file's text, or a function that makes it from the
    reference. `reason` is a part of what must be said, in English. `is_live`: let it be deployed where nothing refuses
    it before, which takes its time. `by_lab`: instead of `answer`, an answer that depends on the lab, such as one that
    is right but for a part.
    """

    answer: Any
    reason: str
    is_live: bool = False
    by_lab: Callable[[Lab], Any] | None = None

    def given(self, reference: Any) -> Any:
        """Return the wrong answer."""
        return self.answer(reference) if callable(self.answer) and isinstance(reference, str) else self.answer


@dataclass(frozen=True)
class Step:
    """One step. `id` is the notebook's number and a number of its own: "03_2"; `title` says the task in a sentence.

    `files` are names in the working copy; a step without files has an answer in its cell, of a type of `wants`.
    """

    id: str
    title: str
    minutes: int
    check: Check
    kind: Kind = Kind.FILE
    files: tuple[str, ...] = ()
    act: Act = Act.NONE
    trial: Trial | None = None
    wrong: tuple[Wrong, ...] = ()
    hints: tuple[str, ...] = ()
    wants: type | tuple[type, ...] = str

    def start(self, lab: Lab, name: str) -> str | None:
        """Return a file's text at the step's beginning: of `starts/`, else the project's; None: there is no file."""
        own = inside(STARTS, self.id, name)
        return own.read_text(encoding="utf-8") if own.is_file() else lab.files.original(name)

    def has_reference(self) -> bool:
        """Whether the reference answer is here: a student's copy has none."""
        return inside(SOLUTIONS, self.id).is_dir()

    def reference_files(self) -> dict[str, str]:
        """Return the reference's text for each file."""
        return {name: inside(SOLUTIONS, self.id, name).read_text(encoding="utf-8") for name in self.files}

    def reference_code(self) -> str:
        """Return the code that sets `answer`, for a step without files."""
        return inside(SOLUTIONS, self.id, ANSWER).read_text(encoding="utf-8")

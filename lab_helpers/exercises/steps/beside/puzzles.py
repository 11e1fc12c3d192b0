"""The two steps of a drill: name the cause, and mend it; both are made from the drill's own story and files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.base.errors import CheckFailedError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.display import Bar
from lab_helpers.drills import Drill, TaskDrill, case, views
from lab_helpers.exercises.steps.step import Check, Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.files.changes import same
from lab_helpers.lab import Lab

CAUSE = "Which of the causes above is it? Answer with its letter."
MEND = "Write the mend into the cell above. A task of the drill is run with it."
CALL = "Write the mend as a function; it is called, and the drill looks at what it did."


@dataclass(frozen=True)
class MendStep(Step):
    """A step on a drill's files: beginning and reference are the drill's broken and mended ones."""

    drill: type[TaskDrill] = field(kw_only=True)

    def start(self, _: Lab, name: str) -> str | None:
        return case.broken(self.drill.name, self.drill.mendable)[name.rpartition("/")[2]]

    def has_reference(self) -> bool:
        return bool(case.mended(self.drill.name, self.drill.mendable))

    def reference_files(self) -> dict[str, str]:
        mended = case.mended(self.drill.name, self.drill.mendable)
        return {case.path_of(self.drill.name, name): text for name, text in mended.items()}


def cause(name: str, kind: type[Drill]) -> Step:
    """Return the step that asks for a drill's cause: a letter, judged with a reason for each."""
    story = kind.story
    wrong = [Wrong(letter, why) for letter, why in story.reasons.items() if letter != story.right]
    return Step(
        id=name, title=CAUSE, minutes=3, check=_named(kind), kind=Kind.ANSWER, wrong=tuple(wrong),
        hints=(story.where_to_look,),
    )  # fmt: skip


def mend(name: str, kind: type[TaskDrill], *wrong: Wrong, minutes: int = 5) -> Step:
    """Return the step that mends a drill's files; `wrong` are texts of its first file."""
    return MendStep(
        id=name, title=MEND, minutes=minutes, check=_mended(kind), kind=Kind.MEND, wrong=wrong, drill=kind,
        files=tuple(case.path_of(kind.name, name) for name in kind.mendable),
        hints=(kind.story.cause, kind.story.fix),
    )  # fmt: skip


def call(name: str, kind: type[Drill], act: Callable[[Any, Any], None], *wrong: Wrong, minutes: int = 5) -> Step:
    """Return the step that mends by a function of the trainee's, which `act` hands to the drill."""

    def check(lab: Lab, answer: Any) -> Verdict:
        drill = kind(lab)
        _must_be_broken(drill)
        act(drill, answer)
        return _verdict(drill, drill.proof())

    return Step(
        id=name, title=CALL, minutes=minutes, check=check, kind=Kind.MEND, wrong=wrong, wants=type(call),
        hints=(kind.story.cause, kind.story.fix),
    )  # fmt: skip


def _named(kind: type[Drill]) -> Check:
    def check(_: Lab, answer: Any) -> Verdict:
        letter, reasons = str(answer).strip().lower(), kind.story.reasons
        if letter not in reasons:
            return not_yet("Answer with one of: {letters}", letters=", ".join(reasons))
        return Verdict(letter == kind.story.right, say(reasons[letter]))

    return check


def _mended(kind: type[TaskDrill]) -> Check:
    def check(lab: Lab, _: Any) -> Verdict:
        drill = kind(lab)
        texts = {name: lab.files.read(case.path_of(kind.name, name)) for name in kind.mendable}
        if all(same(texts[name], text) for name, text in drill.broken_files().items()):
            return not_yet("It is still as it was: {symptom}", symptom=say(kind.story.symptom))
        _must_be_broken(drill)
        with Bar("a task with your files") as bar:
            drill.mend(texts, bar.tick)
        return _verdict(drill, drill.proof())

    return check


def _must_be_broken(drill: Drill) -> None:
    """Raise NotYetError before the injection, CheckFailedError when what it broke works all the same."""
    seen = drill.symptom()
    if drill.is_mended(seen):
        raise CheckFailedError(say("drill {name} is not broken: {seen}", name=drill.name, seen=views.in_words(seen)))


def _verdict(drill: Drill, seen: pd.DataFrame) -> Verdict:
    told = views.in_words(seen)
    if drill.is_mended(seen):
        return passed("{proof} Seen: {seen}", proof=say(drill.story.proof), seen=told)
    return not_yet("It ran, and it is not mended yet. Seen: {seen}", seen=told)

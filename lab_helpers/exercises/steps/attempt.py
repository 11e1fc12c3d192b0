"""A step in the hands of one trainee: judged as it is, put right when nothing was tried, or tried with every answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lab_helpers.base import parallel
from lab_helpers.base.errors import CheckFailedError, FileRefusedError, LabError
from lab_helpers.base.messages import ENGLISH, say, speaking
from lab_helpers.exercises.exercise import Status
from lab_helpers.exercises.steps.step import UNTOUCHED, Act, Step, Verdict, Wrong
from lab_helpers.files.brought_in import by_deployment
from lab_helpers.files.changes import same
from lab_helpers.lab import Lab

READERS = 2
"""So many wrong files of Terraform are read at once: it takes half a GB and hardly more than a core for each."""
TRIALS = 8
"""So many wrong answers are tried at once: a trial mostly waits, for a router that flushes and ends, or for AWS."""

Tell = Callable[[str], object]
"""Told, in words, what is being done."""


def _to_nobody(_: str) -> None:
    """Take what is told, and keep it."""


class Hands(Protocol):
    """What a step needs of the trainee's session, to do what the trainee would do."""

    def put_file(self, name: str, text: str) -> None:
        """Write a file of the working copy after its reader has seen it; raises FileRefusedError."""

    def said_of(self, name: str, text: str) -> str:
        """Return what its reader says against a text, empty for nothing; may be called in several threads."""

    def apply_now(self) -> None:
        """Apply the working copy."""

    def deploy_now(self) -> None:
        """Build, push and deploy the working copy."""

    def notebook_names(self) -> dict[str, Any]:
        """Return the names that the notebook has defined."""


@dataclass(frozen=True)
class Outcome:
    """How a step stands, why, and the answer that later cells can use."""

    status: Status
    why: str
    answer: Any = None


@dataclass(frozen=True)
class Attempt:
    """One step of one lab."""

    step: Step
    lab: Lab
    hands: Hands
    _verdicts: dict[str, Verdict] = field(default_factory=dict, repr=False)
    """What the trial said of each file that was tried with others."""

    def judge(self, answer: Any = UNTOUCHED) -> Outcome:
        """Judge the files or the answer. Never raises for a wrong one; an untouched one is put right, and said so.

        Files that were changed since they were applied or deployed are brought in first: judged is what they make.

        Raises CheckFailedError when the reference answer itself does not hold: then the lab is not as it should be.
        """
        if self._is_untouched(answer):
            return self._put_right()
        if self._is_reference():
            text = "The reference answer is in place. lab.reset({id!r}) brings the beginning back, to try yourself."
            return Outcome(Status.NOT_ATTEMPTED, say(text, id=self.step.id))
        found = self._judged(answer, acted=self._bring_in)
        return Outcome(Status.PASSED if found.is_passed else Status.FAILED, found.why, answer)

    def solve(self, answer: Any = UNTOUCHED, tell: Tell = _to_nobody) -> Outcome:
        """Try the step untouched, with every wrong answer, and with the reference; raises CheckFailedError.

        Wrong answers that change nothing are tried side by side; those that are deployed, one after the other. All are
        judged in English, in which their reasons are.
        """
        tell(say("before anything is done"))
        with speaking(ENGLISH):
            self._try_all()
            untouched = None if not self.step.files and answer is UNTOUCHED else self._judged(answer)
        if untouched and untouched.is_passed:
            raise self._unsound(say("it passes before anything was done: {why}", why=untouched.why))
        tell(say("wrong answers"))
        judged = self._said()
        for number, wrong in enumerate(self.step.wrong, 1):
            with speaking(ENGLISH):
                said = next(judged)
            tell(say("wrong answer {number} of {count}", number=number, count=len(self.step.wrong)))
            if wrong.reason not in said:
                told = say("a wrong answer is told {said!r}, and not {reason!r}", said=said, reason=wrong.reason)
                raise self._unsound(told)
        tell(say("the reference answer"))
        return self._put_right()

    def reset(self) -> None:
        """Bring the files' beginning back; what runs stays as it is until the next apply or deployment."""
        self.lab.notes.drop(self._note)
        for name in self.step.files:
            start = self.step.start(self.lab, name)
            if start is None:
                self.lab.files.remove(name)
            else:
                self.hands.put_file(name, start)

    def reference(self) -> Any:
        """Return the reference answer: the texts of the files, or the value that the code makes."""
        if self.step.files:
            return self.step.reference_files()
        names: dict[str, Any] = {**self.hands.notebook_names(), "lab": self.hands}
        exec(self.step.reference_code(), names)  # our own file, beside the step's declaration
        return names["answer"]

    @property
    def _note(self) -> str:
        return f"step:{self.step.id}"

    def _is_untouched(self, answer: Any) -> bool:
        if not self.step.files:
            return answer is UNTOUCHED
        return all(same(self._text(name), self.step.start(self.lab, name) or "") for name in self.step.files)

    def _is_reference(self) -> bool:
        """Whether the files are still as the lab itself put them right."""
        if not self.step.files or not self.lab.notes.has(self._note) or not self.step.has_reference():
            return False
        return all(same(self._text(name), text) for name, text in self.step.reference_files().items())

    def _text(self, name: str) -> str:
        return self.lab.files.read(name) if self.lab.files.has(name) else ""

    def _put_right(self) -> Outcome:
        if not self.step.has_reference():
            why = say("Nothing was tried yet. This copy has no reference answers: do the step, or ask your trainer.")
            return Outcome(Status.NOT_ATTEMPTED, why)
        answer = self.reference()
        if self.step.files:
            self._write_reference(answer)
            self.lab.notes.take(self._note, "reference")
        found = self._judged(answer, acted=self._act)
        if not found.is_passed:
            raise self._unsound(say("the reference answer does not hold: {why}", why=found.why))
        text = "Nothing was tried, so the reference answer was put in, for the cells that follow. {why}"
        return Outcome(Status.NOT_ATTEMPTED, say(text, why=found.why), answer)

    def _write_reference(self, texts: Mapping[str, str]) -> None:
        """Write the reference; what is applied next is not read twice, since an apply begins with the same reading."""
        is_applied = self.step.act in (Act.APPLY, Act.APPLY_AND_DEPLOY)
        for name, text in texts.items():
            (self.lab.files.write if is_applied else self.hands.put_file)(name, text)

    def _act(self) -> None:
        if self.step.act in (Act.APPLY, Act.APPLY_AND_DEPLOY):
            self.hands.apply_now()
        if self.step.act in (Act.DEPLOY, Act.APPLY_AND_DEPLOY):
            self.hands.deploy_now()

    def _bring_in(self) -> None:
        """Apply or deploy files that were changed since that was done last; raises FileRefusedError, and what acts do.

        A deployment is not begun with what a container would end with: an editor asks no reader.
        """
        waiting = self.lab.waiting(self.step.files) if self.step.act is not Act.NONE else []
        for name in filter(by_deployment, waiting):
            if said := self.hands.said_of(name, self._text(name)):
                raise FileRefusedError(name, said)
        if waiting:
            self._act()

    def _judged(self, answer: Any, acted: Any = None) -> Verdict:
        """Judge by the trial first, then (after `acted`) by the running lab."""
        try:
            if not self.step.files and not isinstance(answer, self.step.wants):
                return Verdict(False, _wrong_type(answer, self.step.wants))
            given = self._text(self.step.files[0]) if self.step.files else answer
            if self.step.trial is not None:
                tried = self._tried(given)
                if not tried.is_passed:
                    return tried
            if acted is not None:
                acted()
            return self.step.check(self.lab, given)
        except LabError as exc:  # such as a router or AWS that refuses the answer
            return Verdict(False, str(exc))

    def _said_by_readers(self) -> list[str]:
        """Return for each wrong answer how the file's reader refuses it, "" for not; the readers run side by side.

        The first file is the wrong one; the step's others are the reference's meanwhile.
        """
        if not self.step.files:
            return [""] * len(self.step.wrong)
        first, *rest = self.step.files
        texts = self.step.reference_files()
        for name in rest:
            self.hands.put_file(name, texts[name])
        given = [str(wrong.given(texts[first])) for wrong in self.step.wrong]
        readers = READERS if first.endswith(".tf") else TRIALS
        said = parallel.in_order(lambda text: self.hands.said_of(first, text), given, readers)
        return [str(FileRefusedError(first, words)) if words else "" for words in said]

    def _try_all(self) -> None:
        """Try the file as it is, wrong and right, side by side; what is tried again has its verdict then."""
        if self.step.trial is None or not self.step.files:
            return
        first = self.step.files[0]
        texts = [self._text(first), *map(self._wrong_text, self.step.wrong), self.step.reference_files()[first]]
        self._verdicts.update(zip(texts, parallel.in_order(self._tried, texts, TRIALS), strict=True))

    def _tried(self, given: Any) -> Verdict:
        """Return the trial's verdict, which depends on the text alone."""
        assert self.step.trial is not None, "asked only where there is one"
        if self.step.files and given in self._verdicts:
            return self._verdicts[given]
        try:
            return self.step.trial(given)
        except LabError as exc:  # such as a router that refuses the text
            return Verdict(False, str(exc))

    def _said(self) -> Iterator[str]:
        """Yield what is said of each wrong answer."""
        if not self.step.files:
            yield from parallel.in_order(self._said_of_answer, self.step.wrong, TRIALS)
            return
        for wrong, refused in zip(self.step.wrong, self._said_by_readers(), strict=True):
            yield refused or self._said_of_file(wrong)

    def _said_of_answer(self, wrong: Wrong) -> str:
        """Return what is said of an answer; called in several threads."""
        return self._reason(self._judged(wrong.by_lab(self.lab) if wrong.by_lab is not None else wrong.given(None)))

    def _said_of_file(self, wrong: Wrong) -> str:
        text = self._wrong_text(wrong)
        self.lab.files.write(self.step.files[0], text)
        if self.step.trial is not None:
            tried = self._tried(text)
            if not tried.is_passed or not (wrong.is_live or self.step.act is Act.NONE):
                return self._reason(tried)
        return self._reason(self._judged(None, acted=self._act if wrong.is_live else None))

    def _wrong_text(self, wrong: Wrong) -> str:
        return str(wrong.given(self.step.reference_files()[self.step.files[0]]))

    def _reason(self, found: Verdict) -> str:
        if found.is_passed:
            raise self._unsound(say("it passes with a wrong answer: {why}", why=found.why))
        return found.why

    def _unsound(self, why: str) -> CheckFailedError:
        return CheckFailedError(say("step {id}: {why}", id=self.step.id, why=why))


def _wrong_type(answer: Any, wants: type | tuple[type, ...]) -> str:
    wanted = " / ".join(kind.__name__ for kind in (wants if isinstance(wants, tuple) else (wants,)))
    if answer is None:
        return say(
            "The answer is None: what stands in the cell gives nothing back. Wanted is: {wanted}.", wanted=wanted
        )
    return say("The answer has the type {kind}, wanted is: {wanted}.", kind=type(answer).__name__, wanted=wanted)

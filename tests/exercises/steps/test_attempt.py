"""A step's states, on a lab that only remembers what was done: untouched, wrong, right, and all of them for --solve."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pytest

from lab_helpers.base.errors import CheckFailedError, FileRefusedError
from lab_helpers.base.messages import ENGLISH, say, speak
from lab_helpers.exercises import Status
from lab_helpers.exercises.steps import UNTOUCHED, Act, Attempt, Step, Wrong, not_yet, passed, step
from lab_helpers.exercises.steps.step import Verdict
from lab_helpers.files import WorkingCopy
from lab_helpers.files.brought_in import waiting
from lab_helpers.lab import Notes

CONF = "fluentbit/extra.conf"


class TrialLab:
    """A lab whose running system is the text that was deployed last; `broken` in a file is refused."""

    def __init__(self, folder: Path) -> None:
        (folder / "project/fluentbit").mkdir(parents=True)
        (folder / "project" / CONF).write_text("start\n")
        self.files = WorkingCopy(folder / "work", folder / "project")
        self.files.freshen()
        self.notes = Notes(folder / "notes", "trial")
        self.running = "start\n"
        self.brought: dict[str, str] = {}
        self.deployed = 0
        self.read: list[tuple[str, str]] = []

    def put_file(self, name: str, text: str) -> None:
        if said := self.said_of(name, text):
            raise FileRefusedError(name, said)
        self.files.write(name, text)

    def said_of(self, name: str, text: str) -> str:
        self.read.append((name, text))
        return "unknown property 'broken'" if "broken" in text else ""

    def apply_now(self) -> None:
        self.deploy_now()

    def waiting(self, names: Iterable[str]) -> list[str]:
        return waiting(self.files, self.brought, names)

    def deploy_now(self) -> None:
        self.deployed += 1
        self.running = self.files.read(CONF) if self.files.has(CONF) else ""
        self.brought = self.files.fingerprints()

    def notebook_names(self) -> dict[str, Any]:
        return {"seven": 7}


def runs_team(lab: Any, _: Any) -> Verdict:
    return passed("the tasks run it") if "team" in lab.running else not_yet("the tasks run the old one")


def tried(text: str) -> Verdict:
    return passed("tried") if "team" in text else not_yet("no team in the sample")


WRONG = (Wrong("broken\n", "unknown property"), Wrong("other\n", "no team in the sample"))


def file_step(**changes: Any) -> Step:
    given: dict[str, Any] = {"wrong": WRONG, "trial": tried, "check": runs_team, "act": Act.DEPLOY, **changes}
    return Step(id="99_1", title="t", minutes=1, files=(CONF,), **given)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrialLab:
    """The lab, and a reference answer for the steps 99_1 (a file) and 99_2 (an answer)."""
    solutions = tmp_path / "solutions"
    (solutions / "99_1/fluentbit").mkdir(parents=True)
    (solutions / "99_1" / CONF).write_text("team\n")
    (solutions / "99_2").mkdir()
    (solutions / "99_2/answer.py").write_text("answer = seven * 6\n")
    monkeypatch.setattr(step, "SOLUTIONS", solutions)
    return TrialLab(tmp_path)


def attempt(of: Step, lab: TrialLab) -> Attempt:
    return Attempt(of, cast(Any, lab), lab)


def test_untouched_is_put_right_and_said(lab: TrialLab) -> None:
    """The file equals its beginning: not attempted, and what follows works all the same."""
    outcome = attempt(file_step(), lab).judge()
    assert outcome.status is Status.NOT_ATTEMPTED
    assert "the reference answer was put in" in outcome.why
    assert lab.running == "team\n"


def test_the_reference_that_was_put_in_is_nobodys_success(lab: TrialLab) -> None:
    """Asked again, the step is still not attempted; a reset brings the beginning back."""
    at = attempt(file_step(), lab)
    at.judge()
    assert at.judge().status is Status.NOT_ATTEMPTED
    assert "lab.reset('99_1')" in at.judge().why
    at.reset()
    assert lab.files.read(CONF) == "start\n"


def test_a_changed_file_is_brought_in_once_and_what_it_makes_is_judged(lab: TrialLab) -> None:
    """Who forgot to deploy is not stuck; who did, or asks again, waits for no second deployment."""
    lab.files.write(CONF, "team mine\n")
    at = attempt(file_step(), lab)
    assert [at.judge().status, at.judge().status] == [Status.PASSED, Status.PASSED]
    assert (lab.running, lab.deployed) == ("team mine\n", 1)
    lab.files.write(CONF, "team mine  \n\n")
    assert at.judge().status is Status.PASSED
    assert lab.deployed == 1


@pytest.mark.parametrize("text", ["mine\n", None])
def test_what_ran_before_passes_no_file_that_says_something_else(lab: TrialLab, text: str | None) -> None:
    """The file was deployed and passed, and was changed afterwards, or is gone: nobody is told that it is right."""
    at = attempt(file_step(trial=None), lab)
    lab.files.write(CONF, "team mine\n")
    assert at.judge().status is Status.PASSED
    if text is None:
        lab.files.remove(CONF)
    else:
        lab.files.write(CONF, text)
    assert at.judge().why == "the tasks run the old one"
    assert lab.deployed == 2


def test_what_its_reader_refuses_is_not_deployed(lab: TrialLab) -> None:
    """An editor saves anything; the step says the reader's words in the place of a rollback's."""
    lab.files.write(CONF, "broken team\n")
    assert "unknown property 'broken'" in attempt(file_step(), lab).judge().why
    assert lab.deployed == 0


def test_a_wrong_file_is_told_by_the_trial(lab: TrialLab) -> None:
    """Nobody waits for a deployment that cannot be right."""
    lab.files.write(CONF, "something\n")
    assert attempt(file_step(), lab).judge().why == "no team in the sample"


def test_blanks_at_the_end_are_no_attempt(lab: TrialLab) -> None:
    """An editor's trailing blanks are not an answer."""
    lab.files.write(CONF, "start  \n\n")
    assert attempt(file_step(), lab).judge().status is Status.NOT_ATTEMPTED


def test_solve_tries_everything_and_ends_with_the_reference(lab: TrialLab) -> None:
    """Untouched fails, wrong answers fail with their reasons, the reference passes."""
    outcome = attempt(file_step(), lab).solve()
    assert outcome.status is Status.NOT_ATTEMPTED
    assert lab.running == "team\n"


def test_solve_tries_texts_side_by_side_and_each_once(lab: TrialLab) -> None:
    """Each trial waits until all have begun: the file as it is, wrong and right."""
    together, seen = threading.Barrier(4), list[str]()

    def trial(text: str) -> Verdict:
        seen.append(text)
        together.wait(10)
        return tried(text)

    told = list[str]()
    attempt(file_step(trial=trial), lab).solve(tell=told.append)
    assert sorted(seen) == ["broken\n", "other\n", "start\n", "team\n"]
    assert told[-2:] == ["wrong answer 2 of 2", "the reference answer"]


def test_solve_asks_wrong_answers_side_by_side(lab: TrialLab) -> None:
    """Without files nothing is changed by asking; their reasons are looked at in their order."""
    together = threading.Barrier(2)

    def check(_: Any, answer: Any) -> Verdict:
        if answer != 42:
            together.wait(10)
        return passed("right") if answer == 42 else not_yet("{answer} is too small", answer=answer)

    wrong = (Wrong(1, "1 is too small"), Wrong(2, "two"))
    step = Step("99_2", "t", 1, check, wants=int, wrong=wrong)
    with pytest.raises(CheckFailedError, match="'2 is too small', and not 'two'"):
        attempt(step, lab).solve()


def test_what_is_applied_is_read_once(lab: TrialLab) -> None:
    """An apply begins with reading the files."""
    attempt(file_step(act=Act.APPLY), lab).judge()
    assert (lab.running, lab.read) == ("team\n", [])


def test_solve_has_each_text_read_once(lab: TrialLab) -> None:
    """Of a wrong answer and of the reference that is deployed."""
    attempt(file_step(), lab).solve()
    assert sorted(lab.read) == [(CONF, "broken\n"), (CONF, "other\n"), (CONF, "team\n")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"check": lambda *_: passed("always"), "trial": None}, "passes before anything was done"),
        ({"wrong": (Wrong("team too\n", "no team"),)}, "passes with a wrong answer"),
        ({"wrong": (Wrong("other\n", "another reason"),)}, "is told 'no team in the sample'"),
        ({"check": lambda *_: not_yet("never")}, "the reference answer does not hold: never"),
    ],
)
def test_solve_raises_for_a_step_that_is_not_sound(lab: TrialLab, changes: dict[str, Any], words: str) -> None:
    """A judge that can be fooled, a reason that is not given, a reference that fails."""
    with pytest.raises(CheckFailedError, match=words):
        attempt(file_step(**changes), lab).solve()


def is_42(_: Any, answer: Any) -> Verdict:
    return passed("right") if answer == 42 else not_yet("it is not {answer}", answer=answer)


ANSWER = Step(
    "99_2", "t", 1, is_42, wants=int, wrong=(Wrong(41, "it is not 41"), Wrong("42", "The answer has the type str"))
)


def test_an_answer_in_a_cell(lab: TrialLab) -> None:
    """`...` is not attempted and leaves the reference for later cells; a wrong type is said."""
    at = attempt(ANSWER, lab)
    assert (at.judge(UNTOUCHED).status, at.judge(UNTOUCHED).answer) == (Status.NOT_ATTEMPTED, 42)
    assert at.judge(42).status is Status.PASSED
    assert at.judge("42").why == "The answer has the type str, wanted is: int."
    assert at.judge(None).why.startswith("The answer is None")  # and nobody is given the reference for it
    assert at.solve(UNTOUCHED).answer == 42


def test_solve_knows_wrong_answers_in_a_notebook_of_another_language(lab: TrialLab) -> None:
    """Their reasons are English; what the reader is told is not."""
    told = list[str]()
    speak("ja")
    try:
        found = attempt(ANSWER, lab).solve(UNTOUCHED, told.append)
        attempt(file_step(wrong=(Wrong("broken\n", "unknown property"),)), lab).solve()
        ours = say("the reference answer")
    finally:
        speak(ENGLISH)
    assert found.why.startswith("まだ何も試していない")
    assert told[-1] == ours != "the reference answer"


def test_a_students_copy_has_no_reference(lab: TrialLab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Untouched stays untouched, and says where help is."""
    monkeypatch.setattr(step, "SOLUTIONS", tmp_path / "none")
    outcome = attempt(file_step(), lab).judge()
    assert (outcome.status, lab.running) == (Status.NOT_ATTEMPTED, "start\n")
    assert "no reference answers" in outcome.why

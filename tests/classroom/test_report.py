"""What leaves a trainee's machine is what is listed, and what comes in is taken for nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.classroom import member
from lab_helpers.classroom.report import MOST_BYTES, NAMELESS, Report, ReportError, parsed, taken
from lab_helpers.classroom.syllabus import lessons, questions
from lab_helpers.exercises import Progress
from lab_helpers.workbook.time_used import TimeUsed
from tests.classroom.people import Clock, guesses, works


def test_the_course_is_the_same_in_both_languages() -> None:
    """Sections, options and cells have the same numbers, so that a Japanese trainee's report is read in English."""
    english, japanese = lessons(), lessons("ja")
    assert {name: len(each.sections) for name, each in english.items()} == {
        name: len(each.sections) for name, each in japanese.items()
    }
    assert {name: dict(each.section_of) for name, each in english.items()} == {
        name: dict(each.section_of) for name, each in japanese.items()
    }
    assert {each.name: each.options for each in questions().values()} == {
        each.name: each.options for each in questions("ja").values()
    }


def test_every_prediction_of_the_course_has_its_options() -> None:
    """Options that a cell names before it asks are found, too; without them there would be no histogram."""
    asked = {name for lesson in lessons().values() for name in lesson.page.guesses}
    assert asked == set(questions())
    assert all(len(each.options) >= 2 for each in questions().values())


def test_a_report_says_where_somebody_is(tmp_path: Path) -> None:
    """The notebook with the newest cell, its section, minutes, steps passed and tried, seconds since."""
    clock, progress = Clock(), Progress(tmp_path, "mia")
    works(tmp_path, "00_setup", clock, 2)
    works(tmp_path, "01_firelens", clock, 4)
    progress.attempted("01_1", False)
    progress.attempted("01_1", False)
    progress.attempted("01_2", True)
    clock.at += 30
    assert taken(tmp_path, lambda _: 3, clock) == Report(
        here="01_firelens", section=3, quiet_s=30, minutes={"00_setup": 2, "01_firelens": 4},
        passed=("01_2",), failed={"01_1": 2},
    )  # fmt: skip


def test_a_guess_leaves_after_its_outcome_was_seen(tmp_path: Path) -> None:
    """Before, there is its name alone; afterwards the numbers of what was chosen and of what happened."""
    options = questions()["01_match"].options
    guesses(tmp_path, "01_match", options[1])
    assert (taken(tmp_path).guessed, taken(tmp_path).seen) == (("01_match",), {})
    guesses(tmp_path, "01_match", options[1], options[0])
    guesses(tmp_path, "01_grep", "an option of another version", questions()["01_grep"].options[0])
    assert taken(tmp_path).seen == {"01_match": (1, 0), "01_grep": (NAMELESS, 0)}


def test_nothing_that_was_typed_leaves(tmp_path: Path) -> None:
    """Owner, paths, names of others' notebooks, the texts of guesses: none is in a report."""
    secret = "do-not-tell"
    progress = Progress(tmp_path, secret)
    progress.attempted(secret, False)
    progress.hinted("01_1", 2)
    progress.solution_seen("01_1")
    guesses(tmp_path, secret, secret, secret)
    guesses(tmp_path, "01_match", secret, secret)
    TimeUsed(tmp_path).begun(secret)
    text = json.dumps(member.current(tmp_path).as_dict())
    assert secret not in text
    assert str(tmp_path) not in text
    assert set(json.loads(text)) == {
        "here", "section", "quiet_s", "minutes", "ended", "passed", "failed", "guessed", "seen"
    }  # fmt: skip


def test_somebody_who_did_everything_fits(tmp_path: Path) -> None:
    """The bound on a report's size is far above the whole course, and it is read as it was sent."""
    clock, progress = Clock(), Progress(tmp_path)
    for name, lesson in lessons().items():
        TimeUsed(tmp_path, clock).ended(name)
        works(tmp_path, name, clock, 1)
        for number, step in enumerate(lesson.page.steps):
            progress.attempted(step, number % 2 == 0)
    for question in questions().values():
        guesses(tmp_path, question.name, question.options[0], question.options[-1])
    sent = json.dumps(taken(tmp_path, now=clock).as_dict())
    assert len(sent) < MOST_BYTES / 2
    assert parsed(json.loads(sent)) == taken(tmp_path, now=clock)


@pytest.mark.parametrize(
    "odd",
    [
        [],
        None,
        {"answer": "text"},
        {"here": "../../etc/passwd"},
        {"here": "<script>"},
        {"here": 4},
        {"section": -1},
        {"section": True},
        {"section": 1.5},
        {"quiet_s": 10**12},
        {"minutes": []},
        {"minutes": {"<b>": 1}},
        {"minutes": {"00_setup": "1"}},
        {"minutes": {f"n{number}": 1 for number in range(500)}},
        {"passed": "01_1"},
        {"passed": ["01_1"] * 500},
        {"passed": [["01_1"]]},
        {"failed": {"01_1": -1}},
        {"seen": {"01_match": [1]}},
        {"seen": {"01_match": [1, "0"]}},
        {"seen": {"01_match": [-2, 0]}},
    ],
)
def test_what_is_no_report_is_refused(odd: Any) -> None:
    """Other members, other kinds, names that are none, numbers without a bound: each is refused whole."""
    with pytest.raises(ReportError):
        parsed(odd)

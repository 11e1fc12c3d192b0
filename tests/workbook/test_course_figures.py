"""The course is a workshop: in each main notebook the trainee decides at least two cells in five (issue 15)."""

from __future__ import annotations

import pytest

from tests.course_figures import Figures, all_figures, is_decided

SHARE = 0.4
LONGEST = 15
WIDEST = 84
"""Characters that fit into a cell at 853 px (1280 x 720 at 150 %), side bar shut: in JupyterLab 4 85 of them scroll."""
ACTING = 12
"""Steps of the main line that change the running lab."""
MAIN = ("01", "02", "03", "04", "05", "06", "07", "08")
NOT_YET = frozenset[str]()
"""What is still as it was before the workshop. It only ever gets shorter; empty, the course is done."""

FOUND = all_figures()
MAIN_LINE = [each for each in FOUND if each.name[:2] in MAIN and "/" not in each.name]


def wrong(each: Figures) -> list[str]:
    """Say what a notebook lacks."""
    return [
        *([f"{each.share:.0%} decided by the trainee, {SHARE:.0%} wanted"] if each.share < SHARE else []),
        *([f"{each.checks} bare lab.check in a section, one wanted"] if each.checks > 1 else []),
    ]


@pytest.mark.parametrize("each", MAIN_LINE, ids=lambda each: each.name)
def test_the_trainee_decides(each: Figures) -> None:
    """At least 40 % of the code cells, and no row of checks; a notebook that does it leaves the exceptions."""
    lacks = wrong(each)
    assert bool(lacks) == (each.name[:2] in NOT_YET), lacks or "it is as wanted: take it out of NOT_YET"


@pytest.mark.parametrize("each", FOUND, ids=lambda each: each.name)
def test_no_cell_is_long(each: Figures) -> None:
    """A cell that holds a file neither: it is a part of it, or a short one."""
    assert each.longest <= LONGEST


@pytest.mark.parametrize("each", FOUND, ids=lambda each: each.name)
def test_no_line_is_wide(each: Figures) -> None:
    """What is beside the edge is not read; of a log line in a playground JupyterLab makes two (`lineWrap`)."""
    assert each.widest <= WIDEST


def test_steps_change_the_running_lab() -> None:
    """At least twelve of the main line."""
    count = sum(each.acting for each in FOUND if "/" not in each.name)
    assert (count < ACTING) == ("steps" in NOT_YET), count


@pytest.mark.parametrize(
    ("source", "decided"),
    [
        ("%%lab_file fluentbit/extra.conf\n[FILTER", True),
        ("%%fluentbit\n[FILTER]", True),
        ("answer = ...", True),
        ('lab.predict("08_1", "Who?", ["a", "b"])', True),
        ('x = lab.step("03_2").answer', True),
        ('lab.check("a", True)', False),
        ("lab.deploy()", False),
    ],
)
def test_what_is_decided(source: str, decided: bool) -> None:
    """A file, a trial, an answer, a guess, a step."""
    assert is_decided(source) is decided

"""Steps of the workbook: what the trainee does with their own hands, asked of the running lab.

    lab.step("03_2")                    a step on files: judged as the working copy and the lab are now
    lab.step("05_1", answer)            a step with an answer in its cell
    lab.step("03_2").hint()             .solution() .check()

docs/write-a-step.md says how to declare one.
"""

from lab_helpers.exercises.steps import n00, n01, n02, n03, n04, n05, n06, n07, n08, n09, n10
from lab_helpers.exercises.steps.attempt import Attempt, Hands, Outcome
from lab_helpers.exercises.steps.beside import drill_1, drill_2, drill_3, drill_4, drill_5, drill_6, faq_3, incident
from lab_helpers.exercises.steps.step import UNTOUCHED, Act, Kind, Step, Verdict, Wrong, not_yet, passed

ROOMS = (
    n00, n01, n02, n03, n04, n05, n06, n07, n08, n09, n10,
    drill_1, drill_2, drill_3, drill_4, drill_5, drill_6, faq_3, incident,
)  # fmt: skip
CATALOGUE: tuple[Step, ...] = tuple(step for room in ROOMS for step in room.STEPS)

__all__ = [
    "CATALOGUE",
    "UNTOUCHED",
    "Act",
    "Attempt",
    "Hands",
    "Kind",
    "Outcome",
    "Step",
    "Verdict",
    "Wrong",
    "not_yet",
    "passed",
    "step_of",
]


def step_of(name: str) -> Step | None:
    """Return the step of this id; None when there is none."""
    return next((step for step in CATALOGUE if step.id == name), None)

"""The steps of the drills' notebook 5."""

from __future__ import annotations

from lab_helpers.drills.dead_router import InputPaused, RouterOutOfMemory
from lab_helpers.exercises.steps.beside.puzzles import cause, mend
from lab_helpers.exercises.steps.step import Step, Wrong

STEPS: tuple[Step, ...] = (
    cause("drill_5a_cause", RouterOutOfMemory),
    mend(
        "drill_5a_mend",
        RouterOutOfMemory,
        Wrong(
            lambda conf: conf.replace("storage.type filesystem", "storage.type memory"), "exit code of log_router: 137"
        ),
        Wrong(lambda conf: conf.replace("storage.type", "storage.typ"), "No task is started"),
        minutes=8,
    ),
    cause("drill_5b_cause", InputPaused),
    mend(
        "drill_5b_mend",
        InputPaused,
        Wrong(lambda text: text.replace("200", "50"), "It is still as it was"),
        Wrong(lambda text: text.replace("memoryReservation", "reservation"), "log_router has `reservation`"),
        minutes=8,
    ),
)

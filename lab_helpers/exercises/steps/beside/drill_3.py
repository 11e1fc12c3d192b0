"""The steps of the drills' notebook 3."""

from __future__ import annotations

from typing import Any

from lab_helpers.drills.lost_or_double import DriverBufferFull, Duplicates, FirehoseThrottled, LastLines
from lab_helpers.exercises.steps.beside.puzzles import call, cause, mend
from lab_helpers.exercises.steps.step import Step, Wrong


def _all(numbers: Any) -> Any:
    return numbers


def _only_once(numbers: Any) -> Any:
    return numbers[~numbers.duplicated(keep=False)]


def _read(drill: Any, answer: Any) -> None:
    drill.mend_reader(answer)


STEPS: tuple[Step, ...] = (
    cause("drill_3a_cause", LastLines),
    mend(
        "drill_3a_mend",
        LastLines,
        Wrong(lambda text: text.replace('"stopTimeout": 30', '"stopTimeout": 1'), "Seen: ready; saving"),
        Wrong(lambda text: text.replace("stopTimeout", "stop_timeout"), "app has `stop_timeout`"),
    ),
    cause("drill_3b_cause", DriverBufferFull),
    mend(
        "drill_3b_mend",
        DriverBufferFull,
        Wrong(lambda text: text.replace("1048576", "2000"), "it is not mended yet"),
        Wrong(lambda text: text.replace("logConfiguration", "logging"), "app has `logging`"),
    ),
    cause("drill_3c_cause", FirehoseThrottled),
    mend(
        "drill_3c_mend",
        FirehoseThrottled,
        Wrong(lambda conf: conf.replace("compression gzip", "compression zip"), "No task is started"),
        Wrong(lambda conf: conf.replace("compression gzip", "compress gzip"), "No task is started"),
    ),
    cause("drill_3d_cause", Duplicates),
    call("drill_3d_mend", Duplicates, _read, Wrong(_all, "duplicates"), Wrong(_only_once, "lost")),
)

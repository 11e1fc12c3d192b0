"""The steps of the drills' notebook 2."""

from __future__ import annotations

from lab_helpers.drills.wrong_shape import EscapedJson, HealthChecks, SplitLines, UnparsedLines
from lab_helpers.exercises.steps.beside.puzzles import cause, mend
from lab_helpers.exercises.steps.step import Step, Wrong

NOT_YET, REFUSED = "it is not mended yet", "No task is started"

STEPS: tuple[Step, ...] = (
    cause("drill_2a_cause", EscapedJson),
    mend(
        "drill_2a_mend",
        EscapedJson,
        Wrong(lambda conf: conf.replace("    Reserve_Data On\n", ""), NOT_YET),
        Wrong(lambda conf: conf.replace("Parser drill_json", "Parser json_drill"), REFUSED),
    ),
    cause("drill_2b_cause", UnparsedLines),
    mend(
        "drill_2b_mend",
        UnparsedLines,
        Wrong(lambda conf: conf.replace("Key_Name log", "Key_Name line"), NOT_YET),
        Wrong(lambda conf: conf.replace("Key_Name log", "Key log"), REFUSED),
    ),
    cause("drill_2c_cause", SplitLines),
    mend(
        "drill_2c_mend",
        SplitLines,
        Wrong(lambda conf: conf.replace("key_content log", "key_content message"), NOT_YET),
        Wrong(lambda conf: conf.replace("Name multiline", "Name multilines"), REFUSED),
    ),
    cause("drill_2d_cause", HealthChecks),
    mend(
        "drill_2d_mend",
        HealthChecks,
        Wrong(lambda conf: conf.replace('"ELB-HealthChecker/[0-9.]+"$', "ELB-HealthChecker"), "visitors: 9"),
        Wrong(lambda conf: conf.replace("Exclude log", "Excluded log"), REFUSED),
    ),
)

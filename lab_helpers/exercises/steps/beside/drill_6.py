"""The steps of the drills' notebook 6."""

from __future__ import annotations

from lab_helpers.drills.what_leaves import GroupDeleted, PasswordInLog, StackTrace, YamlFile
from lab_helpers.exercises.steps.beside.puzzles import cause, mend
from lab_helpers.exercises.steps.step import Step, Wrong

NOT_YET, REFUSED = "it is not mended yet", "No task is started"

STEPS: tuple[Step, ...] = (
    cause("drill_6a_cause", StackTrace),
    mend(
        "drill_6a_mend",
        StackTrace,
        Wrong(lambda conf: conf.replace("multiline.parser java", "mode partial_message"), NOT_YET),
        Wrong(lambda conf: conf.replace("multiline.parser java", "multiline.parsers java"), REFUSED),
    ),
    cause("drill_6b_cause", PasswordInLog),
    mend(
        "drill_6b_mend",
        PasswordInLog,
        Wrong(lambda conf: conf.replace("[^& ]+", ".+"), "with user and id: 2"),
        Wrong(lambda conf: conf.replace("Name lua", "Name luas"), REFUSED),
    ),
    cause("drill_6c_cause", YamlFile),
    mend(
        "drill_6c_mend",
        YamlFile,
        Wrong("outputs:\n  - name: cloudwatch_logs\n    match: '*'\n", "exit code of log_router: 1"),
        Wrong(lambda conf: conf.replace("    Name cloudwatch_logs", "    Name: cloudwatch_logs"), REFUSED),
    ),
    cause("drill_6d_cause", GroupDeleted),
    mend(
        "drill_6d_mend",
        GroupDeleted,
        Wrong(lambda conf: conf.replace("auto_create_group true", "auto_create_group false"), "log group: gone"),
        Wrong(lambda conf: conf.replace("auto_create_group", "auto_create_groups"), REFUSED),
    ),
)

"""The steps of the drills' notebook 1."""

from __future__ import annotations

from typing import Any

from lab_helpers.drills.nothing_arrives import MatchNothing, RouterNotEssential, UnknownOption
from lab_helpers.drills.stale_image import StaleImage
from lab_helpers.exercises.steps.beside.puzzles import call, cause, mend
from lab_helpers.exercises.steps.step import Step, Wrong


def _nothing(ecs: Any, cluster: str, service: str) -> None:
    del ecs, cluster, service


def _same_count(ecs: Any, cluster: str, service: str) -> None:
    ecs.update_service(cluster=cluster, service=service, desiredCount=1)


def _deploy(drill: Any, answer: Any) -> None:
    drill.mend(answer)


STEPS: tuple[Step, ...] = (
    cause("drill_1a_cause", MatchNothing),
    mend(
        "drill_1a_mend",
        MatchNothing,
        Wrong(lambda conf: conf.replace("Match *", "Match httpd-firelens-*"), "CloudWatch Logs: 0"),
        Wrong(lambda conf: conf.replace("Match *", "Matches *"), "unknown configuration property 'matches'"),
    ),
    cause("drill_1b_cause", UnknownOption),
    mend(
        "drill_1b_mend",
        UnknownOption,
        Wrong(lambda conf: conf.replace("log_retention_days 90", "retention_in_days 90"), "'retention_in_days'"),
        Wrong(lambda conf: conf.replace("log_retention_days 90", "log_retention_day 90"), "'log_retention_day'"),
    ),
    cause("drill_1c_cause", RouterNotEssential),
    mend(
        "drill_1c_mend",
        RouterNotEssential,
        Wrong(lambda conf: conf + "    no_such_option yes\n", "'no_such_option'"),
        Wrong(lambda conf: conf.replace("Name cloudwatch_logs", "Name cloudwatch_log"), "No task is started with"),
    ),
    cause("drill_1d_cause", StaleImage),
    call(
        "drill_1d_mend",
        StaleImage,
        _deploy,
        Wrong(_nothing, "no new deployment"),
        Wrong(_same_count, "no new deployment"),
    ),
)

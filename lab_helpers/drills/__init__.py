"""Failure drills: one command breaks one thing, the symptom is shown first, and everything is undone.

    drill = drills.match_nothing(lab)
    drill.inject()
    drill.symptom()

`CATALOGUE` has them all; `undo_all` undoes what is open, also of an earlier kernel.
"""

from lab_helpers.drills.drill import BROKEN, FIXED, Drill, Story, TaskDrill
from lab_helpers.drills.nothing_arrives import MatchNothing, RouterNotEssential, UnknownOption
from lab_helpers.drills.opened import open_drills, undo_all
from lab_helpers.drills.stale_image import StaleImage
from lab_helpers.drills.wrong_shape import EscapedJson, HealthChecks, SplitLines, UnparsedLines

escaped_json = EscapedJson
health_checks = HealthChecks
match_nothing = MatchNothing
router_not_essential = RouterNotEssential
split_lines = SplitLines
stale_image = StaleImage
unknown_option = UnknownOption
unparsed_lines = UnparsedLines

CATALOGUE: tuple[type[Drill], ...] = (
    MatchNothing,
    UnknownOption,
    RouterNotEssential,
    StaleImage,
    EscapedJson,
    UnparsedLines,
    SplitLines,
    HealthChecks,
)

__all__ = [
    "BROKEN",
    "CATALOGUE",
    "FIXED",
    "Drill",
    "Story",
    "TaskDrill",
    "escaped_json",
    "health_checks",
    "match_nothing",
    "open_drills",
    "router_not_essential",
    "split_lines",
    "stale_image",
    "undo_all",
    "unknown_option",
    "unparsed_lines",
]

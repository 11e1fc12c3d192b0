"""Failure drills: one command breaks one thing, the symptom is shown first, and everything is undone.

    drill = drills.match_nothing(lab)
    drill.inject()
    drill.symptom()

`CATALOGUE` has them all; `undo_all` undoes what is open, also of an earlier kernel.
"""

from lab_helpers.drills.dead_router import InputPaused, RouterOutOfMemory
from lab_helpers.drills.drill import BROKEN, FIXED, Drill, Story, TaskDrill
from lab_helpers.drills.lost_or_double import DriverBufferFull, Duplicates, FirehoseThrottled, LastLines
from lab_helpers.drills.nothing_arrives import MatchNothing, RouterNotEssential, UnknownOption
from lab_helpers.drills.permissions import FirehoseDenied, GroupDenied, PullDenied, RetentionNotSet
from lab_helpers.drills.stale_image import StaleImage
from lab_helpers.drills.what_leaves import GroupDeleted, PasswordInLog, StackTrace, YamlFile
from lab_helpers.drills.wrong_shape import EscapedJson, HealthChecks, SplitLines, UnparsedLines
from lab_helpers.opened import open_drills, undo_all

driver_buffer_full = DriverBufferFull
duplicates = Duplicates
escaped_json = EscapedJson
firehose_denied = FirehoseDenied
firehose_throttled = FirehoseThrottled
group_denied = GroupDenied
health_checks = HealthChecks
input_paused = InputPaused
last_lines = LastLines
match_nothing = MatchNothing
pull_denied = PullDenied
retention_not_set = RetentionNotSet
router_not_essential = RouterNotEssential
router_out_of_memory = RouterOutOfMemory
split_lines = SplitLines
stale_image = StaleImage
unknown_option = UnknownOption
unparsed_lines = UnparsedLines
stack_trace = StackTrace
password_in_log = PasswordInLog
yaml_file = YamlFile
group_deleted = GroupDeleted

CATALOGUE: tuple[type[Drill], ...] = (
    MatchNothing,
    UnknownOption,
    RouterNotEssential,
    StaleImage,
    EscapedJson,
    UnparsedLines,
    SplitLines,
    HealthChecks,
    LastLines,
    DriverBufferFull,
    FirehoseThrottled,
    Duplicates,
    GroupDenied,
    RetentionNotSet,
    FirehoseDenied,
    PullDenied,
    RouterOutOfMemory,
    InputPaused,
    StackTrace,
    PasswordInLog,
    YamlFile,
    GroupDeleted,
)

__all__ = [
    "BROKEN",
    "CATALOGUE",
    "FIXED",
    "Drill",
    "Story",
    "TaskDrill",
    "driver_buffer_full",
    "duplicates",
    "escaped_json",
    "firehose_denied",
    "firehose_throttled",
    "group_deleted",
    "group_denied",
    "health_checks",
    "input_paused",
    "last_lines",
    "match_nothing",
    "open_drills",
    "password_in_log",
    "pull_denied",
    "retention_not_set",
    "router_not_essential",
    "router_out_of_memory",
    "split_lines",
    "stack_trace",
    "stale_image",
    "undo_all",
    "unknown_option",
    "unparsed_lines",
    "yaml_file",
]

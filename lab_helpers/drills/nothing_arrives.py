"""Drills in which no line arrives, or not the expected one: Match, a stale image, an unknown option, a dead router."""

from __future__ import annotations

from lab_helpers.base.lazy import pd
from lab_helpers.drills.case import CONF, CONTAINERS, Files, members
from lab_helpers.drills.drill import BROKEN, FIXED, Story, TaskDrill
from lab_helpers.drills.looks import arrived, containers, ending
from lab_helpers.drills.scripts import numbered
from lab_helpers.drills.stage import APP, ROUTER, OnTick, Setup

LINES = 100
WRONG_MATCH = "app.*"
"""The Match of broken/match_nothing/extra.conf."""


class MatchNothing(TaskDrill):
    """An output whose Match fits no tag."""

    name = "match_nothing"
    story = Story(
        title="a Match that matches nothing",
        symptom="The task runs and its router is healthy, but the log group is not even made.",
        where_to_look="The router's own log has no error; so compare the Match of the output with the tag.",
        cause="FireLens tags records <container>-firelens-<task id>: app-firelens-…. The pattern app.* has a dot.",
        fix="A pattern that fits the tag: here Match *, since every container's lines go there.",
        proof="All lines are in the group.",
        source="aws-for-fluent-bit #375, #240",
        right="b",
        reasons={
            "a": "A denied call would stand in the router's own log as AccessDeniedException: there is no error.",
            "b": "FireLens tags the lines <container>-firelens-<task id>; the pattern `app.*` wants a dot behind app.",
            "c": "The app ended with 0, and the router was stopped after it: it had the time to send.",
        },
    )

    def setup(self, files: Files) -> Setup:
        return Setup(numbered(LINES), files[CONF])

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen["lines"].tolist() == [LINES, LINES]

    def view(self, take: str) -> pd.DataFrame:
        return arrived(LINES, len(self.stage.events(take)))

    def evidence(self) -> pd.DataFrame:
        arn = self.task_arn(BROKEN)
        errors = self.stage.router_log(arn)["level"].eq("error").sum()
        names = ["errors in the router's own log", "Match of the output", "tag of the lines"]
        return pd.DataFrame({"what": names, "value": [errors, WRONG_MATCH, f"{APP}-firelens-{arn.rsplit('/', 1)[-1]}"]})


class UnknownOption(TaskDrill):
    """An option that the output does not have."""

    name = "unknown_option"
    story = Story(
        title="an option that does not exist",
        symptom="The task stops as soon as it has started, again and again when it belongs to a service.",
        where_to_look="The task's stopped reason names the container; the router's own log names the option.",
        cause="Fluent Bit refuses an output with an unknown option (log_retention instead of log_retention_days) and "
        "exits; the router is essential, so the task ends with it.",
        fix="Correct the option; try the configuration before it is deployed (fluentbit.try_config).",
        proof="The task runs to its end and all lines arrive.",
        source="Fluent Bit manual, CloudWatch output",
        right="a",
        reasons={
            "a": "The router's log names it: unknown configuration property 'log_retention'. It ends "
            "before it takes a line.",
            "b": "A denial does not end the router: it goes on and says AccessDeniedException.",
            "c": "A container that is killed for its memory has exit code 137; this router's is 255.",
        },
    )

    def setup(self, files: Files) -> Setup:
        return Setup(numbered(LINES), files[CONF])

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return bool(seen["value"].iloc[-1] == LINES)

    def view(self, take: str) -> pd.DataFrame:
        return ending(self.task(take), len(self.stage.events(take)))


class RouterNotEssential(TaskDrill):
    """A router that dies while the app runs on."""

    name = "router_not_essential"
    mendable = (CONF, CONTAINERS)
    until = "RUNNING"
    story = Story(
        title="the router dies, the app runs on",
        symptom="The task is RUNNING and serves its users; since some moment there is not one line more.",
        where_to_look="DescribeTasks, container by container: the router is STOPPED, with an exit code.",
        cause="The router is not essential: ECS leaves the task alone when it ends (here it ends at its start, because "
        "of a wrong option), and the log driver buffers, then drops.",
        fix="essential: true for the router, so that the task is replaced; and the right option.",
        proof="The router runs as long as the task, and the lines arrive.",
        source="aws-for-fluent-bit #1164",
        right="c",
        reasons={
            "a": "A router that is refused tries again, and is RUNNING. This one is STOPPED.",
            "b": "The app is RUNNING and prints; its log driver has nobody to hand the lines to.",
            "c": "The router ended at its start because of a wrong option, and ECS leaves the task "
            "alone: essential is false.",
        },
    )

    def setup(self, files: Files) -> Setup:
        app, router = members(files, APP), members(files, ROUTER)
        return Setup(numbered(LINES, then="sleep 600"), files[CONF], app=app, router=router)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        if seen["state"].iloc[-1] != LINES:
            return False
        return ROUTER in [each["name"] for each in self.definition(FIXED) if each.get("essential", True)]

    def _mend(self, files: Files, on_tick: OnTick) -> None:
        super()._mend(files, on_tick)
        self._wait_for_events(FIXED, LINES, on_tick)

    def view(self, take: str) -> pd.DataFrame:
        task = self.task(take)
        status = {each["name"]: each["lastStatus"] for each in task["containers"]}
        return pd.DataFrame(
            {
                "what": ["task", "app", ROUTER, "lines in CloudWatch Logs"],
                "state": [task["lastStatus"], status["app"], status[ROUTER], len(self.stage.events(take))],
            }
        )

    def evidence(self) -> pd.DataFrame:
        return containers(self.task(BROKEN))

"""Drills in which no line arrives, or not the expected one: Match, a stale image, an unknown option, a dead router."""

from __future__ import annotations

from collections.abc import Mapping

from lab_helpers.base.lazy import pd
from lab_helpers.drills.drill import BROKEN, FIXED, Story, TaskDrill
from lab_helpers.drills.looks import arrived, containers, ending
from lab_helpers.drills.scripts import numbered, to_cloudwatch
from lab_helpers.drills.stage import APP, ROUTER, OnTick, Setup

LINES = 100
WRONG_MATCH = "app.*"


class MatchNothing(TaskDrill):
    """An output whose Match fits no tag."""

    name = "match_nothing"
    story = Story(
        title="a Match that matches nothing",
        symptom="The task runs and its router is healthy, but the log group is not even made.",
        where_to_look="The router's own log has no error; so compare the Match of the output with the tag.",
        cause="FireLens tags records <container>-firelens-<task id>: app-firelens-…. The pattern app.* has a dot.",
        fix="Match app-firelens-* (or *, when every container's lines go there).",
        proof="All lines are in the group.",
        source="aws-for-fluent-bit #375, #240",
    )

    def setups(self) -> Mapping[str, Setup]:
        return {
            BROKEN: Setup(numbered(LINES), to_cloudwatch(match=WRONG_MATCH)),
            FIXED: Setup(numbered(LINES), to_cloudwatch(match="app-firelens-*")),
        }

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
    )

    def setups(self) -> Mapping[str, Setup]:
        return {
            BROKEN: Setup(numbered(LINES), to_cloudwatch(more="log_retention 90")),
            FIXED: Setup(numbered(LINES), to_cloudwatch(more="log_retention_days 90")),
        }

    def view(self, take: str) -> pd.DataFrame:
        return ending(self.task(take), len(self.stage.events(take)))


class RouterNotEssential(TaskDrill):
    """A router that dies while the app runs on."""

    name = "router_not_essential"
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
    )

    def setups(self) -> Mapping[str, Setup]:
        return {
            BROKEN: Setup(numbered(LINES, then="sleep 600"), to_cloudwatch(more="no_such_option yes"),
                          router={"essential": False}),
            FIXED: Setup(numbered(LINES, then="sleep 600"), to_cloudwatch()),
        }  # fmt: skip

    def mend(self, on_tick: OnTick = None) -> None:
        super().mend(on_tick)
        self.stage.wait_for_events(FIXED, LINES, on_tick)

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

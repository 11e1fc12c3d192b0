"""The awslogs driver: compared with FireLens (E1), and making a log group by itself (E3)."""

from __future__ import annotations

import json
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.lazy import pd
from lab_helpers.drills.looks import denial
from lab_helpers.drills.rights import EXECUTION_POLICY, allow, make_role
from lab_helpers.drills.scripts import numbered, to_cloudwatch
from lab_helpers.drills.stage import APP, APP_IMAGE, OnTick, Setup, awslogs
from lab_helpers.experiments.experiment import Experiment

LINES = 100
ALONE, ROUTED = "awslogs", "firelens"
WITHOUT, WITH = "without", "with"


class AwslogsOrFirelens(Experiment):
    """The same app with the awslogs driver alone, and with FireLens."""

    name = "faq_awslogs_alone"
    question = "Is FireLens needed at all when CloudWatch Logs is the only destination?"

    def run(self, on_tick: OnTick = None) -> None:
        self.undo()
        group = self.stage.log_group(ALONE)
        self.stage.opened.add("log group", group)
        with aws_errors("CreateLogGroup"):
            self.lab.client("logs").create_log_group(logGroupName=group)
        logged = awslogs(group, self.lab.settings.region, "web")
        self.tasks[ALONE] = self.stage.start(self.stage.register(ALONE, [_app(numbered(LINES), logged)]))
        image = self.stage.publish({f"{ROUTED}.conf": to_cloudwatch()})
        self.tasks[ROUTED] = self.stage.run(ROUTED, Setup(numbered(LINES), to_cloudwatch()), image)
        for arn in self.tasks.values():
            self.stage.wait_for(arn, "STOPPED", on_tick)

    def result(self) -> pd.DataFrame:
        """Return the comparison: what, awslogs, firelens."""
        return pd.DataFrame({"what": list(_FACTS), ALONE: self._told(ALONE), ROUTED: self._told(ROUTED)})

    def _told(self, take: str) -> list[str]:
        events, task = self.stage.events(take), self.stage.task(self.tasks[take])
        newest = str(events.sort_values("event_time", kind="stable")["message"].iloc[-1])
        routed = take == ROUTED
        return [
            str(len(events)),
            str(len(task["containers"])),
            "task role" if routed else "execution role",
            str(events["stream"].iloc[-1]),
            _short(newest),
            "yes, by its filters" if routed else "no",
            "any output of Fluent Bit" if routed else "CloudWatch Logs",
        ]


class CreateGroup(Experiment):
    """awslogs-create-group with AWS's own execution policy, and with one permission more."""

    name = "faq_create_group"
    question = "Could the log group be made automatically?"

    def run(self, on_tick: OnTick = None) -> None:
        self.undo()
        create = allow(["logs:CreateLogGroup"])
        roles = {
            WITHOUT: make_role(self.stage, WITHOUT, managed=(EXECUTION_POLICY,)),
            WITH: make_role(self.stage, WITH, create, managed=(EXECUTION_POLICY,)),
        }
        for take, role in roles.items():
            group, region = self.stage.log_group(take), self.lab.settings.region
            logged = awslogs(group, region, "web", awslogs_create_group="true")
            definition = self.stage.register(take, [_app(numbered(LINES), logged)], execution_role=role)
            self.tasks[take] = self.stage.start(definition)
        for arn in self.tasks.values():
            self.stage.wait_for(arn, "STOPPED", on_tick)

    def result(self) -> pd.DataFrame:
        """Return how it went: logs_CreateLogGroup (without, with), stop_code, lines."""
        tasks = [self.stage.task(arn) for arn in self.tasks.values()]
        return pd.DataFrame(
            {
                "logs:CreateLogGroup": list(self.tasks),
                "stop code": [task.get("stopCode", "") for task in tasks],
                "lines": [len(self.stage.events(take)) for take in self.tasks],
            }
        )

    def reason(self) -> pd.DataFrame:
        """Return who was denied what, from the stopped reason of the task without the permission: what, value."""
        return denial([self.stage.task(self.tasks[WITHOUT]).get("stoppedReason", "")])


_FACTS = (
    "lines in CloudWatch Logs",
    "containers in the task",
    "who writes",
    "log stream",
    "an event",
    "can drop or parse lines",
    "destinations",
)


def _app(script: str, logged: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": APP,
        "image": APP_IMAGE,
        "essential": True,
        "command": ["sh", "-c", script],
        "logConfiguration": logged,
    }


def _short(message: str) -> str:
    """Return an event as it is, a record by its keys."""
    try:
        record = json.loads(message)
    except ValueError:
        return message
    return f"JSON: {', '.join(sorted(record))}" if isinstance(record, dict) else message

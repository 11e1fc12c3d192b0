"""Drills about what leaves a task: a trace in pieces, a password, a file in the wrong form, a group that is gone."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from lab_helpers import ecs_service
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import NotFoundError, WaitTimeoutError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.display import Shown
from lab_helpers.drills import views
from lab_helpers.drills.case import CONF, Files
from lab_helpers.drills.drill import BROKEN, Story, TaskDrill
from lab_helpers.drills.looks import logged
from lab_helpers.drills.scripts import numbered
from lab_helpers.drills.stage import POLL_S, ROUTER, TASK_TIMEOUT_S, OnTick, Setup

LINES = 100
TRACE_LINES = 30
ASKED = "user dora asks: is my password safe? id=4"
LEAKS: Mapping[str, str] = {
    "login user=anna password=hunter2 id=1": "hunter2",
    "login user=ben id=2 password=correct-horse": "correct-horse",
    "GET /login?user=cleo&password=t0p&id=3 HTTP/1.1": "t0p",
    ASKED: "",
}
"""Lines of the app, and the password in each (empty: none)."""
BEFORE_DELETION = 3
BACK_TIMEOUT_S = 15.0
"""Bound on the way of lines into a group that was made again: several flushes of one second."""


class StackTrace(TaskDrill):
    """An exception of thirty lines."""

    name = "stack_trace"
    story = Story(
        title="a stack trace became thirty events",
        symptom="One exception is thirty events; a search for its message finds one line without its trace.",
        where_to_look="The events in their order: an exception's first line, then each `at …` for itself.",
        cause="To the log driver every line is a record. Nobody says which lines belong together.",
        fix="A multiline filter on `log` with the built-in parser java, before every other filter. (Python, Go and "
        "Ruby have parsers, too; your own format needs a [MULTILINE_PARSER].)",
        proof="One event with all lines of the trace, and the next line for itself.",
        source="aws-for-fluent-bit #100, Fluent Bit manual, multiline",
        right="b",
        reasons={
            "a": "The app prints the message once; the other lines are the calls that led to it.",
            "b": "To the log driver every line is a record, and no filter puts them together.",
            "c": "The runtime cuts at 16,384 bytes; these lines have less than 100.",
        },
    )
    script = (
        "echo 'java.lang.IllegalStateException: no stock for order 77'; i=1; "
        f"while [ $i -lt {TRACE_LINES} ]; do "
        "printf '\\tat shop.Order.step%d(Order.java:%d)\\n' $i $i; i=$((i+1)); done; "
        "echo 'order 78 saved'; sleep 4"
    )

    def setup(self, files: Files) -> Setup:
        return Setup(self.script, files[CONF])

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return sorted(seen["lines"].tolist()) == [1, TRACE_LINES]

    def view(self, take: str) -> pd.DataFrame:
        events = logged(self.stage.events(take).sort_values("event_time", kind="stable")).tolist()
        found = [str(each).splitlines() for each in events]
        return pd.DataFrame(
            {"begins with": [each[0].strip() if each else "" for each in found], "lines": [len(each) for each in found]}
        )

    def evidence(self) -> pd.DataFrame:
        return self.view(BROKEN).head(4)


class PasswordInLog(TaskDrill):
    """An app that logs what it was asked, passwords and all."""

    name = "password_in_log"
    story = Story(
        title="a password in the log",
        symptom="The log holds passwords in clear: who may read the log may log in.",
        where_to_look="The lines themselves: `password=` in three forms.",
        cause="The app prints them, and nothing on the way masks them.",
        fix="A lua filter that masks the value and keeps the line. (The app should not print it; data protection of "
        "CloudWatch Logs masks at reading, when the password has left the task already. And change the passwords.)",
        proof="Every line arrives, with user and id, and no password in it.",
        source="OWASP Logging Cheat Sheet; Fluent Bit manual, Lua filter",
        right="b",
        reasons={
            "a": "Data protection masks what is read. The password has left the task by then: it is the second net.",
            "b": "The app prints them, and no filter masks them before they leave the task.",
            "c": "The router prints no records into its own log; these lines are the app's.",
        },
    )
    script = "; ".join(f"echo '{line}'" for line in LEAKS) + "; sleep 1"

    def setup(self, files: Files) -> Setup:
        return Setup(self.script, files[CONF])

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen["lines"].tolist() == [len(LEAKS), len(LEAKS), 0, len(LEAKS)]

    def view(self, take: str) -> pd.DataFrame:
        lines = [str(line) for line in logged(self.stage.events(take))]
        told = [line for line in lines if any(secret and secret in line for secret in LEAKS.values())]
        whole = [line for line in lines if line == ASKED or _is_whole(line)]
        names = ["printed by the app", "CloudWatch Logs", "with a password in it", "with user and id"]
        return pd.DataFrame({"what": names, "lines": [len(LEAKS), len(lines), len(told), len(whole)]})

    def lines(self, take: str = BROKEN) -> Shown:
        """Return the lines as CloudWatch Logs has them."""
        return views.lines(str(line) for line in logged(self.stage.events(take)))

    def evidence(self) -> pd.DataFrame:
        return self.view(BROKEN)


class YamlFile(TaskDrill):
    """A configuration in YAML, in a service."""

    name = "yaml_file"
    story = Story(
        title="a YAML file in FireLens",
        symptom="A service starts one task after the other; each ends at once, and not a line arrives.",
        where_to_look="The exit code of the router in a stopped task, and its own log; the service's events count.",
        cause="FireLens writes a classic configuration and includes your file in it. YAML is no classic section, so "
        "Fluent Bit ends at its start, and the essential router takes the task with it.",
        fix="Write extra.conf in the classic form. (YAML needs an image with a start command of your own, which does "
        "not use the configuration that FireLens generates.)",
        proof="The task runs to its end and all lines arrive.",
        source="Amazon ECS developer guide, custom configuration files; Fluent Bit manual, YAML",
        right="b",
        reasons={
            "a": "The image is there and was pulled: the router printed its greeting.",
            "b": "FireLens includes your file in a classic configuration, and YAML is no section of one.",
            "c": "A denied call does not end the router: it goes on and says AccessDeniedException.",
        },
    )

    def setup(self, files: Files) -> Setup:
        return Setup(numbered(LINES), files[CONF])

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return bool(seen["value"].iloc[-1] == LINES)

    def inject(self, on_tick: OnTick = None) -> None:
        self._begin_anew()
        setup = Setup(numbered(LINES), self.broken_files()[CONF], config_name="extra.yaml")
        image = self.stage.publish({setup.config_name: setup.conf})
        self.stage.serve(self.stage.define(BROKEN, setup, image))
        stopped = wait_until(
            self._stopped,
            TASK_TIMEOUT_S,
            POLL_S,
            say("the service's second task to end"),
            done=lambda arns: len(arns) > 1,
            describe=lambda arns: say("{count} tasks have ended", count=len(arns)),
            on_tick=on_tick,
        )
        self._keep(BROKEN, stopped[0])

    def view(self, take: str) -> pd.DataFrame:
        task = self.task(take)
        code = next((each.get("exitCode", "none") for each in task["containers"] if each["name"] == ROUTER), "none")
        told = {"task": task["lastStatus"], "exit code of log_router": code}
        told["lines in CloudWatch Logs"] = len(self.stage.events(take))
        return pd.DataFrame({"what": list(told), "value": list(told.values())})

    def show(self) -> Shown:
        text = self.broken_files()[CONF]
        setup = Setup(numbered(LINES), text, config_name="extra.yaml")
        return views.system({"extra.yaml": text}, self.stage.containers(BROKEN, setup))

    def service_events(self) -> Shown:
        """Return the newest events of the service, as DescribeServices has them."""
        with aws_errors("DescribeServices"):
            found = self.lab.client("ecs").describe_services(
                cluster=self.lab.outputs.cluster_name, services=[self.stage.family]
            )
        return views.lines(str(each["message"]) for each in found["services"][0]["events"][:6])

    def _stopped(self) -> list[str]:
        found = ecs_service.describe_tasks(self.lab.client("ecs"), self.lab.outputs.cluster_name, status="STOPPED")
        mine = [each for each in found if each["group"] == f"service:{self.stage.family}"]
        return [str(each["taskArn"]) for each in mine]


class GroupDeleted(TaskDrill):
    """A log group that somebody deletes while a router writes to it."""

    name = "group_deleted"
    until = "RUNNING"
    story = Story(
        title="the log group was deleted under a running router",
        symptom="Since a moment not one line arrives, and the log group is gone. The task runs.",
        where_to_look="The router's own log: stream and group are not found, and chunks cannot be retried.",
        cause="Somebody deleted the group. Fluent Bit makes a stream again that is gone, but a group only with "
        "auto_create_group.",
        fix="auto_create_group true, with the permission logs:CreateLogGroup; or the group in Terraform, and an alarm "
        "on missing lines. What was sent meanwhile is lost (Fluent Bit 5 drops such a chunk without another try).",
        proof="The group is made again by the router, and new lines arrive.",
        source="aws-for-fluent-bit #1164; Fluent Bit 5.0.9 release notes",
        right="a",
        reasons={
            "a": "The router's log does not find group and stream, and its file does not let it make a group.",
            "b": "Credentials that have expired are told as ExpiredTokenException.",
            "c": "The app is RUNNING and prints a line a second.",
        },
    )
    script = "i=1; while :; do echo tick $i; i=$((i+1)); sleep 1; done"

    def setup(self, files: Files) -> Setup:
        return Setup(self.script, files[CONF])

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen["state"].tolist() == ["RUNNING", "there", "yes"]

    def view(self, take: str) -> pd.DataFrame:
        group = self.stage.log_group(take)
        with aws_errors("DescribeLogGroups"):
            found = self.lab.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        arrive = "yes" if len(self.stage.events(take)) else "no"
        state = [self.task(take)["lastStatus"], "there" if found else "gone", arrive]
        return pd.DataFrame({"what": ["task", "log group", "new lines arrive"], "state": state})

    def evidence(self) -> pd.DataFrame:
        told = super().evidence()["message"]
        codes = ["not found", "cannot be retried", "AccessDeniedException"]
        return pd.DataFrame(
            {"in the router's own log": codes, "seen": [bool(told.str.contains(c).any()) for c in codes]}
        )

    def _play(self, take: str, files: Files, on_tick: OnTick, until: str = "") -> None:
        logs, group = self.lab.client("logs"), self.stage.log_group(take)
        self.stage.opened.add("log group", group)
        with contextlib.suppress(NotFoundError), aws_errors("DeleteLogGroup"):
            logs.delete_log_group(logGroupName=group)
        with aws_errors("CreateLogGroup"):
            logs.create_log_group(logGroupName=group)
        super()._play(take, files, on_tick, until)
        self._wait_for_events(take, BEFORE_DELETION, on_tick)
        with aws_errors("DeleteLogGroup"):
            logs.delete_log_group(logGroupName=group)
        with contextlib.suppress(WaitTimeoutError):
            wait_until(
                lambda: len(self.stage.events(take)),
                BACK_TIMEOUT_S,
                POLL_S,
                say("new lines after the deletion"),
                describe=lambda count: say("{count:,} lines", count=count),
                on_tick=on_tick,
            )


def _is_whole(line: str) -> bool:
    parts: dict[str, Any] = {"anna": "id=1", "ben": "id=2", "cleo": "id=3"}
    return any(f"user={user}" in line and mark in line for user, mark in parts.items())

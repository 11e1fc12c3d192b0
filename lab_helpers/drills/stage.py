"""A task of a drill's own beside the lab's service: a small app, a router with a configuration of its own, its traces.

Nothing of the lab's own service, image tag, role or log group is touched. Everything goes through boto3, so that it
runs on an account, too.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab_helpers import cloudwatch, fluentbit, images
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import NotFoundError, WaitTimeoutError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.paths import inside
from lab_helpers.base.wait import Tick, wait_until
from lab_helpers.lab import Lab
from lab_helpers.opened import Opened

APP_IMAGE = "public.ecr.aws/docker/library/busybox:stable"
APP, ROUTER = "app", "log_router"
CONFIG_FOLDER = "/fluent-bit/etc/drill/"
TASK_TIMEOUT_S = 300.0
"""Bound on a task's start or end: on an account a Fargate task takes about a minute to start."""
EVENTS_TIMEOUT_S = 60.0
"""Bound on the way of events from a task that runs to CloudWatch Logs."""
LOG_TIMEOUT_S = 10.0
POLL_S = 0.2

OnTick = Callable[[Tick], None] | None


@dataclass(frozen=True)
class Setup:
    """How the app and its router are run.

    `script` is the app's, for `sh`; `conf` the router's extra.conf, where `${LOG_GROUP}` is the take's own group;
    `log_options` those of the app's awsfirelens driver; `app` and `router` more members of the container definitions;
    `variables` more of the router's environment; the roles are the lab's unless named (ARN); `config_name` is the
    configuration's name in the image unless it is TAKE.conf.
    """

    script: str
    conf: str
    log_options: Mapping[str, str] = field(default_factory=dict)
    app: Mapping[str, Any] = field(default_factory=dict)
    router: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    task_role: str = ""
    execution_role: str = ""
    config_name: str = ""


class Stage:
    """Runs takes ("broken", "fixed", …) of one drill, and reads what they left behind."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name, self.opened = lab, name, Opened(lab, name)
        self.slug = name.replace("_", "-")

    # what there is

    def log_group(self, take: str) -> str:
        """Return the log group that the take's router writes to."""
        return f"{self.lab.outputs.log_group}/drills/{self.slug}/{take}"

    @property
    def family(self) -> str:
        """Name of the drill's task definitions, and of its own things in other services."""
        return f"{self.lab.settings.prefix}-drill-{self.slug}"

    # acts

    def publish(self, files: Mapping[str, str], tag: str = "") -> str:
        """Build and push an image of the lab's base with `files` in `CONFIG_FOLDER`; return its name."""
        out, tag = self.lab.outputs, tag or f"drill-{self.slug}"
        self.opened.add("image", out.repository_name, tag)
        local = self.lab.settings.can.runs_tasks_here
        with tempfile.TemporaryDirectory(prefix="lab-drill-") as folder:
            for name, text in files.items():
                inside(Path(folder), name).write_text(text)
            Path(folder, "Dockerfile").write_text(_dockerfile(files))
            builder = "builtin" if local else self.lab.settings.builder
            ecr = self.lab.client("ecr")
            return images.publish(Path(folder), "Dockerfile", out.repository_url, tag, ecr, builder=builder).uri

    def run(self, take: str, setup: Setup, image: str) -> str:
        """Start a task of app and router; return its ARN."""
        return self.start(self.define(take, setup, image))

    def start(self, definition: str) -> str:
        """Start a task of a registered definition; return its ARN."""
        cluster = self.lab.outputs.cluster_name
        with aws_errors("RunTask"):
            made = self.lab.client("ecs").run_task(
                cluster=cluster,
                taskDefinition=definition,
                launchType="FARGATE",
                networkConfiguration=self.network(),
            )
        arn = str(made["tasks"][0]["taskArn"])
        self.opened.add("task", cluster, arn)
        return arn

    def define(self, take: str, setup: Setup, image: str) -> str:
        """Register a task definition of app and router; return its ARN."""
        return self.register(take, self.containers(take, setup, image), setup.task_role, setup.execution_role)

    def register(
        self, take: str, containers: list[dict[str, Any]], task_role: str = "", execution_role: str = ""
    ) -> str:
        """Register a task definition of these containers; the roles are the lab's unless given. Return its ARN."""
        out = self.lab.outputs
        self.opened.add("log group", self.log_group(take))
        self.opened.add("log streams", out.log_group, f"{self.family}/")
        self.opened.add("task definition", self.family)
        with aws_errors("RegisterTaskDefinition"):
            made = self.lab.client("ecs").register_task_definition(
                family=self.family,
                taskRoleArn=task_role or out.task_role_arn,
                executionRoleArn=execution_role or out.execution_role_arn,
                networkMode="awsvpc",
                requiresCompatibilities=["FARGATE"],
                cpu="256",
                memory="512",
                containerDefinitions=containers,
            )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def stop(self, arn: str) -> None:
        """Stop a task as a deployment does it: SIGTERM to one container after the other."""
        with aws_errors("StopTask"):
            self.lab.client("ecs").stop_task(cluster=self.lab.outputs.cluster_name, task=arn, reason="The drill's stop")

    def clear(self, take: str, arn: str) -> None:
        """End a take's task, and remove its log group: the next try begins empty."""
        if self.task(arn)["lastStatus"] != "STOPPED":
            self.stop(arn)
            self.wait_for(arn, "STOPPED")
        with contextlib.suppress(NotFoundError), aws_errors("DeleteLogGroup"):
            self.lab.client("logs").delete_log_group(logGroupName=self.log_group(take))

    def serve(self, definition: str) -> None:
        """Let a service of the drill's own keep one task of a definition running; raises AwsCallError."""
        out = self.lab.outputs
        self.opened.add("service", out.cluster_name, self.family)
        with aws_errors("CreateService"):
            self.lab.client("ecs").create_service(
                cluster=out.cluster_name,
                serviceName=self.family,
                taskDefinition=definition,
                desiredCount=1,
                launchType="FARGATE",
                networkConfiguration=self.network(),
            )

    def network(self) -> dict[str, Any]:
        """Return the network configuration of the lab's service, for a task beside it."""
        out = self.lab.outputs
        with aws_errors("DescribeServices"):
            found = self.lab.client("ecs").describe_services(cluster=out.cluster_name, services=[out.service_name])
        return dict(found["services"][0]["networkConfiguration"])

    # what is seen

    def task(self, arn: str) -> dict[str, Any]:
        """Return ECS's description of a task."""
        with aws_errors("DescribeTasks"):
            found = self.lab.client("ecs").describe_tasks(cluster=self.lab.outputs.cluster_name, tasks=[arn])
        return dict(found["tasks"][0])

    def definition(self, arn: str) -> list[dict[str, Any]]:
        """Return the container definitions of a registered task definition."""
        with aws_errors("DescribeTaskDefinition"):
            found = self.lab.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        return list(found["containerDefinitions"])

    def wait_for(self, arn: str, status: str, on_tick: OnTick = None) -> dict[str, Any]:
        """Wait until a task has a status ("RUNNING" or "STOPPED"), or has stopped; return its description."""
        return wait_until(
            lambda: self.task(arn),
            TASK_TIMEOUT_S,
            POLL_S,
            say("the drill's task to be {status}", status=status),
            done=lambda task: task["lastStatus"] in (status, "STOPPED"),
            describe=lambda task: say("the task is {status}", status=task["lastStatus"]),
            on_tick=on_tick,
        )

    def events(self, take: str) -> pd.DataFrame:
        """Return the events in the take's group (columns: cloudwatch.read_messages); empty when there is no group."""
        return self.messages(self.log_group(take))

    def wait_for_events(self, take: str, count: int, on_tick: OnTick = None, arn: str = "") -> pd.DataFrame:
        """Wait until at least `count` events are in the take's group, and return them; raises WaitTimeoutError.

        With the ARN of its task also until the task's router has ended, at most `EVENTS_TIMEOUT_S`.
        """
        return wait_until(
            lambda: self.events(take),
            EVENTS_TIMEOUT_S if arn else TASK_TIMEOUT_S,
            POLL_S,
            say("{count:,} events in {group}", count=count, group=self.log_group(take)),
            done=lambda found: len(found) >= count or bool(arn and self.has_ended(arn)),
            describe=lambda found: say("{done:,} of {count:,} events", done=len(found), count=count),
            on_tick=on_tick,
        )

    def has_ended(self, arn: str) -> bool:
        """Tell whether a task's router has ended, alone or with its task."""
        task = self.task(arn)
        ended = [each["lastStatus"] == "STOPPED" for each in task["containers"] if each["name"] == ROUTER]
        return task["lastStatus"] == "STOPPED" or all(ended)

    def messages(self, group: str, streams: list[str] | None = None) -> pd.DataFrame:
        """Return a group's events; empty when there is no such group."""
        try:
            return cloudwatch.read_messages(self.lab.client("logs"), group, streams=streams)
        except NotFoundError:
            return pd.DataFrame({"stream": [], "event_time": [], "message": pd.Series([], dtype=str)})

    def router_log(self, arn: str) -> pd.DataFrame:
        """Return the router's own log of one task: event_time, level (missing for the banner), message."""
        found = self.messages(self.lab.outputs.log_group, [f"{self.family}/{ROUTER}/{arn.rsplit('/', 1)[-1]}"])
        found["level"] = found["message"].str.extract(r"\] \[ *(\w+)\]", expand=False)
        found["message"] = found["message"].str.replace(r"^\[[\d/]+ [\d:.]+\] ", "", regex=True)
        return found[["event_time", "level", "message"]]

    def wait_for_router_log(self, arn: str) -> pd.DataFrame:
        """Return the router's own log once there is one: awslogs sends a moment later. None in time: an empty frame."""
        with contextlib.suppress(WaitTimeoutError):
            wait_until(lambda: len(self.router_log(arn)), LOG_TIMEOUT_S, POLL_S, say("the router's own log"), done=bool)
        return self.router_log(arn)

    def complaints(self, arn: str) -> pd.DataFrame:
        """Return the warnings and errors in the router's own log, each message once: level, message."""
        found = self.router_log(arn)
        found = found[found["level"].isin(["warn", "error"])]
        return found[["level", "message"]].drop_duplicates(ignore_index=True)

    # container definitions

    def containers(self, take: str, setup: Setup, image: str = "") -> list[dict[str, Any]]:
        """Return the container definitions of app and router."""
        return [self._app(setup), self._router(take, setup, image)]

    def _app(self, setup: Setup) -> dict[str, Any]:
        logged = {"logDriver": "awsfirelens", "options": dict(setup.log_options)}
        return {
            "name": APP,
            "image": APP_IMAGE,
            "essential": True,
            "command": ["sh", "-c", setup.script],
            "memoryReservation": 50,
            "logConfiguration": logged,
            **setup.app,
        }

    def _router(self, take: str, setup: Setup, image: str) -> dict[str, Any]:
        out, region = self.lab.outputs, self.lab.settings.region
        variables = {"AWS_REGION": region, "LOG_GROUP": self.log_group(take), **setup.variables}
        options = {
            "config-file-type": "file",
            "config-file-value": f"{CONFIG_FOLDER}{setup.config_name or take + '.conf'}",
        }
        return {
            "name": ROUTER,
            "image": image,
            "essential": True,
            "memoryReservation": 50,
            "environment": [{"name": name, "value": value} for name, value in variables.items()],
            "logConfiguration": awslogs(out.log_group, region, self.family),
            "firelensConfiguration": {"type": "fluentbit", "options": options},
            **setup.router,
        }


def awslogs(group: str, region: str, prefix: str, **options: str) -> dict[str, Any]:
    """Return a logConfiguration of the awslogs driver; underscores in `options` stand for hyphens."""
    more = {name.replace("_", "-"): value for name, value in options.items()}
    given = {"awslogs-group": group, "awslogs-region": region, "awslogs-stream-prefix": prefix, **more}
    return {"logDriver": "awslogs", "options": given}


def _dockerfile(files: Mapping[str, str]) -> str:
    head = [line for line in fluentbit.dockerfile().splitlines() if line.startswith(("ARG ", "FROM "))]
    return "\n".join([*head, *(f"COPY {name} {CONFIG_FOLDER}{name}" for name in files), ""])

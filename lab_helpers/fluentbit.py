"""Fluent Bit as the notebooks look at it: its plugins, its configuration, the image it comes in, its own log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lab_helpers import cloudwatch, ecs_service, images
from lab_helpers.backends import local as backend
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.config import PROJECT, inherited
from lab_helpers.base.errors import NotYetError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.firelens.authors import authors
from lab_helpers.firelens.running import running
from lab_helpers.lab import Lab

FOLDER = PROJECT / "fluentbit"
TAG = "latest"
TRY_TIMEOUT_S = 20.0
RECORD_KEYS = frozenset(
    {"source", "log", "container_id", "container_name", "ecs_cluster", "ecs_task_arn", "ecs_task_definition"}
)
"""Keys of a FireLens record of httpd's log (row C1)."""
_SIDECAR_STREAMS = "httpd-sidecar/"
_DESTINATIONS = (
    ("Amazon CloudWatch Logs", "cloudwatch_logs", "cloudwatch"),
    ("Amazon Data Firehose", "kinesis_firehose", "firehose"),
    ("Amazon Kinesis Data Streams", "kinesis_streams", "kinesis"),
    ("Amazon S3", "s3", ""),
)
"""Source: the article's table, and "Custom log routing" in the Amazon ECS developer guide."""


@dataclass(frozen=True)
class Tried:
    """What a router did with a configuration: its exit code, and what it printed."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def errors(self) -> str:
        """The lines of its log that are errors."""
        return "\n".join(line for line in self.stderr.splitlines() if "[error]" in line.lower())


def output_plugins() -> pd.DataFrame:
    """Return the AWS destinations and their plugins: destination, C plugin (new), Go plugin (old; missing for S3)."""
    return pd.DataFrame(_DESTINATIONS, columns=["destination", "C plugin (new)", "Go plugin (old)"])


def extra_conf() -> str:
    """Return the text of fluentbit/extra.conf as it is in the working tree."""
    return (FOLDER / "extra.conf").read_text()


def dockerfile() -> str:
    """Return the text of fluentbit/Dockerfile."""
    return (FOLDER / "Dockerfile").read_text()


def dummy_to(output: str, **options: str) -> str:
    """Return a configuration that makes one record and sends it to an output."""
    more = "".join(f"    {name} {value}\n" for name, value in options.items())
    return (
        '[INPUT]\n    Name dummy\n    Dummy {"log": "hello"}\n    Samples 1\n\n'
        f"[OUTPUT]\n    Name {output}\n    Match *\n{more}"
    )


def try_config(text: str, settings: Any = None) -> Tried:
    """Run the lab's log router on a configuration until it prints a record or ends, then stop it.

    Raises WaitTimeoutError when it does neither within `TRY_TIMEOUT_S`.
    """
    with running(text, inherited(), settings.router if settings else "auto") as router:
        router.wait(lambda: bool(router.out), TRY_TIMEOUT_S, "the router to print")
        router.stop()
        return Tried(router.exit_code or 0, router.out, router.err)


def published_image(lab: Lab) -> images.ImageContent:
    """Return what is in the image that the tasks pull; raises ImageError when none was pushed."""
    return images.inspect(lab.client("ecr"), lab.outputs.repository_name, TAG)


def file_in_image(lab: Lab, path: str) -> str:
    """Return the text of a file in the image that the tasks pull."""
    return images.read_file(lab.client("ecr"), lab.outputs.repository_name, TAG, path).decode()


def generated_config(lab: Lab) -> str:
    """Return the configuration that the ECS agent generates for the first running task.

    It is worked out from the task definition, as the agent does it: on Fargate nobody can look at the file itself.
    Raises NotYetError when no task runs.
    """
    ecs, out = lab.client("ecs"), lab.outputs
    running = ecs_service.describe_tasks(ecs, out.cluster_name)
    if not running:
        raise NotYetError("A running task", "02")
    with aws_errors("DescribeTaskDefinition"):
        definition = ecs.describe_task_definition(taskDefinition=running[0]["taskDefinitionArn"])["taskDefinition"]
    return backend.firelens_config(definition, out.cluster_name, running[0]["taskArn"])


def authored_config(lab: Lab) -> list[tuple[str, str]]:
    """Return (author, line) of the first running task's configuration, our own file included; see firelens.authors.

    Errors as `generated_config` and `file_in_image`.
    """
    return authors(generated_config(lab), file_in_image(lab, "/fluent-bit/etc/extra.conf"))


def with_authors(lines: Iterable[tuple[str, str]]) -> str:
    """Return lines as a text, each behind its author in the reader's language."""
    said = [(say(author), line) for author, line in lines]
    width = max((len(author) for author, _ in said), default=0)
    return "\n".join(f"{author:{width}} | {line}".rstrip() for author, line in said)


def own_log(lab: Lab) -> pd.DataFrame:
    """Return the sidecars' own log: stream, event_time, level ("info", …; missing for the banner), message."""
    logs, group = lab.client("logs"), lab.outputs.log_group
    streams = cloudwatch.list_streams(logs, group, _SIDECAR_STREAMS)["stream"].tolist()
    found = cloudwatch.read_messages(logs, group, streams=streams)
    found["level"] = found["message"].str.extract(r"\] \[ *(\w+)\]", expand=False)
    return found[["stream", "event_time", "level", "message"]]


def role_of_own_log(lab: Lab) -> str:
    """Return which role the driver of the router's own log works with: the member of the task definition that names it.

    `awslogs` works with `executionRoleArn`; a router whose log went through a router would need `taskRoleArn`.
    Raises NotYetError without a running task.
    """
    ecs, out = lab.client("ecs"), lab.outputs
    running = ecs_service.describe_tasks(ecs, out.cluster_name)
    if not running:
        raise NotYetError("A running task", "02")
    with aws_errors("DescribeTaskDefinition"):
        definition = ecs.describe_task_definition(taskDefinition=running[0]["taskDefinitionArn"])["taskDefinition"]
    router = next(each for each in definition["containerDefinitions"] if "firelensConfiguration" in each)
    return "executionRoleArn" if router["logConfiguration"]["logDriver"] == "awslogs" else "taskRoleArn"


def newest_record(lab: Lab, containing: str = "") -> dict[str, Any]:
    """Return the newest record (that contains a text) in httpd's log group, as Fluent Bit wrote it.

    Raises NotYetError when there is none.
    """
    messages = cloudwatch.read_messages(lab.client("logs"), lab.outputs.httpd_log_group)
    messages = messages[messages["message"].str.contains(containing, regex=False)]
    if messages.empty:
        raise NotYetError("httpd's log", "04")
    newest: dict[str, Any] = json.loads(messages.sort_values("event_time")["message"].iloc[-1])
    return newest

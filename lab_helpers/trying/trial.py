"""One trial: a task definition, the router's files and lines to print -> all that can be seen of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from lab_helpers.backends.local import firelens_config
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import TaskDefinitionError, WaitTimeoutError
from lab_helpers.base.wait import wait_until
from lab_helpers.firelens.options import parse_container_log
from lab_helpers.router.recording import filter_steps
from lab_helpers.router.recording.recorder import recorded
from lab_helpers.trying import adapting, configuration, evidence, fluentd, image_files, place, reading
from lab_helpers.trying.configuration import Given, Line, Output
from lab_helpers.trying.definition import (
    EXECUTION_ROLE,
    asks_for_fargate,
    logged_by_router,
    parse,
    router_of,
    with_secret_options,
)
from lab_helpers.trying.image_files import FromS3
from lab_helpers.trying.outside.sent import by_author
from lab_helpers.trying.place import LocalAws
from lab_helpers.trying.reading import Reading
from lab_helpers.trying.seen import Trial

TASK_TIMEOUT_S = 60.0
"""How long the lines may take to be printed, and how long the task may take to end after that."""
POLL_S = 0.05
NO_MORE = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}}
)
"""Rights that mean nothing: the managed policy of execution roles is enough."""
NOT_HERE = "this router"
"""The router speaks of itself where it lacks something of Fluent Bit's."""
_HEAD = re.compile(r"(?:\[[^\]]*\] )*")
MOST_LINES, MOST_LINE_BYTES = 10_000, 10 << 20
"""What is taken of the lines of one container, in lines and bytes: a source may never end."""


def attempt(
    task_definition: str | Mapping[str, Any],
    files: Sequence[Path] = (),
    lines: Mapping[str, Sequence[str]] | None = None,
    *,
    task_policy: str | None = None,
    execution_policy: str | None = None,
    keep: bool = False,
    start: Callable[..., AbstractContextManager[LocalAws]] = place.local_aws,
) -> Trial:
    """Run a task definition on a local AWS of its own, and return what was seen.

    `files`: the router's configuration files, or the folder of its image; `lines`: what each container prints; `start`
    gives the local AWS, by Region and `keep`.
    Raises TaskDefinitionError for what cannot be tried (of it FluentdNotRunError, with what FireLens generates),
    AwsCallError with ECS's words for what it refuses.
    """
    text = task_definition if isinstance(task_definition, str) else json.dumps(task_definition)
    definition = parse(text)
    router = router_of(definition)
    if router is None and any(map(logged_by_router, definition["containerDefinitions"])):
        pass  # ECS has its own words for that: it is asked
    elif router is None:
        raise TaskDefinitionError("no container has a firelensConfiguration", "Mark the log router with one.")
    if router is not None and fluentd.is_fluentd(router):
        fluentd.refuse(definition, router, files, place.CLUSTER)
    _check_lines(definition, lines or {})
    with start(adapting.region_of(definition), keep=keep) as aws:
        return _Attempt(aws, definition, keep).run(
            files, lines or {}, {"taskRoleArn": task_policy, "executionRoleArn": execution_policy}
        )


def _check_lines(definition: Mapping[str, Any], lines: Mapping[str, Sequence[str]]) -> None:
    apps = [each["name"] for each in definition["containerDefinitions"] if "firelensConfiguration" not in each]
    if unknown := sorted(set(lines) - set(apps)):
        raise TaskDefinitionError(
            f"lines are given for {unknown[0]}, which is no app container of it", f"It has {', '.join(apps)}."
        )
    if not lines:
        raise TaskDefinitionError("no container has a line to print", "Give some: --lines CONTAINER=FILE.")


class _Attempt:
    def __init__(self, aws: LocalAws, definition: dict[str, Any], keep: bool) -> None:
        self._aws, self._backend, self._home = aws, aws.backend, aws.home
        self._definition, self._keep = definition, keep
        self._sinks = self._home / "sinks"
        self._sinks.mkdir()
        self._put = set[tuple[str, str]]()
        self._notes: list[str] = []

    def run(
        self, files: Sequence[Path], lines: Mapping[str, Sequence[str]], policies: Mapping[str, str | None]
    ) -> Trial:
        backend, definition = self._backend, self._definition
        self._register(definition)  # refused as it was given, in ECS's words
        router = router_of(definition)
        assert router is not None, "ECS has refused a definition without one"
        fetched = image_files.from_s3(files, router)
        rest = [each for each in files if each not in {one.path for one in fetched}]
        image = image_files.gather(rest, router, self._home / "image", is_fargate=asks_for_fargate(definition))
        self._notes += image.notes
        main = reading.main_path(router, image.given)
        uri = place.publish(backend, image.folder) if image.folder else None
        adapted = adapting.adapt(definition, self._line_files(lines), self._sinks, uri)
        self._notes += adapted.notes
        self._make_roles(policies)
        generated = [*self._configuration(definition, image.given), *self._put_into_s3(fetched)]
        config = reading.read(main, generated, image.given)
        self._notes += reading.notes(config, _log_options(definition), image.given)
        self._notes += [
            f"{path} is included, but it is not among the files that were given: it is not in the image here."
            for path in config.missing
        ]
        variables = adapting.environment_of(router, adapting.region_of(definition))
        outputs = configuration.outputs(config.sections, variables)
        assumed = [each.values["role_arn"] for each in outputs if each.values.get("role_arn")]
        self._notes += place.make_assumed_roles(
            backend.client("iam"), {arn: adapting.role_name(arn) for arn in dict.fromkeys(assumed)}
        )
        self._notes += place.make_destinations(backend, outputs, self._groups(adapted.definition))
        task = self._run_task(self._register(adapted.definition), lines)
        return self._seen(task, config, outputs, lines)

    def _register(self, definition: Mapping[str, Any]) -> str:
        with aws_errors("RegisterTaskDefinition"):
            made = self._backend.client("ecs").register_task_definition(**definition)
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def _line_files(self, lines: Mapping[str, Sequence[str]]) -> dict[str, Path]:
        made = {}
        for number, (name, texts) in enumerate(sorted(lines.items())):
            file = self._home / f"lines-{number}"
            file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8", errors="surrogateescape")
            made[name] = file
        return made

    def _make_roles(self, policies: Mapping[str, str | None]) -> None:
        wanted: dict[str, tuple[str, str | None, bool]] = {place.DELIVERY_ROLE: ("firehose.amazonaws.com", None, False)}
        wanted[EXECUTION_ROLE] = ("ecs-tasks.amazonaws.com", NO_MORE, True)
        for member in ("executionRoleArn", "taskRoleArn"):
            if arn := self._definition.get(member):
                executes = member == "executionRoleArn"
                wanted[adapting.role_name(arn)] = ("ecs-tasks.amazonaws.com", policies[member], executes)
        self._notes += place.make_roles(self._backend.client("iam"), wanted)
        if not self._definition.get("taskRoleArn"):
            self._notes.append("The definition names no task role: its router has no right to anything.")

    def _configuration(self, definition: Mapping[str, Any], files: Given) -> list[Line]:
        whole = {"networkMode": "awsvpc", **with_secret_options(definition), "revision": 1}
        arn = f"arn:aws:ecs:{adapting.region_of(definition)}:{configuration.ACCOUNT}:task/{place.CLUSTER}/TASK-ID"
        logs = [
            parse_container_log(each["name"], each["logConfiguration"].get("options") or {})
            for each in whole["containerDefinitions"]
            if logged_by_router(each)
        ]
        return configuration.authored(firelens_config(whole, place.CLUSTER, arn), logs, files)

    def _put_into_s3(self, fetched: Sequence[FromS3]) -> list[Line]:
        """Put there what the init image fetches, and return its lines: it includes them behind what FireLens makes."""
        lines = []
        for each in fetched:
            text = image_files.text_of(each.path)
            place.put_object(self._backend, each.bucket, each.key, configuration.led_here(text))
            self._put.add((each.bucket, each.key))
            author = f"{configuration.INCLUDED} {each.path.name}"
            lines += [Line(line, author) for line in text.splitlines()]
            self._notes.append(f"{each.path.name} was put into S3 ({each.bucket}/{each.key}) for the init image.")
        return lines

    def _groups(self, definition: Mapping[str, Any]) -> list[str]:
        logged = [each.get("logConfiguration") or {} for each in definition["containerDefinitions"]]
        return [each["options"]["awslogs-group"] for each in logged if each.get("logDriver") == "awslogs"]

    def _run_task(self, definition: str, lines: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Run it until its lines are printed and it has ended; one that does not end by itself is stopped."""
        ecs = self._backend.client("ecs")
        with aws_errors("RunTask"):
            started = ecs.run_task(
                cluster=place.CLUSTER, taskDefinition=definition, networkConfiguration=self._aws.network()
            )
        arn = started["tasks"][0]["taskArn"]
        try:
            task = self._wait(arn, lambda task: _has_printed(task, lines), "the lines to be printed")
        except WaitTimeoutError:
            self._notes.append(f"It did not print all its lines in {TASK_TIMEOUT_S:g} s, and was stopped.")
            task = self._task(arn)
        if task["lastStatus"] != "STOPPED" and _runs_on(task):
            with aws_errors("StopTask"):
                ecs.stop_task(cluster=place.CLUSTER, task=arn, reason="All lines are printed")
        return self._wait(arn, lambda task: bool(task["lastStatus"] == "STOPPED"), "the task to end")

    def _task(self, arn: str) -> dict[str, Any]:
        with aws_errors("DescribeTasks"):
            return dict(self._backend.client("ecs").describe_tasks(cluster=place.CLUSTER, tasks=[arn])["tasks"][0])

    def _wait(self, arn: str, done: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        def is_over(task: dict[str, Any]) -> bool:
            return task["lastStatus"] == "STOPPED" or done(task)

        return wait_until(
            lambda: self._task(arn), TASK_TIMEOUT_S, POLL_S, what,
            done=is_over, describe=lambda task: str(task["lastStatus"]),
        )  # fmt: skip

    def _seen(
        self, task: dict[str, Any], config: Reading, outputs: Sequence[Output],
        lines: Mapping[str, Sequence[str]],
    ) -> Trial:  # fmt: skip
        backend = self._backend
        self._wait_for_delivery()
        router = next(each["name"] for each in self._definition["containerDefinitions"]
                      if "firelensConfiguration" in each)  # fmt: skip
        regions = dict.fromkeys(["", *(each.values.get("region", "") for each in outputs)])
        clients = {each.meta.region_name: each for each in (place.client(backend, "logs", name) for name in regions)}
        events = [event for client in clients.values() for event in evidence.in_cloudwatch(client)]
        own = [each for each in events if f"/{router}/" in each.place]
        log = [str(each.record) for each in own]
        status = backend.status()
        balance: dict[str, Any] = next(iter(status["services"]["ecs"]["log_records"]["tasks"].values()), {})
        data_streams = {each.values.get("region", "") for each in outputs if each.plugin in place.KINESIS}
        self._notes += not_modelled(log)
        recordings = tuple(recorded(self._sinks))
        arrived = (
            *(each for each in events if each not in own),
            *(each for each in evidence.in_s3(backend.client("s3")) if (each.destination, each.place) not in self._put),
            *(each for name in data_streams for each in evidence.in_kinesis(place.client(backend, "kinesis", name))),
            *evidence.outside(recordings),
            *(evidence.printed(own) if any(each.plugin == "stdout" for each in outputs) else ()),
        )
        if recordings:
            self._notes.append("Nothing left this machine: what leads outside AWS was recorded in its place.")
        running = backend.running()
        return Trial(
            configuration=config.lines,
            stopped=str(task.get("stoppedReason", "")),
            exit_codes={each["name"]: each.get("exitCode") for each in task["containers"]},
            arrived=arrived,
            outside=by_author(recordings, _authors(outputs)),
            calls=status["calls_by_role"],
            refused=tuple(backend.denials()),
            balance=balance,
            dropped={**balance.get("losses", {}), **_rejected(status)},
            unmatched=tuple(configuration.unmatched(config.sections, self._tags())),
            complaints=tuple(dict.fromkeys(line for line in log if _is_complaint(line))),
            notes=tuple(dict.fromkeys(self._notes)),
            printed={name: len(texts) for name, texts in lines.items()},
            kept=f"{self._home} ({running.endpoint_url})" if self._keep and running else "",
            logs=tuple(log),
            steps=tuple(filter_steps.steps(self._sinks)),
            sections=config.sections,
            main=config.main,
        )

    def _tags(self) -> list[str]:
        names = [each["name"] for each in self._definition["containerDefinitions"] if logged_by_router(each)]
        return [f"{name}-firelens-TASK-ID" for name in names]

    def _wait_for_delivery(self) -> None:
        """Wait until no delivery stream holds a record any more."""

        def held() -> bool:
            streams = self._backend.status()["services"]["firehose"]["streams"]
            return any(each["held"] for each in streams.values())

        try:
            wait_until(lambda: not held(), 10.0, POLL_S, "the delivery streams to deliver")
        except WaitTimeoutError:
            self._notes.append("A delivery stream still holds records that it could not deliver.")


def _log_options(definition: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the log options of each container that logs to the router."""
    logging = filter(logged_by_router, definition["containerDefinitions"])
    return {each["name"]: dict(each["logConfiguration"].get("options") or {}) for each in logging}


def not_modelled(log: Sequence[str]) -> list[str]:
    """Return what the router's log says that it lacks, as notes."""
    return [f"Not modelled: {_HEAD.sub('', line, count=1)}" for line in log if NOT_HERE in line]


def _is_complaint(line: str) -> bool:
    return ("[error]" in line or "[ warn]" in line) and "service will shutdown in max" not in line  # each one's last


def _authors(outputs: Sequence[Output]) -> dict[str, list[str]]:
    """Return who wrote the outputs of each plugin, in their order."""
    found: dict[str, list[str]] = {}
    for each in outputs:
        found.setdefault(each.plugin, []).append(each.author)
    return found


def _has_printed(task: Mapping[str, Any], lines: Mapping[str, Sequence[str]]) -> bool:
    ended = {each["name"] for each in task["containers"] if each.get("lastStatus") == "STOPPED"}
    return set(lines) <= ended


def _rejected(status: Mapping[str, Any]) -> dict[str, int]:
    """Return what CloudWatch Logs rejected of batches that it took: the router counts those events as sent."""
    groups: Mapping[str, Mapping[str, int]] = status["services"]["logs"]["rejected"]
    return {
        f"CloudWatch Logs, {name.partition('/')[2]}: {why}": count
        for name, reasons in groups.items()
        for why, count in reasons.items()
    }


def _runs_on(task: Mapping[str, Any]) -> bool:
    return task.get("desiredStatus") != "STOPPED"

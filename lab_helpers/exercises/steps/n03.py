"""The steps of notebook 03: a configuration on its way to a task."""

from __future__ import annotations

import re
from typing import Any

from lab_helpers.exercises.router_trial import filtered
from lab_helpers.exercises.steps import looks
from lab_helpers.exercises.steps.step import Act, Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab

EXTRA_CONF, DOCKERFILE = "fluentbit/extra.conf", "fluentbit/Dockerfile"
_MOVING_TAGS = {"latest", "stable", ""}
_STOPPED_BY_ECS = {0, 137, 143}
"""Ends of a container that was asked to stop: in its own time, by SIGKILL, by SIGTERM."""
_LINE = '10.0.11.203 - - [22/Nov/2026:10:59:08 +0000] "GET /?id=1 HTTP/1.1" 200 45'


def pinned(_: Lab, text: str) -> Verdict:
    """03_1: the Dockerfile names a base image that does not move, and still puts our file where it was."""
    default = re.search(r"(?im)^\s*ARG\s+BASE_IMAGE\s*=\s*(\S+)", text)
    image = default[1] if default else next(iter(re.findall(r"(?im)^\s*FROM\s+(\S+)", text)), "")
    if "aws-for-fluent-bit" not in image:
        return not_yet("The image is to be built on aws-for-fluent-bit, by ARG BASE_IMAGE=… or by FROM …")
    if not re.search(r"(?im)^\s*COPY\s+extra\.conf\s+/fluent-bit/etc/extra\.conf\s*$", text):
        return not_yet("COPY extra.conf /fluent-bit/etc/extra.conf has to stay: the task definition names this file.")
    if default and not re.search(r"(?im)^\s*FROM\s+\$\{?BASE_IMAGE\}?", text):
        return not_yet("ARG BASE_IMAGE is not used: FROM ${BASE_IMAGE} is missing.")
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    digits = len(re.findall(r"\d+", tag))
    if "@sha256:" not in image and (tag in _MOVING_TAGS or digits < 3):
        return not_yet("{image} is whatever was pushed last. Name a version, or a digest.", image=image)
    return passed("{image} means the same next month: somebody has to decide about another one.", image=image)


def tried_team(text: str) -> Verdict:
    """03_2 by the router: a sample record comes out with `team`, and with all that it had."""
    records = filtered(text, [_LINE])
    if not records:
        return not_yet("The router drops a sample record: a filter that adds has to let everything through.")
    if "team" not in records[0]:
        return not_yet("A sample record comes out of your filters without the key `team`.")
    if records[0].get("log") != _LINE:
        return not_yet("A sample record loses its `log`: add a key, and keep the others.")
    return passed("The router adds `team` to a sample record.")


def runs_team(lab: Lab, _: Any) -> Verdict:
    """03_2 by the running tasks: the record of a request has `team`."""
    record = looks.record_of_a_request(lab)
    if "team" not in record:
        return not_yet("The file is right, but the tasks still run the image of before: deploy.")
    why = "A record that arrived just now has team={team!r}: new tasks run the image with your file."
    return passed(why, team=record["team"])


def brought_down(lab: Lab, answer: Any) -> Verdict:
    """03_3: the container that ended by itself in the task that ECS stopped last, and its exit code."""
    if len(answer) != 2 or not isinstance(answer[0], str) or not isinstance(answer[1], int):
        return not_yet("Two values are wanted: the container's name, and its exit code as a number.")
    ended = looks.last_failed_task(lab)
    if not ended:
        return not_yet("No task of the service has stopped because a container ended: deploy the broken file first.")
    name, code = answer
    if name not in ended:
        why = "No container {name!r} of this task has an `exitCode`; who has one: {names}."
        return not_yet(why, name=name, names=", ".join(ended))
    if ended[name] != code:
        return not_yet("{name} did not end with {code}: read its `exitCode`.", name=name, code=code)
    if code in _STOPPED_BY_ECS:
        return not_yet("{name} was stopped by ECS, because the other one had ended before.", name=name)
    return passed(
        "{name} ended by itself, with {code}; it is essential, so ECS stopped the task.", name=name, code=code
    )


STEPS = (
    Step(
        id="03_1",
        title="Build on one fixed version of aws-for-fluent-bit.",
        minutes=3,
        files=(DOCKERFILE,),
        check=pinned,
        wrong=(
            Wrong(lambda text: text.replace(":3.5.10", ":latest"), "pushed last"),
            Wrong(lambda text: text.replace(":3.5.10", ":3"), "pushed last"),
            Wrong(lambda text: text.replace("COPY extra.conf", "# COPY extra.conf"), "has to stay"),
            Wrong(lambda text: text.replace("FROM", "FORM"), "Dockerfile"),
        ),
        hints=(
            "Which word of the Dockerfile means something else every few weeks?",
            "`latest` is a tag that moves, and so is `3`. A version with three numbers stays: 3.5.10, for example.",
        ),
    ),
    Step(
        id="03_2",
        title="Let every record carry the key `team`, with your team's name as its value.",
        minutes=6,
        files=(EXTRA_CONF,),
        act=Act.DEPLOY,
        trial=tried_team,
        check=runs_team,
        wrong=(
            Wrong(lambda conf: conf.replace("Record", "Recrd", 1), "unknown configuration property 'recrd'"),
            Wrong(lambda conf: conf.replace("Match  *\n", "Match  httpd\n", 1), "without the key `team`"),
            Wrong(lambda conf: conf.replace("record_modifier", "grep", 1), "'record'"),
        ),
        hints=(
            "A [FILTER] section goes before the outputs. Which filter of this notebook's generated file adds keys?",
            "record_modifier: its option is `Record KEY VALUE`, and Match says which records it takes.",
            "The tag is httpd-firelens-<task id>; Match * takes every tag. Then lab.deploy().",
        ),
    ),
    Step(
        "03_3",
        "Name the container that brought the task down, and its exit code.",
        3,
        brought_down,
        kind=Kind.ANSWER,
        wants=tuple,
        wrong=(
            Wrong(("log_router",), "Two values are wanted"),
            Wrong(("fluentbit", 1), "No container 'fluentbit'"),
            Wrong(("log_router", 137), "read its `exitCode`"),
        ),
        hints=(
            "`stopCode` of the task is EssentialContainerExited. Who has run has an `exitCode`, below `containers`.",
            "0, 137 and 143 are ends that ECS asked for. Which container has another number?",
        ),
    ),
)

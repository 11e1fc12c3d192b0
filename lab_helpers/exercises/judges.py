"""The judges of the exercises: each says in words what an answer lacks, and leads on; empty means right."""

from __future__ import annotations

import re

from lab_helpers.base.messages import say
from lab_helpers.exercises.exercise import Desk
from lab_helpers.firelens.classic import sections

BUCKET = "arn:aws:s3:::my-logs"
ROLES = {"aws_iam_role.ecs_task", "aws_iam_role.ecs_task_exec", "aws_iam_role.firehose"}
HEALTH_CHECKS = (
    '10.0.11.203 - - [22/Nov/2026:10:59:07 +0000] "GET / HTTP/1.1" 200 45',
    '10.0.12.221 - - [22/Nov/2026:10:59:17 +0000] "GET / HTTP/1.1" 200 45',
)
VISITS = (
    '10.0.11.203 - - [22/Nov/2026:10:59:08 +0000] "GET /?id=20261122T105850-a085-1 HTTP/1.1" 200 45',
    '10.0.12.221 - - [22/Nov/2026:10:59:09 +0000] "GET /missing?id=20261122T105850-a085-2 HTTP/1.1" 404 196',
    '10.0.12.221 - - [22/Nov/2026:10:59:10 +0000] "POST / HTTP/1.1" 200 45',
)
FAILED_CHECK = '10.0.11.203 - - [22/Nov/2026:10:59:27 +0000] "GET / HTTP/1.1" 503 299'
_QUERY_TIMEOUT_S = 60.0
_MOVING_TAGS = {"latest", "stable", ""}


def streams_output(answer: str, _: Desk) -> str:
    """01_1: an [OUTPUT] that sends everything to the data stream `clicks`."""
    outputs = [section for section in sections(answer) if section.kind == "OUTPUT"]
    if len(outputs) != 1:
        return say("One [OUTPUT] section is wanted, there are {count}.", count=len(outputs))
    values = outputs[0].values
    if outputs[0].name == "kinesis":
        return say("`kinesis` is the old plugin, in Go. Which name has the one written in C?")
    if outputs[0].name != "kinesis_streams":
        text = "Name is {name!r}: look at the table of plugins again, row Kinesis Data Streams."
        return say(text, name=outputs[0].name)
    wanted = {"match": "*", "region": "ap-northeast-1", "stream": "clicks"}
    wrong = [
        say("{key} is {value}", key=key, value=values.get(key, say("missing")))
        for key, value in wanted.items()
        if values.get(key) != value
    ]
    return say("The plugin is right, but {wrong}.", wrong=say(", ").join(wrong)) if wrong else ""


def pinned_dockerfile(answer: str, _: Desk) -> str:
    """03_1: the Dockerfile with a base image that does not move."""
    default = re.search(r"(?im)^\s*ARG\s+BASE_IMAGE\s*=\s*(\S+)", answer)
    image = default[1] if default else next(iter(re.findall(r"(?im)^\s*FROM\s+(\S+)", answer)), "")
    if "aws-for-fluent-bit" not in image:
        return say("The image is to be built on aws-for-fluent-bit, by ARG BASE_IMAGE=… or by FROM …")
    if not re.search(r"(?im)^\s*COPY\s+extra\.conf\s+/fluent-bit/etc/extra\.conf\s*$", answer):
        return say("COPY extra.conf /fluent-bit/etc/extra.conf has to stay: Fargate takes the file from there.")
    if default and not re.search(r"(?im)^\s*FROM\s+\$\{?BASE_IMAGE\}?", answer):
        return say("ARG BASE_IMAGE is not used: FROM ${BASE_IMAGE} is missing.")
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    if tag in _MOVING_TAGS and "@sha256:" not in image:
        return say("{image} is whatever was pushed last. Name a version, such as 3.5.10, or a digest.", image=image)
    return ""


def prefix_of_hour(answer: str, _: Desk) -> str:
    """06_1: the key prefix of a delivery at 08:30 in Tokyo on 3 February 2026."""
    given = answer.strip()
    if given == "2026/02/02/23/":
        return ""
    if given == "2026/02/03/08/":
        return say("That is Tokyo's clock. In which time zone are the keys?")
    if given.rstrip("/") == "2026/02/02/23":
        return say("Nearly: a prefix without the last `/`, or with one before it, is not how Firehose writes it.")
    return say("The form is YYYY/MM/DD/HH/. Tokyo is nine hours ahead of UTC.")

"""The first program of AWS's `init-…` images: ECS metadata as variables, configurations from S3 and from the image.

    python -m lab_helpers.local_aws.ecs.runtimes.init_process SPEC.json

It ends as the router. Where the real one gives up (level=fatal), the image's entry point has nothing to start: the
container ends with 0 and its log says why.
Source: init/fluent_bit_init_process.go and init/fluent_bit_init_entrypoint.sh of aws/aws-for-fluent-bit (2.32.3).
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from lab_helpers.base import paths
from lab_helpers.base.errors import PathOutsideError
from lab_helpers.firelens import stock
from lab_helpers.local_aws.ecs.runtimes.router_files import INIT, INIT_CONFIG, Places, described_places

_S3_KEY = re.compile(r"aws_fluent_bit_init_[sS]3")
_FILE_KEY = re.compile(r"aws_fluent_bit_init_[fF]ile")
_PARSERS = ("[PARSER]", "[MULTILINE_PARSER]")
_NO_CREDENTIALS = (
    "NoCredentialProviders: no valid providers in chain. Deprecated.\n"
    "\tFor verbose messaging see aws.Config.CredentialsChainVerboseErrors"
)


class GivenUpError(Exception):
    """The process ended before a router could be started; `lines` (level, text) say why."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        super().__init__(lines[-1][1])
        self.lines = lines


@dataclass
class Start:
    """What the router starts with: its configuration's includes and parsers, by paths of this machine."""

    includes: list[str] = field(default_factory=list)
    parsers: list[str] = field(default_factory=list)
    shown: str = " ".join(
        ("exec", stock.PROGRAM, *(word for name in stock.GO_PLUGINS for word in ("-e", name)), "-c", stock.INIT_CONFIG)
    )


def main(argv: list[str]) -> None:
    """Prepare and become the router; returns when there is nothing to become."""
    spec = json.loads(Path(argv[0]).read_text())
    places, folder = described_places(spec), Path(spec["folder"]) / INIT
    folder.mkdir(exist_ok=True)
    try:
        variables = metadata_variables(os.environ)
        start = gather(os.environ.items(), places, folder, variables.get("AWS_REGION", "us-east-1"))
    except GivenUpError as exc:
        for level, text in exc.lines:
            say(level, text)
        return
    config = folder / INIT_CONFIG
    config.write_text("".join(f"@INCLUDE {path}\n" for path in (spec["config"], *start.includes)))
    parsers = [word for path in start.parsers for word in ("-R", path)]
    words = [*spec["program"], "-c", str(config), *parsers]
    sys.stderr.flush()
    os.execve(words[0], words, {**os.environ, **variables})  # words come from the lab's own runtime


def metadata_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that configurations may use; none outside ECS."""
    address = environment.get("ECS_CONTAINER_METADATA_URI_V4", "")
    if not address:
        say("warning", "[FluentBit Init Process] Unable to get ECS Metadata, ignore this warning if not running on ECS")
        return {"FLB_AWS_USER_AGENT": "ecs-init"}
    with urllib.request.urlopen(f"{address}/task") as answer:  # the task's own metadata, on loopback
        return variables_of(json.load(answer))


def variables_of(task: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables for the answer of `/task`: those without a value are left out."""
    arn, family, revision = str(task["TaskARN"]), str(task.get("Family", "")), str(task.get("Revision", ""))
    found = {
        "FLB_AWS_USER_AGENT": "ecs-init",
        "AWS_REGION": arn.split(":")[3],
        "AWS_AVAILABILITY_ZONE": str(task.get("AvailabilityZone", "")),
        "ECS_CLUSTER": str(task.get("Cluster", "")).rpartition("/")[2],
        "ECS_TASK_ARN": arn,
        "ECS_TASK_ID": arn.rpartition("/")[2],
        "ECS_FAMILY": family,
        "ECS_LAUNCH_TYPE": str(task.get("LaunchType", "")),
        "ECS_REVISION": revision,
        "ECS_TASK_DEFINITION": f"{family}:{revision}",
    }
    return {name: value for name, value in found.items() if value}


def gather(environment: Iterable[tuple[str, str]], places: Places, folder: Path, region: str) -> Start:
    """Fetch and sort the files that the variables name, in the variables' order. Raises GivenUpError."""
    start = Start()
    for key, value in environment:
        if _S3_KEY.search(key):
            name = _fetched(value, folder, region)
            _take(start, f"{stock.INIT_S3_FOLDER}/{name}", paths.inside(folder, name), places)
        if _FILE_KEY.search(key):
            _take(start, value, Path(places.place(value)), places)
    return start


def _take(start: Start, shown: str, path: Path, places: Places) -> None:
    try:
        text = path.read_text(errors="surrogateescape")
    except OSError as exc:
        why = f"open {shown}: {(exc.strerror or '').lower()}"
        raise GivenUpError(("error", why), _fatal(f"Cannot open file: {shown}")) from exc
    if any(heading in text for heading in _PARSERS):
        start.parsers.append(str(path))
        start.shown += f" -R {shown}"
        say("info", f"[FluentBit Init Process] Command is change to -> {start.shown}")
    else:
        start.includes.append(places.copied(path, shown))


def _fetched(arn: str, folder: Path, region: str) -> str:
    """Download an object into `folder`; return its file's name."""
    parts = arn.split(":", 5)
    bucket, slash, key = parts[-1].partition("/")
    if len(parts) != 6 or parts[0] != "arn" or not slash:
        raise GivenUpError(_fatal(f"Could not parse arn: {arn}"))
    names = key.split("/")
    s3 = boto3.client("s3", region_name=region)
    try:
        s3.get_bucket_location(Bucket=bucket)
    except (ClientError, BotoCoreError) as exc:
        why = f"Cannot get bucket region of {bucket} + {key}, you must be the bucket owner to implement this operation"
        raise GivenUpError(("error", _go_words(exc)), _fatal(why)) from exc
    try:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (ClientError, BotoCoreError) as exc:
        shown = f"[{' '.join(names)}]"  # the real one prints its list of the key's parts
        say("warning", f"[FluentBit Init Process] Cannot download {shown} from s3, retrying...\n")
        raise GivenUpError(("error", _go_words(exc)), _fatal(f"Cannot download {shown} from s3")) from exc
    try:
        paths.inside(folder, names[-1]).write_bytes(content)
    except (PathOutsideError, OSError) as exc:
        raise GivenUpError(
            ("error", str(exc)), _fatal(f"Cannot create the file: {stock.INIT_S3_FOLDER}/{names[-1]}")
        ) from exc
    return names[-1]


def _go_words(exc: ClientError | BotoCoreError) -> str:
    """Return an error of AWS as the Go SDK prints it."""
    if not isinstance(exc, ClientError):
        return _NO_CREDENTIALS if isinstance(exc, NoCredentialsError) else f"RequestError: send request failed: {exc}"
    error, answer = exc.response["Error"], exc.response["ResponseMetadata"]
    ids = f"request id: {answer.get('RequestId', '')}, host id: {answer.get('HostId', '')}"
    return f"{error['Code']}: {error['Message']}\n\tstatus code: {answer['HTTPStatusCode']}, {ids}"


def _fatal(text: str) -> tuple[str, str]:
    return "fatal", f"[FluentBit Init Process] {text}\n"


def say(level: str, text: str) -> None:
    """Write a line as logrus does where nobody looks on."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stderr.write(f'time="{stamp}" level={level} msg={json.dumps(text, ensure_ascii=False)}\n')


if __name__ == "__main__":
    main(sys.argv[1:])

"""What checks look at in the running lab."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import urllib3

from lab_helpers import cloudwatch, ecs_service, traffic
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import LabError, NotFoundError, WaitTimeoutError
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.exercises.steps.step import Verdict, not_yet
from lab_helpers.lab import Lab

ARRIVE_TIMEOUT_S = 60.0
POLL_S = 0.5
CLOCK_MARGIN = timedelta(seconds=5)


def record_of_a_request(lab: Lab) -> dict[str, Any]:
    """Send one request that nobody else counts, `GET /?step=…`, and return its record in CloudWatch.

    Raises LabError when nobody answers, or when it does not arrive within `ARRIVE_TIMEOUT_S`.
    """
    mark, since = traffic.new_run_id(), datetime.now(UTC) - CLOCK_MARGIN
    _ask(lab, f"?step={mark}")
    return _arrived(lab, mark, since)


def line_of_a_request(lab: Lab, request_id: str) -> str:
    """Send one GET with an id that nobody else counts, and return Apache's line when it is in CloudWatch.

    Raises LabError when nobody answers, or when it does not arrive within `ARRIVE_TIMEOUT_S`.
    """
    since = datetime.now(UTC) - CLOCK_MARGIN
    mark = traffic.by_hand(lab.outputs.url, request_id).id
    return str(_arrived(lab, mark, since)["log"])


def record_of_a_visit(lab: Lab, address: str, mark: str, agent: str = "", below: str = "") -> dict[str, Any]:
    """Send `GET /` + `address` as a browser named `agent`, and return the record in CloudWatch that holds `mark`.

    `below` names a group below httpd's ("/errors"). Raises LabError as the others.
    """
    since = datetime.now(UTC) - CLOCK_MARGIN
    _ask(lab, address, agent or "Mozilla/5.0")
    return _arrived(lab, mark, since, below)


def not_one_number(rows: int, columns: int, call: str) -> Verdict:
    """Return that an answer of so many rows and columns is not the one number that `call` gives."""
    text = "The query gives {rows:,} rows of {columns} columns. Wanted is one number alone, as {call} gives it."
    return not_yet(text, rows=rows, columns=columns, call=f"`{call}`")


def last_failed_task(lab: Lab) -> dict[str, int]:
    """Return the exit code of each container of the service's task that stopped last because one of them had ended.

    Empty where no task did; a container that never started has none and is left out.
    """
    out = lab.outputs
    ended = [
        task
        for task in ecs_service.stopped_tasks(lab.client("ecs"), out.cluster_name)
        if task.get("group") == f"service:{out.service_name}" and task.get("stopCode") == "EssentialContainerExited"
    ]
    last = ended[-1]["containers"] if ended else []
    return {part["name"]: int(part["exitCode"]) for part in last if "exitCode" in part}


def buffer_interval_s(lab: Lab) -> int:
    """Return the buffer interval that the Firehose stream has, in seconds, as AWS answers it."""
    with aws_errors("DescribeDeliveryStream"):
        stream = lab.client("firehose").describe_delivery_stream(DeliveryStreamName=lab.outputs.delivery_stream_name)
    [destination] = stream["DeliveryStreamDescription"]["Destinations"]
    return int(destination["ExtendedS3DestinationDescription"]["BufferingHints"]["IntervalInSeconds"])


def messages_of_running_tasks(lab: Lab) -> list[str]:
    """Return all messages in httpd's group of the tasks that run now: not those of tasks that were replaced."""
    running = ecs_service.tasks(lab.client("ecs"), lab.outputs.cluster_name)["task"]
    logs, group = lab.client("logs"), lab.outputs.httpd_log_group
    streams = [
        name for name in cloudwatch.list_streams(logs, group)["stream"] if name.rpartition("-")[2] in set(running)
    ]
    return [str(message) for message in cloudwatch.read_messages(logs, group, streams=streams)["message"]]


def _ask(lab: Lab, address: str, agent: str = "") -> None:
    """Send `GET /` + `address`; raises LabError when nobody answers."""
    url = lab.outputs.url.rstrip("/") + "/" + address
    try:
        urllib3.request("GET", url, headers={"User-Agent": agent} if agent else {}, timeout=10.0, retries=False)
    except urllib3.exceptions.HTTPError as exc:
        raise LabError(say("Nobody answers at {url}: do tasks run?", url=lab.outputs.url)) from exc


def _arrived(lab: Lab, mark: str, since: datetime, below: str = "") -> dict[str, Any]:
    """Return the record that holds `mark`; raises LabError, with what came in its place."""
    try:
        found: list[str] = wait_until(
            lambda: _messages_with(lab, mark, since, below),
            ARRIVE_TIMEOUT_S,
            POLL_S,
            say("a request of our own in CloudWatch Logs"),
            describe=lambda lines: say("{count:,} lines", count=len(lines)),
        )
    except WaitTimeoutError as exc:
        raise LabError(_came_instead(lab, mark, since, below)) from exc
    record: dict[str, Any] = json.loads(found[-1])
    return record


def _came_instead(lab: Lab, mark: str, since: datetime, below: str) -> str:
    """Return that no line with `mark` came, and the newest line that did: it may have another form."""
    group, came = lab.outputs.httpd_log_group + below, _messages_with(lab, "", since, below)
    told = say(
        "A request with {mark} was sent, and no line with it came to {group} within {seconds:.0f} s.",
        mark=mark, group=group, seconds=ARRIVE_TIMEOUT_S,
    )  # fmt: skip
    if not came:
        return f"{told} {say('No other line came, either. Do the tasks run, and what does the router say?')}"
    return f"{told} {say('The newest line there: {line}', line=came[-1])}"


def _messages_with(lab: Lab, mark: str, since: datetime, below: str = "") -> list[str]:
    try:
        found = cloudwatch.read_messages(
            lab.client("logs"), lab.outputs.httpd_log_group + below, since=since, pattern=f'"{mark}"' if mark else None
        )
    except NotFoundError:  # Fluent Bit makes the group with its first line
        return []
    return found["message"].tolist()

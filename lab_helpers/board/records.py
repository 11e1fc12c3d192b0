"""The last records of a hop, as they are there: raw, the newest last; only what AWS's API tells is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from lab_helpers import alb_logs, faults, s3_logs
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import NotFoundError
from lab_helpers.base.messages import say
from lab_helpers.lab import Lab

SHOWN = 3
SPAN = timedelta(minutes=15)
"""How far back records are looked for."""


def last_records(lab: Lab, hop: str) -> tuple[str, ...]:
    """Return the last records of a hop (keys of `board.look`) as texts, or a sentence that says why there are none.

    What AWS keeps nowhere (the line in the task, the record that Firehose was given) is written as it must have been,
    by what came out behind it. Raises LabError.
    """
    return _READERS[hop](lab)


def _alb(lab: Lab) -> tuple[str, ...]:
    since = datetime.now(UTC) - SPAN
    entries = alb_logs.read_entries(lab.client("s3"), lab.outputs.alb_log_bucket, since=since)
    lines = tuple(str(line) for line in entries["line"].tail(SHOWN))
    return lines or (say("No access log of the load balancer yet: it is delivered every 5 minutes."),)


def _httpd(lab: Lab) -> tuple[str, ...]:
    records = [_record(event["message"]) for event in _events(lab)]
    return tuple(str(record.get("log", "")) for record in records) or _nothing_yet()


def _router(lab: Lab) -> tuple[str, ...]:
    return tuple(json.dumps(_record(each["message"]), ensure_ascii=False) for each in _events(lab)) or _nothing_yet()


def _cloudwatch(lab: Lab) -> tuple[str, ...]:
    return tuple(json.dumps(each, ensure_ascii=False, default=str) for each in _events(lab)) or _nothing_yet()


def _firehose(lab: Lab) -> tuple[str, ...]:
    since = datetime.now(UTC) - SPAN
    errors = faults.delivery_errors(lab.client("logs"), lab.outputs.log_group, since)
    told = tuple(f"{row.at:%H:%M:%S} {row.error_code}: {row.message}" for row in errors.tail(1).itertuples())
    data = tuple(json.dumps({"Data": each["message"] + "\n"}, ensure_ascii=False) for each in _events(lab))
    return (data + told) or _nothing_yet()


def _s3(lab: Lab) -> tuple[str, ...]:
    client, bucket = lab.client("s3"), lab.outputs.log_bucket
    listed = s3_logs.list_objects(client, bucket, since=datetime.now(UTC) - SPAN)
    if listed.empty:
        told = say("Firehose delivers after {seconds:g} s at most, or with 1 MiB.", seconds=lab.settings.buffer_s)
        return (told,)
    key = str(listed.sort_values("delivered_at").iloc[-1]["key"])
    lines: list[str] = []
    for _, unpacked in s3_logs.each_object(client, bucket, key):
        lines += bytes(unpacked.data).decode("utf-8", "replace").splitlines()
    return (f"s3://{bucket}/{key}", *lines[-SHOWN:])


def _events(lab: Lab) -> list[dict[str, Any]]:
    """The newest events of httpd's group: of the stream that has got one last."""
    logs, group = lab.client("logs"), lab.outputs.httpd_log_group
    try:
        with aws_errors("GetLogEvents"):
            streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True, limit=1)
            names = [each["logStreamName"] for each in streams["logStreams"]]
            if not names:
                return []
            found = logs.get_log_events(logGroupName=group, logStreamName=names[0], limit=SHOWN, startFromHead=False)
    except NotFoundError:
        return []
    return list(found["events"])


def _record(message: str) -> dict[str, Any]:
    try:
        record = json.loads(message)
    except ValueError:
        record = None
    return record if isinstance(record, dict) else {"log": message}


def _nothing_yet() -> tuple[str, ...]:
    return (say("Not there yet: Fluent Bit flushes every second; on an account it can be read within a minute."),)


_READERS = {
    "alb": _alb,
    "httpd": _httpd,
    "router": _router,
    "cloudwatch": _cloudwatch,
    "firehose": _firehose,
    "s3": _s3,
}

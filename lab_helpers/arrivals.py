"""Wait until the requests that were sent have arrived in a destination; what a destination has not yet is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from lab_helpers import audit, cloudwatch, faults, s3_logs
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import NotFoundError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.wait import Tick, wait_until
from lab_helpers.lab import Lab
from lab_helpers.logs.frames import empty
from lab_helpers.visitors import Visitors

CLOUDWATCH_TIMEOUT_S = 180.0
"""Bound for CloudWatch: Fluent Bit flushes every second; on an account events can be read within a minute."""
S3_MARGIN_S = 240.0
"""Bound for S3, on top of the buffer interval: a delivery may be retried, and on an account it takes its time."""
BACKLOG_S = 1200.0
"""Added after a delivery error was healed on an account: Firehose tries again for 24 hours, at its own pace."""
ACCOUNT_POLL_S = 5.0
"""Between two looks on an account: FilterLogEvents has a quota of five calls a second, and reading again costs."""
_CLOCK_MARGIN = timedelta(seconds=5)

OnTick = Callable[[Tick], None] | None


def in_cloudwatch(lab: Lab, requests: pd.DataFrame, on_tick: OnTick = None) -> pd.DataFrame:
    """Return httpd's log lines in CloudWatch since `requests` began, once every request is among them.

    Columns: frames. Raises WaitTimeoutError, saying how many are missing.
    """
    since = _since(lab, requests)

    def read() -> pd.DataFrame:
        try:
            return cloudwatch.read_events(lab.client("logs"), lab.outputs.httpd_log_group, since=since)
        except NotFoundError:  # Fluent Bit makes the group with its first line
            return empty()

    look_at = say(
        "Fluent Bit's own log in {group}, streams httpd-sidecar/…: what could it not send?", group=lab.outputs.log_group
    )
    return _wait(
        read,
        requests,
        CLOUDWATCH_TIMEOUT_S,
        _poll_s(lab, 1.0),
        say("all requests in CloudWatch Logs"),
        look_at,
        on_tick,
    )


def newest_line(lab: Lab, containing: str, on_tick: OnTick = None) -> str:
    """Return the newest line of httpd in CloudWatch that holds a text, once there is one. Raises WaitTimeoutError."""
    pattern = f'"{containing}"'

    def read() -> pd.DataFrame:
        try:
            return cloudwatch.read_messages(lab.client("logs"), lab.outputs.httpd_log_group, pattern=pattern)
        except NotFoundError:  # Fluent Bit makes the group with its first line
            return empty()

    found = wait_until(
        read,
        CLOUDWATCH_TIMEOUT_S,
        _poll_s(lab, 1.0),
        say("a line with {text} in CloudWatch Logs", text=containing),
        done=lambda frame: len(frame) > 0,
        describe=lambda frame: say("{count:,} lines", count=len(frame)),
        on_tick=on_tick,
    )
    return str(json.loads(found.sort_values("event_time")["message"].iloc[-1])["log"])


def in_s3(lab: Lab, requests: pd.DataFrame, on_tick: OnTick = None) -> pd.DataFrame:
    """Return httpd's log lines in S3 since `requests` began, once every request is among them; see `in_cloudwatch`."""
    since = _since(lab, requests)
    backlog_s = BACKLOG_S if not lab.settings.can.has_own_endpoint and lab.notes.has(faults.HEALED) else 0.0
    timeout_s = lab.settings.buffer_s + S3_MARGIN_S + backlog_s

    def read() -> pd.DataFrame:
        return s3_logs.read_objects(lab.client("s3"), lab.outputs.log_bucket, since=since)

    look_at = say(
        "Firehose's errors in {group}, stream {stream}", group=lab.outputs.log_group, stream=faults.ERROR_STREAM
    )
    return _wait(read, requests, timeout_s, _poll_s(lab, 2.0), say("all requests in S3"), look_at, on_tick)


def of_visitors(lab: Lab, made: Visitors, on_tick: OnTick = None) -> pd.DataFrame:
    """Return the lines in CloudWatch of a day of visitors, and of the health checks meanwhile, once all are there.

    Visitors are told by their addresses: httpd has to print `X-Forwarded-For`. Errors as `in_cloudwatch`.
    """
    since, known = _since(lab, made.sent), set(made.truth["client"])
    wanted = int(made.sent["status"].notna().sum())

    def read() -> pd.DataFrame:
        return cloudwatch.read_events(lab.client("logs"), lab.outputs.httpd_log_group, since=since)

    def count(lines: pd.DataFrame) -> int:
        return int(lines["client"].isin(known).sum())

    lines = wait_until(
        read,
        CLOUDWATCH_TIMEOUT_S,
        _poll_s(lab, 1.0),
        say("all visitors in CloudWatch Logs"),
        done=lambda lines: count(lines) >= wanted,
        describe=lambda lines: say(
            "{arrived:,} of {wanted:,} requests have arrived", arrived=count(lines), wanted=wanted
        ),
        look_at=say("step 07_1: does httpd print X-Forwarded-For?"),
        on_tick=on_tick,
    )
    return lines[lines["client"].isin(known) | audit.is_health_check(lines)]


def new_object(lab: Lab, since: datetime, on_tick: OnTick = None) -> pd.DataFrame:
    """Return the listing of `s3_logs.list_objects` once it has an object whose first record came after `since`.

    Raises WaitTimeoutError.
    """
    return wait_until(
        lambda: s3_logs.list_objects(lab.client("s3"), lab.outputs.log_bucket),
        lab.settings.buffer_s + S3_MARGIN_S,
        _poll_s(lab, 1.0),
        say("an object with new records in S3"),
        done=lambda objects: bool(objects["first_record_at"].ge(pd.Timestamp(since)).any()),
        describe=lambda objects: say("{count:,} objects", count=len(objects)),
        on_tick=on_tick,
    )


def delivery_error(lab: Lab, since: pd.Timestamp, on_tick: OnTick = None) -> pd.DataFrame:
    """Return Firehose's error events since a moment, once there is one; see faults.wait_for_delivery_error."""
    found = faults.wait_for_delivery_error(lab.client("logs"), lab.outputs.log_group, since, on_tick=on_tick)
    return pd.DataFrame(found)


def _wait(
    read: Callable[[], pd.DataFrame],
    requests: pd.DataFrame,
    timeout_s: float,
    every_s: float,
    what: str,
    look_at: str,
    on_tick: OnTick,
) -> pd.DataFrame:
    answered = set(requests.loc[requests["status"].notna(), "id"])

    def missing(lines: pd.DataFrame) -> int:
        return len(answered - set(audit.with_ids(lines)["id"].dropna()))

    return wait_until(
        read,
        timeout_s,
        every_s,
        what,
        done=lambda lines: missing(lines) == 0,
        describe=lambda lines: say(
            "{arrived:,} of {wanted:,} requests have arrived",
            arrived=len(answered) - missing(lines),
            wanted=len(answered),
        ),
        look_at=look_at,
        on_tick=on_tick,
    )


def _poll_s(lab: Lab, local_s: float) -> float:
    return local_s if lab.settings.can.is_embedded else ACCOUNT_POLL_S


def _since(lab: Lab, requests: pd.DataFrame) -> pd.Timestamp:
    """From when on to look, by AWS's clock: requests carry the time of this machine's, which may be wrong."""
    with aws_errors("DescribeLogGroups"):
        answer = lab.client("logs").describe_log_groups(limit=1)
    return pd.Timestamp(requests["sent_at"].min()) + clock_offset(answer, datetime.now(UTC)) - _CLOCK_MARGIN


def clock_offset(answer: dict[str, Any], now: datetime) -> timedelta:
    """How far AWS's clock is ahead of this machine's (`now`), by the Date of an answer; none where it does not tell."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date) - now if date else timedelta()

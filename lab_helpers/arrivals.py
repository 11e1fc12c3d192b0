"""Wait until the requests that were sent have arrived in a destination; what a destination has not yet is said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pandas as pd

from lab_helpers import audit, cloudwatch, faults, s3_logs
from lab_helpers.errors import NotFoundError
from lab_helpers.frames import empty
from lab_helpers.session import Lab
from lab_helpers.wait import Tick, wait_until

CLOUDWATCH_TIMEOUT_S = 180.0
"""Bound for CloudWatch: Fluent Bit flushes every second; on an account events can be read within a minute."""
S3_MARGIN_S = 240.0
"""Bound for S3, on top of the buffer interval: a delivery may be retried, and on an account it takes its time."""
_CLOCK_MARGIN = timedelta(seconds=5)

OnTick = Callable[[Tick], None] | None


def in_cloudwatch(lab: Lab, requests: pd.DataFrame, on_tick: OnTick = None) -> pd.DataFrame:
    """Return httpd's log lines in CloudWatch since `requests` began, once every request is among them.

    Columns: frames. Raises WaitTimeoutError, saying how many are missing.
    """
    since = _since(requests)

    def read() -> pd.DataFrame:
        try:
            return cloudwatch.read_events(lab.client("logs"), lab.outputs.httpd_log_group, since=since)
        except NotFoundError:  # Fluent Bit makes the group with its first line
            return empty()

    return _wait(read, requests, CLOUDWATCH_TIMEOUT_S, 1.0, "all requests in CloudWatch Logs", on_tick)


def in_s3(lab: Lab, requests: pd.DataFrame, on_tick: OnTick = None) -> pd.DataFrame:
    """Return httpd's log lines in S3 since `requests` began, once every request is among them; see `in_cloudwatch`."""
    since = _since(requests)
    timeout_s = lab.settings.buffer_s + S3_MARGIN_S

    def read() -> pd.DataFrame:
        return s3_logs.read_objects(lab.client("s3"), lab.outputs.log_bucket, since=since)

    return _wait(read, requests, timeout_s, 2.0, "all requests in S3", on_tick)


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
        describe=lambda lines: f"{len(answered) - missing(lines)} of {len(answered)} requests have arrived",
        on_tick=on_tick,
    )


def _since(requests: pd.DataFrame) -> pd.Timestamp:
    return pd.Timestamp(requests["sent_at"].min()) - _CLOCK_MARGIN

"""PutLogEvents: which batches are refused, and which events of a good batch are left out.

Source: "PutLogEvents" of the CloudWatch Logs API reference (quotas), and the service's error texts.
Not modelled: the requests per second and account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError

EVENTS_MAX = 10_000
BATCH_BYTES_MAX = 1_048_576
EVENT_OVERHEAD_BYTES = 26
EVENT_BYTES_MAX = 1_048_576
"""One event with its overhead; it was 256 KiB until 2025."""
SPAN_MS = 24 * 3600 * 1000
OLDEST_MS = 14 * 24 * 3600 * 1000
NEWEST_MS = 2 * 3600 * 1000
DAY_MS = 24 * 3600 * 1000
TOO_OLD, EXPIRED = "older than 14 days", "older than the group's retention"
TOO_NEW = "more than 2 hours ahead of the clock"

Events = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Judged:
    """What becomes of a good batch; `rejected` is AWS's rejectedLogEventsInfo, empty when all are taken.

    `size_bytes` are the messages' own, those of rejected events included; `left_out` counts the rejected ones by why.
    """

    accepted: list[Mapping[str, Any]]
    rejected: dict[str, int]
    size_bytes: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


def judge(events: Events, now_ms: int, retention_days: int | None = None) -> Judged:
    """Sort out the events that are too old, expired or too new; raises AwsError for a batch that is refused whole.

    Events come in order of time, so those left out stand at the ends: the indexes are the first event that is not too
    old (or expired), and the first that is too new.
    """
    size_bytes = _refuse_batch(events)
    times = [int(event["timestamp"]) for event in events]
    old = sum(time < now_ms - OLDEST_MS for time in times)
    expired = sum(time < now_ms - retention_days * DAY_MS for time in times) if retention_days else 0
    new = sum(time > now_ms + NEWEST_MS for time in times)
    ends = {
        "tooNewLogEventStartIndex": len(times) - new if new else None,
        "tooOldLogEventEndIndex": old or None,
        "expiredLogEventEndIndex": expired or None,
    }
    rejected = {name: index for name, index in ends.items() if index is not None}
    by_reason = {TOO_OLD: old, EXPIRED: max(0, expired - old), TOO_NEW: new}
    left_out = {why: count for why, count in by_reason.items() if count}
    return Judged(list(events[max(old, expired) : len(times) - new]), rejected, size_bytes, left_out)


def _refuse_batch(events: Events) -> int:
    """Return the messages' bytes; raises AwsError."""
    if not 1 <= len(events) <= EVENTS_MAX:
        limit = "greater than or equal to 1" if not events else f"less than or equal to {EVENTS_MAX}"
        raise _invalid(
            f"1 validation error detected: Value '[{len(events)} events]' at 'logEvents' failed to satisfy constraint: "
            f"Member must have length {limit}"
        )
    _refuse_members(events)
    sizes = [len(event["message"].encode()) + EVENT_OVERHEAD_BYTES for event in events]
    if max(sizes) > EVENT_BYTES_MAX:
        raise _invalid(f"Log event too large: {max(sizes)} bytes exceeds limit of {EVENT_BYTES_MAX}")
    if sum(sizes) > BATCH_BYTES_MAX:
        raise _invalid(f"Upload too large: {sum(sizes)} bytes exceeds limit of {BATCH_BYTES_MAX}")
    times = [int(event["timestamp"]) for event in events]
    if times != sorted(times):
        raise _invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if times[-1] - times[0] > SPAN_MS:
        raise _invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    return sum(sizes) - EVENT_OVERHEAD_BYTES * len(sizes)


def _refuse_members(events: Events) -> None:
    """Refuse the first event that lacks something; a batch is too long for the general check of every member."""
    for index, event in enumerate(events, 1):
        if not isinstance(event, Mapping):
            raise AwsError("SerializationException", "A log event is no JSON object.")
        message, timestamp = event.get("message"), event.get("timestamp")
        where = f"at 'logEvents.{index}.member"
        if not isinstance(message, str) or not isinstance(timestamp, int):
            name = "timestamp" if isinstance(message, str) else "message"
            raise _invalid(
                f"1 validation error detected: Value null {where}.{name}' failed to satisfy constraint: "
                "Member must not be null"
            )
        if not message or timestamp < 0:
            shown, name = ("", "message") if not message else (timestamp, "timestamp")
            limit = "length greater than or equal to 1" if not message else "value greater than or equal to 0"
            raise _invalid(
                f"1 validation error detected: Value '{shown}' {where}.{name}' failed to satisfy constraint: "
                f"Member must have {limit}"
            )


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)

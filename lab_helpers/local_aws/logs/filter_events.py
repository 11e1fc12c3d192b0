"""FilterLogEvents: pages of a group's events in order of time.

Source: "FilterLogEvents" of the CloudWatch Logs API reference.
Not modelled: empty pages with a token, which AWS may answer while it is still looking; tokens that expire after a day.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.logs.events import Event, StoredGroup, TimeRange, in_order
from lab_helpers.local_aws.logs.filter_pattern import compile_pattern
from lab_helpers.local_aws.logs.put_events import EVENT_OVERHEAD_BYTES

PAGE_EVENTS = 10_000
PAGE_BYTES = 1_048_576


def page(group: StoredGroup, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page: as many events as fit into 1 MiB, at most `limit` (10,000), and a token where more follow."""
    fits = compile_pattern(params.get("filterPattern") or "")
    after = _read_token(params.get("nextToken"))
    span = TimeRange(params.get("startTime"), params.get("endTime"))
    if after is not None:
        span = dataclasses.replace(span, start=max(after[0], span.start or 0))
    events = in_order(group, _streams(group, params), span)
    left = (event for event in events if after is None or (event.timestamp, event.serial) > after)
    taken, more = _take((event for event in left if fits(event.message)), params.get("limit") or PAGE_EVENTS)
    token = {"nextToken": _token(taken[-1])} if more else {}
    # The searched streams are named no more: AWS answers an empty list since 2020.
    return {"events": [_shown(event) for event in taken], "searchedLogStreams": [], **token}


def _streams(group: StoredGroup, params: Mapping[str, Any]) -> list[str]:
    names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix")
    if names and prefix:
        raise AwsError(
            "InvalidParameterException", "Only one of logStreamNames and logStreamNamePrefix may be specified."
        )
    if names:
        missing = [name for name in names if name not in group.streams]
        if missing:
            raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.")
        return sorted(set(names))
    return [name for name in list(group.streams) if name.startswith(prefix or "")]


def _take(events: Iterable[Event], limit: int) -> tuple[list[Event], bool]:
    """Return the events of one page, and whether another follows."""
    taken: list[Event] = []
    size = 0
    for event in events:
        size += len(event.message.encode()) + EVENT_OVERHEAD_BYTES
        if taken and (len(taken) == limit or size > PAGE_BYTES):
            return taken, True
        taken.append(event)
    return taken, False


def _token(event: Event) -> str:
    return base64.urlsafe_b64encode(f"{event.timestamp}/{event.serial}".encode()).decode()


def _read_token(token: str | None) -> tuple[int, int] | None:
    if token is None:
        return None
    try:
        timestamp, _, serial = base64.urlsafe_b64decode(token).decode().partition("/")
        return int(timestamp), int(serial)
    except (ValueError, binascii.Error) as exc:
        raise AwsError("InvalidParameterException", "The specified nextToken is invalid.") from exc


def _shown(event: Event) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.ingestion_time,
        "eventId": event.id,
    }

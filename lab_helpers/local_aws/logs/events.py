"""Stored events as this package sees them, and where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lab_helpers.local_aws.api import AwsError

ID_SHIFT = 144
"""An event id of AWS is its time in milliseconds, times 2 to this power, plus something: 56 digits."""


class StoredEvent(Protocol):
    """One event as the control plane keeps it: times in epoch milliseconds, `event_id` in order of arrival."""

    timestamp: int
    message: str
    ingestion_time: int
    event_id: int


class StoredGroup(Protocol):
    """A log group: its name, its retention (None: for ever), and its streams' events in order of arrival."""

    @property
    def name(self) -> str: ...

    @property
    def retention_days(self) -> int | None: ...

    @property
    def streams(self) -> Mapping[str, Sequence[StoredEvent]]: ...


class EventSource(Protocol):
    """Where groups and events are kept: moto_bridge.MotoBridge."""

    def log_group(self, region: str, name: str) -> StoredGroup | None: ...


class Event(NamedTuple):
    """One event with its stream; ordered by time, then by arrival. A tuple, since there are many to sort."""

    timestamp: int
    serial: int
    stream: str
    message: str
    ingestion_time: int

    @property
    def id(self) -> str:
        """The event's id, in the form of AWS."""
        return str((self.timestamp << ID_SHIFT) + self.serial)


@dataclass(frozen=True)
class TimeRange:
    """A range of epoch milliseconds, both ends included; None is open."""

    start: int | None = None
    end: int | None = None

    def holds(self, timestamp: int) -> bool:
        return (self.start is None or timestamp >= self.start) and (self.end is None or timestamp <= self.end)


def found_group(source: EventSource, region: str, name_or_arn: str) -> StoredGroup:
    """Return a group by its name or ARN; raises AwsError ResourceNotFoundException."""
    name = name_or_arn.partition(":log-group:")[2].removesuffix(":*") if ":" in name_or_arn else name_or_arn
    group = source.log_group(region, name)
    if group is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    return group


def in_order(group: StoredGroup, streams: Iterable[str], span: TimeRange) -> list[Event]:
    """Return the events of some streams of a group within a time range, oldest first."""
    return sorted(event for name in streams for event in _of_stream(name, group.streams[name], span))


def _of_stream(name: str, events: Sequence[StoredEvent], span: TimeRange) -> Iterator[Event]:
    for event in list(events):
        if span.holds(event.timestamp):
            yield Event(event.timestamp, event.event_id, name, event.message, event.ingestion_time)

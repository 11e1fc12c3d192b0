"""Stored events as this package sees them, and where they come from."""

from __future__ import annotations

import heapq
import operator
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.logs.groups import GroupSource

ID_SHIFT = 144
"""An event id of AWS is its time in milliseconds, times 2 to this power, plus something: 56 digits."""
_BY_TIME = operator.attrgetter("timestamp", "event_id")


class StoredEvent(Protocol):
    """One event as the control plane keeps it: times in epoch milliseconds, `event_id` in order of arrival."""

    timestamp: int
    message: str
    ingestion_time: int
    event_id: int


@runtime_checkable
class OnDisk(Protocol):
    """Events that can be read in order of time without all of them being in memory."""

    def between(self, first: int, last: int) -> Iterator[StoredEvent]: ...


class StoredGroup(Protocol):
    """A log group: its name, its retention (None: for ever), and its streams' events in order of arrival."""

    @property
    def name(self) -> str: ...

    @property
    def retention_days(self) -> int | None: ...

    @property
    def streams(self) -> Mapping[str, Sequence[StoredEvent]]: ...


class Subscription(Protocol):
    """A subscription filter; `role_arn` is empty where none was given."""

    @property
    def name(self) -> str: ...

    @property
    def pattern(self) -> str: ...

    @property
    def destination_arn(self) -> str: ...

    @property
    def role_arn(self) -> str: ...


class EventSource(GroupSource, Protocol):
    """Where groups and events are kept: moto_bridge.MotoBridge."""

    def log_group(self, region: str, name: str) -> StoredGroup | None: ...

    def log_events_by_group(self) -> dict[str, int]:
        """Return how many events each group has, by `region/name`."""

    def metric_filters(self, region: str) -> list[dict[str, Any]]:
        """Return a region's metric filters as the API describes them; the list itself, to be changed in place."""

    def add_export_task(self, region: str, params: Mapping[str, Any]) -> str:
        """Keep a completed export task by CreateExportTask's parameters; return its id."""

    def subscriptions(self, region: str, group: str) -> Sequence[Subscription]:
        """Return a log group's subscription filters."""


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


def found_group(source: EventSource, region: str, name_or_arn: str) -> StoredGroup:
    """Return a group by its name or ARN; raises AwsError ResourceNotFoundException."""
    name = name_or_arn.partition(":log-group:")[2].removesuffix(":*") if ":" in name_or_arn else name_or_arn
    group = source.log_group(region, name)
    if group is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    return group


def in_order(group: StoredGroup, streams: Iterable[str], span: TimeRange) -> Iterator[Event]:
    """Yield the events of some streams of a group within a time range, oldest first.

    A page takes a part of them only, so events are made as they are taken.
    """
    return heapq.merge(*(_of_stream(name, group.streams[name], span) for name in streams))


def _of_stream(name: str, events: Sequence[StoredEvent], span: TimeRange) -> Iterator[Event]:
    first = 0 if span.start is None else span.start
    last = sys.maxsize if span.end is None else span.end
    if isinstance(events, OnDisk):
        for event in events.between(first, last):
            yield Event(event.timestamp, event.event_id, name, event.message, event.ingestion_time)
        return
    inside = [event for event in list(events) if first <= event.timestamp <= last]
    inside.sort(key=_BY_TIME)  # nearly in order already, as events arrive
    for event in inside:
        yield Event(event.timestamp, event.event_id, name, event.message, event.ingestion_time)

"""Live Tail: StartLiveTail's stream of the events that arrive while it is open.

Source: "StartLiveTail" of the CloudWatch Logs API reference (one update a second, also an empty one; at most 500 events
in each; three hours). SDKs put `streaming-` before the host's name: tell them not to, as `lab env` does with
AWS_DISABLE_HOST_PREFIX_INJECTION, since no such host leads to this machine.
Not modelled: which events AWS leaves out when it samples (here the oldest), its buffer for slow clients (here TCP's),
the number of sessions at once, groups of other accounts.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, EventStream
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.logs.events import EventSource, StoredGroup, found_group
from lab_helpers.local_aws.logs.filter_pattern import Predicate, compile_pattern

UPDATE_S = 1.0
UPDATE_EVENTS = 500
SESSION_S = 3 * 3600.0
_ASKED = ("logGroupIdentifiers", "logStreamNames", "logStreamNamePrefixes", "logEventFilterPattern")
Update = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class _Wanted:
    """What a session shows: groups by ARN, streams by name or prefix (both empty: all), messages that fit."""

    groups: Mapping[str, str]
    names: frozenset[str]
    prefixes: tuple[str, ...]
    fits: Predicate

    def has(self, stream: str) -> bool:
        return not (self.names or self.prefixes) or stream in self.names or stream.startswith(self.prefixes)


class LiveTail:
    """Sessions that last until the client goes, three hours have passed, or `stop`."""

    def __init__(self, source: EventSource, clock: Clock) -> None:
        self._source, self._clock = source, clock
        self._changed = threading.Condition()
        self._stopping = False

    def start(self, request: ApiRequest) -> dict[str, Any]:
        """Open a session; raises AwsError for contradicting parameters and unknown groups."""
        wanted = _wanted(request, self._source)
        shown = {name: request.params[name] for name in _ASKED if request.params.get(name)}
        about = {"requestId": str(uuid.uuid4()), "sessionId": str(uuid.uuid4()), **shown}
        # From now on, not from the client's first reading on.
        seen = {arn: _ends(group) for arn, group in self._groups(request.region, wanted)}
        return {"responseStream": EventStream(self._session(request.region, wanted, about, seen))}

    def stop(self) -> None:
        """End all sessions."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def _session(
        self, region: str, wanted: _Wanted, about: Mapping[str, Any], seen: dict[str, dict[str, int]]
    ) -> Iterator[Update]:
        yield "sessionStart", about
        end = self._clock.monotonic() + SESSION_S
        while self._next_update():
            if self._clock.monotonic() > end:
                raise AwsError("SessionTimeoutException", "The session has timed out after three hours.")
            fresh = list(self._fresh(region, wanted, seen))
            fresh.sort(key=lambda event: int(event["timestamp"]))
            metadata = {"sampled": len(fresh) > UPDATE_EVENTS}
            yield "sessionUpdate", {"sessionMetadata": metadata, "sessionResults": fresh[-UPDATE_EVENTS:]}

    def _next_update(self) -> bool:
        """Wait for the next second; False: the local AWS stops."""
        due = self._clock.monotonic() + UPDATE_S
        with self._changed:
            while not self._stopping and (left := due - self._clock.monotonic()) > 0:
                self._clock.wait(self._changed, left)
            return not self._stopping

    def _fresh(self, region: str, wanted: _Wanted, seen: dict[str, dict[str, int]]) -> Iterator[dict[str, Any]]:
        for arn, group in self._groups(region, wanted):
            ends, before = _ends(group), seen.get(arn, {})
            seen[arn] = ends
            for stream in filter(wanted.has, ends):
                begin = min(before.get(stream, 0), ends[stream])
                for event in group.streams[stream][begin : ends[stream]]:
                    if wanted.fits(event.message):
                        yield {
                            "logStreamName": stream,
                            "logGroupIdentifier": arn,
                            "message": event.message,
                            "timestamp": event.timestamp,
                            "ingestionTime": event.ingestion_time,
                        }

    def _groups(self, region: str, wanted: _Wanted) -> Iterator[tuple[str, StoredGroup]]:
        """Yield the groups that are still there."""
        for arn, name in wanted.groups.items():
            group = self._source.log_group(region, name)
            if group is not None:
                yield arn, group


def _ends(group: StoredGroup) -> dict[str, int]:
    return {name: len(events) for name, events in group.streams.items()}


def _wanted(request: ApiRequest, source: EventSource) -> _Wanted:
    params = request.params
    arns, names, prefixes = params["logGroupIdentifiers"], params.get("logStreamNames"), params.get(_ASKED[2])
    for arn in arns:
        if not arn.startswith("arn:"):
            raise AwsError("InvalidParameterException", f"{arn} is not a valid log group ARN.")
    if names and prefixes:
        raise AwsError(
            "InvalidParameterException", "Only one of logStreamNames and logStreamNamePrefixes may be given."
        )
    if (names or prefixes) and len(arns) > 1:
        raise AwsError("InvalidParameterException", "Log streams may be named for a single log group only.")
    groups = {arn: found_group(source, request.region, arn).name for arn in arns}
    fits = compile_pattern(params.get("logEventFilterPattern") or "")
    return _Wanted(groups, frozenset(names or ()), tuple(prefixes or ()), fits)

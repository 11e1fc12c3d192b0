"""Cut events into PutLogEvents requests. Pure.

Source: Fluent Bit 4.2.8: a request's body is at most 1,048,576 bytes counted as 76 + both names + 42 and the escaped
bytes for each event, 10,000 events, less than 24 hours between oldest and newest; an event is cut at 1,000,000 escaped
bytes; a record whose JSON fits no request is discarded; events are sorted by time within a request, arrival order else.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import orjson

from lab_helpers.router.aws.prefetch import Prefetched
from lab_helpers.router.core.log import Log
from lab_helpers.router.records.lines import EMPTY_BYTES, Lines, escaped
from lab_helpers.router.records.uniform import BLOCK_RECORDS

MAX_BODY_BYTES = 1_048_576
MAX_EVENTS = 10_000
MAX_EVENT_BYTES = 1_000_000
MOST_ESCAPED = 2
# bytes that one of a JSON text becomes when it is escaped once more
SPAN_MS = 24 * 3600 * 1000
REQUEST_BYTES = 76
EVENT_BYTES = 42
_Block = tuple[list[int], list[bytes]]
# times in ms and, of each event, its own part of the escaped message


@dataclass(frozen=True)
class LogStream:
    """A stream in a group."""

    group: str
    name: str

    def head(self) -> bytes:
        """Return a request's body up to its first event."""
        return b'{"logGroupName":%b,"logStreamName":%b,"logEvents":[' % (
            escaped_name(self.group),
            escaped_name(self.name),
        )

    def base_bytes(self) -> int:
        """Return what a request counts before its first event."""
        return REQUEST_BYTES + len(self.group.encode()) + len(self.name.encode())


class Event(NamedTuple):
    """One event: its escaped message (no quotes around it) and the length of the JSON it was made of."""

    time_ms: int
    json_bytes: int
    message: bytes


def bodies(lines: Lines, stream: LogStream, log: Log) -> Prefetched[bytes]:
    """Return the bodies of the requests that send all lines to a stream."""
    if _are_simple(lines):
        return Prefetched(_simple_bodies(lines, stream), silent=True)
    return Prefetched(_careful_bodies(lines, stream, log), silent=False)


def _are_simple(lines: Lines) -> bool:
    """Whether no event needs looking at: sizes in bounds, all times within a day, and none before 1970."""
    return (
        lines.are_simple(MAX_EVENT_BYTES // MOST_ESCAPED)
        and min(lines.times_ms) > 0
        and max(lines.times_ms) < min(lines.times_ms) + SPAN_MS
    )


def _simple_bodies(lines: Lines, stream: LogStream) -> Iterator[bytes]:
    """Fill bodies with events that need not be looked at one by one."""
    head, envelope = stream.head(), _Envelope(escaped(lines.prefix), escaped(lines.suffix))
    in_order = (lambda blocks: blocks) if lines.are_in_order else _in_order
    blocks: list[_Block] = []
    events, used = 0, stream.base_bytes()
    for block in lines.blocks(BLOCK_RECORDS):
        times, parts = block.times_ms, block.escaped().parts
        size = sum(map(len, parts))
        while parts:
            count, taken = _fitting(parts, size, MAX_EVENTS - events, envelope.each_bytes, MAX_BODY_BYTES - used)
            blocks.append((times[:count], parts[:count]))
            events, used = events + count, used + taken + count * envelope.each_bytes
            times, parts, size = times[count:], parts[count:], size - taken
            if parts:
                yield envelope.body(head, in_order(blocks))
                blocks, events, used = [], 0, stream.base_bytes()
    yield envelope.body(head, in_order(blocks))


def _in_order(blocks: list[_Block]) -> list[_Block]:
    """Return all events of a request as one block, sorted by time; equal times stay in the order of arrival."""
    times = [time_ms for block, _ in blocks for time_ms in block]
    parts = [part for _, block in blocks for part in block]
    places = sorted(range(len(times)), key=times.__getitem__)
    return [([times[at] for at in places], [parts[at] for at in places])]


class _Envelope:
    """What surrounds each escaped message of a batch; `each_bytes` is what an event counts besides its own part."""

    def __init__(self, prefix: bytes, suffix: bytes) -> None:
        self._middle, self._ending = b',"message":"' + prefix, suffix + b'"}'
        self._seam = self._ending + b',{"timestamp":'
        self.each_bytes = EVENT_BYTES + len(prefix) + len(suffix)

    def body(self, head: bytes, blocks: list[_Block]) -> bytes:
        """Return a request's body; before its first event no other ends."""
        pieces: list[bytes] = []
        for times_ms, parts in blocks:
            pieces += self._pieces(times_ms, parts)
        first = pieces[0][len(self._ending) + 1 :]
        return b"".join([head, first, *pieces[1:], self._ending, b"]}"])

    def _pieces(self, times_ms: list[int], parts: list[bytes]) -> list[bytes]:
        """Return the events' bytes, each behind the end of another; times are in order."""
        count = len(parts)
        if count and times_ms[0] == times_ms[-1]:
            pieces = [b"%b%d%b" % (self._seam, times_ms[0], self._middle)] * (2 * count)
            pieces[1::2] = parts
            return pieces
        pieces = [self._seam] * (4 * count)
        pieces[1::4], pieces[2::4], pieces[3::4] = _decimals(times_ms), [self._middle] * count, parts
        return pieces


def _decimals(numbers: list[int]) -> list[bytes]:
    return orjson.dumps(numbers)[1:-1].split(b",") if numbers else []


def _fitting(parts: list[bytes], size: int, most: int, each_bytes: int, room_bytes: int) -> tuple[int, int]:
    """Return how many of the first parts fit, each with so many bytes around it, and the bytes of these parts.

    `size` is that of all parts together, `most` the largest number.
    """
    if len(parts) <= most and size + len(parts) * each_bytes <= room_bytes:
        return len(parts), size
    ends = list(accumulate(map(len, parts)))
    count = bisect_right(range(min(most, len(parts))), room_bytes, key=lambda at: ends[at] + (at + 1) * each_bytes)
    return count, ends[count - 1] if count else 0


def _careful_bodies(lines: Lines, stream: LogStream, log: Log) -> Iterator[bytes]:
    batches = Batches(stream, log)
    for time_ms, size, message in zip(lines.times_ms, lines.sizes(), lines.escaped().complete(), strict=True):
        yield from batches.add(Event(time_ms, size, message))
    yield from batches.rest()


class Batches:
    """Requests to one stream, event by event: send the bodies that `add` returns, then the `rest`."""

    def __init__(self, stream: LogStream, log: Log) -> None:
        self.stream, self._log = stream, log
        self._events: list[Event] = []
        self._bytes = stream.base_bytes()
        self._message_bytes = 0
        self._oldest = self._newest = 0

    def add(self, event: Event) -> Iterator[bytes]:
        """Take an event; yield the bodies that have to be sent before it, or because of it."""
        if event.json_bytes <= EMPTY_BYTES:
            return  # nothing to send, silently
        if max(event.json_bytes, len(event.message)) >= MAX_BODY_BYTES:
            yield from self.rest()
            self._log.warn("Discarding massive log record")
            return
        if self._events and self._message_bytes + max(event.json_bytes, len(event.message)) > MAX_BODY_BYTES:
            yield from self.rest()  # the reference writes the whole message into what is left before it cuts it
        event = self._truncated(event)
        size = EVENT_BYTES + len(event.message)
        if self._events and (self._bytes + size > MAX_BODY_BYTES or not self._is_in_span(event.time_ms)):
            yield from self.rest()
        if self._bytes + size > MAX_BODY_BYTES:
            self._log.warn("Discarding massive log record")
            return
        self._take(event, size)
        if len(self._events) == MAX_EVENTS:
            yield from self.rest()

    def rest(self) -> Iterator[bytes]:
        """Yield the body of what is pending, if anything, sorted by time."""
        if self._events:
            in_order = sorted(self._events, key=lambda event: event.time_ms)
            texts = [b'{"timestamp":%d,"message":"%b"}' % (event.time_ms, event.message) for event in in_order]
            yield self.stream.head() + b",".join(texts) + b"]}"
        self._events, self._bytes, self._message_bytes = [], self.stream.base_bytes(), 0
        self._oldest = self._newest = 0

    def _truncated(self, event: Event) -> Event:
        if len(event.message) <= MAX_EVENT_BYTES:
            return event
        self._log.warn(
            f"[size={len(event.message)}] Truncating event which is larger than max size allowed by CloudWatch"
        )
        cut = event.message[:MAX_EVENT_BYTES]
        backslashes = len(cut) - len(cut.rstrip(b"\\"))
        return event._replace(message=cut[:-1] if backslashes % 2 else cut)

    def _is_in_span(self, time_ms: int) -> bool:
        if self._oldest == 0 or self._newest == 0:
            return True
        return max(self._newest, time_ms) - min(self._oldest, time_ms) < SPAN_MS

    def _take(self, event: Event, size: int) -> None:
        self._events.append(event)
        self._bytes += size
        self._message_bytes += len(event.message)
        self._oldest = event.time_ms if self._oldest == 0 else min(self._oldest, event.time_ms)
        self._newest = max(self._newest, event.time_ms)


def escaped_name(text: str) -> bytes:
    """Return a group's or stream's name as JSON writes it, with its quotes; bytes that are no UTF-8 stay."""
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogateescape")

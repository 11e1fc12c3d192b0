"""Cut events into PutLogEvents requests. Pure.

Source: Fluent Bit 4.2.8: a request's body is at most 1,048,576 bytes counted as 76 + both names + 42 and the escaped
bytes for each event, 10,000 events, less than 24 hours between oldest and newest; an event is cut at 1,000,000 escaped
bytes; a record whose JSON fits no request is discarded; events are sorted by time within a request, arrival order else.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from lab_helpers.router.aws.prefetch import Prefetched
from lab_helpers.router.core.log import Log
from lab_helpers.router.records import json_text
from lab_helpers.router.records.lines import EMPTY_BYTES, JOINT, Lines, escaped
from lab_helpers.router.records.uniform import BLOCK_RECORDS

MAX_BODY_BYTES = 1_048_576
MAX_EVENTS = 10_000
MAX_EVENT_BYTES = 1_000_000
MOST_ESCAPED = 2
# bytes that one of a JSON text becomes when it is escaped once more
SPAN_MS = 24 * 3600 * 1000
REQUEST_BYTES = 76
EVENT_BYTES = 42


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
        return REQUEST_BYTES + sum(len(each.encode("utf-8", "surrogateescape")) for each in (self.group, self.name))


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
    return lines.are_simple(MAX_EVENT_BYTES // MOST_ESCAPED) and lines.oldest_ms > 0 and lines.span_ms < SPAN_MS


def _simple_bodies(lines: Lines, stream: LogStream) -> Iterator[bytes]:
    """Fill bodies with events that need not be looked at one by one."""
    head, envelope = stream.head(), _Envelope(escaped(lines.prefix), escaped(lines.suffix))
    in_order = (lambda blocks: blocks) if lines.are_in_order else _in_order
    blocks: list[_Block] = []
    events, used = 0, stream.base_bytes()
    for some in lines.blocks(BLOCK_RECORDS):
        block = _Block(some, some.escaped_text())
        while block.count:
            taken, block = block.fitted(MAX_EVENTS - events, envelope.each_bytes, MAX_BODY_BYTES - used)
            blocks.append(taken)
            events, used = events + taken.count, used + taken.size_bytes + taken.count * envelope.each_bytes
            if block.count:
                yield envelope.body(head, in_order(blocks))
                blocks, events, used = [], 0, stream.base_bytes()
    yield envelope.body(head, in_order(blocks))


@dataclass(frozen=True)
class _Block:
    """Events in a row: their lines, and the `escaped_text` of these, which is cut apart only where it has to be."""

    lines: Lines
    text: bytes

    @property
    def count(self) -> int:
        """The number of events."""
        return len(self.lines.parts)

    @property
    def size_bytes(self) -> int:
        """What the events' own parts take, escaped."""
        return len(self.text) - max(0, self.count - 1)

    def parts(self) -> list[bytes]:
        """Return each event's own part of the escaped message."""
        return self.lines.cut_apart(self.text)

    def fitted(self, most: int, each_bytes: int, room_bytes: int) -> tuple[_Block, _Block]:
        """Return the first events, as many as fit with so many bytes around each part, and the others."""
        lines = self.lines
        if self.count <= most and self.size_bytes + self.count * each_bytes <= room_bytes:
            return self, _Block(Lines([], []), b"")
        parts = self.parts()
        ends = list(accumulate(map(len, parts)))
        count = bisect_right(range(min(most, self.count)), room_bytes, key=lambda at: ends[at] + (at + 1) * each_bytes)
        first = Lines(lines.times_ms[:count], lines.parts[:count], lines.prefix, lines.suffix)
        others = Lines(lines.times_ms[count:], lines.parts[count:], lines.prefix, lines.suffix)
        return _Block(first, JOINT.join(parts[:count])), _Block(others, JOINT.join(parts[count:]))


def _in_order(blocks: list[_Block]) -> list[_Block]:
    """Return all events of a request as one block, sorted by time; equal times stay in the order of arrival."""
    times = [time_ms for block in blocks for time_ms in block.lines.times_ms]
    lines = [part for block in blocks for part in block.lines.parts]
    parts = [part for block in blocks for part in block.parts()]
    places = sorted(range(len(times)), key=times.__getitem__)
    in_order = Lines([times[at] for at in places], [lines[at] for at in places])
    return [_Block(in_order, JOINT.join([parts[at] for at in places]))]


class _Envelope:
    """What surrounds each escaped message of a batch; `each_bytes` is what an event counts besides its own part."""

    def __init__(self, prefix: bytes, suffix: bytes) -> None:
        middle, self._ending = b',"message":"' + prefix, suffix + b'"}'
        # between two parts; the time is filled in
        self._seam = _literal(self._ending + b',{"timestamp":') + b"%d" + _literal(middle)
        self.each_bytes = EVENT_BYTES + len(prefix) + len(suffix)

    def body(self, head: bytes, blocks: list[_Block]) -> bytes:
        """Return a request's body; before its first event no other ends."""
        first, *others = [self._events(block) for block in blocks if block.count]
        return b"".join([head, memoryview(first)[len(self._ending) + 1 :], *others, self._ending, b"]}"])

    def _events(self, block: _Block) -> bytes:
        """Return the events' bytes, each behind the end of another; times are in order."""
        times_ms, count = block.lines.times_ms, block.count
        is_one_time = times_ms[0] == times_ms[-1]
        seam, text = (self._seam % times_ms[0], block.text) if is_one_time else (self._seam, _literal(block.text))
        filled = seam + text.replace(JOINT, seam)
        if len(filled) != len(text) + count * len(seam) - (count - 1):  # a part has a JOINT of its own
            return b"".join([self._seam % at_ms + part for at_ms, part in zip(times_ms, block.parts(), strict=True)])
        return filled if is_one_time else filled % tuple(times_ms)


def _literal(text: bytes) -> bytes:
    """Return the text as `%` wants it, to give it back as it is."""
    return text.replace(b"%", b"%%")


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
    """Return a group's or stream's name as JSON writes it, with its quotes: U+FFFD for each byte that is no UTF-8."""
    return json_text.quote(text, escape_unicode=False).encode()

"""The JSON lines of a chunk, written once for all outputs; they know whether any of them needs looking at. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import orjson

JOINT = b"\x7f"
# DEL: a JSON text may have it as it is, but Fluent Bit's has not, and escaping leaves it alone
EMPTY_BYTES = 2
# {} or "": a record that AWS outputs leave out


class Lines:
    """Line i is `prefix + parts[i] + suffix`, its time `times_ms[i]`.

    `prefix` and `suffix` are what all lines have in common (the brace, the FireLens metadata), kept once.
    """

    def __init__(self, times_ms: list[int], parts: list[bytes], prefix: bytes = b"", suffix: bytes = b"") -> None:
        self.times_ms, self.parts, self.prefix, self.suffix = times_ms, parts, prefix, suffix

    def are_simple(self, below_bytes: int) -> bool:
        """Whether there are lines, and each is a record to be sent as it is: not empty, and below this size."""
        return self.shortest_bytes > EMPTY_BYTES and self.longest_bytes < below_bytes

    @cached_property
    def shortest_bytes(self) -> int:
        """The bytes of the shortest line; 0 where there is none."""
        return min(map(len, self.parts)) + len(self.prefix) + len(self.suffix) if self.parts else 0

    @cached_property
    def longest_bytes(self) -> int:
        """The bytes of the longest line; 0 where there is none."""
        return max(map(len, self.parts)) + len(self.prefix) + len(self.suffix) if self.parts else 0

    @cached_property
    def are_in_order(self) -> bool:
        """Whether no time is before the one in front of it, or before 1970."""
        times = self.times_ms
        return not times or (times[0] > 0 and times == sorted(times))

    @cached_property
    def oldest_ms(self) -> int:
        """The first of the times; 0 where there is no line."""
        return (self.times_ms[0] if self.are_in_order else min(self.times_ms)) if self.times_ms else 0

    @cached_property
    def span_ms(self) -> int:
        """The time between the oldest line and the newest; 0 where there is no line."""
        times = self.times_ms
        return (times[-1] if self.are_in_order else max(times)) - self.oldest_ms if times else 0

    def sizes(self) -> list[int]:
        """Return the bytes of each line."""
        common = len(self.prefix) + len(self.suffix)
        return [len(part) + common for part in self.parts]

    def complete(self) -> list[bytes]:
        """Return each line as one piece."""
        if not self.prefix and not self.suffix:
            return self.parts
        return [b"%b%b%b" % (self.prefix, part, self.suffix) for part in self.parts]

    def terminated(self) -> Iterator[bytes]:
        """Yield each line with its newline."""
        prefix, suffix = self.prefix, self.suffix + b"\n"
        return (b"%b%b%b" % (prefix, part, suffix) for part in self.parts)

    def blocks(self, count: int) -> Iterator[Lines]:
        """Yield the lines in blocks of at most `count`: what was made of a block is near at hand for the next step."""
        for at in range(0, len(self.parts), count):
            end = at + count
            yield Lines(self.times_ms[at:end], self.parts[at:end], self.prefix, self.suffix)

    def escaped_text(self) -> bytes:
        """Return the parts as the inside of a JSON string (without the quotes around it), a JOINT between two."""
        return escaped(JOINT.join(self.parts))

    def escaped(self) -> Lines:
        """Return the lines, each as the inside of a JSON string (without the quotes around it)."""
        return Lines(self.times_ms, self.cut_apart(self.escaped_text()), escaped(self.prefix), escaped(self.suffix))

    def cut_apart(self, text: bytes) -> list[bytes]:
        """Return each part of an `escaped_text` of these lines."""
        parts = text.split(JOINT)
        return parts if len(parts) == len(self.parts) else [escaped(part) for part in self.parts]


def joined(batches: Sequence[Lines]) -> Lines:
    """Return the lines of all these, one behind the other."""
    if len(batches) == 1:
        return batches[0]
    times = [time_ms for batch in batches for time_ms in batch.times_ms]
    ends = {(batch.prefix, batch.suffix) for batch in batches}
    if len(ends) == 1:
        return Lines(times, [part for batch in batches for part in batch.parts], *ends.pop())
    return Lines(times, [line for batch in batches for line in batch.complete()])


def escaped(text: bytes) -> bytes:
    """Return the text as the inside of a JSON string, without the quotes around it."""
    return orjson.dumps(text.decode("utf-8"))[1:-1]

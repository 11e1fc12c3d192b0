"""The bytes of records for Firehose and Kinesis: times, base64, the bodies of requests. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

import orjson

try:
    from pybase64 import b64encode
except ModuleNotFoundError:  # faster, where it is installed
    from base64 import b64encode  # type: ignore[assignment]

from lab_helpers.router.records.lines import Lines
from lab_helpers.router.records.record import NS

MAX_RECORDS = 500
NEWLINE_BYTES = 1
RECORD_JOINT, RECORDS_END = b'"},{"Data":"', b'"}]}'


@dataclass(frozen=True)
class Bodies:
    """How a service's requests are written: `{"NAME":"STREAM","Records":[{"Data":"BASE64"},…]}`. Sizes in bytes.

    A request counts `base_bytes` and, for each record, its base64 and `record_bytes`. `between`, where there is one,
    returns what ends a record in the place of `"}` (Kinesis: a partition key of its own).
    """

    name_key: str
    stream: str
    base_bytes: int
    record_bytes: int
    max_bytes: int
    between: Callable[[], bytes] | None = None

    def of_lines(self, lines: Lines) -> Iterator[tuple[bytes, int]]:
        """Yield the body and the number of records of each request; each line is a record, with its newline."""
        largest = self.record_bytes + -(-(lines.longest_bytes + NEWLINE_BYTES) // 3) * 4
        if self.base_bytes + largest * MAX_RECORDS > self.max_bytes:
            yield from self.of_records(_base64_of_each(lines))
            return
        for block in lines.blocks(MAX_RECORDS):  # whatever their sizes, so many fit
            yield self._of_block(block), len(block.parts)

    def of_records(self, encoded: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
        """Yield the body and the number of records of each request, for the base64 of each record."""
        for records in batches(encoded, self.base_bytes, self.record_bytes, self.max_bytes):
            yield self._body(records), len(records)

    def _of_block(self, block: Lines) -> bytes:
        if self.between is not None:
            return self._body(_base64_of_each(block))
        return b"".join([self._head(), base64_joined(block, RECORD_JOINT), RECORDS_END])

    def _body(self, records: list[bytes]) -> bytes:
        between = self.between
        if between is None:
            return b"".join([self._head(), RECORD_JOINT.join(records), RECORDS_END])
        return b"".join([self._head(), b',{"Data":"'.join([record + between() for record in records]), b"]}"])

    def _head(self) -> bytes:
        return b'{"%b":%b,"Records":[{"Data":"' % (self.name_key.encode(), orjson.dumps(self.stream))


def batches(encoded: Iterable[bytes], base_bytes: int, each_bytes: int, limit_bytes: int) -> Iterator[list[bytes]]:
    """Yield the records of one request each: at most MAX_RECORDS, within the limit unless a single one is above it."""
    batch: list[bytes] = []
    used = base_bytes
    for record in encoded:
        size = len(record) + each_bytes
        if batch and used + size > limit_bytes:
            yield batch
            batch, used = [], base_bytes
        batch.append(record)
        used += size
        if len(batch) == MAX_RECORDS:
            yield batch
            batch, used = [], base_bytes
    if batch:
        yield batch


def _base64_of_each(lines: Lines) -> list[bytes]:
    return base64_joined(lines, b",").split(b",")


def base64_joined(lines: Lines, between: bytes) -> bytes:
    """Return the base64 of each line, newline included, with `between` between them.

    What precedes and follows the parts is the same for all lines, so it is encoded once for each of the three places
    that a part can end at within base64's groups of three bytes.
    """
    suffix = lines.suffix + b"\n"
    whole = len(lines.prefix) - len(lines.prefix) % 3
    common, left = b64encode(lines.prefix[:whole]), lines.prefix[whole:]
    more = [-(len(left) + size) % 3 for size in range(3)]  # bytes of the suffix, by a part's length modulo 3
    missing = [max(0, count - len(suffix)) for count in more]  # zeros in their place, whose letter is cut off again
    fill = [suffix[:count] + bytes(gap) + left for count, gap in zip(more, missing, strict=True)]
    endings = [b"=" * gap + b64encode(suffix[count:]) for count, gap in zip(more, missing, strict=True)]
    sizes = list(map(len, lines.parts))
    kinds = [size % 3 for size in sizes]
    text = b64encode(left + _interleaved(lines.parts, [fill[kind] for kind in kinds]))  # a call costs more than a line
    letters = [(kind + len(fill[kind])) // 3 * 4 for kind in range(3)]
    ends = list(accumulate([size // 3 * 4 + letters[kind] for size, kind in zip(sizes, kinds, strict=True)]))
    rests = [text[at : end - missing[kind]] for at, end, kind in zip([0, *ends[:-1]], ends, kinds, strict=True)]
    seams = [ending + between + common for ending in endings]
    return common + _interleaved(rests, [*[seams[kind] for kind in kinds[:-1]], endings[kinds[-1]]])


def _interleaved(firsts: list[bytes], seconds: list[bytes]) -> bytes:
    """Return the first of the one, the first of the other, and so on, as one."""
    pieces = [b""] * (2 * len(firsts))
    pieces[::2], pieces[1::2] = firsts, seconds
    return b"".join(pieces)


def format_time(time_format: str, time_ns: int) -> str:
    """Return the UTC time in strftime's letters; %3N is milliseconds, %9N and %L nanoseconds (nine digits)."""
    nanoseconds = f"{time_ns % NS:09d}"
    prepared = time_format.replace("%3N", nanoseconds[:3]).replace("%9N", nanoseconds).replace("%L", nanoseconds)
    prepared = prepared.replace("%z", "+0000").replace("%Z", "GMT")  # strftime of a struct would take the host's zone
    return time.strftime(prepared, time.gmtime(time_ns // NS))

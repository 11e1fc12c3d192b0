"""The bytes of records for Firehose and Kinesis: times, base64, the bodies of requests. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

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
_MARK, _MARK_BASE64 = b"\x03\xff\xff", b"A///"
# UTF-8 has never eighteen ones in a row, so between two records this is nowhere else


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
        return b"".join([self._head(), *_base64_pieces(block, RECORD_JOINT), RECORDS_END])

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
    """Return the base64 of each line, newline included, with `between` between them."""
    return b"".join(_base64_pieces(lines, between))


def _base64_pieces(lines: Lines, between: bytes) -> list[bytes]:
    """Return `base64_joined` in pieces.

    What precedes and follows the parts is the same for all lines, so it is encoded once for each of the three places
    that a part can end at within base64's groups of three bytes.
    """
    suffix = lines.suffix + b"\n"
    whole = len(lines.prefix) - len(lines.prefix) % 3
    common, left = b64encode(lines.prefix[:whole]), lines.prefix[whole:]
    more = [-(len(left) + size) % 3 for size in range(3)]  # bytes of the suffix, by a part's length modulo 3
    if max(more) > len(suffix):
        return [_encoded_apart(lines, between)]
    fill = [suffix[:count] + _MARK + left for count in more]
    endings = [b64encode(suffix[count:]) for count in more]
    kinds = [len(part) % 3 for part in lines.parts]
    text = b64encode(left + b"".join(_interleaved(lines.parts, [fill[kind] for kind in kinds])))  # calls are dear
    rests = text.split(_MARK_BASE64)
    if len(rests) != len(kinds) + 1:
        return [_encoded_apart(lines, between)]
    seams = [ending + between + common for ending in endings]
    return [common, *_interleaved(rests[:-1], [*[seams[kind] for kind in kinds[:-1]], endings[kinds[-1]]])]


def _encoded_apart(lines: Lines, between: bytes) -> bytes:
    return between.join([b64encode(line) for line in lines.terminated()])


def _interleaved(firsts: list[bytes], seconds: list[bytes]) -> list[bytes]:
    """Return the first of the one, the first of the other, and so on."""
    pieces = [b""] * (2 * len(firsts))
    pieces[::2], pieces[1::2] = firsts, seconds
    return pieces


def format_time(time_format: str, time_ns: int) -> str:
    """Return the UTC time in strftime's letters; %3N is milliseconds, %9N and %L nanoseconds (nine digits)."""
    nanoseconds = f"{time_ns % NS:09d}"
    prepared = time_format.replace("%3N", nanoseconds[:3]).replace("%9N", nanoseconds).replace("%L", nanoseconds)
    prepared = prepared.replace("%z", "+0000").replace("%Z", "GMT")  # strftime of a struct would take the host's zone
    return time.strftime(prepared, time.gmtime(time_ns // NS))

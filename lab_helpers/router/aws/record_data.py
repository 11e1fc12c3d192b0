"""The bytes of records for Firehose and Kinesis: times, lines, base64. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import accumulate

from pybase64 import b64encode

from lab_helpers.router.records.encode import JsonBatch
from lab_helpers.router.records.record import NS

MAX_RECORDS = 500


def format_time(time_format: str, time_ns: int) -> str:
    """Return the UTC time in strftime's letters; %3N is milliseconds, %9N and %L nanoseconds (nine digits)."""
    nanoseconds = f"{time_ns % NS:09d}"
    prepared = time_format.replace("%3N", nanoseconds[:3]).replace("%9N", nanoseconds).replace("%L", nanoseconds)
    prepared = prepared.replace("%z", "+0000").replace("%Z", "GMT")  # strftime of a struct would take the host's zone
    return time.strftime(prepared, time.gmtime(time_ns // NS))


def terminated(batch: JsonBatch) -> Iterator[bytes]:
    """Yield each line with its newline."""
    prefix, suffix = batch.prefix, batch.suffix + b"\n"
    return (b"%b%b%b" % (prefix, part, suffix) for part in batch.parts)


def base64_joined(batch: JsonBatch, between: bytes) -> bytes:
    """Return the base64 of each line, newline included, with `between` between them.

    What precedes and follows the parts is the same for all lines, so it is encoded once for each of the three places
    that a part can end at within base64's groups of three bytes.
    """
    suffix = batch.suffix + b"\n"
    whole = len(batch.prefix) - len(batch.prefix) % 3
    common, left = b64encode(batch.prefix[:whole]), batch.prefix[whole:]
    more = [-(len(left) + size) % 3 for size in range(3)]  # bytes of the suffix, by a part's length modulo 3
    missing = [max(0, count - len(suffix)) for count in more]  # zeros in their place, whose letter is cut off again
    fill = [suffix[:count] + bytes(gap) + left for count, gap in zip(more, missing, strict=True)]
    endings = [b"=" * gap + b64encode(suffix[count:]) for count, gap in zip(more, missing, strict=True)]
    sizes = list(map(len, batch.parts))
    kinds = [size % 3 for size in sizes]
    text = b64encode(left + _interleaved(batch.parts, [fill[kind] for kind in kinds]))  # a call costs more than a line
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

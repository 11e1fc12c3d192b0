"""The bytes of records for Firehose and Kinesis: times, lines, base64. Pure."""

from __future__ import annotations

import time
from binascii import b2a_base64
from collections.abc import Iterator

from lab_helpers.local_aws.router.encode import JsonBatch
from lab_helpers.local_aws.router.record import NS


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


def base64_apart(batch: JsonBatch) -> tuple[bytes, list[bytes]]:
    """Return (the common beginning, the rest of each) of the base64 of all lines.

    What precedes and follows the parts is the same for all lines, so it is encoded once for each of the three places
    that a part can end at within base64's groups of three bytes.
    """
    suffix = batch.suffix + b"\n"
    whole = len(batch.prefix) - len(batch.prefix) % 3
    left = batch.prefix[whole:]
    fill = [suffix[:more] for more in range(3)]
    endings = [b2a_base64(suffix[more:], newline=False) for more in range(3)]
    size = len(left)
    rests = []
    for part in batch.parts:
        more = -(size + len(part)) % 3
        rests.append(b2a_base64(left + part + fill[more], newline=False) + endings[more])
    return b2a_base64(batch.prefix[:whole], newline=False), rests

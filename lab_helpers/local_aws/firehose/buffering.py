"""When what Firehose holds is due for delivery: size or interval, whichever comes first.

Source: BufferingHints in the Firehose API reference (SizeInMBs 1..128, IntervalInSeconds 0..900, defaults 5 and 300).
Not modelled: AWS raises the size by itself when delivery falls behind; here an undelivered rest only delays the cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MIB = 1024 * 1024
RETRY_FIRST_S, RETRY_MOST_S = 5.0, 15.0
"""Waits between attempts. AWS does not document its own; these let delivery follow a healed policy within seconds."""
RETENTION_S = 24 * 3600.0
"""How long what cannot be delivered is kept. Source: Handle data delivery failures (Amazon S3)."""


@dataclass(frozen=True)
class BufferingHints:
    """The stream's own words: deliver at `size_bytes` or `interval_s` after the first record."""

    size_bytes: int = 5 * MIB
    interval_s: float = 300.0

    @classmethod
    def parse(cls, hints: Mapping[str, Any]) -> BufferingHints:
        """Read an API BufferingHints structure; raises ValueError with AWS's bounds for an impossible value."""
        size_mib, interval_s = int(hints.get("SizeInMBs", 5)), int(hints.get("IntervalInSeconds", 300))
        if not 1 <= size_mib <= 128:
            raise ValueError(f"BufferingHints.SizeInMBs is {size_mib}, but must be between 1 and 128")
        if not 0 <= interval_s <= 900:
            raise ValueError(f"BufferingHints.IntervalInSeconds is {interval_s}, but must be between 0 and 900")
        return cls(size_mib * MIB, float(interval_s))


def due_in_s(size_bytes: int, opened_at_s: float, hints: BufferingHints, now_s: float) -> float:
    """Return the seconds until a buffer is due, 0 when it is; times are those of one monotonic clock."""
    if size_bytes >= hints.size_bytes:
        return 0.0
    return max(0.0, opened_at_s + hints.interval_s - now_s)


def retry_in_s(failures: int) -> float:
    """Return the seconds to wait after the `failures`-th failure in a row (1 for the first)."""
    return float(min(RETRY_MOST_S, RETRY_FIRST_S * 2 ** (failures - 1))) if failures < 8 else RETRY_MOST_S

"""When a failed chunk is tried again.

Source: Fluent Bit 4.2.8: full jitter between the base and min(cap, base * 2^attempt) seconds, plus one; one second
while shutting down; Retry_Limit N allows N retries (N+1 calls).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

UNLIMITED = -1
NO_RETRIES = 0
DEFAULT_LIMIT = 1


@dataclass(frozen=True)
class RetryPolicy:
    """`base_s` and `cap_s` are scheduler.base and scheduler.cap in seconds."""

    base_s: int = 5
    cap_s: int = 2000

    def delay_s(self, attempt: int, stopping: bool, randint: random.Random) -> int:
        """Return the seconds to wait before retry number `attempt` (1 is the first)."""
        if stopping:
            return 1
        top = min(self.cap_s, self.base_s * 2 ** min(attempt, 60))
        return randint.randint(min(self.base_s, top), max(self.base_s, top)) + 1


def parse_limit(text: str | None) -> tuple[int, bool]:
    """Return (Retry_Limit, whether the text was valid)."""
    if not text:
        return DEFAULT_LIMIT, True
    word = text.lower()
    if word in ("no_limits", "false", "off"):
        return UNLIMITED, True
    if word == "no_retries":
        return NO_RETRIES, True
    from lab_helpers.router.core.options import to_integer

    limit = to_integer(text)
    return (limit, True) if limit > 0 else (DEFAULT_LIMIT, False)


def may_retry(limit: int, attempts: int) -> bool:
    """Whether one more retry is allowed after `attempts` retries."""
    return limit == UNLIMITED or attempts < limit

"""How often somebody may ask: buckets that fill with time, by address or by seat, a bounded number of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST_KEYS = 1024


@dataclass(frozen=True)
class Rate:
    """`burst` at once, then `per_s` a second."""

    burst: float
    per_s: float


class Limiter:
    """Token buckets by key; the key that was not asked for longest is forgotten first."""

    def __init__(self, rate: Rate, now: Callable[[], float]) -> None:
        self._rate, self._now = rate, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def may(self, key: str) -> bool:
        """Whether something is left for a key; takes nothing."""
        return self._of(key) >= 1

    def take(self, key: str) -> bool:
        """Take one, or return False."""
        left = self._of(key)
        took = left >= 1
        self._left[key] = (left - took, self._now())
        self._left.move_to_end(key)
        while len(self._left) > _MOST_KEYS:
            self._left.popitem(last=False)
        return took

    def wait_s(self, key: str) -> int:
        """Return after how many whole seconds there is one again."""
        return max(1, round((1 - self._of(key)) / self._rate.per_s + 0.5))

    def _of(self, key: str) -> float:
        left, at = self._left.get(key, (self._rate.burst, self._now()))
        return min(self._rate.burst, left + (self._now() - at) * self._rate.per_s)

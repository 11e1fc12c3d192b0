"""Metrics as they are kept: for each a series of seconds, and what a period of it amounts to.

Source: "Amazon CloudWatch concepts" (statistics, periods, percentiles) of the CloudWatch User Guide.
Not modelled: AWS keeps what is no high-resolution metric by the minute only, so that there an alarm with a period of
10 s over it often lacks data; here all is kept by the second, for 15 days. Trimmed means and other statistics.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lab_helpers.local_aws.kit.service import NOTHING_KEPT, Kept

KEPT_S = 15 * 24 * 3600
_KEPT = "metrics"
BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MetricId:
    """Which metric: `dimensions` are (name, value) in order of names."""

    region: str
    namespace: str
    name: str
    dimensions: Dimensions = ()


@dataclass
class Amount:
    """What was measured in a span: how often, sum, bounds, and the values themselves with their counts where known."""

    count: float = 0.0
    total: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    values: dict[float, float] | None = field(default_factory=dict)

    def add(self, other: Amount) -> None:
        """Take in what was measured elsewhere."""
        self.count += other.count
        self.total += other.total
        self.minimum, self.maximum = min(self.minimum, other.minimum), max(self.maximum, other.maximum)
        if self.values is None or other.values is None:
            self.values = None
            return
        for value, count in other.values.items():
            self.values[value] = self.values.get(value, 0.0) + count

    def statistic(self, name: str) -> float | None:
        """Return one statistic (`BASIC`, or `p99`); None for a percentile of a statistic set.

        Raises ValueError for a statistic that is not known.
        """
        if name in BASIC:
            average = self.total / self.count if self.count else 0.0
            found = (self.count, average, self.total, self.minimum, self.maximum)
            return found[BASIC.index(name)]
        return self._percentile(percent_of(name))

    def _percentile(self, percent: float) -> float | None:
        if self.minimum == self.maximum:
            return self.minimum
        if self.values is None:
            return None
        wanted, seen = percent / 100 * self.count, 0.0
        for value in sorted(self.values):
            seen += self.values[value]
            if seen >= wanted:
                return value
        return self.maximum


def percent_of(statistic: str) -> float:
    """Return the percentage of `p99` or `p99.9`; raises ValueError for what is no percentile."""
    if not statistic.startswith("p"):
        raise ValueError(f"The value {statistic} for parameter ExtendedStatistic is not supported.")
    try:
        percent = float(statistic[1:])
    except ValueError as exc:
        raise ValueError(f"The value {statistic} for parameter ExtendedStatistic is not supported.") from exc
    if not 0 <= percent <= 100:
        raise ValueError(f"The value {statistic} for parameter ExtendedStatistic is not supported.")
    return percent


class MetricStore:
    """All metrics of all regions; safe to use from several threads."""

    def __init__(self, kept: Kept = NOTHING_KEPT) -> None:
        self._lock = threading.Lock()
        self._kept = kept
        self._series: dict[MetricId, dict[str, dict[int, Amount]]] = {}

    def take_over(self) -> None:
        """Go on with the metrics of an earlier server, without those that are too old by now."""
        found: list[tuple[MetricId, str, int, Amount]] = self._kept.appended(_KEPT)
        newest = max((second for _, _, second, _ in found), default=0)
        for metric, unit, second, amount in found:
            if second >= newest - KEPT_S:
                self._add(metric, unit, second, amount)
        if found:
            self._kept.rewrite(_KEPT, self.dump())

    def put(self, metric: MetricId, unit: str, second: int, amount: Amount) -> None:
        """Add to a second of a metric; it is kept when this returns."""
        self._kept.append(_KEPT, [(metric, unit, second, amount)])
        self._add(metric, unit, second, amount)

    def _add(self, metric: MetricId, unit: str, second: int, amount: Amount) -> None:
        """Add to a second of a metric; what is older than KEPT_S goes."""
        with self._lock:
            seconds = self._series.setdefault(metric, {}).setdefault(unit, {})
            if second in seconds:
                seconds[second].add(amount)
                return
            seconds[second] = amount
            if len(seconds) % 1000 == 0:
                for old in [each for each in seconds if each < second - KEPT_S]:
                    del seconds[old]

    def metrics(self, region: str) -> list[MetricId]:
        """Return a region's metrics, in order."""
        with self._lock:
            found = [metric for metric in self._series if metric.region == region]
        return sorted(found, key=lambda metric: (metric.namespace, metric.name, metric.dimensions))

    def periods(
        self, metric: MetricId, start_s: int, end_s: int, period_s: int, unit: str | None = None
    ) -> Mapping[str, Mapping[int, Amount]]:
        """Return {unit: {start of the period: amount}} from `start_s` on (included) to `end_s` (not included).

        Periods count from `start_s`; those without data are missing.
        """
        with self._lock:
            units = self._series.get(metric, {})
            wanted = {name: units[name] for name in units if unit in (None, name)}
            return {name: _summed(_within(found, start_s, end_s), start_s, period_s) for name, found in wanted.items()}

    def dump(self) -> list[tuple[MetricId, str, int, Amount]]:
        """Return everything, for whoever keeps it; `restore` takes it back."""
        with self._lock:
            return [
                (metric, unit, second, amount)
                for metric, units in self._series.items()
                for unit, seconds in units.items()
                for second, amount in seconds.items()
            ]

    def restore(self, dumped: Iterable[tuple[MetricId, str, int, Amount]]) -> None:
        """Take back what `dump` returned."""
        for metric, unit, second, amount in dumped:
            self.put(metric, unit, second, amount)


def _within(seconds: Mapping[int, Amount], start_s: int, end_s: int) -> Sequence[tuple[int, Amount]]:
    if end_s - start_s < len(seconds):
        return [(at, seconds[at]) for at in range(start_s, end_s) if at in seconds]
    return [(at, amount) for at, amount in seconds.items() if start_s <= at < end_s]


def _summed(found: Sequence[tuple[int, Amount]], start_s: int, period_s: int) -> dict[int, Amount]:
    periods: dict[int, Amount] = {}
    for second, amount in found:
        begin = start_s + (second - start_s) // period_s * period_s
        periods.setdefault(begin, Amount()).add(amount)
    return dict(sorted(periods.items()))

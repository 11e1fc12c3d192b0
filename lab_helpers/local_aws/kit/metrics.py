"""What services publish to CloudWatch: figures are gathered by the second and sent through the API.

Nobody waits for CloudWatch: adding a figure is a dictionary's update, and one thread sends. A failure to send costs
nothing but the figures.
Not modelled: AWS's services publish once a minute; here within two seconds, so that an alarm need not be waited for.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.rounds import Rounds

_LOG = logging.getLogger(__name__)
SEND_S = 1.0
"""How long figures are gathered before they are sent."""
SAMPLE_S = 10.0
"""How often states (healthy hosts, memory) are measured."""
_PER_CALL = 500
_VALUES_MAX = 150
"""Values in one datum. Source: "PutMetricData" of the CloudWatch API reference."""


@dataclass(frozen=True)
class Metric:
    """A metric's identity. `dimensions` are (name, value); `is_spread` keeps each value, for percentiles."""

    namespace: str
    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...] = ()
    is_spread: bool = False


Sample = tuple[str, Metric, float]
"""Region, metric, value."""


@dataclass
class _Gathered:
    count: int = 0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    values: Counter[float] = field(default_factory=Counter)


class MetricPublisher:
    """Gathers a service's figures and sends them; owns one thread.

    `client_of` gives the CloudWatch client of a region; `sample` is asked every SAMPLE_S for what is a state.
    """

    def __init__(
        self, client_of: Callable[[str], Any], clock: Clock, sample: Callable[[], Iterable[Sample]] = lambda: ()
    ) -> None:
        self._client_of, self._clock, self._sample = client_of, clock, sample
        self._gathered: dict[tuple[str, Metric, int], _Gathered] = {}
        self._next_sample_s = self._next_send_s = 0.0
        self._rounds = Rounds("metrics", clock, self._go_round, self._due_in_s, at_end=self.send)
        self._changed = self._rounds.changed

    def add(self, region: str, metric: Metric, value: float, at_s: float | None = None, times: int = 1) -> None:
        """Count one value, or the same several times; `at_s` in epoch seconds, now unless given."""
        second = int(self._clock.now().timestamp() if at_s is None else at_s)
        with self._changed:
            found = self._gathered.get((region, metric, second))
            if found is None:
                found = self._gathered[region, metric, second] = _Gathered()
                if len(self._gathered) == 1:
                    self._next_send_s = self._clock.monotonic() + SEND_S
                    self._changed.notify_all()
            found.count += times
            found.total += value * times
            found.minimum, found.maximum = min(found.minimum, value), max(found.maximum, value)
            if metric.is_spread:
                found.values[round(value, 3)] += times

    def start(self) -> None:
        """Start sending; a second call changes nothing."""
        self._next_sample_s = self._clock.monotonic() + SAMPLE_S
        self._rounds.start()

    def stop(self) -> None:
        """End the thread, which sends what is left; safe before start and twice."""
        self._rounds.stop()

    def send(self) -> None:
        """Send what was gathered."""
        with self._changed:
            gathered, self._gathered = self._gathered, {}
        by_target: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for (region, metric, second), found in gathered.items():
            by_target.setdefault((region, metric.namespace), []).extend(_data(metric, second, found))
        for (region, namespace), data in by_target.items():
            self._put(region, namespace, data)

    def measure(self) -> None:
        """Ask for the states, and gather them."""
        for region, metric, value in self._sample():
            self.add(region, metric, value)

    def _put(self, region: str, namespace: str, data: list[dict[str, Any]]) -> None:
        for at in range(0, len(data), _PER_CALL):
            try:
                self._client_of(region).put_metric_data(Namespace=namespace, MetricData=data[at : at + _PER_CALL])
            except (ClientError, BotoCoreError) as exc:
                _LOG.warning("metrics of %s were not taken: %s", namespace, exc)

    def _go_round(self) -> None:
        if self._clock.monotonic() >= self._next_sample_s:
            self._next_sample_s = self._clock.monotonic() + SAMPLE_S
            self.measure()
        self.send()

    def _due_in_s(self) -> float:
        """Return the seconds until states are measured, or what was gathered for a while is sent."""
        due_s = min(self._next_sample_s, self._next_send_s) if self._gathered else self._next_sample_s
        return due_s - self._clock.monotonic()


def _data(metric: Metric, second: int, found: _Gathered) -> Iterable[dict[str, Any]]:
    datum = {
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
        "Timestamp": datetime.fromtimestamp(second, UTC),
        "Unit": metric.unit,
        "StorageResolution": 1,
    }
    if not metric.is_spread:
        statistics = {
            "SampleCount": found.count, "Sum": found.total, "Minimum": found.minimum, "Maximum": found.maximum,
        }  # fmt: skip
        yield {**datum, "StatisticValues": statistics}
        return
    pairs = list(found.values.items())
    for at in range(0, len(pairs), _VALUES_MAX):
        some = pairs[at : at + _VALUES_MAX]
        yield {**datum, "Values": [value for value, _ in some], "Counts": [float(count) for _, count in some]}

"""Counters of one router: every record is received, and then sent, dropped (with a reason) or still held.

Names of instances' counters follow Fluent Bit's `/api/v1/metrics`. Beside them is what the lab counts in addition:
`losses` (by instance and reason), `routed` (records that became an output's to deliver), `stored` and `unrouted` (what
left the filters for at least one output, and for none). Everything here happens on the engine's thread, so there is no
lock.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict

OUTPUT_COUNTERS = (
    "proc_records", "proc_bytes", "errors", "retries", "retries_failed", "dropped_records", "retried_records",
)  # fmt: skip


class Counters:
    """Per-instance counters: `add("output", "s3.0", "proc_records", 5)`."""

    def __init__(self) -> None:
        self.started_at = time.time()
        self.routes: dict[tuple[str, str], dict[str, int]] = {}
        self.losses: Counter[tuple[str, str]] = Counter()
        self.routed: Counter[str] = Counter()
        self.stored = self.unrouted = 0
        self._values: dict[str, dict[str, dict[str, int]]] = {"input": {}, "filter": {}, "output": {}}

    def declare(self, kind: str, name: str, *keys: str) -> None:
        """Make the instance appear with zeros."""
        self._values[kind][name] = defaultdict(int, dict.fromkeys(keys, 0))

    def add(self, kind: str, name: str, **amounts: int) -> None:
        """Add to counters of an instance."""
        instance = self._values[kind].get(name)
        if instance is None:
            instance = self._values[kind][name] = defaultdict(int)
        for key, amount in amounts.items():
            instance[key] += amount

    def add_route(self, source: str, output: str, **amounts: int) -> None:
        """Add to what went from an input to an output, or was dropped on the way."""
        route = self.routes.setdefault((source, output), defaultdict(int))
        for key, amount in amounts.items():
            route[key] += amount

    def lose(self, instance: str, amount: int, reason: str) -> None:
        """Count records that an instance lost for good, and why."""
        if amount:
            self.losses[instance, reason] += amount

    def losses_of(self, instance: str) -> dict[str, int]:
        """Return what an instance lost, by reason."""
        return {reason: amount for (name, reason), amount in self.losses.items() if name == instance}

    def snapshot(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return a copy: kind -> instance -> counter -> value."""
        return {
            kind: {name: dict(values) for name, values in instances.items()} for kind, instances in self._values.items()
        }

"""Counters of one router: every record is received, and then sent, dropped (with a reason) or still held.

Names follow Fluent Bit's `/api/v1/metrics`. Counted under one lock, a few times a chunk, never a record at a time.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict

OUTPUT_COUNTERS = (
    "proc_records", "proc_bytes", "errors", "retries", "retries_failed", "dropped_records", "retried_records",
)  # fmt: skip


class Counters:
    """Per-instance counters: `add("output", "s3.0", "proc_records", 5)`."""

    def __init__(self) -> None:
        self.started_at = time.time()
        self._lock = threading.Lock()
        self._values: dict[str, dict[str, dict[str, int]]] = {"input": {}, "filter": {}, "output": {}}

    def declare(self, kind: str, name: str, *keys: str) -> None:
        """Make the instance appear with zeros."""
        with self._lock:
            self._values[kind][name] = defaultdict(int, dict.fromkeys(keys, 0))

    def add(self, kind: str, name: str, **amounts: int) -> None:
        """Add to counters of an instance."""
        with self._lock:
            instance = self._values[kind].setdefault(name, defaultdict(int))
            for key, amount in amounts.items():
                instance[key] += amount

    def snapshot(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return a copy: kind -> instance -> counter -> value."""
        with self._lock:
            return {
                kind: {name: dict(values) for name, values in instances.items()}
                for kind, instances in self._values.items()
            }

"""What our own services keep: a few values each, by name."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import Any

from lab_helpers.local_aws.state.freezing import freeze, thaw
from lab_helpers.local_aws.state.store import StateStore


class Room:
    """One service's values; without a store nothing is kept, and nothing is found."""

    def __init__(self, store: StateStore | None, name: str) -> None:
        self._store, self._name = store, name
        self.is_kept = store is not None
        self._lock = threading.Lock()
        self._digests: dict[str, bytes] = {}
        self._lengths: dict[str, int] = {}

    def load(self, name: str) -> Any:
        """Return what was saved under a name, None when nothing was."""
        data = self._store.get(self._name, name) if self._store else None
        return None if data is None else thaw(data)

    def save(self, name: str, value: Any) -> None:
        """Keep a value; it is kept when this returns. Who calls this holds whatever guards the value."""
        if self._store is None:
            return
        data = freeze(value)
        digest = hashlib.blake2b(data, digest_size=16).digest()
        with self._lock:
            if self._digests.get(name) != digest:
                self._store.put(self._name, name, data)
                self._digests[name] = digest

    def append(self, name: str, values: Sequence[Any]) -> None:
        """Add to a list that only grows; it is kept when this returns."""
        if self._store is None:
            return
        with self._lock:
            at = self._lengths.setdefault(name, 0)
            self._store.grow(f"{self._name}/{name}", at, map(freeze, values))
            self._lengths[name] += len(values)

    def appended(self, name: str) -> list[Any]:
        """Return what was added to a list."""
        found = self._store.grown(f"{self._name}/{name}") if self._store else []
        self._lengths[name] = len(found)
        return [thaw(each) for each in found]

    def rewrite(self, name: str, values: Sequence[Any]) -> None:
        """Let a list be these values, at once and whole."""
        if self._store is None:
            return
        with self._lock, self._store.change():
            self._store.shrink(f"{self._name}/{name}")
            self._store.grow(f"{self._name}/{name}", 0, map(freeze, values))
            self._lengths[name] = len(values)

    def names(self) -> list[str]:
        """Return the names of what was saved, sorted."""
        return self._store.names(self._name) if self._store else []

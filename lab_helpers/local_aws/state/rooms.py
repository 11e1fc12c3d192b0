"""What our own services keep: a few values each, by name."""

from __future__ import annotations

import hashlib
import threading
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

    def names(self) -> list[str]:
        """Return the names of what was saved, sorted."""
        return self._store.names(self._name) if self._store else []

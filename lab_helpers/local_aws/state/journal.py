"""The calls that moto answered since its backends were last written: the next server repeats them, each as it was.

A call that is noted costs what the call is long, not what a backend holds. It can be repeated because moto draws all
its random numbers from one source, which is seeded anew for each such call, and asks one function for the time, which
stands still meanwhile. Source: moto's own recorder, which replays calls under a seed ("Recorder" in its documentation).
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lab_helpers.local_aws.state.freezing import freeze, thaw
from lab_helpers.local_aws.state.store import StateStore

LIST = "moto/calls"
MOST = 200
"""How many calls may wait while the backends rest from being written; repeating them takes as long as they took."""


@dataclass(frozen=True)
class Terms:
    """What a call's outcome depends on beside the state: the seed of random numbers, and the time (naive, UTC)."""

    seed: int
    at: datetime

    @classmethod
    def new(cls) -> Terms:
        """Return those of a call that is made now."""
        return cls(secrets.randbits(128), datetime.now(UTC).replace(tzinfo=None))


@dataclass(frozen=True)
class NotedCall:
    """A call as moto got it, and what came of it: HTTP status, and a sum of the answer's body."""

    name: str
    terms: Terms
    environ: Mapping[str, str]
    body: bytes
    status: int
    answer_sum: int


def noted(name: str, terms: Terms, environ: Mapping[str, Any], body: bytes, status: int, answer: bytes) -> NotedCall:
    """Return a call as it is noted: of the WSGI environment its texts only."""
    texts = {key: value for key, value in environ.items() if type(value) is str}
    return NotedCall(name, terms, texts, body, status, zlib.crc32(answer))


class Journal:
    """The list of calls in the store; its owner calls it from one thread at a time."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._calls = [_read(data) for data in store.grown(LIST)]
        self._length = len(self._calls)

    def __len__(self) -> int:
        return self._length

    def take(self) -> list[NotedCall]:
        """Return what an earlier server noted, the first time; it stays in the store until `forget`."""
        calls, self._calls = self._calls, []
        return calls

    def add(self, call: NotedCall) -> None:
        """Note a call; it is kept when this returns."""
        self._store.grow(LIST, self._length, (freeze(_row(call)),))
        self._length += 1

    def forget(self) -> None:
        """Drop all calls: what they changed is written."""
        if self._length:
            self._store.shrink(LIST)
            self._length = 0

    def begin_at(self, length: int) -> None:
        """Have as many calls as before something that the store took back."""
        self._length = length


def _row(call: NotedCall) -> tuple[Any, ...]:
    return call.name, call.terms.seed, call.terms.at, call.environ, call.body, call.status, call.answer_sum


def _read(data: bytes) -> NotedCall:
    name, seed, at, *rest = thaw(data)
    return NotedCall(name, Terms(seed, at), *rest)

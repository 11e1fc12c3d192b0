"""Where moto's random numbers and its clock are given to it, so that a call can be repeated (journal.py).

moto draws from one source, `mock_random`, and asks one function, `utcnow`, or the module `time`;
tests/local_aws/state/test_repeated.py names what does otherwise in the services whose calls are repeated.
"""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from moto.core import utils as moto_utils
from moto.moto_api._internal import mock_random

from lab_helpers.local_aws.state.journal import Terms

_clock = threading.local()
_plain_utcnow = moto_utils.utcnow


class Row:
    """The random numbers of one call; `is_disturbed`: another thread drew from them."""

    def __init__(self) -> None:
        self.thread, self.is_disturbed = threading.get_ident(), False


_row: Row | None = None


@contextmanager
def under(terms: Terms | None) -> Iterator[Row]:
    """Let moto draw its random numbers from a seed, and its clock stand still, for what this thread asks meanwhile.

    Whoever calls this keeps others from asking moto. None: nothing is different.
    """
    global _row
    row = Row()
    if terms is None:
        yield row
        return
    mock_random.seed(terms.seed)
    _clock.at, _row = terms.at, row
    try:
        yield row
    finally:
        _clock.at = _row = None
        mock_random.seed()


@contextmanager
def other_random_numbers() -> Iterator[None]:
    """Leave the row of random numbers as it was: a backend may be made at a call, and not when it is repeated."""
    row = _row
    if row is not None and row.thread != threading.get_ident():
        row.is_disturbed = True
    before = mock_random.getstate()
    mock_random.seed()
    try:
        yield
    finally:
        mock_random.setstate(before)


def number_of(bits: int) -> int:
    """Return a random number: the call's own where it is one that can be repeated, else the system's."""
    is_of_call = _row is not None and _row.thread == threading.get_ident()
    return int(mock_random.getrandbits(bits)) if is_of_call else secrets.randbits(bits)


def give_clock(module: str) -> None:
    """Let a module of moto that asks `time.time()` ask the clock that stands still during a call."""
    names = vars(sys.modules[module])
    if names.get("time") is time:
        names["time"] = _Time()


class _Time:
    """The module `time` but for what the time is."""

    def time(self) -> float:
        at: datetime | None = getattr(_clock, "at", None)
        return time.time() if at is None else at.replace(tzinfo=UTC).timestamp()

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@wraps(moto_utils.utcnow)
def _utcnow() -> datetime:
    at: datetime | None = getattr(_clock, "at", None)
    return at or _plain_utcnow()


def _install() -> None:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "moto" and vars(module).get("utcnow") is _plain_utcnow:
            module.utcnow = _utcnow  # type: ignore[attr-defined]


_install()

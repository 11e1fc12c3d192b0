"""Make the next request while the last one is on its way."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Prefetched(Generic[Item]):
    """An iterator that can be told to have its next item ready.

    Only where making items is `silent` does it do so: what is logged about one must not come before the answer to the
    one before it, nor at all when that answer ends the flush.
    """

    def __init__(self, items: Iterable[Item], silent: bool) -> None:
        self._items, self._silent = iter(items), silent
        self._ready: list[Item] = []

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        return self._ready.pop() if self._ready else next(self._items)

    def prefetch(self) -> None:
        """Make the next item now, if there is one; again: nothing more."""
        if self._silent and not self._ready:
            self._ready += itertools.islice(self._items, 1)

"""The next request is made early only where nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator

from lab_helpers.router.aws.prefetch import Prefetched


def _items(made: list[int]) -> Iterator[int]:
    for number in range(3):
        made.append(number)
        yield number


def test_one_item_is_made_early_and_each_is_given_once_in_order() -> None:
    """However often it is told to prepare, also when nothing is left."""
    made: list[int] = []
    items, given = Prefetched(_items(made), silent=True), []
    for number in items:
        given.append((number, len(made)))
        items.prefetch()
        items.prefetch()
    assert given == [(0, 1), (1, 2), (2, 3)]
    assert list(items) == []


def test_what_is_not_silent_is_made_when_it_is_asked_for() -> None:
    """A warning about the next item must not come before the end of this one."""
    made: list[int] = []
    items = Prefetched(_items(made), silent=False)
    next(items)
    items.prefetch()
    assert made == [0]
    assert list(items) == [1, 2]

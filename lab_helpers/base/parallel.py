"""Work spread over threads with bounded memory and progress: what the readers of logs have in common.

Each piece of work has the context of who asks for it, such as the language that is spoken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Progress:
    """How far a reader is: `done` of `total` units ("objects", "pages"); the total may grow while it reads."""

    done: int
    total: int
    unit: str


OnProgress = Callable[[Progress], None]


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int | None = None
) -> Iterator[Result]:
    """Yield `work(item)` in the order of the items, computed by `workers` threads.

    At most `ahead` results (default: two a worker) exist that were not asked for yet, so memory stays bounded
    however slow the consumer is. The first error is raised in its place; work that has not begun is then cancelled.
    """
    waiting: deque[Future[Result]] = deque()
    source = iter(items)
    with ThreadPoolExecutor(workers, "reader") as pool:
        try:
            for item in source:
                waiting.append(pool.submit(copy_context().run, work, item))
                if len(waiting) >= (ahead or 2 * workers):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def growing(
    work: Callable[[Item], tuple[Result, list[Item]]], items: Iterable[Item], workers: int
) -> Iterator[tuple[Result, int]]:
    """Yield results as they come, where work may bring more items; beside each the number of items still to do.

    No more than `workers` results are held. The first error is raised; work that has not begun is not begun.
    """
    todo = deque(items)
    running: set[Future[tuple[Result, list[Item]]]] = set()
    with ThreadPoolExecutor(workers, "reader") as pool:
        while todo or running:
            while todo and len(running) < workers:
                running.add(pool.submit(copy_context().run, work, todo.popleft()))
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            outcomes = [future.result() for future in finished]
            for _, more in outcomes:
                todo.extend(more)
            for result, _ in outcomes:
                yield result, len(todo) + len(running)

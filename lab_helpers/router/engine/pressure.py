"""Back-pressure: who has to wait, and when. There are three ways, and all of them are here.

- Reading waits a little while the outputs have many bytes in hand (`wait_to_read`): faster than they send it would only
  fill memory, and close connections at Mem_Buf_Limit.
- An output that is ahead of the others waits a little (`wait_turn`): what it has encoded is kept for them.
- An input whose chunks take its Mem_Buf_Limit is paused (`pause_if_over`) until they take less (`resume_if_below`).

What waits for a retry is in nobody's hand, so a failing destination fills the buffer up to its limit as in Fluent Bit;
and every wait is short, so that a slow destination holds up nobody for long.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass

from lab_helpers.router.core.log import Log
from lab_helpers.router.engine.instances import InputInstance

HIGH_BYTES = 48 * 1024 * 1024
"""Msgpack bytes in the outputs' hands above which reading waits a little."""
LIMIT_SHARE = 2 / 3
"""Of an input's Mem_Buf_Limit: reading waits before it would have to close connections."""
MOST_AHEAD = 2
"""Chunks that one output may be done with while another is not."""
PAUSE_S = 0.05
"""How long a reader, or an output that is ahead, waits at most, each chunk."""


@dataclass(slots=True)
class _Held:
    """A chunk in the outputs' hands: how many have it, and whether one is done with it."""

    holders: int = 0
    is_partly_done: bool = False


class Pressure:
    """A gauge of bytes in the outputs' hands; what several of them have in hand counts once."""

    def __init__(self) -> None:
        self._bytes = self._partly_done = 0
        self._held: dict[Hashable, _Held] = {}
        self._changed = threading.Condition()

    def add(self, chunk: Hashable, size_bytes: int) -> None:
        """Note that one more output has a chunk in hand."""
        with self._changed:
            if chunk not in self._held:
                self._held[chunk] = _Held()
                self._bytes += size_bytes
            self._held[chunk].holders += 1

    def remove(self, chunk: Hashable, size_bytes: int) -> None:
        """Note that one output is done with a chunk, for now or for good."""
        with self._changed:
            held = self._held[chunk]
            held.holders -= 1
            if not held.is_partly_done:
                held.is_partly_done = True
                self._partly_done += 1
            if not held.holders:
                del self._held[chunk]
                self._bytes -= size_bytes
                self._partly_done -= 1
                self._changed.notify_all()

    def wait_to_read(self, limit_bytes: int, timeout_s: float = PAUSE_S) -> None:
        """Let the reader of an input with this Mem_Buf_Limit (0: none) wait while outputs have too much in hand."""
        high_bytes = min(HIGH_BYTES, int(limit_bytes * LIMIT_SHARE)) if limit_bytes else HIGH_BYTES
        with self._changed:
            if self._bytes > high_bytes:
                self._changed.wait_for(lambda: self._bytes <= high_bytes, timeout_s)

    def wait_turn(self, chunk: Hashable, timeout_s: float = PAUSE_S) -> None:
        """Let an output that is ahead wait before its next chunk until others have come after.

        One that others wait for goes on at once: its next chunk is partly done.
        """
        with self._changed:
            held = self._held.get(chunk)
            if held is not None and not held.is_partly_done and self._partly_done > MOST_AHEAD:
                self._changed.wait_for(lambda: self._partly_done <= MOST_AHEAD, timeout_s)


def pause_if_over(instance: InputInstance, size_bytes: int, log: Log) -> None:
    """Pause an input whose chunks take its limit now; `size_bytes` is what came last."""
    limit = instance.limit_bytes
    if not limit or instance.held_bytes < limit or instance.paused or instance.source is None:
        return
    log.warn(
        f"[input] {instance.name} paused (mem buf overlimit - event of size {size_bytes}B exceeded limit {limit} "
        f"to {instance.held_bytes}B)"
    )
    instance.paused = True
    instance.source.pause()


def resume_if_below(instance: InputInstance, log: Log) -> None:
    """Let an input go on whose chunks take less than its limit again."""
    if not instance.paused or instance.held_bytes >= instance.mem_buf_limit or instance.source is None:
        return
    instance.paused = False
    log.info(f"[input] resume {instance.name}")
    log.info(
        f"[input] {instance.name} resume (mem buf overlimit - buf size {instance.held_bytes}B now below limit "
        f"{instance.mem_buf_limit}B)"
    )
    instance.source.resume()

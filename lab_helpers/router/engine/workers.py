"""One output's worker: a thread that flushes chunks one after the other, so that sending never waits for reading."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from lab_helpers.router.core.log import Log
from lab_helpers.router.plugin import FlushResult, Output
from lab_helpers.router.records.buffer import Chunk

LONG_QUEUE = 8
# chunks: those behind wait in their files, if they have one

Done = Callable[[Chunk, FlushResult], None]


class Worker:
    """Runs `flush` of one output.

    `begin(chunk)` and `done(chunk, result)`, to be set before the first chunk, are called on the worker's thread around
    it, for each chunk once.
    An output with `tick_every_s` has its `tick` called that often, from its first flush on.
    Of chunks with files at most `most_up` wait in memory (storage.max_chunks_up), and never more than LONG_QUEUE.
    """

    def __init__(self, name: str, output: Output, log: Log, most_up: int = LONG_QUEUE) -> None:
        self._name, self._output, self._log = name, output, log
        self._most_up = min(most_up, LONG_QUEUE)
        self.begin: Callable[[Chunk], None] = lambda _chunk: None
        self.done: Done = lambda _chunk, _result: None
        self._queue: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, chunk: Chunk) -> None:
        """Have the chunk flushed after those before it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"flb-out-{self._name}", daemon=True)
            self._thread.start()
        if self._queue.qsize() > self._most_up:
            chunk.let_go()
        self._queue.put(chunk)

    def stop(self, timeout_s: float) -> bool:
        """End the thread after what is queued; False when it is still busy at the end of the time."""
        if self._thread is None:
            return True
        self._queue.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        every_s = self._output.tick_every_s
        due: float | None = None
        while True:
            try:
                chunk = self._queue.get(timeout=None if due is None else max(0.0, due - time.monotonic()))
            except queue.Empty:
                chunk = None
            else:
                if chunk is None:
                    return
                self._flush(chunk)
                due = due or (time.monotonic() + every_s if every_s else None)
            if due is not None and time.monotonic() >= due:
                due = time.monotonic() + every_s
                self._output.tick()

    def _flush(self, chunk: Chunk) -> None:
        self.begin(chunk)
        try:
            result = self._output.flush(chunk)
        except Exception as exc:  # a bug of ours must cost one chunk, and say so, not the output
            self._log.error(f"[output:{self._name}] internal error, chunk dropped: {type(exc).__name__}: {exc}")
            result = FlushResult.ERROR
        self.done(chunk, result)

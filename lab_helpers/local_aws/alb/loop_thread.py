"""One thread with an asyncio event loop; all of the data plane's state belongs to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

_T = TypeVar("_T")
_CALL_TIMEOUT_S = 30.0


class LoopThread:
    """Owns the loop and its thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop; RuntimeError before start and after stop."""
        if self._loop is None:
            raise RuntimeError(f"The event loop of {self._name} is not running: call start() first.")
        return self._loop

    @property
    def is_running(self) -> bool:
        """Whether calls can be made."""
        return self._loop is not None

    def start(self) -> None:
        """Start the loop."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the loop and close it; safe twice and before start."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop, self._thread = None, None
        asyncio.run_coroutine_threadsafe(_cancel_tasks(), loop).result(_CALL_TIMEOUT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def post(self, action: Callable[..., object], *args: Any) -> None:
        """Call `action(*args)` in the loop's thread, some time soon; nothing happens when the loop is gone."""
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(action, *args)

    def call(self, action: Callable[..., _T], *args: Any) -> _T:
        """Call `action(*args)` in the loop's thread and return what it returns; raises what it raises."""
        answer: Future[_T] = Future()

        def run() -> None:
            try:
                answer.set_result(action(*args))
            except Exception as error:
                answer.set_exception(error)

        self.loop.call_soon_threadsafe(run)
        return answer.result(_CALL_TIMEOUT_S)

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the loop and return its result; not from the loop's own thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_CALL_TIMEOUT_S)


async def _cancel_tasks() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # one turn, so that transports closed just now close their sockets

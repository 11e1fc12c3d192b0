"""A thread that looks again every so often: it waits until a round is due, goes it, and waits again.

A round that fails is logged and does not end the thread: an alarm that cannot be read must not leave all others unread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from lab_helpers.local_aws.kit.clock import Clock

_LOG = logging.getLogger(__name__)


class Rounds:
    """Owns the thread `name`, which calls `go_round` when one is due, and `at_end` once when it is stopped.

    `due_in_s` is asked with `changed` held: seconds of the clock until the next round, at most 0 for now, None for none
    before something changes. Whoever changes what it looks at notifies `changed`, which may be the owner's own lock.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        go_round: Callable[[], None],
        due_in_s: Callable[[], float | None],
        changed: threading.Condition | None = None,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.changed = changed or threading.Condition()
        self._name, self._clock = name, clock
        self._go_round, self._due_in_s, self._at_end = go_round, due_in_s, at_end
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; a second call changes nothing, nor does one after the end."""
        with self.changed:
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread after the round that it is in; safe before start and twice."""
        with self.changed:
            self._stopping = True
            self.changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def pause(self, seconds: float) -> bool:
        """Wait within a round; return whether to go on: False at once when the thread is to end."""
        with self.changed:
            deadline_s = self._clock.monotonic() + seconds
            while not self._stopping and (left_s := deadline_s - self._clock.monotonic()) > 0:
                self._clock.wait(self.changed, left_s)
            return not self._stopping

    def _run(self) -> None:
        while self._is_due():
            self._guarded(self._go_round)
        self._guarded(self._at_end)

    def _is_due(self) -> bool:
        """Wait until a round is due (True), or the thread is to end (False)."""
        with self.changed:
            while not self._stopping:
                left_s = self._due_in_s()
                if left_s is not None and left_s <= 0:
                    return True
                self._clock.wait(self.changed, left_s)
            return False

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:
            _LOG.exception("%s: a round failed", self._name)

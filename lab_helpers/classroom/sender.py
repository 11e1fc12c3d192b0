"""Tells the trainer's machine how a trainee stands, from a thread of the notebook's kernel that nothing waits for.

One kernel of a machine reports, whichever has the lock; when it ends, another takes over. A trainer's machine that does
not answer is asked more and more rarely, without a word; when it is back, so is the trainee.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lab_helpers.base.files.file_lock import FileLock
from lab_helpers.classroom import files, member
from lab_helpers.classroom.files import Told
from lab_helpers.classroom.member import Post, post

_LOG = logging.getLogger(__name__)
FIRST_S, LONGEST_S = 5.0, 60.0
"""Pauses after a report that came to nothing: doubled each time."""
_LEAST_S, _MOST_S = 2.0, 60.0
"""What a server may ask for between two reports."""
_STOP_S = 1.0


class Sender:
    """One thread at most: it ends with `stop`, with the seat, and with the kernel."""

    def __init__(
        self,
        home: Path,
        on_told: Callable[[], None] = lambda: None,
        before: Callable[[], None] = lambda: None,
        post: Post = post,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._home, self._on_told, self._before, self._post, self._now = home, on_told, before, post, now
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: FileLock | None = None
        self._failures, self._told = 0, Told()

    @property
    def is_running(self) -> bool:
        """Whether its thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Report from now on, where a class was joined; nothing when it does so already."""
        if self.is_running or files.seat(self._home) is None:
            return
        self._end.clear()
        self._thread = threading.Thread(target=self._run, name="class-report", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; safe before the start and twice. A report that is on its way is not waited for longer than a second."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def turn(self) -> float | None:
        """Report, where nobody else of this machine does; return the seconds until the next turn, None: no more."""
        seat = files.seat(self._home)
        if seat is None:
            return None
        self._before()
        if self._lock is None:
            self._lock = FileLock.take(files.reporting_lock(self._home), {})
        if self._lock is None:
            self._tell()
            return FIRST_S
        answer = member.report(self._home, seat, self._post, self._now)
        self._tell()
        if answer.status == 200:
            self._failures = 0
            every = answer.body.get("every_s")
            return min(max(float(every), _LEAST_S), _MOST_S) if isinstance(every, int) else FIRST_S
        if answer.status == 401:
            return None
        self._failures += 1
        return min(FIRST_S * 2.0 ** (min(self._failures, 10) - 1), LONGEST_S)

    def _tell(self) -> None:
        """Have it shown when something else is told than before."""
        told = files.told(self._home, self._now())
        before, self._told = self._told, told
        if replace(told, at=before.at) != before:
            self._on_told()

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                pause_s = self.turn()
                if pause_s is None:
                    break
                self._end.wait(pause_s)
        except Exception as exc:  # such as a full disk: the notebook goes on, and its next cell tries again
            _LOG.debug("no report to the class: %s", exc)
        finally:
            lock, self._lock = self._lock, None
            if lock is not None:
                lock.release()

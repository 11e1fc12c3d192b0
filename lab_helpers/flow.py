"""The pipeline over time: looks at it again and again while something else goes on, and keeps what it saw.

with flow.record(lab) as seen:
    …
    seen.mark("permission taken away")
display.flow(seen.series, seen.marks)
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import pandas as pd

from lab_helpers.base.errors import LabError
from lab_helpers.lab import Lab
from lab_helpers.pipeline import figures
from lab_helpers.pipeline.figures import Moment

EVERY_S = 1.0
COLUMNS = ("at", "alb", "cloudwatch", "firehose", "s3", "held")
_LOG = logging.getLogger(__name__)


class Recording:
    """A thread that looks every `every_s` seconds; it ends with `stop`, or with the block."""

    def __init__(self, look: Callable[[], Moment], every_s: float = EVERY_S) -> None:
        self._look, self._every_s = look, every_s
        self._seen: list[Moment] = []
        self._marks: list[tuple[pd.Timestamp, str]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="flow", daemon=True)

    @property
    def series(self) -> pd.DataFrame:
        """One row a look: at (UTC), alb, cloudwatch, firehose, s3, held (numbers since the recording began; held now).

        Counters that began before are counted from the first look on; what Firehose held then counts as taken, so that
        it never delivers more than it has taken.
        """
        frame = pd.DataFrame([asdict(moment) for moment in list(self._seen)], columns=list(COLUMNS))
        frame["at"] = pd.to_datetime(frame["at"], utc=True)
        if len(frame):
            passed = ["alb", "cloudwatch", "firehose", "s3"]
            frame[passed] = frame[passed] - frame[passed].iloc[0]
            frame["firehose"] += frame["held"].iloc[0]
        return frame

    @property
    def marks(self) -> pd.DataFrame:
        """What was marked: at (UTC), what."""
        frame = pd.DataFrame(self._marks, columns=["at", "what"])
        return frame.assign(at=pd.to_datetime(frame["at"], utc=True))

    def mark(self, what: str) -> None:
        """Write down that something happens now."""
        self._marks.append((pd.Timestamp(datetime.now(UTC)), what))

    def start(self) -> Self:
        """Begin to look; a second call changes nothing."""
        if not self._thread.is_alive() and not self._ended.is_set():
            self._thread.start()
        return self

    def stop(self) -> None:
        """Look once more and end; safe twice and before `start`."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._once()
            self._ended.wait(self._every_s)
        self._once()

    def _once(self) -> None:
        try:
            self._seen.append(self._look())
        except LabError:  # not there yet, or throttled: the next look may work
            _LOG.debug("The pipeline could not be looked at.", exc_info=True)


def record(lab: Lab, every_s: float = EVERY_S) -> Recording:
    """Return a recording of the lab's pipeline, to be started; on an account metrics are minutes late."""
    return Recording(lambda: figures.moment(lab), every_s)

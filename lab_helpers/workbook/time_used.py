"""How long somebody has worked in each notebook: the time between the cells that they ran."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lab_helpers.base.config import write_private
from lab_helpers.base.paths import inside

FOLDER = "minutes"
"""In the lab's home, one file a notebook: two notebooks that are open together never write the same one."""
MOST_S = 300.0
"""A gap between two cells counts at most so long: who is away for longer does not work on the notebook."""


@dataclass(frozen=True)
class Time:
    """Seconds of work, the newest moment (seconds since 1970), and when the notebook's foot was reached (ISO 8601)."""

    seconds: float = 0.0
    last: float = 0.0
    ended_at: str = ""


class TimeUsed:
    """The times of one trainee; an unreadable file counts as none."""

    def __init__(self, home: Path, now: Callable[[], float] = time.time) -> None:
        self._folder, self._now = home / FOLDER, now

    def of(self, notebook: str) -> Time:
        """Return the time of a notebook (its name without a language)."""
        try:
            found = json.loads(self._file(notebook).read_text(encoding="utf-8"))
            return Time(float(found["seconds"]), float(found["last"]), str(found["ended_at"]))
        except (OSError, ValueError, TypeError, KeyError):
            return Time()

    def begun(self, notebook: str) -> None:
        """Take note that a notebook is opened: what was before counts no further."""
        self._keep(notebook, replace(self.of(notebook), last=self._now()))

    def worked(self, notebook: str) -> None:
        """Take note that a cell was run."""
        known, now = self.of(notebook), self._now()
        gap = min(max(now - known.last, 0.0), MOST_S) if known.last else 0.0
        self._keep(notebook, replace(known, seconds=known.seconds + gap, last=now))

    def ended(self, notebook: str) -> None:
        """Take note that the notebook's foot was reached; the first time stays."""
        known = self.of(notebook)
        if not known.ended_at:
            at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="seconds")
            self._keep(notebook, replace(known, ended_at=at))

    def _keep(self, notebook: str, now: Time) -> None:
        file = self._file(notebook)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, json.dumps(asdict(now)))

    def _file(self, notebook: str) -> Path:
        return inside(self._folder, f"{notebook}.json")

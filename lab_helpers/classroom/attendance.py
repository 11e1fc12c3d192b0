"""An open notebook in a class: which section its newest cell is in, and the sender that tells of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lab_helpers.classroom import files
from lab_helpers.classroom.member import Post, post
from lab_helpers.classroom.sender import Sender
from lab_helpers.classroom.syllabus import lessons


class Attendance:
    """Costs a look for one file where no class was joined. `notebook` is the name without a language."""

    def __init__(self, home: Path, notebook: str, on_told: Callable[[], None], post: Post = post) -> None:
        self._home, self._notebook = home, notebook
        self.sender = Sender(home, on_told, self._keep_section, post)
        self._cell, self._kept, self._section = "", "", 0

    def after_cell(self, cell: str) -> None:
        """A cell was run (its id): report, where a class was joined. Waits for nothing."""
        self._cell = cell
        if files.has_seat(self._home):
            self.sender.start()

    def end(self) -> None:
        """Report no more."""
        self.sender.stop()

    def _keep_section(self) -> None:
        """Take note of where the newest cell stands, in the sender's thread; another notebook's place is left alone."""
        cell = self._cell
        if not cell or cell == self._kept:
            return
        lesson = lessons().get(self._notebook)
        self._section = lesson.section_of.get(cell, self._section) if lesson else 0
        files.keep_section(self._home, self._notebook, self._section)
        self._kept = cell

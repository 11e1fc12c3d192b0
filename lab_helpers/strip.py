"""The strip at head and foot of a notebook: what is done, where one is, what is open. `lab progress` prints it too."""

from __future__ import annotations

import logging
import posixpath
import time

from lab_helpers import display
from lab_helpers.base.config import Settings
from lab_helpers.base.messages import ENGLISH, language_of, say
from lab_helpers.classroom import files
from lab_helpers.classroom.attendance import Attendance
from lab_helpers.classroom.files import Told
from lab_helpers.display.course_strip import Entry, Slot, after_each_cell, newest_cell
from lab_helpers.workbook import ways
from lab_helpers.workbook.copies import own_copy
from lab_helpers.workbook.course import NAMES, Stand, plain_name, stands, total
from lab_helpers.workbook.time_used import TimeUsed
from lab_helpers.workbook.ways import Go

_LOG = logging.getLogger(__name__)


def shown(settings: Settings, notebook: str = "") -> display.Shown:
    """Return the strip, with the place of `notebook` in it (its name as `open_lab` has it; empty: nowhere)."""
    language = language_of(notebook) if notebook else ENGLISH
    found = stands(settings, language)
    here = plain_name(notebook)
    told = files.told(settings.home, time.time())
    entries = [_entry(each, here, told) for each in found]
    return display.strip(entries, [*_told(told, here), (total(found), ""), *_notes(settings, notebook)])


class Strips:
    """The strips of one open notebook: at its head and at its foot, kept up to date after each cell."""

    def __init__(self, settings: Settings, notebook: str, go: Go | None = None) -> None:
        self._settings, self._notebook, self._go = settings, notebook, go
        self._used, self._slots = TimeUsed(settings.home), list[Slot]()
        self._attendance = Attendance(settings.home, plain_name(notebook), self.look)

    def begin(self) -> None:
        """Show the strip at the head; what fails here is no reason not to work."""
        try:
            self._used.begun(plain_name(self._notebook))
            self._slots.append(Slot(shown(self._settings, self._notebook)))
            if self._go is not None:
                ways.show(self._settings, plain_name(self._notebook), self._go)
            after_each_cell(self.renew)
            self._attendance.after_cell("")
        except (OSError, ValueError, KeyError) as exc:
            _LOG.warning("no strip in %s: %s", self._notebook, exc)

    def end(self) -> None:
        """Show the strip at the foot."""
        self._used.ended(plain_name(self._notebook))
        self._slots[1:] = [Slot(shown(self._settings, self._notebook))]

    def renew(self) -> None:
        """Count the time, and show what changed."""
        try:
            self._used.worked(plain_name(self._notebook))
        except OSError as exc:
            _LOG.debug("the time was not counted: %s", exc)
        self._attendance.after_cell(newest_cell())
        self.look()

    def look(self) -> None:
        """Show what changed; called from the thread that hears of the class, too."""
        try:
            now = shown(self._settings, self._notebook)
        except (OSError, ValueError, KeyError) as exc:
            _LOG.debug("the strip could not look: %s", exc)
            return
        for slot in self._slots:
            slot.put(now)


def _entry(stand: Stand, here: str, told: Told) -> Entry:
    page = stand.page
    link = posixpath.relpath(f"{page.name}.ipynb", posixpath.dirname(here) or ".")
    facts = (
        say("steps {done} of {count}", done=stand.passed, count=len(page.steps)) if page.steps else "",
        say("guesses {done} of {count}", done=stand.guessed, count=len(page.guesses)) if page.guesses else "",
        say("{used} of about {planned} min", used=round(stand.used_min), planned=page.minutes),
    )
    is_here, state = page.name == here, stand.state.value
    return Entry(NAMES[page.part], page.number, page.title, link, state, is_here, facts, told.holds(page.name))


def _told(told: Told, here: str) -> list[tuple[str, str]]:
    """Return what the trainer of a class says: their sentence, and that the present notebook is held back."""
    said = [say("Your trainer says: {sentence}", sentence=told.sentence)] if told.sentence else []
    held = [say("Your trainer has not released this notebook yet.")] if here and told.holds(here) else []
    return [(sentence, "") for sentence in (*said, *held)]


def _notes(settings: Settings, notebook: str) -> list[tuple[str, str]]:
    newer = own_copy.newer_than(settings, notebook) if notebook else None
    if newer is None:
        return []
    return [(say("The course has a newer version of this notebook: {name}", name=newer.name), newer.name)]

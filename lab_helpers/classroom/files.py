"""What a class leaves in LAB_HOME/class, each file for its owner only; an unreadable one counts as none.

seat.json    trainee: the class they have joined      told.json    what the trainer's machine said last
place.json   the section of the newest cell           said.json    the number of the sentence a terminal has shown
room.json    trainer: the whole class                 *.lock       who reports, who serves
tls.pem      trainer: certificate and private key
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab_helpers.base.config import private_folder, write_private
from lab_helpers.base.files.whole_file import read_object
from lab_helpers.base.paths import inside

FOLDER = "class"
SEAT, TOLD, PLACE, SAID, ROOM = "seat.json", "told.json", "place.json", "said.json", "room.json"
TLS = "tls.pem"
REPORTING, SERVING = "reporting.lock", "serving.lock"
_TOLD_FOR_S = 6 * 3600.0
"""A class that was not heard of for so long is over: nothing of it is said any more."""


@dataclass(frozen=True)
class Seat:
    """The class that this machine has joined; `pin`: the SHA-256 of its server's certificate, where it has one."""

    url: str
    token: str
    name: str
    pin: str = ""


@dataclass(frozen=True)
class Told:
    """What the trainer's machine said last, `at` seconds since 1970. `released` None: nothing is held back."""

    sentence: str = ""
    number: int = 0
    released: tuple[str, ...] | None = None
    at: float = 0.0

    def holds(self, notebook: str) -> bool:
        """Whether a main notebook is held back by the trainer."""
        return self.released is not None and "/" not in notebook and notebook not in self.released


def folder(home: Path) -> Path:
    """Return the folder of the class's files."""
    return home / FOLDER


def reporting_lock(home: Path) -> Path:
    """Return the lock of the kernel that reports."""
    return folder(home) / REPORTING


def serving_lock(home: Path) -> Path:
    """Return the lock of the process that serves."""
    return folder(home) / SERVING


def seat(home: Path) -> Seat | None:
    """Return the seat that this machine has; None: it has joined no class."""
    found = read_object(folder(home) / SEAT)
    try:
        return Seat(str(found["url"]), str(found["token"]), str(found["name"]), str(found.get("pin", "")))
    except KeyError:
        return None


def has_seat(home: Path) -> bool:
    """Whether a class was joined: one look, without reading."""
    return (folder(home) / SEAT).exists()


def keep_seat(home: Path, taken: Seat) -> None:
    """Keep a seat."""
    _write(home, SEAT, asdict(taken))


def forget_seat(home: Path) -> None:
    """Forget the seat, and what was told."""
    for name in (SEAT, TOLD, PLACE, SAID):
        inside(folder(home), name).unlink(missing_ok=True)


def told(home: Path, now: float) -> Told:
    """Return what is told now; nothing without a seat, or when it is long ago."""
    if not has_seat(home):
        return Told()
    try:
        found = told_from(read_object(folder(home) / TOLD))
    except (KeyError, TypeError, ValueError):
        return Told()
    return found if now - found.at <= _TOLD_FOR_S else Told()


def told_from(value: dict[str, Any], at: float | None = None) -> Told:
    """Read what a server (or a file) said, cut to what can be shown; raises KeyError, TypeError, ValueError."""
    released = value["released"]
    names = None if released is None else tuple(str(each)[:100] for each in list(released)[:100])
    moment = float(value["at"]) if at is None else at
    from lab_helpers.classroom.room import MOST_SENTENCE, plain  # the whole course: not where nobody joined a class

    return Told(plain(str(value["sentence"]), MOST_SENTENCE), int(value["number"]), names, moment)


def keep_told(home: Path, now: Told) -> None:
    """Keep what was told."""
    _write(home, TOLD, asdict(now))


def section(home: Path, notebook: str) -> int:
    """Return the section of a notebook in which a cell was run last; 0 where nobody knows."""
    found = read_object(folder(home) / PLACE)
    number = found.get("section", 0) if found.get("notebook") == notebook else 0
    return number if isinstance(number, int) and number >= 0 else 0


def keep_section(home: Path, notebook: str, number: int) -> None:
    """Keep the section of the newest cell."""
    _write(home, PLACE, {"notebook": notebook, "section": number})


def is_unsaid(home: Path, number: int) -> bool:
    """Whether no terminal has shown the sentence of this number."""
    return read_object(folder(home) / SAID).get("number") != number


def keep_said(home: Path, number: int) -> None:
    """Keep that a terminal has shown it."""
    _write(home, SAID, {"number": number})


def room(home: Path) -> dict[str, Any]:
    """Return the class that is kept here, {} for none; raises ValueError where it cannot be read."""
    path = folder(home) / ROOM
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(ROOM)
    return found


def keep_room(home: Path, kept: dict[str, Any]) -> None:
    """Keep the class."""
    _write(home, ROOM, kept)


def tls_file(home: Path) -> Path:
    """Return the file of the server's private key and certificate."""
    return inside(folder(home), TLS)


def keep_tls(home: Path, pem: str) -> None:
    """Keep a private key and its certificate."""
    private_folder(folder(home))
    write_private(tls_file(home), pem)


def _write(home: Path, name: str, content: dict[str, Any]) -> None:
    private_folder(folder(home))
    write_private(inside(folder(home), name), json.dumps(content))

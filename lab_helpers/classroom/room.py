"""A class as its trainer's machine knows it: seats, reports, what was said and released. Without a network."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lab_helpers.classroom.report import Report, parsed
from lab_helpers.classroom.syllabus import Lesson

MOST_SEATS = 100
MOST_NAME, MOST_SENTENCE = 40, 300
ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Of codes: without letters and digits that are taken for one another when they are read aloud."""
CODE_LENGTH = 8


@dataclass(frozen=True)
class Seat:
    """One trainee. Moments are seconds since 1970; `step` is the one before them, since `step_since`."""

    number: int
    name: str
    joined: float
    seen: float
    report: Report = field(default_factory=Report)
    step: str = ""
    step_since: float = 0.0


class RoomError(Exception):
    """What was asked of the room cannot be; its text is for the page or for the trainee."""


class Room:
    """Seats by the hash of their token: who holds a token is found without a comparison that tells anything."""

    def __init__(
        self,
        course: Mapping[str, Lesson],
        now: Callable[[], float],
        code: str = "",
        trainer: str = "",
    ) -> None:
        self.course, self._now = course, now
        self.code = code or new_code()
        self.trainer = trainer or secrets.token_urlsafe(24)
        self.seats: dict[str, Seat] = {}
        self.sentence, self.sentence_number = "", 0
        self.released: tuple[str, ...] | None = None
        """The notebooks that the class may open; None: the trainer holds nothing back."""
        self.shown: set[str] = set()
        """Predictions that the trainer has opened before everybody had seen the outcome."""
        self._numbers = 0

    # who may

    def is_code(self, text: str) -> bool:
        """Whether a text is the code, as people type it."""
        return _same(re.sub(r"[\s-]", "", text.upper()), self.code.replace("-", ""))

    def is_trainer(self, token: str) -> bool:
        """Whether a token is the trainer's."""
        return _same(token, self.trainer)

    def holds(self, token: str) -> bool:
        """Whether a token is that of a seat."""
        return _hash(token) in self.seats

    # what trainees do

    def join(self, name: str, token: str = "") -> tuple[str, str]:
        """Give a seat, or the one that `token` has already; return its token and name. Raises RoomError: it is full."""
        now = self._now()
        if token and self.holds(token):
            known = self.seats[_hash(token)]
            again = replace(known, name=self._free_name(name, known), seen=now)
            self.seats[_hash(token)] = again
            return token, again.name
        if len(self.seats) >= MOST_SEATS:
            raise RoomError(f"The class is full: it has {MOST_SEATS} seats.")
        self._numbers += 1
        token = secrets.token_urlsafe(24)
        new = Seat(self._numbers, self._free_name(name, None), now, now)
        self.seats[_hash(token)] = new
        return token, new.name

    def reported(self, token: str, report: Report) -> None:
        """Keep a report; raises KeyError for an unknown token."""
        seat, now = self.seats[_hash(token)], self._now()
        step = self._step_of(report)
        since = seat.step_since if step == seat.step and seat.step_since else now
        self.seats[_hash(token)] = replace(seat, report=report, seen=now, step=step, step_since=since)

    def leave(self, token: str) -> None:
        """Give a seat back; an unknown one has left already."""
        self.seats.pop(_hash(token), None)

    def told(self) -> dict[str, Any]:
        """Return what each trainee is told."""
        released = None if self.released is None else list(self.released)
        return {"sentence": self.sentence, "number": self.sentence_number, "released": released}

    # what the trainer does

    def say(self, sentence: str) -> None:
        """Say a sentence to all in place of the one before; an empty one takes it back."""
        self.sentence = plain(sentence, MOST_SENTENCE)
        self.sentence_number += 1

    def hold(self, on: bool) -> None:
        """Hold back the notebooks after the furthest in which somebody is; or hold nothing back."""
        if not on:
            self.released = None
            return
        main = self.main()
        here = {seat.report.here for seat in self.seats.values()}
        furthest = max((at for at, name in enumerate(main) if name in here), default=0)
        self.released = tuple(main[: furthest + 1])

    def release(self, notebook: str = "") -> None:
        """Let the class open a notebook; without a name the next one. Raises RoomError."""
        left = [name for name in self.main() if self.released is not None and name not in self.released]
        name = notebook or (left[0] if left else "")
        if name not in left:
            raise RoomError("There is no such notebook that is held back.")
        self.released = tuple(each for each in self.main() if each in {*(self.released or ()), name})

    def show(self, prediction: str) -> None:
        """Open a prediction's answers to the page; raises RoomError."""
        if not any(prediction in lesson.page.guesses for lesson in self.course.values()):
            raise RoomError("There is no such prediction.")
        self.shown.add(prediction)

    def remove(self, number: int) -> None:
        """Take a seat away; raises RoomError."""
        found = [key for key, seat in self.seats.items() if seat.number == number]
        if not found:
            raise RoomError("There is no such seat.")
        del self.seats[found[0]]

    def main(self) -> list[str]:
        """Return the main notebooks: those that can be held back."""
        return [name for name, lesson in self.course.items() if not lesson.page.part]

    # how it is kept

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready; of the seats' tokens there are hashes alone."""
        return {
            "code": self.code,
            "trainer": self.trainer,
            "seats": {key: asdict(seat) for key, seat in self.seats.items()},
            "numbers": self._numbers,
            "sentence": self.sentence,
            "sentence_number": self.sentence_number,
            "released": self.released,
            "shown": sorted(self.shown),
        }

    @classmethod
    def from_dict(cls, kept: dict[str, Any], course: Mapping[str, Lesson], now: Callable[[], float]) -> Room:
        """Return the room that was kept; raises KeyError, TypeError or ValueError for anything else."""
        room = cls(course, now, str(kept["code"]), str(kept["trainer"]))
        room.seats = {key: _seat(each) for key, each in kept["seats"].items()}
        room.sentence, room.sentence_number = str(kept["sentence"]), int(kept["sentence_number"])
        room.released = None if kept["released"] is None else tuple(map(str, kept["released"]))
        room.shown, room._numbers = set(map(str, kept["shown"])), int(kept["numbers"])
        return room

    def _step_of(self, report: Report) -> str:
        """Return the first step of the present notebook that is not passed; empty where there is none."""
        lesson = self.course.get(report.here)
        open_steps = [step for step in lesson.page.steps if step not in report.passed] if lesson else []
        return open_steps[0] if open_steps else ""

    def _free_name(self, name: str, own: Seat | None) -> str:
        """Return a name that no other seat has: a number is put behind it."""
        wanted = plain(name, MOST_NAME) or "trainee"
        taken = {seat.name for seat in self.seats.values() if seat is not own}
        numbered = (f"{wanted} ({number})" for number in range(2, MOST_SEATS + 2))
        return next(each for each in (wanted, *numbered) if each not in taken)


def new_code() -> str:
    """Return a code as it is read aloud: XXXX-XXXX, forty bits."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    return f"{drawn[:4]}-{drawn[4:]}"


def plain(text: str, most: int) -> str:
    """Return a text on one line, of printable characters, cut to `most`; direction marks are none of these."""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())[:most].strip()


def _seat(kept: dict[str, Any]) -> Seat:
    return Seat(**{**kept, "report": parsed(kept["report"])})


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogatepass"), known.encode())

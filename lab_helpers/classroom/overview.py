"""What the trainer's page shows of a room, as data. A guess is in it only when its outcome may be known to all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from lab_helpers.base.messages import say
from lab_helpers.classroom.room import Room, Seat
from lab_helpers.classroom.syllabus import Lesson, Question
from lab_helpers.exercises.steps import step_of

FAILED_OFTEN = 3
"""So many failed checks of a step that is not passed: stuck."""
_PLANNED_MIN = 5
"""Of a step that names no minutes."""
_LATE = 2.0
"""Stuck is also who stays at a step for so many times its planned minutes, and at least _LEAST_MIN."""
_LEAST_MIN = 8
GONE_S = 60.0
"""Without a report for so long: the machine is off, or out of the network."""
AWAY_S = 900
"""Without a cell for so long: at a break, and not stuck."""


def overview(room: Room, now: float) -> dict[str, Any]:
    """Return the class JSON-ready: notebooks with their people, trainees, predictions, what was said."""
    seats = sorted(room.seats.values(), key=lambda seat: seat.number)
    return {
        "code": room.code,
        "sentence": room.sentence,
        "holds": room.released is not None,
        "notebooks": [_notebook(room, lesson, seats) for lesson in room.course.values()],
        "trainees": [_trainee(room, seat, now) for seat in seats],
        "predictions": [
            _prediction(room, name, lesson, seats)
            for lesson in room.course.values()
            for name in lesson.page.guesses
            if any(name in seat.report.guessed or name in seat.report.seen for seat in seats)
        ],
    }


def _notebook(room: Room, lesson: Lesson, seats: list[Seat]) -> dict[str, Any]:
    page = lesson.page
    return {
        "name": page.name,
        "part": page.part,
        "number": page.number,
        "title": page.title,
        "planned": page.minutes,
        "here": [seat.number for seat in seats if seat.report.here == page.name],
        "done": sum(_is_done(lesson, seat) for seat in seats),
        "is_held": room.released is not None and not page.part and page.name not in room.released,
    }


def _is_done(lesson: Lesson, seat: Seat) -> bool:
    """As the strip counts: each step passed and each guess answered; where nothing is asked, the foot was reached."""
    page, report = lesson.page, seat.report
    if not page.steps and not page.guesses:
        return page.name in report.ended
    return set(page.steps) <= set(report.passed) and set(page.guesses) <= set(report.seen)


def _trainee(room: Room, seat: Seat, now: float) -> dict[str, Any]:
    report, lesson = seat.report, room.course.get(seat.report.here)
    begun = [each for name, each in room.course.items() if name in report.minutes]
    quiet_s = report.quiet_s + (now - seat.seen)
    is_gone, is_away = now - seat.seen > GONE_S, bool(report.here) and quiet_s > AWAY_S
    return {
        "number": seat.number,
        "name": seat.name,
        "here": lesson.page.number if lesson else "",
        "part": lesson.page.part if lesson else "",
        "title": lesson.page.title if lesson else "",
        "section": _section(lesson, report.section) if lesson else "",
        "here_min": report.minutes.get(report.here, 0),
        "here_planned": lesson.page.minutes if lesson else 0,
        "used_min": sum(report.minutes.get(name, 0) for name in room.course),
        "planned_min": sum(each.page.minutes for each in begun),
        "passed": sum(step in report.passed for each in room.course.values() for step in each.page.steps),
        "state": "gone" if is_gone else "away" if is_away else "here",
        "quiet_min": int(quiet_s // 60),
        "stuck": [] if is_gone or is_away or not lesson else _stuck(lesson, seat, now),
    }


def _section(lesson: Lesson, number: int) -> str:
    return lesson.sections[number] if number < len(lesson.sections) else ""


def _stuck(lesson: Lesson, seat: Seat, now: float) -> list[dict[str, Any]]:
    """Return the steps of the present notebook at which somebody is stuck: failed checks and minutes."""
    failed = {step: count for step, count in seat.report.failed.items() if step in lesson.page.steps}
    minutes = int((now - seat.step_since) // 60) if seat.step else 0
    found = {step: count for step, count in failed.items() if count >= FAILED_OFTEN}
    if seat.step and minutes >= max(_LEAST_MIN, _LATE * planned_min(seat.step)):
        found.setdefault(seat.step, failed.get(seat.step, 0))
    return [
        {"step": step, "title": _title(step), "failed": count, "min": minutes if step == seat.step else 0}
        for step, count in sorted(found.items())
    ]


def planned_min(step: str) -> float:
    """Return the minutes that are planned for a step."""
    known = step_of(step)
    return known.minutes if known else _PLANNED_MIN


def _title(step: str) -> str:
    known = step_of(step)
    return say(known.title) if known else ""


def _prediction(room: Room, name: str, lesson: Lesson, seats: list[Seat]) -> dict[str, Any]:
    question = next((each for each in lesson.questions if each.name == name), None)
    seen = [seat.report.seen[name] for seat in seats if name in seat.report.seen]
    is_open = (bool(seats) and len(seen) == len(seats)) or name in room.shown
    return {
        "name": name,
        "notebook": lesson.page.number,
        "question": say(question.text) if question else name,
        "guessed": sum(name in seat.report.guessed for seat in seats),
        "seen": len(seen),
        "is_open": is_open,
        "options": _options(question, seen) if is_open else [],
    }


def _options(question: Question | None, seen: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Return each option with how many chose it, and whether it is what happened to most."""
    texts = question.options if question else ()
    chosen, outcomes = Counter(each for each, _ in seen), Counter(each for _, each in seen)
    happened = max(outcomes, key=lambda each: outcomes[each], default=None)
    told: Callable[[int], str] = lambda number: say(texts[number])  # noqa: E731
    rows = [{"text": told(at), "count": chosen[at], "happened": at == happened} for at in range(len(texts))]
    none = sum(count for at, count in chosen.items() if not 0 <= at < len(texts))
    return [*rows, {"text": say("no guess"), "count": none, "happened": False}]

"""A class without a network: seats, who is stuck at what, when guesses may be seen, what is held back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab_helpers.classroom.overview import AWAY_S, GONE_S, overview, planned_min
from lab_helpers.classroom.report import NAMELESS, Report
from lab_helpers.classroom.room import ALPHABET, MOST_NAME, MOST_SEATS, MOST_SENTENCE, Room, RoomError, new_code, plain
from lab_helpers.classroom.syllabus import lessons, questions
from tests.classroom.people import STEPS, Clock


@pytest.fixture
def clock() -> Clock:
    """The room's."""
    return Clock()


@pytest.fixture
def room(clock: Clock) -> Room:
    """A class without anybody."""
    return Room(lessons(), clock)


def joined(room: Room, name: str, report: Report | None = None) -> str:
    """Let somebody in, with a report; return their token."""
    token, _ = room.join(name)
    room.reported(token, report or Report())
    return token


def of(room: Room, clock: Clock, name: str) -> dict[str, Any]:
    """Return a trainee as the page shows them."""
    return next(each for each in overview(room, clock())["trainees"] if each["name"] == name)


def test_codes_are_drawn_from_what_can_be_read_aloud() -> None:
    """Forty bits, in two groups, none like another; what people type in its place is taken."""
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(set(code.replace("-", "")) <= set(ALPHABET) and len(code) == 9 for code in codes)
    assert not set("0O1IL") & set(ALPHABET)
    room = Room(lessons(), Clock(), code="ABCD-2345")
    assert [text for text in ("abcd 2345", " ABCD-2345 ", "abcd2345") if not room.is_code(text)] == []
    assert [
        text for text in ("", "ABCD", "ABCD-2346", "ＡBCD-2345", "ABCD-23455", "\ud800") if room.is_code(text)
    ] == []


def test_a_seat_is_kept_by_its_token(room: Room) -> None:
    """Who joins again has the seat they had; names are told apart, cleaned and cut; who left is gone."""
    token, name = room.join("Mia")
    assert room.join("Mia", token) == (token, "Mia")
    other, second = room.join("Mia")
    assert (name, second) == ("Mia", "Mia (2)")
    assert room.join("\u202e\x1b[31m \n")[1] == "[31m"
    assert room.join("  ")[1] == "trainee"
    assert len(room.join("x" * 1000)[1]) == MOST_NAME
    room.leave(other)
    room.leave(other)
    assert (room.holds(token), room.holds(other)) == (True, False)
    assert not room.is_trainer(token)
    assert room.is_trainer(room.trainer)


def test_a_full_class_takes_nobody_in(room: Room) -> None:
    """Who sits there may come again."""
    tokens = [room.join("x")[0] for _ in range(MOST_SEATS)]
    with pytest.raises(RoomError, match="full"):
        room.join("one more")
    assert room.join("x", tokens[0])[0] == tokens[0]


def test_who_is_where(room: Room, clock: Clock) -> None:
    """Notebook, section, minutes used and planned; a notebook of another version is nowhere."""
    joined(room, "Mia", Report(here="04_traffic", section=2, minutes={"00_setup": 9, "04_traffic": 5}))
    joined(room, "Ken", Report(here="99_other", section=7))
    mia, ken = of(room, clock, "Mia"), of(room, clock, "Ken")
    planned = [lessons()[name].page.minutes for name in ("00_setup", "04_traffic")]
    assert (mia["here"], mia["section"]) == ("04", lessons()["04_traffic"].sections[2])
    assert (mia["here_min"], mia["here_planned"], mia["used_min"], mia["planned_min"]) == (
        5,
        planned[1],
        14,
        sum(planned),
    )
    assert (ken["here"], ken["section"]) == ("", "")
    at = next(each for each in overview(room, clock())["notebooks"] if each["name"] == "04_traffic")
    assert (at["here"], at["done"]) == ([1], 0)


def test_a_notebook_is_done_as_the_strip_counts_it(room: Room, clock: Clock) -> None:
    """Each step passed and each guess answered."""
    page = lessons()["01_firelens"].page
    joined(room, "Mia", Report(passed=page.steps, seen=dict.fromkeys(page.guesses, (0, 0))))
    joined(room, "Ken", Report(passed=page.steps))
    assert next(each for each in overview(room, clock())["notebooks"] if each["name"] == page.name)["done"] == 1


def test_stuck_is_who_fails_often_or_stays_long(room: Room, clock: Clock) -> None:
    """Three failed checks at once; minutes at the same step after twice the plan; passing ends both."""
    first, second = STEPS["01_firelens"][:2]
    token = joined(room, "Mia", Report(here="01_firelens", failed={first: 2}))
    assert of(room, clock, "Mia")["stuck"] == []
    room.reported(token, Report(here="01_firelens", failed={first: 3}))
    assert [(at["step"], at["failed"]) for at in of(room, clock, "Mia")["stuck"]] == [(first, 3)]
    room.reported(token, Report(here="01_firelens", passed=(first,)))
    assert of(room, clock, "Mia")["stuck"] == []
    long = max(8.0, 2 * planned_min(second))
    clock.at += 60 * long - 1
    room.reported(token, Report(here="01_firelens", passed=(first,)))
    assert of(room, clock, "Mia")["stuck"] == []
    clock.at += 1
    assert [(at["step"], at["min"]) for at in of(room, clock, "Mia")["stuck"]] == [(second, int(long))]
    room.reported(token, Report(here="02_apply", passed=(first,)))
    assert of(room, clock, "Mia")["stuck"] == []


def test_who_is_at_a_break_or_gone_is_not_stuck(room: Room, clock: Clock) -> None:
    """A quarter of an hour without a cell, a minute without a report."""
    step = STEPS["01_firelens"][0]
    token = joined(room, "Mia", Report(here="01_firelens", failed={step: 9}))
    assert of(room, clock, "Mia")["state"] == "here"
    room.reported(token, Report(here="01_firelens", failed={step: 9}, quiet_s=AWAY_S + 1))
    assert (of(room, clock, "Mia")["state"], of(room, clock, "Mia")["stuck"]) == ("away", [])
    room.reported(token, Report(here="01_firelens", failed={step: 9}))
    clock.at += GONE_S + 1
    assert (of(room, clock, "Mia")["state"], of(room, clock, "Mia")["stuck"]) == ("gone", [])


def test_guesses_are_shown_after_the_reveal_only(room: Room, clock: Clock) -> None:
    """Counted before, drawn when everybody has seen the outcome, or when the trainer says so."""
    name, options = "01_match", questions()["01_match"].options

    def shown() -> dict[str, Any]:
        return next(each for each in overview(room, clock())["predictions"] if each["name"] == name)

    joined(room, "Mia", Report(guessed=(name,), seen={name: (0, 1)}))
    ken = joined(room, "Ken", Report(guessed=(name,)))
    joined(room, "Ada", Report(seen={name: (NAMELESS, 1)}))
    assert (shown()["guessed"], shown()["seen"], shown()["options"]) == (2, 2, [])
    room.reported(ken, Report(guessed=(name,), seen={name: (0, 1)}))
    assert [(row["text"], row["count"], row["happened"]) for row in shown()["options"]] == [
        (options[0], 2, False), (options[1], 0, True), *((each, 0, False) for each in options[2:]),
        ("no guess", 1, False),
    ]  # fmt: skip
    joined(room, "late")
    assert shown()["options"] == []
    room.show(name)
    assert shown()["options"][0]["count"] == 2
    with pytest.raises(RoomError):
        room.show("<script>")


def test_numbers_outside_of_the_options_break_nothing(room: Room, clock: Clock) -> None:
    """A trainee of another version has options that the course here has not."""
    joined(room, "Mia", Report(here="01_firelens", section=9999, guessed=("x",), seen={"01_match": (77, 88)}))
    found = overview(room, clock())
    assert [row["count"] for row in found["predictions"][0]["options"]] == [0, 0, 0, 1]
    assert found["trainees"][0]["section"] == ""


def test_notebooks_are_released_one_by_one(room: Room) -> None:
    """Held back is what comes after the furthest; the next one is the first that is held; drills are never held."""
    joined(room, "Mia", Report(here="01_firelens"))
    assert room.told()["released"] is None
    with pytest.raises(RoomError):
        room.release()
    room.hold(True)
    assert room.told()["released"] == ["00_setup", "01_firelens"]
    room.release()
    room.release("05_cloudwatch")
    assert room.told()["released"] == ["00_setup", "01_firelens", "02_apply", "05_cloudwatch"]
    for odd in ("drills/1_nothing_arrives", "00_setup", "../x"):
        with pytest.raises(RoomError):
            room.release(odd)
    room.hold(False)
    assert room.told()["released"] is None


def test_a_sentence_is_bounded_and_on_one_line(room: Room) -> None:
    """Each has a number, so that it is shown once more when it is said again; an empty one takes it back."""
    room.say("Break\n until \x1b]0;x\x07 four" + "!" * 1000)
    told = room.told()
    assert told["sentence"].startswith("Break until ]0;x four!")
    assert (len(told["sentence"]), told["number"]) == (MOST_SENTENCE, 1)
    room.say("")
    assert (room.told()["sentence"], room.told()["number"]) == ("", 2)
    assert plain("a\u2028b\u202ec", 10) == "a bc"


def test_a_class_is_the_same_after_a_restart(room: Room, clock: Clock) -> None:
    """All of it goes through JSON and back; the seats' tokens are not in it."""
    token = joined(room, "Mia", Report(here="01_firelens", failed={"01_1": 3}, seen={"01_match": (0, 1)}))
    room.say("Break")
    room.hold(True)
    room.show("01_match")
    kept = json.dumps(room.as_dict())
    assert token not in kept
    again = Room.from_dict(json.loads(kept), lessons(), clock)
    assert json.dumps(again.as_dict()) == kept
    assert overview(again, clock()) == overview(room, clock())
    assert again.holds(token)
    assert again.join("Ken")[1] == "Ken"
    assert again.seats.keys() != room.seats.keys()

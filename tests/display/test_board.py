"""The pipeline's board: what it shows, how it ends, and what is left of it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab_helpers.base.errors import LabError, LocalAwsNotRunningError, NotYetError
from lab_helpers.board.look import Hop, Look
from lab_helpers.display import Board, board, board_page, board_widget
from lab_helpers.display.tables import Shown

AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
DENIED = "AccessDenied: User: arn:aws:sts::123456789012:assumed-role/f/1 is not authorized to perform: s3:PutObject"
CALL = {
    "at": "2026-01-31T09:29:00.000+00:00", "principal": "arn:aws:sts::123456789012:assumed-role/f/1",
    "action": "s3:PutObject", "resource": "arn:aws:s3:::logs/<b>key</b>", "outcome": "AccessDenied", "message": "no",
}  # fmt: skip
REFUSED = Look(
    AT,
    (Hop("firehose", "Firehose", 1300, 660, rate=12.5), Hop("s3", "S3", 640, refused=DENIED, refused_at="09:29:00")),
    (CALL, {**CALL, "outcome": "allowed", "message": ""}),
    "a note",
)
WELL = Look(AT + timedelta(seconds=2), (Hop("firehose", "Firehose", 1300, 0), Hop("s3", "S3", 1300)))


class Looks:
    """Gives looks one by one, then the last error for ever; knows when it was asked so often."""

    def __init__(self, *given: Look | Exception) -> None:
        self._given, self.asked, self.through = list(given), 0, threading.Event()

    def __call__(self) -> Look:
        self.asked += 1
        if self.asked >= len(self._given):
            self.through.set()
        found = self._given[min(self.asked, len(self._given)) - 1]
        if isinstance(found, Exception):
            raise found
        return found


def _none(hop: str) -> tuple[str, ...]:
    return (f"nothing at {hop}",)


def _gone() -> LocalAwsNotRunningError:
    return LocalAwsNotRunningError("127.0.0.1", "nothing listens there")


def _shown(made: Board) -> str:
    return "".join(part.value for part in (made._head, made._note, made._told, made._open, made._feed))


def _joined(made: Board) -> None:
    assert made._thread is not None
    made._thread.join(10)
    assert not made.is_running


def test_refused_hop_is_red_with_iams_sentence() -> None:
    """The hop's name and frame are red, the sentence stands at the head with its time, without account numbers."""
    made = Board(Looks(REFUSED, _gone()), _none, every_s=0.01)
    made.start()
    _joined(made)
    button, body = made._boxes["s3"]
    assert button.button_style == "danger"
    assert board_page.RED in body.value
    assert made._boxes["firehose"][0].button_style == ""
    head = made._head.value
    assert "09:30:00 UTC" in head
    assert "is not authorized to perform: s3:PutObject" in head
    assert "123456789012" not in _shown(made) + board_page.picture(REFUSED).text


def test_board_heals_and_asks_once_a_look() -> None:
    """A later look without a refusal takes the red away; each look is one question."""
    looks = Looks(REFUSED, WELL, _gone())
    made = Board(looks, _none, every_s=0.01)
    made.start()
    _joined(made)
    assert made._boxes["s3"][0].button_style == ""
    assert looks.asked == 3


def test_board_ends_and_says_so_when_the_lab_is_gone() -> None:
    """No thread looks for ever at nothing: it ends with the reason, switches are off, and the picture stays."""
    kept: list[tuple[Shown, bool]] = []
    made = Board(Looks(REFUSED, _gone()), _none, every_s=0.01)
    made.keep_in(lambda shown, is_last: kept.append((shown, is_last)))
    made.start()
    _joined(made)
    assert "does not answer" in _shown(made)
    assert made._stop.disabled
    last, is_last = kept[-1]
    assert is_last
    assert "1,300" in last.text
    assert "does not answer" in last.text
    assert "details" in kept[0][0].html


@pytest.mark.parametrize("error", [NotYetError("The infrastructure", "02"), ConnectionError("odd")])
def test_look_that_fails_is_not_the_end(error: LabError | OSError) -> None:
    """What another look may cure is said in place of the time, and the board goes on."""
    looks = Looks(error, REFUSED, WELL, WELL)
    made = Board(looks, _none, every_s=0.01)
    made.start()
    assert looks.through.wait(10)
    assert made.is_running
    made.stop()
    assert not made.is_running


def test_stop_may_come_first_and_twice() -> None:
    """A board that was stopped before it began never looks."""
    looks = Looks(WELL)
    made = Board(looks, _none)
    made.stop()
    made.start()
    made.stop()
    assert (looks.asked, made.is_running) == (0, False)


def test_click_on_a_hop_shows_its_last_records() -> None:
    """The raw records stand below, as text and never as markup; an error is a sentence."""

    def records(hop: str) -> tuple[str, ...]:
        if hop == "s3":
            raise NotYetError("The infrastructure", "02")
        return ("<script>alert(1)</script>",)

    made = Board(Looks(REFUSED, _gone()), records, every_s=0.01)
    made.start()
    _joined(made)
    firehose, s3 = (made._boxes[key][0] for key in ("firehose", "s3"))
    firehose.disabled = s3.disabled = False
    firehose.click()
    assert "&lt;script&gt;" in made._open.value
    assert "<script>" not in made._open.value
    s3.click()
    assert "02" in made._open.value


def test_feed_is_text_and_marks_refusals() -> None:
    """The newest call comes first; names of a caller's choice are no markup."""
    told = board_page.feed(REFUSED.calls)
    assert "<b>key</b>" not in told
    assert told.index("✔") < told.index("✘")
    assert "✘ s3:PutObject AccessDenied · f · logs/" in told


def test_many_calls_of_a_kind_are_one_line() -> None:
    """A router's calls of each second do not hide the one that was refused."""
    put = {**CALL, "action": "logs:PutLogEvents", "outcome": "allowed", "principal": "arn:aws:sts::1:assumed-role/t/"}
    calls = [CALL, *({**put, "principal": f"{put['principal']}{number}"} for number in range(50))]
    assert [(row["action"], count) for row, count in board_page.grouped(calls)] == [
        ("logs:PutLogEvents", 50),
        ("s3:PutObject", 1),
    ]
    assert "logs:PutLogEvents ×50 · t ·" in board_page.feed(calls)


class Switch:
    """A sender and a permission that only write down what they are told."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def start(self) -> None:
        self.done.append("start")

    def stop(self, *, wait: bool = True) -> None:
        self.done.append(f"stop {wait}")

    def take_away(self) -> None:
        self.done.append("take away")

    def give_back(self) -> None:
        self.done.append("give back")


def test_switches_do_what_they_say() -> None:
    """Send is on and off; while a permission changes neither of its buttons can be pressed; stop ends the sender."""
    made, switch = Board(Looks(WELL), _none), Switch()
    made.offer(switch, switch)  # type: ignore[arg-type]
    send, take, give, stop = made._switches.children
    send.value = True
    made.sent()
    assert send.value is False
    take.click()
    assert (take.disabled, give.disabled) == (True, True)
    made.changed()
    give.click()
    stop.click()
    assert switch.done == ["start", "stop False", "take away", "give back", "stop False"]
    made.changed()
    assert take.disabled


def test_board_is_one_picture_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of an open notebook (papermill, nbval, a terminal) there is one look: as text and as a page."""
    monkeypatch.setattr(board_widget, "look_once", lambda _: REFUSED)
    shown = board(None)  # type: ignore[arg-type]
    assert shown is not None
    assert shown.text.splitlines()[0] == "The pipeline at 09:30:00 UTC"
    assert "✘  S3" in shown.text
    assert "12.5 a second" in shown.text
    assert "a note" in shown.html


def test_a_new_board_ends_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that is run again leaves one thread, not two; the output keeps the picture of the old one."""
    made: list[Board] = []

    def make(_: Any) -> Board:
        made.append(Board(Looks(WELL), _none, every_s=0.01))
        return made[-1]

    monkeypatch.setattr(board_widget, "_made", make)
    monkeypatch.setattr(board_widget, "in_live_notebook", lambda: True)
    monkeypatch.setattr(board_widget, "display", lambda *_, **__: None)
    assert board(None) is None  # type: ignore[arg-type]
    assert board(None) is None  # type: ignore[arg-type]
    _joined(made[0])
    assert made[1].is_running
    made[1].stop()
    board_widget._open.clear()

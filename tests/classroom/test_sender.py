"""A trainee's machine: it reports beside the notebook, hears the trainer, and leaves nothing behind."""

from __future__ import annotations

import json
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lab_helpers import strip
from lab_helpers.base.config import Settings
from lab_helpers.base.errors import ClassError
from lab_helpers.base.files.file_lock import FileLock
from lab_helpers.classroom import files, member
from lab_helpers.classroom.attendance import Attendance
from lab_helpers.classroom.files import Seat, Told
from lab_helpers.classroom.member import Answer
from lab_helpers.classroom.sender import FIRST_S, LONGEST_S, Sender
from lab_helpers.classroom.serving import open_class
from lab_helpers.classroom.syllabus import lessons
from lab_helpers.cli.main import main
from lab_helpers.workbook.time_used import TimeUsed
from tests.classroom.people import Clock

URL = "http://127.0.0.1:8750"
TOLD = {"sentence": "Break", "number": 1, "released": ["00_setup"], "every_s": 10}


class Trainer:
    """A machine that answers as it is told to, and keeps what it was sent."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.sent = list(answers), list[tuple[str, str, dict[str, Any]]]()

    def __call__(self, url: str, token: str, body: dict[str, Any], pin: str = "") -> Answer:  # noqa: ARG002
        self.sent.append((url, token, body))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The state folder of somebody who has joined a class."""
    files.keep_seat(tmp_path, Seat(URL, "token", "Mia"))
    return tmp_path


def test_a_trainer_who_does_not_answer_is_asked_more_rarely(home: Path) -> None:
    """Pauses double to a minute; the first answer ends it, and what is told is kept for its owner only."""
    clock = Clock()
    trainer = Trainer(*[Answer(0, {})] * 6, Answer(500, {}), Answer(200, TOLD))
    sender = Sender(home, post=trainer, now=clock)
    assert [sender.turn() for _ in range(7)] == [5, 10, 20, 40, 60, 60, 60]
    assert sender.turn() == 10
    assert files.told(home, clock()) == Told("Break", 1, ("00_setup",), clock())
    assert stat.S_IMODE((home / "class" / files.TOLD).stat().st_mode) == 0o600
    assert trainer.sent[0][:2] == (f"{URL}/report", "token")
    assert (FIRST_S, LONGEST_S) == (5, 60)
    sender.stop()


@pytest.mark.parametrize(
    ("body", "pause_s"),
    [({"every_s": 0}, 2), ({"every_s": 10**9}, 60), ({"every_s": "x"}, FIRST_S), ({"every_s": None}, FIRST_S)],
)
def test_a_server_does_not_set_the_pace_alone(home: Path, body: dict[str, Any], pause_s: float) -> None:
    """Between two seconds and a minute, whatever it says."""
    assert Sender(home, post=Trainer(Answer(200, {**TOLD, **body}))).turn() == pause_s


@pytest.mark.parametrize("odd", [{}, {"sentence": 1}, {**TOLD, "number": "x"}, {**TOLD, "released": 5}])
def test_an_odd_answer_tells_nothing(home: Path, odd: dict[str, Any]) -> None:
    """It counts as none: no error, nothing shown."""
    clock = Clock()
    assert Sender(home, post=Trainer(Answer(200, odd)), now=clock).turn() == FIRST_S
    assert files.told(home, clock()) == Told()


def test_a_class_that_is_over_is_forgotten(home: Path) -> None:
    """A server that does not know the seat ends the reports; one that was silent for hours says nothing any more."""
    clock = Clock()
    sender = Sender(home, post=Trainer(Answer(200, TOLD), Answer(401, {})), now=clock)
    sender.turn()
    clock.at += 6 * 3600 + 1
    assert files.told(home, clock()) == Told()
    assert sender.turn() is None
    assert sender.turn() is None
    assert [path.name for path in (home / "class").iterdir() if not path.name.endswith(".lock")] == []


def test_one_kernel_reports(home: Path) -> None:
    """A second notebook hears what is told, and reports when the first has ended."""
    heard: list[str] = []
    first, second = Trainer(Answer(200, TOLD)), Trainer(Answer(200, TOLD))
    lock = FileLock.take(files.reporting_lock(home), {})
    assert lock is not None
    files.keep_told(home, files.told_from(TOLD, Clock().at))
    other = Sender(home, lambda: heard.append("told"), post=second, now=Clock())
    assert (other.turn(), second.sent, heard) == (FIRST_S, [], ["told"])
    lock.release()
    other.turn()
    assert (len(first.sent), len(second.sent), heard) == (0, 1, ["told"])


def test_the_thread_ends(home: Path) -> None:
    """With stop, also in the middle of a pause and twice; and by itself when the class was left."""
    sent, go_on = threading.Event(), threading.Event()

    def post(*_: Any) -> Answer:
        sent.set()
        go_on.wait(10)
        return Answer(0, {})

    sender = Sender(home, post=post)
    sender.stop()
    sender.start()
    thread = sender._thread
    sender.start()
    assert sender._thread is thread
    assert sent.wait(10)
    member.leave(home, Trainer(Answer(200, {})))
    go_on.set()
    sender.stop()
    sender.stop()
    assert thread is not None
    thread.join(10)
    assert not sender.is_running
    sender.start()
    assert not sender.is_running  # there is no seat


def test_a_notebook_does_not_wait_for_the_trainer(home: Path) -> None:
    """While a report hangs, cells go on; its section is that of the cell that was run."""
    sent, go_on = threading.Event(), threading.Event()
    bodies: list[dict[str, Any]] = []

    def hangs(_url: str, _token: str, body: dict[str, Any], _pin: str) -> Answer:
        bodies.append(body)
        sent.set()
        go_on.wait(20)
        return Answer(0, {})

    TimeUsed(home).begun("04_traffic")
    open_notebook = Attendance(home, "04_traffic", lambda: None, hangs)
    cell, section = list(lessons()["04_traffic"].section_of.items())[-1]
    open_notebook.after_cell(cell)
    assert sent.wait(10)
    open_notebook.after_cell(cell)
    assert (bodies[0]["here"], bodies[0]["section"]) == ("04_traffic", section)
    go_on.set()
    open_notebook.end()
    assert not open_notebook.sender.is_running


def test_without_a_class_nothing_is_done(tmp_path: Path) -> None:
    """No thread, no file, no call."""
    trainer = Trainer(Answer(200, TOLD))
    open_notebook = Attendance(tmp_path, "04_traffic", lambda: None, trainer)
    open_notebook.after_cell("04-01")
    assert (open_notebook.sender.is_running, trainer.sent, list(tmp_path.iterdir())) == (False, [], [])


def test_a_full_disk_ends_reports_and_nothing_else(home: Path) -> None:
    """The thread ends without a traceback; the next cell begins another one."""

    def full(*_: Any) -> Answer:
        raise OSError(28, "No space left on device")

    sender = Sender(home, post=full)
    sender.start()
    assert sender._thread is not None
    sender._thread.join(10)
    assert not sender.is_running
    assert FileLock.take(files.reporting_lock(home), {}) is not None


def test_the_strip_says_what_the_trainer_says(home: Path) -> None:
    """Escaped, before the sum; what is held back has no link and says so; nothing of it without a class."""
    settings, notebook = Settings(home=home), "04_traffic"
    before = strip.shown(settings, notebook)
    now = {**TOLD, "sentence": "<script>alert(1)</script>"}
    files.keep_told(home, files.told_from(now, time.time()))
    found = strip.shown(settings, notebook)
    assert "Your trainer says: <script>alert(1)</script>" in found.text
    assert "<script>" not in found.html
    assert "Your trainer has not released this notebook yet." in found.text
    assert ("href='05_cloudwatch.ipynb'" in before.html, "href='05_cloudwatch.ipynb'" in found.html) == (True, False)
    assert "href='00_setup.ipynb'" in found.html
    assert "href='drills/1_nothing_arrives.ipynb'" in found.html
    files.forget_seat(home)
    assert strip.shown(settings, notebook) == before


@pytest.mark.parametrize(
    "url",
    ["", "https://10.0.0.1:8750/x", "ftp://10.0.0.1", "http://user@10.0.0.1:1", "http://10.0.0.1:99999", "http://10.0.0.1/x",
     "http://", "http://a b", "file:///etc/passwd", "http://10.0.0.1?x=1", "http://[::1"],
)  # fmt: skip
def test_an_address_is_a_host_and_a_port(url: str, tmp_path: Path) -> None:
    """Anything else is asked for nothing."""
    trainer = Trainer(Answer(200, {"token": "x", "name": "x"}))
    with pytest.raises(ClassError, match="no address of a class"):
        member.join(tmp_path, url, "CODE", "Mia", trainer)
    assert trainer.sent == []


def test_addresses_as_people_type_them() -> None:
    """With and without http://, a slash at the end, a name, IPv6."""
    given = ("192.0.2.1:8750", "http://192.0.2.1:8750/", "trainer.local:8750", "http://[2001:db8::1]:8750", "localhost")
    assert [member.address(url) for url in given] == [
        "http://192.0.2.1:8750", "http://192.0.2.1:8750", "http://trainer.local:8750", "http://[2001:db8::1]:8750",
        "http://localhost",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(0, {}), "Nothing answers"),
        (Answer(403, {"error": "not the code\x1b[2J"}), "says: not the code"),
        (Answer(200, {}), "status 200"),
        (Answer(200, {"token": "x" * 5000}), "status 200"),
        (Answer(302, {"error": ["x"]}), "status 302"),
    ],
)
def test_a_class_that_does_not_take_us_says_why(answer: Answer, told: str, tmp_path: Path) -> None:
    """In one sentence, without control characters; there is no seat then."""
    with pytest.raises(ClassError, match=told) as raised:
        member.join(tmp_path, URL, "CODE", "Mia", Trainer(answer))
    assert "\x1b" not in str(raised.value)
    assert files.seat(tmp_path) is None


def test_join_show_and_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--show prints all that is sent and sends nothing; the sentence is said once after any command; leave ends it."""
    home = tmp_path / "mia"
    monkeypatch.setenv("LAB_HOME", str(home))
    with open_class(tmp_path / "trainer", port=0) as server:
        url, code = f"http://127.0.0.1:{server.port}", server.room.code
        assert main(["join", "--show"]) == 0
        assert set(json.loads(capsys.readouterr().out)) == set(member.current(home).as_dict())
        assert not home.exists()
        assert [main(argv) for argv in (["join"], ["leave"], ["join", url], ["join", url, "AAAA-AAAA"])] == [1] * 4
        assert server.room.seats == {}
        server.room.join("Mia")
        server.room.say("Break")
        capsys.readouterr()
        assert main(["join", url, code, "--name", "Mia"]) == 0
        told = capsys.readouterr()
        assert "as Mia (2)" in told.out
        assert told.err == "Your trainer says: Break\n"
        assert main(["join"]) == 0
        assert capsys.readouterr().err == ""
        assert [seat.name for seat in server.room.seats.values()] == ["Mia", "Mia (2)"]
        assert main(["leave"]) == 0
        assert [seat.name for seat in server.room.seats.values()] == ["Mia"]
    assert files.seat(home) is None


def test_what_a_server_sends_is_bounded() -> None:
    """Too long an answer, no JSON, brackets without an end, a redirect: each is no answer, or one without a word."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    bodies = {"/long": b"x" * (member.MOST_ANSWER + 1), "/deep": b"[" * 60000, "/text": b"hello", "/list": b"[1]"}

    class Odd(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(302 if self.path == "/away" else 200)
            self.send_header("Location", "/text")
            self.end_headers()
            self.wfile.write(bodies.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Odd)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        where = f"http://127.0.0.1:{server.server_port}"
        found = {path: member.post(f"{where}{path}", "", {}) for path in (*bodies, "/away")}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert found == {
        "/long": Answer(0, {}), "/deep": Answer(200, {}), "/text": Answer(200, {}), "/list": Answer(200, {}),
        "/away": Answer(302, {}),
    }  # fmt: skip
    assert member.post(where, "", {}) == Answer(0, {})

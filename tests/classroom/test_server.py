"""The class's server over loopback: who may, what it refuses, how it comes back, and thirty trainees at once."""

from __future__ import annotations

import http.client
import json
import os
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.base.errors import ClassError
from lab_helpers.classroom import files, member, serving
from lab_helpers.classroom.report import MOST_BYTES, Report
from lab_helpers.classroom.server import ClassServer
from lab_helpers.classroom.serving import open_class
from lab_helpers.classroom.syllabus import questions
from lab_helpers.exercises import Progress
from tests.classroom.people import STEPS, Clock, guesses, works
from tests.support.stored_notebooks import LAB

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ClassServer]:
    """A class, on a free port."""
    with open_class(tmp_path / "trainer", port=0) as server:
        yield server


def asked(
    server: ClassServer,
    method: str,
    path: str,
    body: Any = None,
    token: str = "",
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Ask the server as a program would; return status and JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    sent = {**JSON, **({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    try:
        text = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        connection.request(method, path, text, sent)
        answer = connection.getresponse()
        got = answer.read()
        return answer.status, json.loads(got) if got.startswith(b"{") else {}
    finally:
        connection.close()


def seen(server: ClassServer) -> dict[str, Any]:
    """Return what the trainer's page is given."""
    status, found = asked(server, "GET", "/class", token=server.room.trainer)
    assert status == 200
    return found


def test_thirty_trainees(served: ClassServer, tmp_path: Path) -> None:
    """All join and report at once; the page knows where each is, is stuck, what was guessed; all hear the trainer."""
    homes = [tmp_path / f"t{number}" for number in range(30)]
    first, options = STEPS["01_firelens"][0], questions()["01_match"].options

    def takes_part(number: int) -> str:
        home, clock = homes[number], Clock(served.wall() - 200)
        seat = member.join(home, f"http://127.0.0.1:{served.port}", served.room.code, f"Trainee {number:02}")
        works(home, "01_firelens" if number < 20 else "02_apply", clock)
        guesses(home, "01_match", options[number % 2], options[0])
        for _ in range(3 if number < 4 else 1):
            Progress(home).attempted(first, passed=number >= 10)
        assert member.report(home, seat).status == 200
        return seat.name

    with ThreadPoolExecutor(15) as together:
        names = list(together.map(takes_part, range(30)))
    found = seen(served)
    assert {each["name"] for each in found["trainees"]} == set(names) == {f"Trainee {n:02}" for n in range(30)}
    assert [len(each["here"]) for each in found["notebooks"][:3]] == [0, 20, 10]
    assert {each["name"] for each in found["trainees"] if each["stuck"]} == {f"Trainee {n:02}" for n in range(4)}
    histogram = next(each for each in found["predictions"] if each["name"] == "01_match")
    assert [row["count"] for row in histogram["options"]][:2] == [15, 15]
    assert all(each["used_min"] == 3 for each in found["trainees"])
    status, _ = asked(served, "POST", "/class", {"do": "say", "text": "Break until four"}, served.room.trainer)
    assert status == 200
    assert asked(served, "POST", "/class", {"do": "hold", "on": True}, served.room.trainer)[0] == 200

    def hears(home: Path) -> files.Told:
        seat = files.seat(home)
        assert seat is not None
        member.report(home, seat)
        return files.told(home, served.wall())

    with ThreadPoolExecutor(15) as together:
        told = list(together.map(hears, homes))
    assert {each.sentence for each in told} == {"Break until four"}
    assert {each.released for each in told} == {("00_setup", "01_firelens", "02_apply")}
    for home in homes[:10]:
        member.leave(home)
    assert len(seen(served)["trainees"]) == 20


def test_without_the_code_there_is_no_seat(served: ClassServer) -> None:
    """No code, a wrong one, one of another kind: no seat; after ten of them a wait, for the right one too."""
    for code in ("", "AAAA-AAAA", served.room.code[:-1]):
        assert asked(served, "POST", "/join", {"code": code, "name": "Eve"})[0] == 403
    assert asked(served, "POST", "/join", {"name": "Eve"})[0] == 403
    assert asked(served, "POST", "/join", {"code": 7, "name": "Eve"})[0] == 400
    for _ in range(6):
        asked(served, "POST", "/join", {"code": "BBBB-BBBB"})
    status, told = asked(served, "POST", "/join", {"code": served.room.code, "name": "Mia"})
    assert (status, told["error"]) == (429, "Too many requests: wait 6 s.")
    assert seen(served)["trainees"] == []


def test_each_token_opens_its_own_door(served: ClassServer) -> None:
    """A seat's token leads no class, the trainer's is no seat's, and none is taken from the address."""
    _, mia = asked(served, "POST", "/join", {"code": served.room.code, "name": "Mia"})
    for token in ("", "x", mia["token"], served.room.code):
        assert asked(served, "GET", "/class", token=token)[0] == 401
        assert asked(served, "POST", "/class", {"do": "say", "text": "x"}, token)[0] == 401
    assert asked(served, "GET", f"/class?token={served.room.trainer}")[0] == 401
    for token in ("", "x", served.room.trainer):
        assert asked(served, "POST", "/report", Report().as_dict(), token)[0] == 401
    assert asked(served, "POST", "/leave", {}, "x")[0] == 200
    assert len(seen(served)["trainees"]) == 1
    assert seen(served)["sentence"] == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": "rebound.example:{port}"},
        {"Host": "127.0.0.1:1"},
        {"Host": "192.0.2.2:{port}"},
        {"Host": "127.0.0.1:{port}@rebound.example"},
        {"Host": ""},
        {"Host": "[::1"},
        {"Origin": "https://rebound.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_names_and_other_pages_are_not_answered(served: ClassServer, headers: dict[str, str]) -> None:
    """Neither the page nor the class, also with the trainer's token; and no answer allows another origin to read it."""
    sent = {name: value.format(port=served.port) for name, value in headers.items()}
    for method, path in (("GET", "/"), ("GET", "/class"), ("POST", "/class"), ("GET", "/nothing")):
        body = {"do": "say", "text": "x"} if method == "POST" else None
        status, told = asked(served, method, path, body, served.room.trainer, sent)
        assert status in (400, 403)  # 400: no name at all
        assert set(told) <= {"error"}
    assert served.room.sentence == ""


def test_its_own_names_are_answered(served: ClassServer) -> None:
    """The address, localhost, and its own page."""
    for host in (f"127.0.0.1:{served.port}", f"localhost:{served.port}", f"[::1]:{served.port}"):
        headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        assert asked(served, "GET", "/class", None, served.room.trainer, headers)[0] == 200


def test_a_browser_of_another_page_may_not_even_ask(served: ClassServer) -> None:
    """Preflights are refused, bodies of forms too."""
    for method, path in (
        ("OPTIONS", "/class"),
        ("PUT", "/class"),
        ("DELETE", "/report"),
        ("TRACE", "/"),
        ("GET", "/join"),
    ):
        assert asked(served, method, path, token=served.room.trainer)[0] == 405
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert asked(served, "POST", "/join", {"code": served.room.code}, headers={"Content-Type": kind})[0] in (
            400,
            415,
        )
    assert asked(served, "GET", "/../../etc/passwd", token=served.room.trainer)[0] == 404


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"[" * 8000, b'{"a":' * 1600, b"\xff\xfe", b'"x"', b'{"here": "x", "answer": "secret"}']
)
def test_what_is_no_object_of_ours_is_refused(served: ClassServer, body: bytes) -> None:
    """In a word, and without a trace of it anywhere."""
    _, mia = asked(served, "POST", "/join", {"code": served.room.code, "name": "Mia"})
    status, told = asked(served, "POST", "/report", body, mia["token"])
    assert (status, list(told)) == (400, ["error"])
    assert "secret" not in json.dumps(served.room.as_dict())


def test_a_big_body_is_not_read(served: ClassServer) -> None:
    """Its announced length is enough to refuse it; the class goes on."""
    with socket.create_connection(("127.0.0.1", served.port), 10) as raw:
        head = f"POST /join HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nContent-Length: {MOST_BYTES + 1}\r\n\r\n"
        raw.sendall(head.encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
        assert raw.recv(100) == b""
    with socket.create_connection(("127.0.0.1", served.port), 10) as raw:
        raw.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nX: {'x' * 9000}\r\n\r\n".encode())
        assert not raw.recv(100).startswith(b"HTTP/1.1 200")
    assert seen(served)["trainees"] == []


def test_a_flood_is_held_off(tmp_path: Path) -> None:
    """A seat reports so often, an address asks so often; then a wait is named, and is over when it is."""
    clock = Clock()
    with open_class(tmp_path, port=0) as server:
        for limiter in (server.asks, server.reports):
            limiter._now = clock
        _, mia = asked(server, "POST", "/join", {"code": server.room.code, "name": "Mia"})
        _, ken = asked(server, "POST", "/join", {"code": server.room.code, "name": "Ken"})
        codes = [asked(server, "POST", "/report", {}, mia["token"])[0] for _ in range(14)]
        assert codes == [200] * 12 + [429] * 2
        assert asked(server, "POST", "/report", {}, ken["token"])[0] == 200
        clock.at += 2
        assert asked(server, "POST", "/report", {}, mia["token"])[0] == 200
        server.asks._left["127.0.0.1"] = (1.0, clock())
        assert [asked(server, "GET", "/")[0] for _ in range(3)] == [200, 429, 429]


def test_connections_are_bounded(served: ClassServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than it takes is closed at once; those that are in are answered."""
    monkeypatch.setattr("lab_helpers.classroom.server._MOST_CONNECTIONS", 2)
    held = [socket.create_connection(("127.0.0.1", served.port), 10) for _ in range(3)]
    try:
        assert held[2].recv(10) == b""
        held[0].sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode())
        assert held[0].recv(12) == b"HTTP/1.1 200"
    finally:
        for each in held:
            each.close()


def test_names_are_texts(served: ClassServer) -> None:
    """HTML, quotes and control characters in a name come as a JSON text, which the page takes for no markup."""
    odd = "<img src=x onerror=alert(1)>\"'&\u202e\x00"
    _, mia = asked(served, "POST", "/join", {"code": served.room.code, "name": odd})
    assert mia["name"] == odd[:-2]
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", "/class", headers={"Authorization": f"Bearer {served.room.trainer}"})
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(answer.read())["trainees"][0]["name"] == odd[:-2]
    connection.close()


def test_the_page_holds_nothing_of_the_class(served: ClassServer) -> None:
    """It is given to everybody: no code, no token; and nothing from elsewhere is let in."""
    asked(served, "POST", "/join", {"code": served.room.code, "name": "Mia"})
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", "/")
    answer = connection.getresponse()
    page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    connection.close()
    assert not [each for each in (served.room.code, served.room.trainer, "Mia") if each in page]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [
        each for each in ("http://", "https://", "innerHTML", "src=", "href=", "style='", " onclick=") if each in page
    ]


def test_what_the_trainer_does_is_bounded(served: ClassServer) -> None:
    """Unknown deeds, notebooks, predictions, seats: a word, and the class as it was."""
    before = served.room.as_dict()
    for body, status in (
        ({}, 400),
        ({"do": "drop"}, 400),
        ({"do": ["say"]}, 400),
        ({"do": "say", "text": 5}, 400),
        ({"do": "remove", "number": "1"}, 400),
        ({"do": "remove", "number": 99}, 409),
        ({"do": "release", "notebook": "../x"}, 409),
        ({"do": "show", "prediction": "<b>"}, 409),
    ):
        assert asked(served, "POST", "/class", body, served.room.trainer)[0] == status
    assert served.room.as_dict() == before


def test_the_trainers_machine_goes_and_comes_back(tmp_path: Path) -> None:
    """Code, page, port, seats and sentence are those of before; the file is for its owner only; --fresh begins anew."""
    trainer, trainee = tmp_path / "trainer", tmp_path / "trainee"
    with open_class(trainer, port=0) as server:
        code, token, port = server.room.code, server.room.trainer, server.port
        seat = member.join(trainee, f"127.0.0.1:{port}", code, "Mia")
        asked(server, "POST", "/class", {"do": "say", "text": "Break"}, token)
    assert stat.S_IMODE((trainer / "class" / files.ROOM).stat().st_mode) == 0o600
    assert stat.S_IMODE((trainer / "class").stat().st_mode) == 0o700
    assert member.report(trainee, seat).status == 0
    assert files.seat(trainee) == seat
    with open_class(trainer) as server:
        assert (server.room.code, server.room.trainer, server.port) == (code, token, port)
        assert member.report(trainee, seat).status == 200
        assert files.told(trainee, server.wall()).sentence == "Break"
        with pytest.raises(ClassError, match="served already"), open_class(trainer):
            pass
    with open_class(trainer, port=port, fresh=True) as server:
        assert server.room.code != code
        assert member.report(trainee, seat).status == 401
    assert files.seat(trainee) is None
    assert not [each for each in threading.enumerate() if each.name == "class-server"]


def test_a_class_that_cannot_be_served_says_why(tmp_path: Path) -> None:
    """A port that is taken, an address of another machine, a name that is none, a state that cannot be read."""
    with open_class(tmp_path / "one", port=0) as server:
        with (
            pytest.raises(ClassError, match=f"port {server.port}: another program"),
            open_class(tmp_path, port=server.port),
        ):
            pass
        for bind in ("192.0.2.77", "no such.name", "x" * 300):
            with pytest.raises(ClassError, match="--bind"), open_class(tmp_path, bind, 0):
                pass
    for text in ("{", "[]", '{"port": 1, "room": {"code": 5}}', '{"port": 1, "room": []}', '{"x": 1}'):
        files.keep_room(tmp_path, {})
        (tmp_path / "class" / files.ROOM).write_text(text)
        with pytest.raises(ClassError, match="--fresh"), open_class(tmp_path, port=0):
            pass


def test_the_trainer_is_told_what_an_address_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback says that it is alone; an address says who comes in, and without TLS that nothing is encrypted."""
    with open_class(tmp_path, port=0) as server:
        told = "\n".join(serving.welcome(server))
        assert f"http://127.0.0.1:{server.port}/#token={server.room.trainer}" in told
        assert "--bind ADDRESS" in told
        monkeypatch.setattr(serving, "_own_addresses", lambda: ["192.0.2.7"])
        server.bind = "0.0.0.0"  # as with --no-tls
        told = "\n".join(serving.welcome(server))
        assert f"lab join http://192.0.2.7:{server.port} {server.room.code}" in told
        assert "not encrypted" in told


def test_the_command_ends_in_order(tmp_path: Path) -> None:
    """`lab class serve` prints page and code at once; told to end it keeps the class, says so, and ends with 0."""
    environ = {**os.environ, "LAB_HOME": str(tmp_path)}
    command = [LAB, "class", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        head = [running.stdout.readline() for _ in range(4)]
        running.terminate()
        rest = running.stdout.read()
    kept = files.room(tmp_path)
    assert head[1].strip() == f"http://127.0.0.1:{kept['port']}/#token={kept['room']['trainer']}"
    assert head[3].strip() == f"lab join http://127.0.0.1:{kept['port']} {kept['room']['code']}"
    assert (running.returncode, "The class is closed." in rest, "Traceback" in rest) == (0, True, False)

"""The built-in web server answers and logs as Apache does, request by request."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab_helpers.local_aws.ecs.containers.images import Image, parse_image
from lab_helpers.local_aws.ecs.containers.warden import Warden
from lab_helpers.local_aws.ecs.ports import PortPool, accepts
from lab_helpers.local_aws.ecs.runtimes.httpd import HttpdRuntime, find_apache
from lab_helpers.local_aws.ecs.runtimes.runtime import Launch, LaunchRequest
from lab_helpers.local_aws.ecs.spec import ContainerSpec

PROXY = b"PROXY TCP4 10.0.11.5 10.0.11.9 1234 80\r\n"
END = b"Host: x\r\nConnection: close\r\n\r\n"
REQUESTS = {
    "page": b"GET / HTTP/1.1\r\n" + END,
    "page by name": b"GET /index.html HTTP/1.1\r\n" + END,
    "with a query": b"GET /?id=1&x=%20 HTTP/1.1\r\n" + END,
    "head": b"HEAD / HTTP/1.1\r\n" + END,
    "not found": b"GET /nope?x=1 HTTP/1.1\r\n" + END,
    "not found head": b"HEAD /nope HTTP/1.1\r\n" + END,
    "post": b"POST / HTTP/1.1\r\nContent-Length: 3\r\n" + END + b"a=1",
    "post to nothing": b"POST /nope HTTP/1.1\r\nContent-Length: 3\r\n" + END + b"a=1",
    "chunked": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + END + b"3\r\nabc\r\n0\r\n\r\n",
    "put": b"PUT /x HTTP/1.1\r\nContent-Length: 1\r\n" + END + b"x",
    "delete": b"DELETE / HTTP/1.1\r\n" + END,
    "options": b"OPTIONS / HTTP/1.1\r\n" + END,
    "options of all": b"OPTIONS * HTTP/1.1\r\n" + END,
    "trace": b"TRACE / HTTP/1.1\r\n" + END,
    "unknown method": b"FOO / HTTP/1.1\r\n" + END,
    "method in small letters": b"get / HTTP/1.1\r\n" + END,
    "old version": b"GET / HTTP/1.0\r\n\r\n",
    "oldest version": b"GET /\r\n",
    "newer version": b"GET / HTTP/2.0\r\n" + END,
    "absolute": b"GET http://x/ HTTP/1.1\r\n" + END,
    "quote in the path": b'GET /a"b\\c HTTP/1.1\r\n' + END,
    "bytes in the path": b"GET /\xe3\x81\x82 HTTP/1.1\r\n" + END,
    "dots": b"GET /a/../ HTTP/1.1\r\n" + END,
    "dots above the root": b"GET /%2e%2e/ HTTP/1.1\r\n" + END,
    "bad escape": b"GET /%zz HTTP/1.1\r\n" + END,
    "escaped slash": b"GET /a%2fb HTTP/1.1\r\n" + END,
    "escaped nul": b"GET /%00 HTTP/1.1\r\n" + END,
    "two spaces": b"GET  / HTTP/1.1\r\n" + END,
    "no slash": b"GET nohost HTTP/1.1\r\n" + END,
    "no host": b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    "garbage": b"\x16\x03garbage\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "header without a colon": b"GET / HTTP/1.1\r\nnocolon\r\n" + END,
    "long header": b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n" + END,
    "long path": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + END,
    "range": b"GET / HTTP/1.1\r\nRange: bytes=0-4\r\n" + END,
    "last bytes": b"GET / HTTP/1.1\r\nRange: bytes=-5\r\n" + END,
    "a date in the future": b"GET / HTTP/1.1\r\nIf-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n" + END,
    "not modified": b"GET / HTTP/1.1\r\nIf-None-Match: *\r\n" + END,
    "two on one connection": b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\n" + END,
}


@dataclass
class Server:
    """A running web server and what it printed."""

    port: int
    process: subprocess.Popen[bytes]
    folder: Path

    def ask(self, request: bytes, proxy: bytes = PROXY) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(proxy + request)
            parts = []
            while data := connection.recv(65_536):
                parts.append(data)
        return b"".join(parts)

    def log(self) -> list[str]:
        return (self.folder / "stdout").read_text("latin-1").splitlines()

    def wait_for_log(self, lines: int) -> list[str]:
        pause = threading.Event()
        for _ in range(500):
            if len(self.log()) >= lines:
                break
            pause.wait(0.01)
        return self.log()


@contextmanager
def _served(choice: str, folder: Path) -> Iterator[Server]:
    warden = Warden()  # its folder may be entered by the user that Apache's child becomes
    launch = _launch(choice, folder, warden.run_dir)
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(list(launch.argv), env=dict(launch.env), cwd=folder, stdout=out, stderr=err)
    pause = threading.Event()
    try:
        while not launch.is_ready():
            assert process.poll() is None, (folder / "stderr").read_text()
            pause.wait(0.02)
        yield Server(launch.sockets[80].port, process, folder)
    finally:
        process.terminate()
        process.wait()
        warden.stop()


def _launch(choice: str, folder: Path, run_dir: Path) -> Launch:
    folder.mkdir()
    container = ContainerSpec("httpd", "httpd:latest")
    env = {"PATH": os.environ["PATH"], "TZ": "UTC"}
    request = LaunchRequest(container, Image(parse_image("httpd")), folder, run_dir, env, PortPool())
    return HttpdRuntime(choice).prepare(request)


@pytest.fixture(scope="module")
def builtin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with _served("builtin", tmp_path_factory.mktemp("run") / "builtin") as server:
        yield server


@pytest.fixture(scope="module")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if find_apache() is None:
        pytest.skip("Apache is not installed")
    with _served("apache", tmp_path_factory.mktemp("run") / "apache") as server:
        yield server


def _comparable(line: str) -> str:
    """Without the time; the size of an error document only as "some": its wording changed within 2.4."""
    line = re.sub(r"\[[^]]+\] ", "", line)
    return re.sub(r'" ([45]\d\d) \d+$', r'" \1 some', line)


def test_the_log_lines_are_apaches(builtin: Server, apache: Server) -> None:
    """Every request leaves the same lines with both: address, request line, status, size."""
    logs = []
    for server in (builtin, apache):
        before = len(server.log())
        for request in REQUESTS.values():
            server.ask(request)
        logs.append([_comparable(line) for line in server.wait_for_log(before + len(REQUESTS) + 1)[before:]])
    assert logs[0] == logs[1]
    assert len(logs[0]) == len(REQUESTS) + 1


IN_ORDER = {"Date", "Server", "Last-Modified", "ETag", "Accept-Ranges", "Content-Length", "Connection", "Content-Type"}
"""Headers that both send in the same order: notebook 04 shows an answer as it came."""


def _header_names(answer: bytes) -> list[str]:
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1")
    return [line.partition(":")[0] for line in head.split("\r\n")[1:]]


@pytest.mark.parametrize("name", REQUESTS)
def test_the_answers_are_apaches(name: str, builtin: Server, apache: Server) -> None:
    """Status, body of the page, and the headers that a client could rely on."""
    ours, theirs = builtin.ask(REQUESTS[name]), apache.ask(REQUESTS[name])
    assert ours.split(b"\r\n", 1)[0] == theirs.split(b"\r\n", 1)[0]
    if b"It works!" in theirs and name != "two on one connection":
        assert ours.rpartition(b"\r\n\r\n")[2] == theirs.rpartition(b"\r\n\r\n")[2]
    for header in (b"Content-Range", b"Allow", b"Accept-Ranges", b"Connection"):
        assert (header in ours) == (header in theirs), header
    if REQUESTS[name].startswith(b"GET"):  # of HEAD, OPTIONS and TRACE Apache does not tell every length
        named = [[each for each in _header_names(answer) if each in IN_ORDER] for answer in (ours, theirs)]
        assert named[0] == named[1]


def test_the_page_is_the_articles(builtin: Server) -> None:
    """45 bytes, and the line of the article but for address and time."""
    answer = builtin.ask(REQUESTS["page"])
    assert answer.endswith(b"\r\n\r\n<html><body><h1>It works!</h1></body></html>\n")
    line = builtin.log()[-1]
    pattern = r'10\.0\.11\.5 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET / HTTP/1\.1" 200 45'
    assert re.fullmatch(pattern, line)


@pytest.mark.parametrize("kind", ["builtin", "apache"])
def test_who_does_not_speak_the_proxy_protocol_is_refused(kind: str, request: pytest.FixtureRequest) -> None:
    """Without the PROXY line there is no answer and no line in the log."""
    server: Server = request.getfixturevalue(kind)
    before = server.log()
    assert server.ask(b"GET / HTTP/1.1\r\n" + END, proxy=b"") == b""
    server.ask(REQUESTS["page"])
    assert len(server.wait_for_log(len(before) + 1)) == len(before) + 1


@pytest.mark.parametrize("choice", ["builtin", "apache"])
def test_a_graceful_stop_answers_what_is_in_flight(choice: str, tmp_path: Path) -> None:
    """The image's stop signal lets a request that has begun end; then the port is closed."""
    if choice == "apache" and find_apache() is None:
        pytest.skip("Apache is not installed")
    with _served(choice, tmp_path / choice) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(PROXY + b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\na")
            server.ask(REQUESTS["page"])  # by now the first one has been taken up
            server.process.send_signal(signal.SIGWINCH)
            while accepts(server.port):
                threading.Event().wait(0.01)
            connection.sendall(b"b")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")
        assert server.process.wait(10) == 0


def test_a_taken_port_is_said(builtin: Server) -> None:
    """Exit status 1 with Apache's message, on which the runtime tries another port."""
    argv = [sys.executable, "-m", "lab_helpers.local_aws.ecs.runtimes.builtin_httpd", "--port", str(builtin.port)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "could not bind to address" in done.stderr

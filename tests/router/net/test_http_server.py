"""The HTTP server answers as Fluent Bit's, and its numbers add up."""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lab_helpers.router.admin.http_pages import Page, Pages
from lab_helpers.router.admin.http_server import HttpServer, response
from lab_helpers.router.admin.metrics_text import uptime_words
from lab_helpers.router.admin.storage_status import InputStatus
from lab_helpers.router.core.counters import Counters
from lab_helpers.router.core.log import Sink
from lab_helpers.router.core.loop import Loop
from lab_helpers.router.core.service import Service
from lab_helpers.router.core.version import VERSION
from lab_helpers.router.net.http_request import Request


@dataclass
class Running:
    """A server under test, with what a test changes."""

    server: HttpServer
    loop: Loop
    counters: Counters
    clock: list[float]
    pages: Pages

    def ask(self, request: bytes) -> bytes:
        """Send bytes and let the loop turn until the answer is there."""
        with socket.create_connection(("127.0.0.1", self.server.port)) as peer:
            peer.sendall(request)
            peer.settimeout(0.05)
            received = b""
            while not received.endswith((b"0\r\n\r\n", b"Content-Length: 0\r\n\r\n")):
                self.loop.turn(0.01)
                with contextlib.suppress(TimeoutError):
                    more = peer.recv(65_536)
                    if not more:
                        break
                    received += more
        return received

    def get(self, path: str) -> tuple[int, bytes]:
        """Return (status, body) of a GET."""
        head, _, rest = self.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).partition(b"\r\n\r\n")
        size, _, body = rest.partition(b"\r\n")
        return int(head.split(b" ")[1]), body[: int(size, 16)]


@pytest.fixture
def running() -> Iterator[Running]:
    """A server with one input's and one output's counters, and two chunks of the input."""
    loop, counters, clock = Loop(), Counters(), [100.0]
    counters.add("input", "forward.0", records=5)
    counters.add("output", "s3.0", proc_records=3, errors=0, retries_failed=0)
    counters.add_route("forward.0", "s3.0", records=3, bytes=90)
    service = Service(
        http_listen="127.0.0.1", http_port=0, health_check=True, health_errors=1, health_period_s=10,
        sink=Sink(stream=io.StringIO()),
    )  # fmt: skip
    status = InputStatus(mem_limit=10_000_000)
    status.add(124, in_file=False, is_up=True, is_busy=True)
    status.add(28, in_file=True, is_up=False, is_busy=False)
    balance = {"s3.0": {"sent": 3, "dropped": 0, "held": 2}}
    pages = Pages(service, counters, lambda: balance, lambda: {"forward.0": status}, lambda: clock[0])
    server = HttpServer(service, loop, pages)
    server.start()
    yield Running(server, loop, counters, clock, pages)
    server.stop()
    server.stop()
    loop.close()


def test_metrics_and_uptime(running: Running) -> None:
    """JSON by kind, instance and counter."""
    status, body = running.get("/api/v1/metrics")
    metrics: Any = json.loads(body)
    assert status == 200
    assert (metrics["input"]["forward.0"]["records"], metrics["output"]["s3.0"]["proc_records"]) == (5, 3)
    assert json.loads(running.get("/api/v1/uptime")[1])["uptime_sec"] in range(60)
    assert json.loads(running.get("/api/lab/balance")[1])["s3.0"]["held"] == 2


def test_prometheus(running: Running) -> None:
    """Each metric has its help and type, each instance its label."""
    _, body = running.get("/api/v1/metrics/prometheus")
    assert b"# TYPE fluentbit_input_records_total counter\n" in body
    assert b'fluentbit_output_proc_records_total{name="s3.0"} 3 ' in body


def test_second_version_of_the_metrics(running: Running) -> None:
    """Routes, chunks and the log's lines besides; as Prometheus reads them, and as lines with a time."""
    body = running.get("/api/v2/metrics/prometheus")[1].decode()
    assert 'fluentbit_routing_logs_records_total{input="forward.0",output="s3.0"} 3\n' in body
    assert 'fluentbit_logger_logs_total{message_type="info"} 1\n' in body  # "listen iface=..."
    assert "fluentbit_storage_fs_chunks_down 1\n" in body
    lines = running.get("/api/v2/metrics")[1].decode().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z fluentbit_\w+(\{.*\})? = \d+$", line) for line in lines)
    assert len(lines) == sum(not line.startswith("#") for line in body.splitlines())


def test_storage(running: Running) -> None:
    """Sums of all chunks, and each input's, sizes as people read them."""
    page = json.loads(running.get("/api/v1/storage")[1])
    assert page["storage_layer"]["chunks"] == {
        "total_chunks": 2, "mem_chunks": 1, "fs_chunks": 1, "fs_chunks_up": 0, "fs_chunks_down": 1,
    }  # fmt: skip
    assert page["input_chunks"]["forward.0"] == {
        "status": {"overlimit": False, "mem_size": "124b", "mem_limit": "9.5M"},
        "chunks": {"total": 2, "up": 1, "down": 1, "busy": 1, "busy_size": "124b"},
    }


def test_health_turns_bad_with_errors_and_good_again(running: Running) -> None:
    """More errors in the period than HC_Errors_Count: 500, until the period is over."""
    assert running.get("/api/v1/health") == (200, b"ok\n")
    for now, errors in ((101.0, 1), (105.0, 1)):
        running.clock[0] = now
        running.counters.add("output", "s3.0", errors=errors)
        running.pages.sample()
    assert running.get("/api/v1/health") == (500, b"error\n")
    running.clock[0] = 111.5
    running.pages.sample()
    assert running.get("/api/v1/health") == (200, b"ok\n")


def test_plugins_and_reload(running: Running) -> None:
    """What is built in; a reload is refused."""
    assert "forward" in json.loads(running.get("/api/v1/plugins")[1])["plugins"]["inputs"]
    assert json.loads(running.get("/api/v2/reload")[1]) == {"hot_reload_count": 0}
    answer = running.ask(b"POST /api/v2/reload HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    assert b'{"reload":"not enabled","status":-1}' in answer


def test_a_reload_by_another_method(running: Running) -> None:
    """405, with what is allowed."""
    answer = running.ask(b"DELETE /api/v2/reload HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET, POST, PUT\r\n" in answer


def test_the_first_page_and_no_other(running: Running) -> None:
    """The version is at `/`; what is no page, also one with something behind its path, is 404 since 5.0."""
    status, body = running.get("/")
    assert (status, json.loads(body)["fluent-bit"]["version"]) == (200, VERSION)
    for path in ("/nope", "/api/v1/trace", "/api/v1/metrics/extra", "/api/v2/health/"):
        answer = running.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert answer.split(b" ")[1] == b"404", path


def test_the_second_version_of_health_says_why(running: Running) -> None:
    """As 5.1.1 answers it: the figures of the period, and the limits."""
    status, body = running.get("/api/v2/health")
    limits = {"error_limit": 1, "retry_failure_limit": 5, "period_limit": 10}
    assert (status, json.loads(body)) == (200, {"status": "ok", "errors": 0, "retries_failed": 0, **limits})
    running.clock[0] = 101.0
    running.counters.add("output", "s3.0", errors=2, retries_failed=1)
    running.pages.sample()
    status, body = running.get("/api/v2/health")
    assert (status, json.loads(body)) == (500, {"status": "error", "errors": 2, "retries_failed": 1, **limits})


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST / HTTP/1.1\r\n\r\n", b"411"), (b"\xff\r\n\r\n", b"400"), (b"GET /\r\n\r\n", b"400"),
        (b"G" * 70_000, b"400"), (b"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n" + b"x" * 70_000, b"413"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused(running: Running, request_bytes: bytes, status: bytes) -> None:
    """Nonsense, no length, too long: an answer and a closed connection, not a hang."""
    assert running.ask(request_bytes).split(b" ")[1] == status


def test_a_connection_stays_open_for_http_1_1_only() -> None:
    """HTTP/1.0 gets its body as it is and the end of the connection behind it."""
    page = Page(200, b"ok\n")
    assert response(Request("GET", "/", {}, b""), page).endswith(
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\n\r\n"
    )
    old = response(Request("GET", "/", {}, b"", "HTTP/1.0"), page)
    assert b"Connection: Close\r\n" in old
    assert old.endswith(b"\r\n\r\nok\n")
    assert response(Request("HEAD", "/", {}, b""), page).endswith(b"chunked\r\n\r\n")


def test_uptime_in_words() -> None:
    """Plurals from two on, as the reference counts."""
    assert uptime_words(90_061) == "Fluent Bit has been running:  1 day, 1 hour, 1 minute and 1 second"
    assert uptime_words(125) == "Fluent Bit has been running:  0 day, 0 hour, 2 minutes and 5 seconds"

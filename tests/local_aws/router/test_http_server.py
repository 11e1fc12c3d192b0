"""The HTTP server answers as Fluent Bit's, and its numbers add up."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from lab_helpers.local_aws.router.counters import Counters
from lab_helpers.local_aws.router.http_server import HttpServer
from lab_helpers.local_aws.router.log import Sink
from lab_helpers.local_aws.router.loop import Loop
from lab_helpers.local_aws.router.metrics_text import uptime_words
from lab_helpers.local_aws.router.service import Service


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A server with one input and one output's counters."""
    loop, counters = Loop(), Counters()
    counters.add("input", "forward.0", records=5)
    counters.add("output", "s3.0", proc_records=3, errors=0, retries_failed=0)
    service = Service(
        http_listen="127.0.0.1", http_port=0, health_check=True, health_errors=1, sink=Sink(stream=io.StringIO())
    )
    one = HttpServer(service, loop, counters, lambda: {"s3.0": {"sent": 3, "dropped": 0, "held": 2}})
    one.start()
    yield one
    one.stop()
    one.stop()
    loop.close()


def get(server: HttpServer, request: bytes) -> tuple[str, bytes]:
    """Send a request, let the loop turn, return (status line, body)."""
    with socket.create_connection(("127.0.0.1", server.port)) as peer:
        peer.sendall(request)
        received = b""
        peer.settimeout(0.05)
        while True:
            server._loop.turn(0.01)
            try:
                more = peer.recv(65_536)
            except TimeoutError:
                continue
            if not more:
                break
            received += more
    head, _, body = received.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), body


def test_metrics_and_uptime(server: HttpServer) -> None:
    """JSON by kind, instance and counter."""
    status, body = get(server, b"GET /api/v1/metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    metrics: Any = json.loads(body)
    assert status == "HTTP/1.1 200 OK"
    assert (metrics["input"]["forward.0"]["records"], metrics["output"]["s3.0"]["proc_records"]) == (5, 3)
    assert json.loads(get(server, b"GET /api/v1/uptime HTTP/1.1\r\n\r\n")[1])["uptime_sec"] in range(60)


def test_prometheus(server: HttpServer) -> None:
    """Each metric has its help and type, each instance its label."""
    _, body = get(server, b"GET /api/v1/metrics/prometheus HTTP/1.1\r\n\r\n")
    assert b"# TYPE fluentbit_input_records_total counter\n" in body
    assert b'fluentbit_output_proc_records_total{name="s3.0"} 3 ' in body


def test_health_turns_bad_with_errors(server: HttpServer) -> None:
    """More errors in the period than HC_Errors_Count: 500."""
    assert get(server, b"GET /api/v1/health HTTP/1.1\r\n\r\n") == ("HTTP/1.1 200 OK", b"ok\n")
    server._counters.add("output", "s3.0", errors=2)
    assert get(server, b"GET /api/v1/health HTTP/1.1\r\n\r\n") == ("HTTP/1.1 500 Internal Server Error", b"error\n")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [(b"GET /nope HTTP/1.1\r\n\r\n", "404"), (b"POST / HTTP/1.1\r\n\r\n", "400"), (b"\xff\r\n\r\n", "400")],
)
def test_other_requests_are_refused(server: HttpServer, request_bytes: bytes, status: str) -> None:
    """An unknown path, another method, nonsense: an answer, not a hang."""
    assert get(server, request_bytes)[0].split(" ")[1] == status


def test_uptime_in_words() -> None:
    """Plurals from two on, as the reference counts."""
    assert uptime_words(90_061) == "Fluent Bit has been running:  1 day, 1 hour, 1 minute and 1 second"
    assert uptime_words(125) == "Fluent Bit has been running:  0 day, 0 hour, 2 minutes and 5 seconds"

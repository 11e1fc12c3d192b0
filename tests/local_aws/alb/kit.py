"""What the load balancer's tests are built from: a web server that can misbehave, a load balancer without an API."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from lab_helpers.local_aws.alb.model import (
    LOAD_BALANCER_DEFAULTS,
    HealthCheck,
    Listener,
    LoadBalancer,
    Node,
    TargetGroup,
    TargetKey,
)
from lab_helpers.local_aws.alb.plane import DataPlane, Snapshot
from lab_helpers.local_aws.alb.rules import Action, Rule
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.kit.network import Network, Socket
from tests.support.serving import serving

REGION = "ap-northeast-1"
_ARN = f"arn:aws:elasticloadbalancing:{REGION}:123456789012"
BALANCER = f"{_ARN}:loadbalancer/app/demo/0123456789abcdef"
GROUP = f"{_ARN}:targetgroup/demo-tg/0123456789abcdef"
NODES = (Node("eni-1", "subnet-1", "10.0.11.10"), Node("eni-2", "subnet-2", "10.0.12.10"))
CHECK = HealthCheck("/", None, "HTTP", 10, 5, 2, 2, "200")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nIt works!\n"

Script = Callable[[socket.socket, "Seen"], bool]
"""Answers one request; returns whether the connection goes on."""


@dataclass
class Seen:
    """A request as a backend got it."""

    line: str
    headers: dict[str, str]
    body: bytes
    proxy: str
    raw: bytes


@dataclass
class Backend:
    """A threaded web server; `scripts` by path, "It works!" otherwise."""

    proxy_protocol: bool = True
    scripts: dict[str, Script] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def requests(self) -> list[Seen]:
        """What clients asked for: no health checks."""
        return [s for s in self.seen if "ELB-HealthChecker" not in s.headers.get("user-agent", "")]

    def checks(self) -> list[Seen]:
        """The health checks."""
        return [s for s in self.seen if "ELB-HealthChecker" in s.headers.get("user-agent", "")]

    @property
    def socket(self) -> Socket:
        return Socket("127.0.0.1", self.port, self.proxy_protocol)

    def handle(self, connection: socket.socket) -> None:
        self.connections += 1
        reader = connection.makefile("rb")
        proxy = reader.readline().decode().strip() if self.proxy_protocol else ""
        while seen := _read_request(reader, proxy):
            self.seen.append(seen)
            script = self.scripts.get(seen.line.split(" ")[1], _works)
            if not script(connection, seen):
                break
        reader.close()


@contextmanager
def backend(**options: Any) -> Iterator[Backend]:
    """Run a backend."""
    made = Backend(**options)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):  # the load balancer cut the connection: meant in some tests
                made.handle(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    server = Server(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    with serving(server):
        yield made


def answer(data: bytes, keep: bool = True) -> Script:
    """Return a script that sends `data`."""

    def script(connection: socket.socket, seen: Seen) -> bool:  # noqa: ARG001
        connection.sendall(data)
        return keep

    return script


def response(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Build a response."""
    lines = [f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@dataclass
class Stand:
    """A running load balancer with one target group."""

    plane: DataPlane
    clock: ManualClock
    network: Network
    settings: LoadBalancer
    group: TargetGroup
    nodes: tuple[Node, ...] = NODES
    logs: dict[str, Any] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return self.plane.main_port(BALANCER)

    def apply(self) -> None:
        self.plane.apply(Snapshot(REGION, (self.settings,), (self.group,), {BALANCER: self.nodes}, self.logs))

    def change(self, *rules: Rule, **attributes: str) -> None:
        """Put rules before the default one, or change attributes."""
        listener = self.settings.listeners[0]
        listeners = (replace(listener, rules=(*rules, listener.rules[-1])),)
        merged = {**self.settings.attributes, **attributes}
        self.settings = replace(self.settings, listeners=listeners, attributes=merged)
        self.apply()

    def add(self, address: str, behind: Backend | None, port: int = 80) -> TargetKey:
        """Register a target; None: nothing listens there."""
        if behind is not None:
            self.network.attach(address, port, behind.socket)
        self.plane.register(GROUP, [(address, port)])
        return address, port

    def state(self, key: TargetKey) -> str:
        return self.plane.health(GROUP, [key])[0][1].state.value

    def advance_until(self, condition: Callable[[], bool], step_s: float = 0.5, bound_s: float = 10.0) -> float:
        """Move the clock in steps until `condition` holds; returns the clock's seconds that it took."""
        began, end = self.clock.monotonic(), time.monotonic() + bound_s
        while not condition():
            assert time.monotonic() < end, f"{condition} never holds"
            self.clock.advance(step_s)
            threading.Event().wait(0.01)
        return self.clock.monotonic() - began

    def add_healthy(self, address: str, behind: Backend) -> TargetKey:
        """Register a target and let its first checks pass."""
        key = self.add(address, behind)
        self.advance_until(lambda: self.state(key) == "healthy")
        return key


@contextmanager
def stand(**settings: Any) -> Iterator[Stand]:
    """Run a load balancer with a default rule that forwards to the group; `settings` change its check."""
    clock, network = ManualClock(), Network()
    plane = DataPlane(clock, network)
    rule = Rule("default", 0, (), Action("forward", ((GROUP, 1),)))
    balancer = LoadBalancer(
        BALANCER,
        REGION,
        frozenset({"sg-alb"}),
        ("subnet-1", "subnet-2"),
        (Listener(f"{BALANCER}/1", 80, "HTTP", (rule,)),),
        LOAD_BALANCER_DEFAULTS,
    )
    group = TargetGroup(GROUP, 80, replace(CHECK, **settings), deregistration_delay_s=30)
    plane.start()
    try:
        made = Stand(plane, clock, network, balancer, group)
        made.apply()
        yield made
    finally:
        plane.stop()


class Client:
    """A raw HTTP client: what it sends and gets is bytes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def get(self, path: str = "/", *headers: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Ask and return status, headers (lower case), body."""
        lines = [f"{method} {path} HTTP/1.1", "Host: demo.example", *headers]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.response(method)

    def response(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Read one response."""
        first = self._file.readline().decode()
        assert first, "closed without a response"
        status, headers = int(first.split(" ")[1]), _read_headers(self._file)
        if status < 200 or method == "HEAD":
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, _read_chunks(self._file)
        if "content-length" in headers:
            return status, headers, self._file.read(int(headers["content-length"]))
        return status, headers, self._file.read()

    def rest(self) -> bytes:
        """Read up to the end of the connection."""
        return self._file.read()


def wait_until(condition: Callable[[], bool], bound_s: float = 10.0) -> None:
    """Wait for something that happens in another thread."""
    end = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < end, f"{condition} does not hold after {bound_s} s"
        threading.Event().wait(0.005)


def _works(connection: socket.socket, seen: Seen) -> bool:
    connection.sendall(OK)
    return seen.headers.get("connection") != "close"


def _read_request(reader: Any, proxy: str) -> Seen | None:
    line = reader.readline()
    if not line:
        return None
    lines = [line]
    while (each := reader.readline()) not in (b"\r\n", b""):
        lines.append(each)
    raw = b"".join(lines)
    headers = {n.lower(): v.strip() for n, _, v in (h.decode().partition(":") for h in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        body = _read_chunks(reader)
    else:
        body = reader.read(int(headers.get("content-length", 0)))
    return Seen(line.decode().strip(), headers, body, proxy, raw)


def _read_headers(reader: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return headers


def _read_chunks(reader: Any) -> bytes:
    body = b""
    while size := int(reader.readline().partition(b";")[0], 16):
        body += reader.read(size)
        reader.readline()
    reader.readline()
    return body

"""FireLens' documented health checks, with two tasks on one machine: each has its own 8877, 2020 and 24224."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab_helpers.firelens import RouterInputs, Transport, localise
from lab_helpers.firelens.localise import Machine, service_http_port, with_ports
from lab_helpers.local_aws.ecs.containers import check_tools
from lab_helpers.local_aws.ecs.containers.health import led, run
from lab_helpers.local_aws.ecs.spec import HealthCheck
from tests.local_aws.ecs.kit import CLUSTER, ROUTER, Stand, eventually, shell

PORTS = {"8877": "18001", "2020": "18002"}
MACHINE = Machine(RouterInputs("/x.sock", 18000, 18001, 18002), lambda path: path)
NC = 'echo \'{"health": "check"}\' | nc 127.0.0.1 8877 || exit 1'
UPTIME = "curl -f http://127.0.0.1:2020/api/v1/uptime || exit 1"

HEALTH = "curl -f http://127.0.0.1:2020/api/v1/health || exit 1"
STOCK_HEALTH = "/fluent-bit/configs/output-metrics-healthcheck.conf"


def _localised(text: str) -> str:
    return localise(text, Transport("127.0.0.1", 1), lambda path: [path], MACHINE)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (NC, NC.replace("8877", "18001")),
        (UPTIME, UPTIME.replace("2020", "18002")),
        ("nc -z localhost 8877", "nc -z localhost 18001"),
        ("curl http://10.127.0.0.1:2020/ http://127.0.0.1:20200/", "curl http://10.127.0.0.1:2020/ http://127.0.0.1:20200/"),
        ("curl http://example.com:2020/", "curl http://example.com:2020/"),
    ],
)  # fmt: skip
def test_ports_in_a_command(given: str, expected: str) -> None:
    """Only the task's own ports at a loopback address are led."""
    assert with_ports(given, PORTS) == expected


def test_ports_that_are_words() -> None:
    """CMD takes words, not a shell's text."""
    check = led(HealthCheck(("CMD", "nc", "-z", "127.0.0.1", "8877")), PORTS)
    assert check.command == ("CMD", "nc", "-z", "127.0.0.1", "18001")


def test_the_http_servers_port_is_the_tasks_own() -> None:
    """Whatever the user's file names, or the default where it names none; its own `exec` inputs find it."""
    text = "[SERVICE]\n    HTTP_Server On\n    HTTP_PORT 2021\n[INPUT]\n    Command curl -s http://127.0.0.1:2021/\n"
    assert service_http_port(text) == "2021"
    made = _localised(text)
    assert made == text.replace("2021", "18002")
    bare = "[SERVICE]\n    HTTP_Server On\n    Flush 1\n"
    assert _localised(bare) == "[SERVICE]\n    HTTP_Server On\n    HTTP_Port 18002\n    Flush 1\n"
    assert _localised("[OUTPUT]\n    Name http\n    HTTP_Server x\n") == "[OUTPUT]\n    Name http\n    HTTP_Server x\n"


@contextmanager
def _page(status: int) -> Iterator[str]:
    """An HTTP server on loopback that answers everything with `status`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_request(self, code: object = "-", size: object = "-") -> None:
            del code, size

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_tools_that_this_machine_lacks() -> None:
    """`nc` and `curl` are stood in for, in a shell's text and as words."""
    nowhere = {"PATH": "/nowhere"}
    with _page(200) as good, _page(500) as bad:
        assert run(HealthCheck(("CMD-SHELL", f"curl -f {good} || exit 1")), nowhere).passed
        assert not run(HealthCheck(("CMD-SHELL", f"curl -f {bad} || exit 1")), nowhere).passed
        assert run(HealthCheck(("CMD", "curl", "-s", bad)), nowhere).passed
        port = good.rstrip("/").rpartition(":")[2]
        assert run(HealthCheck(("CMD", "nc", "-z", "127.0.0.1", port)), nowhere).passed
    assert check_tools.argv(["CMD", "true"], {"PATH": "/usr/bin:/bin"}) == ["true"]


def test_nc_sends_what_it_is_given() -> None:
    """Check (a): the router's TCP input gets the record, and the connection's end ends the check."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        got: list[bytes] = []

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as stream:
                got.append(stream.read())

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        check = HealthCheck(("CMD-SHELL", f"echo hello | nc 127.0.0.1 {port} || exit 1"), timeout_s=20)
        assert run(check, {"PATH": "/nowhere"}).passed
        thread.join()
    assert got == [b"hello\n"]


def test_other_tools_are_named() -> None:
    """A clear word in place of an endless wait for HEALTHY; a command that does not end is killed with its children."""
    env = {"PATH": "/usr/bin:/bin"}
    found = run(HealthCheck(("CMD-SHELL", "no-such-tool || exit 1")), env)
    assert (
        not found.passed and found.missing.endswith("no-such-tool: not found")
    ) or "command not found" in found.missing
    assert "no-such-tool" in run(HealthCheck(("CMD", "no-such-tool")), env).missing
    assert run(HealthCheck(("CMD-SHELL", "sleep 600 | cat"), timeout_s=0), env).missing == ""


@pytest.mark.parametrize(
    ("name", "command", "options"),
    [
        ("checked-8877", NC, {}),
        ("checked-2020", HEALTH, {"config-file-type": "file", "config-file-value": STOCK_HEALTH}),
    ],
)
def test_two_tasks_with_documented_checks(stand: Stand, name: str, command: str, options: dict[str, str]) -> None:
    """Case 07: both tasks of one service become HEALTHY, and their apps start only then."""
    check = {"command": ["CMD-SHELL", command], "interval": 5, "timeout": 10, "retries": 3}
    marked = {"firelensConfiguration": {"type": "fluentbit", "options": options}, "healthCheck": check}
    app = shell(
        "echo started; sleep 600", "app",
        logConfiguration={"logDriver": "awsfirelens", "options": {"Name": "null"}},
        dependsOn=[{"containerName": "log_router", "condition": "HEALTHY"}],
    )  # fmt: skip
    stand.serve(name, stand.define({**ROUTER, **marked}, app), 2)

    def healthy() -> bool:
        states = [(each["lastStatus"], each["healthStatus"]) for each in stand.tasks(name)]
        return states == [("RUNNING", "HEALTHY")] * 2

    eventually(healthy, lambda: (stand.tasks(name), stand.events(name)), 60)
    assert stand.ecs.list_tasks(cluster=CLUSTER, serviceName=name, desiredStatus="STOPPED")["taskArns"] == []
    stand.gone(name)

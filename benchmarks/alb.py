"""The load balancer: requests per second through it to two httpd tasks, and the latency that it adds at 100 a second.

Goals: 2,000 requests/s (keep-alive, everything on the same cores), less than 3 ms added at the median.
The tasks here have no log driver; `benchmarks.service` measures the whole service with it.
Run: `python -m benchmarks.alb` (seconds per phase with `--seconds`). Without Apache httpd and wrk on PATH it uses small
Python stand-ins and says so: figures are then lower bounds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import load
from lab_helpers.local_aws.alb.log_delivery import AccessLog
from lab_helpers.local_aws.alb.model import (
    LOAD_BALANCER_DEFAULTS,
    HealthCheck,
    Listener,
    LoadBalancer,
    Node,
    TargetGroup,
)
from lab_helpers.local_aws.alb.plane import DataPlane, Snapshot
from lab_helpers.local_aws.alb.rules import Action, Rule
from lab_helpers.local_aws.ecs.runtimes.httpd import apache_config, find_apache
from lab_helpers.local_aws.ecs.runtimes.httpd_answers import PAGE
from lab_helpers.local_aws.kit.clock import SystemClock
from lab_helpers.local_aws.kit.network import Network, Socket

_PREFIX = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012"
BALANCER = f"{_PREFIX}:loadbalancer/app/bench/0123456789abcdef"
GROUP = f"{_PREFIX}:targetgroup/bench/0123456789abcdef"
NODES = (Node("eni-1", "subnet-1", "10.0.11.10"), Node("eni-2", "subnet-2", "10.0.12.10"))
PACE_PER_S = 100


def main() -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    print(json.dumps(measure(parser.parse_args().seconds), indent=2))
    return 0


def measure(seconds: float) -> dict[str, object]:
    """Return the figures; `direct` is the same load without the load balancer, its peer in the same run."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain = stack.enter_context(httpd(folder, "direct", proxy_protocol=False))
        behind = [stack.enter_context(httpd(folder, f"task{n}", proxy_protocol=True)) for n in (1, 2)]
        port = stack.enter_context(balancer(behind, None))
        logged = stack.enter_context(balancer(behind, folder / "log"))
        direct = load.run(plain, seconds, may_close=True).per_s
        through = {"through": load.run(port, seconds).per_s, "through_with_access_log": load.run(logged, seconds).per_s}
        return {
            "tools": {"httpd": str(find_apache() or "python"), "load": load.name()},
            "requests_per_s": {name: round(rate) for name, rate in {"direct": direct, **through}.items()},
            "ratio_to_direct": {name: round(rate / direct, 3) for name, rate in through.items()},
            "latency_ms_at_100_per_s": latencies({"direct": plain, "through": port}, seconds),
        }


@contextmanager
def balancer(targets: list[int], log_folder: Path | None) -> Iterator[int]:
    """Serve a load balancer in this process, targets healthy; yields its port."""
    clock, network = SystemClock(), Network()
    plane = DataPlane(clock, network)
    plane.start()
    try:
        rule = Rule("rule", 0, (), Action("forward", ((GROUP, 1),)))
        listener = Listener(f"{BALANCER}/1", 80, "HTTP", (rule,))
        settings = LoadBalancer(
            BALANCER, "ap-northeast-1", frozenset(), ("subnet-1", "subnet-2"), (listener,), LOAD_BALANCER_DEFAULTS
        )
        group = TargetGroup(GROUP, 80, HealthCheck("/", None, "HTTP", 10, 5, 2, 2, "200"))
        owner = ("123456789012", "ap-northeast-1", settings.resource_id)
        logs = {BALANCER: AccessLog(log_folder, clock, "bucket", "", owner)} if log_folder else {}
        plane.apply(Snapshot("ap-northeast-1", (settings,), (group,), {BALANCER: NODES}, logs))
        for number, port in enumerate(targets):
            network.attach(f"10.0.11.{100 + number}", 80, Socket("127.0.0.1", port, proxy_protocol=True))
        keys = [(f"10.0.11.{100 + number}", 80) for number in range(len(targets))]
        plane.register(GROUP, keys)
        _wait_until(lambda: all(h.state == "healthy" for _, h in plane.health(GROUP, keys)))
        yield plane.main_port(BALANCER)
    finally:
        plane.stop()


@contextmanager
def httpd(folder: Path, name: str, proxy_protocol: bool) -> Iterator[int]:
    """Run a web server that answers "It works!"; yields its port."""
    port, home = _free_port(), folder / name
    (home / "htdocs").mkdir(parents=True)
    (home / "htdocs" / "index.html").write_bytes(PAGE)
    process = subprocess.Popen(
        _command(home, port, proxy_protocol), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until(lambda: _answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


def latencies(ports: dict[str, int], seconds: float) -> dict[str, float]:
    """Return the median of each port's latencies in ms, and what "through" adds; the ports take turns."""
    connections = {name: http.client.HTTPConnection("127.0.0.1", port) for name, port in ports.items()}
    taken: dict[str, list[float]] = {name: [] for name in ports}
    began = time.perf_counter()
    for turn in range(round(seconds * PACE_PER_S)):
        for name, connection in connections.items():
            taken[name].append(_timed(connection))
        left = began + (turn + 1) / PACE_PER_S - time.perf_counter()
        threading.Event().wait(max(0.0, left))
    for connection in connections.values():
        connection.close()
    medians = {name: round(statistics.median(times) * 1e3, 3) for name, times in taken.items()}
    return {**medians, "added": round(medians["through"] - medians["direct"], 3)}


def _timed(connection: http.client.HTTPConnection) -> float:
    began = time.perf_counter()
    connection.request("GET", "/")
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        raise RuntimeError(f"status {response.status} from port {connection.port}")
    return time.perf_counter() - began


def _command(home: Path, port: int, proxy_protocol: bool) -> list[str]:
    program = find_apache()
    if program is None:
        return [sys.executable, "-c", _STAND_IN, str(port)]
    home.chmod(0o711)
    home.parent.chmod(0o711)  # Apache's child is another user
    text = apache_config(program, home, home / "htdocs", port)
    if not proxy_protocol:
        text = text.replace("RemoteIPProxyProtocol On", "RemoteIPProxyProtocol Off")
    (home / "httpd.conf").write_text(text)
    return [str(program), "-D", "FOREGROUND", "-f", str(home / "httpd.conf")]


_STAND_IN = """
import asyncio, sys
class P(asyncio.Protocol):
    def connection_made(self, t): self.t = t
    def data_received(self, d):
        self.t.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nIt works!\\n" * d.count(b"\\r\\n\\r\\n"))
async def main():
    server = await asyncio.get_running_loop().create_server(P, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _wait_until(condition: object, bound_s: float = 15.0) -> None:
    end = time.monotonic() + bound_s
    while not condition():  # type: ignore[operator]
        if time.monotonic() > end:
            raise RuntimeError("the benchmark's servers did not come up")
        threading.Event().wait(0.02)


if __name__ == "__main__":
    sys.exit(main())

"""The local AWS, started and stopped again and again, leaves no process, no port and no folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings
from lab_helpers.base.wait import wait_until
from tests.integration import policies

pytestmark = pytest.mark.timeout(300)
ROUNDS, BUSY_FROM = 10, 5
REGION = "ap-northeast-1"


@pytest.fixture
def own_tmp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that nobody else uses; short, since unix sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="it-"))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[LocalBackend]:
    made = LocalBackend(Settings(home=tmp_path, router="builtin", httpd="builtin"))
    yield made
    made.stop()


def test_ten_starts_and_stops_leave_nothing(backend: LocalBackend, own_tmp: Path) -> None:
    """Stopped in turn by `lab down` and by SIGINT: at first idle, then with a load balancer and a task that return."""
    for number in range(ROUNDS):
        backend.start()
        if number == BUSY_FROM:
            _make_busy(backend)
        if number >= BUSY_FROM:
            _wait_for_task(backend)
        family, ports = _seen(backend, is_busy=number >= BUSY_FROM)
        if number % 2:
            _interrupt(family[0])
        else:
            assert backend.stop()
        _nothing_is_left(backend, family, ports, own_tmp)


def test_killed_it_takes_its_tasks_along(backend: LocalBackend, own_tmp: Path) -> None:
    """kill -9: no container outlives it, the folder for sockets goes, and it can be started again at once."""
    backend.start()
    _make_busy(backend)
    _wait_for_task(backend)
    family, ports = _seen(backend, is_busy=True)
    family[0].kill()
    _nothing_is_left(backend, family, ports, own_tmp)
    backend.start()
    assert backend.status()["pid"] != family[0].pid


def _make_busy(backend: LocalBackend) -> None:
    """Give the server something to do."""
    ec2, ecs, iam = (backend.client(name) for name in ("ec2", "ecs", "iam"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
        for zone, cidr in (("a", "10.0.11.0/24"), ("c", "10.0.12.0/24"))
    ]
    backend.client("elbv2").create_load_balancer(Name="lb", Subnets=subnets)
    trusted = policies.trust({"Service": "ecs-tasks.amazonaws.com"})
    role = iam.create_role(RoleName="exec", AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="exec", PolicyArn=policies.EXECUTION_POLICY)
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(
        family="f", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        executionRoleArn=role, containerDefinitions=[_httpd(), _router()],
    )  # fmt: skip
    network = {"awsvpcConfiguration": {"subnets": subnets}}
    ecs.create_service(
        cluster="c", serviceName="s", taskDefinition="f", desiredCount=1, launchType="FARGATE",
        networkConfiguration=network,
    )  # fmt: skip


def _wait_for_task(backend: LocalBackend) -> None:
    ecs = backend.client("ecs")
    wait_until(lambda: _running(ecs), 30, 0.05, "a running task")


def _seen(backend: LocalBackend, is_busy: bool) -> tuple[list[psutil.Process], list[int]]:
    """Return the server's processes, itself first, and the ports that they listen on."""
    server = psutil.Process(backend.status()["pid"])
    family = [server, *server.children(recursive=True)]
    ports = [port for each in family for port in _ports(each)]
    assert len(family) >= (4 if is_busy else 1)  # itself; warden, router, httpd
    assert len(ports) >= (3 if is_busy else 2)  # API, TLS; load balancer
    return family, ports


def _running(ecs: object) -> bool:
    return bool(ecs.describe_services(cluster="c", services=["s"])["services"][0]["runningCount"] == 1)  # type: ignore[attr-defined]


def _httpd() -> dict[str, object]:
    log = {"logDriver": "awsfirelens", "options": {"Name": "null"}}
    return {"name": "httpd", "image": "httpd:latest", "essential": True, "logConfiguration": log}


def _router() -> dict[str, object]:
    marked = {"type": "fluentbit"}
    return {"name": "r", "image": "amazon/aws-for-fluent-bit", "essential": True, "firelensConfiguration": marked}


def _ports(process: psutil.Process) -> list[int]:
    return [each.laddr.port for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN]


def _interrupt(server: psutil.Process) -> None:
    os.kill(server.pid, signal.SIGINT)
    psutil.wait_procs([server], timeout=30)


def _nothing_is_left(backend: LocalBackend, family: list[psutil.Process], ports: list[int], tmp: Path) -> None:
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    wait_until(lambda: list(tmp.iterdir()), 10, 0.05, "the folder for sockets to go", done=lambda left: not left)
    assert backend.running() is None
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, port

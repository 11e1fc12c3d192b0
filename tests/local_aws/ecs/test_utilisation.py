"""CPUUtilization and MemoryUtilization: percent of what the task definition reserves."""

from __future__ import annotations

from lab_helpers.local_aws.ecs.containers.memory import MIB, Member, Watched
from lab_helpers.local_aws.ecs.model import NetworkSettings, Task
from lab_helpers.local_aws.ecs.spec import TaskSpec
from lab_helpers.local_aws.ecs.utilisation import Utilisation
from lab_helpers.local_aws.kit.clock import ManualClock
from tests.local_aws.ecs.containers.test_memory import FakeMeter

CLUSTER = "arn:aws:ecs:ap-northeast-1:123456789012:cluster/lab"


def task(service: str) -> Task:
    """A task of 256 units and 512 MiB."""
    spec = TaskSpec("arn", "family", 1, (), cpu="256", memory="512")
    arn = "arn:aws:ecs:ap-northeast-1:123456789012:task/lab/1"
    return Task("1", arn, CLUSTER, spec, "service:httpd", NetworkSettings(()), 0.0, service=service)


def test_shares_of_what_is_reserved() -> None:
    """Half of a quarter vCPU over ten seconds, and a quarter of the memory; a task without service tells nothing."""
    clock, busy = ManualClock(), {1: 1.0, 2: 0.0, 3: 9.0}
    members = {
        "a": [Member("x", 1, 0, lambda: None), Member("y", 2, 0, lambda: None)],
        "b": [Member("z", 3, 0, lambda: None)],
    }
    watched = {id_: Watched(0, lambda some=some: some) for id_, some in members.items()}  # type: ignore[misc]
    tasks = {"a": task("httpd"), "b": task("")}
    measured = Utilisation(clock, FakeMeter({1: 100, 2: 28, 3: 50}), lambda: watched, tasks.get, lambda _: dict(busy))
    clock.advance(10)
    measured.sample()
    busy.update({1: 1.75, 2: 0.5, 3: 12.0})
    clock.advance(10)
    found = [(region, metric.name, metric.dimensions, round(value, 3)) for region, metric, value in measured.sample()]
    dimensions = (("ClusterName", "lab"), ("ServiceName", "httpd"))
    assert found == [
        ("ap-northeast-1", "CPUUtilization", dimensions, 50.0),
        ("ap-northeast-1", "MemoryUtilization", dimensions, 25.0),
    ]
    assert MIB == 1 << 20

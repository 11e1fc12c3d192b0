"""A deployment's images: what its first task's tags were resolved to is what all its tasks run."""

from __future__ import annotations

from lab_helpers.local_aws.ecs.model import Deployment, NetworkSettings, Service, Task
from lab_helpers.local_aws.ecs.spec import TaskSpec
from lab_helpers.local_aws.ecs.store import Store

SPEC = TaskSpec("arn:aws:ecs:r:1:task-definition/f:1", "f", 1, ())
NETWORK = NetworkSettings(())
CLUSTER = "arn:aws:ecs:r:1:cluster/c"


def task(name: str, deployment: str) -> Task:
    """A task of the service's deployment."""
    arn = f"arn:aws:ecs:r:1:task/c/{name}"
    return Task(
        name,
        arn,
        CLUSTER,
        SPEC,
        "service:s",
        NETWORK,
        0.0,
        service="arn:aws:ecs:r:1:service/c/s",
        deployment_id=deployment,
    )


def test_the_first_task_settles_the_digests() -> None:
    """A tag that moves later is another image for the next deployment, not for this one's next task."""
    store = Store(lambda: 0.0)
    service = Service("arn:aws:ecs:r:1:service/c/s", "s", CLUSTER, 0.0, 2, {})
    service.deployments = [
        Deployment(name, SPEC, 0.0, 0.0, NETWORK, "FARGATE", "1.4.0", status=status)
        for name, status in (("new", "PRIMARY"), ("old", "ACTIVE"))
    ]
    store.add_service(service)
    assert store.service_of(task("a", "old")) is service
    store.pin(task("a", "old"), {"router": "sha256:1"})
    store.pin(task("b", "old"), {"router": "sha256:2"})
    assert store.pinned(task("c", "old")) == {"router": "sha256:1"}
    assert store.pinned(task("d", "new")) == {}


def test_a_task_of_no_service_has_its_tags() -> None:
    """RunTask makes no deployment."""
    store = Store(lambda: 0.0)
    alone = Task("a", "arn:aws:ecs:r:1:task/c/a", CLUSTER, SPEC, "family:f", NETWORK, 0.0)
    store.pin(alone, {"router": "sha256:1"})
    assert store.pinned(alone) == {}

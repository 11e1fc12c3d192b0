"""What every task of one ECS shares: context, records, processes' guard, ports, runtimes, clients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab_helpers.base.paths import inside
from lab_helpers.local_aws.ecs.containers.images import Image, PullError, parse_image
from lab_helpers.local_aws.ecs.containers.memory import MemoryGuard
from lab_helpers.local_aws.ecs.containers.warden import Warden
from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.ports import PortPool
from lab_helpers.local_aws.ecs.runtimes.httpd import HttpdRuntime
from lab_helpers.local_aws.ecs.runtimes.log_router import RouterRuntime
from lab_helpers.local_aws.ecs.runtimes.runtime import Runtime
from lab_helpers.local_aws.ecs.runtimes.shell import CommandRuntime
from lab_helpers.local_aws.ecs.spec import ContainerSpec
from lab_helpers.local_aws.ecs.store import Store
from lab_helpers.local_aws.kit.service import ServiceContext

ECS_PRINCIPAL = "ecs.amazonaws.com"
TASKS_PRINCIPAL = "ecs-tasks.amazonaws.com"


@dataclass(frozen=True)
class World:
    """The surroundings of tasks; made once by EcsService."""

    context: ServiceContext
    store: Store
    warden: Warden
    ports: PortPool
    runtimes: tuple[Runtime, ...]
    memory: MemoryGuard

    @property
    def endpoint_host(self) -> str:
        """127.0.0.1:PORT of the API, which is also the registry's host."""
        return urlsplit(self.context.endpoint_url).netloc

    def aws(self, service: str, region: str) -> Any:
        """Return a client that calls as ECS itself."""
        return self.context.clients.as_service(service, ECS_PRINCIPAL, region)

    def as_role(self, service: str, role_arn: str, task: Task, region: str | None = None) -> Any:
        """Return a client with one of the task's roles; raises botocore's ClientError when it cannot be assumed."""
        return self.context.clients.as_role(service, role_arn, task.id, TASKS_PRINCIPAL, region or task.region)

    def task_folder(self, task_id: str) -> Path:
        """The folder of a task: one folder for each container, and `firelens`."""
        return inside(self.context.data_dir / "tasks", task_id)

    def container_folder(self, task_id: str, name: str) -> Path:
        """The folder of one container; raises PathOutsideError for a name that is none."""
        return inside(self.task_folder(task_id), name)

    def volumes_folder(self, task_id: str) -> Path:
        """The folder of a task's volumes; its path is short and has no space, as it stands in shell commands."""
        return inside(self.warden.run_dir, f"{task_id}.volumes")

    def router_socket(self, task_id: str) -> Path:
        """Where a task's log router listens."""
        return inside(self.warden.run_dir, f"{task_id}.sock")

    def runtime_for(self, container: ContainerSpec, image: Image) -> Runtime:
        """Return the first runtime that plays the image; raises PullError as for an image that nobody has."""
        for runtime in self.runtimes:
            if runtime.plays(container, image):
                return runtime
        raise PullError(
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref "
            f"{image.ref}: {image.ref}: not found (known here: httpd, Fluent Bit, shell images with a command, what is "
            "in ECR)"
        )


def default_runtimes(context: ServiceContext) -> tuple[Runtime, ...]:
    """Return the registry of runtimes; the router comes first, as a task definition marks it whatever its image."""
    return (RouterRuntime(context.runtimes.router), HttpdRuntime(context.runtimes.httpd), CommandRuntime())


def public_image(container: ContainerSpec) -> Image:
    """Return the image of a public name, which is not pulled."""
    return Image(parse_image(container.image))

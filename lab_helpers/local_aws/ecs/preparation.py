"""What happens to a task before its first container starts: roles, images, log drivers, the router's files."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.firelens import Transport
from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.containers import container, images, volumes
from lab_helpers.local_aws.ecs.containers.container import Container, ContainerStartError
from lab_helpers.local_aws.ecs.containers.environment_files import variables_of_files
from lab_helpers.local_aws.ecs.containers.images import Image, PullError
from lab_helpers.local_aws.ecs.containers.secret_values import resolve_secrets
from lab_helpers.local_aws.ecs.containers.unpacking import MIB, LayerLimits
from lab_helpers.local_aws.ecs.containers.volumes import NOTHING_MOUNTED, Mounted
from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.ports import LOOPBACK
from lab_helpers.local_aws.ecs.runtimes import router_files
from lab_helpers.local_aws.ecs.runtimes.log_router import FLUENT_BIT, RouterRuntime
from lab_helpers.local_aws.ecs.runtimes.router_files import RouterFiles
from lab_helpers.local_aws.ecs.runtimes.runtime import Runtime
from lab_helpers.local_aws.ecs.runtimes.shell import lacking
from lab_helpers.local_aws.ecs.spec import ContainerSpec, start_order
from lab_helpers.local_aws.ecs.world import TASKS_PRINCIPAL, World, public_image
from lab_helpers.router.recording import RECORD_IN

log = logging.getLogger(__name__)


class Preparation:
    """Prepares one task; `containers` (in start order) and `router` hold what was made, also when it then failed.

    `check_stop` raises when the task was told to stop.
    """

    def __init__(self, world: World, task: Task, check_stop: Callable[[], None]) -> None:
        self._world, self._task, self._check_stop = world, task, check_stop
        self.containers: dict[str, Container] = {}
        self.router: RouterFiles | None = None
        self._credentials_token = secrets.token_urlsafe(32)

    def run(self) -> None:
        """Do all of it; raises PullError, SecretError or ContainerStartError with the task's stoppedReason."""
        spec = self._task.spec
        credentials_id = self._assume_task_role()
        secrets = {each.name: self._secrets_of(each) for each in spec.containers}
        files = {each.name: variables_of_files(self._world, self._task, each) for each in spec.containers}
        pulled = self._pull_all()
        mounted = self._mounted()
        for each in start_order(spec.containers):
            self._check_stop()
            made = self._make_container(each, pulled[each.name], credentials_id)
            made.secrets, made.from_files = secrets[each.name], files[each.name]
            made.mounted = mounted[each.name]
        if spec.router is not None:
            self._write_router_files(self.containers[spec.router.name])

    def _assume_task_role(self) -> str:
        role = self._task.spec.task_role_arn
        if role is None:
            return ""
        self._try_role(role)
        return arns.new_uuid()

    def _try_role(self, role: str) -> None:
        clients, task = self._world.context.clients, self._task
        try:
            clients.assume(role, task.id, TASKS_PRINCIPAL, task.region)
        except (ClientError, BotoCoreError) as exc:
            raise ContainerStartError(
                f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the "
                "role being passed has the proper trust relationship and permissions and that your IAM user has "
                "permissions to pass this role."
            ) from exc

    def _pull_all(self) -> dict[str, Image]:
        store, task = self._world.store, self._task
        store.stamp(task, "pull_started")
        pulled = {spec.name: self._pull(spec) for spec in task.spec.containers}
        store.pulled(task, {name: image.digest for name, image in pulled.items()})
        return pulled

    def _pull(self, spec: ContainerSpec) -> Image:
        self._check_stop()
        image, role = public_image(spec), self._task.spec.execution_role_arn
        if not images.is_ecr(image.ref, self._world.endpoint_host):
            return image
        if role is None:
            raise PullError(
                "CannotPullECRContainerError: The task has no execution role, which pulling from ECR needs."
            )
        self._try_role(role)
        ecr = self._world.as_role("ecr", role, self._task)
        limits = LayerLimits(most_bytes=self._world.context.runtimes.image_mib * MIB)
        digest = self._world.store.pinned(self._task).get(spec.name, image.ref.digest)
        ref = replace(image.ref, digest=digest)
        return images.pull(ecr, ref, self._world.container_folder(self._task.id, spec.name), limits)

    def _mounted(self) -> dict[str, Mounted]:
        containers = self._task.spec.containers
        if not any(each.mounts for each in containers):
            return {each.name: NOTHING_MOUNTED for each in containers}
        return volumes.make(self._world.volumes_folder(self._task.id), containers)

    def _secrets_of(self, spec: ContainerSpec) -> dict[str, str]:
        """Return the variables with secret values: a router has those of its users' log options, too."""
        self._check_stop()
        sources = dict(spec.secrets)
        if spec.firelens is not None:
            for options in self._task.spec.log_secrets.values():
                sources |= options
        return resolve_secrets(self._world, self._task, sources)

    def _make_container(self, spec: ContainerSpec, image: Image, credentials_id: str) -> Container:
        record = self._task.containers[spec.name]
        runtime = self._runtime_for(spec, image)
        driver = container.make_driver(self._world, self._task, spec, record)
        made = Container(spec, record, image, runtime, driver, credentials_id, self._credentials_token)
        self.containers[spec.name] = made
        return made

    def _runtime_for(self, spec: ContainerSpec, image: Image) -> Runtime:
        try:
            return self._world.runtime_for(spec, image)
        except PullError as exc:
            if not image.config:
                raise
            raise ContainerStartError(lacking(spec, image)) from exc

    def _write_router_files(self, router: Container) -> None:
        world = self._world
        folder, socket = world.task_folder(self._task.id) / "firelens", world.router_socket(self._task.id)

        def write() -> RouterFiles:
            return router_files.write(
                self._task,
                router.image,
                folder,
                socket,
                world.ports,
                self._transport(router.runtime),
                router.mounted,
            )

        self.router = write()
        records = RECORD_IN in router.spec.environment
        if (self.router.has_go_outputs or records) and router.runtime.name == FLUENT_BIT:
            reason = "only it records outputs" if records else "Go plugins are only in AWS's image"
            log.info("Task %s: %s; its router is the built-in one.", self._task.id, reason)
            self.router.release()
            router.runtime = RouterRuntime("builtin")
            self.router = write()
        router.releases.append(self.router.release)

    def _transport(self, runtime: Runtime) -> Transport:
        context = self._world.context
        if runtime.name == FLUENT_BIT:
            return Transport(LOOPBACK, context.tls_port, str(context.ca_file))
        return Transport(LOOPBACK, int(self._world.endpoint_host.rpartition(":")[2]))

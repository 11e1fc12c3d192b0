"""ECS as the composition root sees it: operations, routes, start and stop."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.ecs import recovery
from lab_helpers.local_aws.ecs.containers.memory import MemoryGuard, ProcessMeter
from lab_helpers.local_aws.ecs.containers.warden import Warden
from lab_helpers.local_aws.ecs.logs.ledger import summary
from lab_helpers.local_aws.ecs.metadata import PREFIX, MetadataEndpoint
from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.operations import image_parameters
from lab_helpers.local_aws.ecs.operations.definitions import OtherOperations
from lab_helpers.local_aws.ecs.operations.describe import counts
from lab_helpers.local_aws.ecs.operations.services import ServiceOperations
from lab_helpers.local_aws.ecs.operations.tasks import TaskOperations
from lab_helpers.local_aws.ecs.ports import PortPool
from lab_helpers.local_aws.ecs.runner import TaskRunner
from lab_helpers.local_aws.ecs.scheduler import Scheduler
from lab_helpers.local_aws.ecs.store import Store
from lab_helpers.local_aws.ecs.utilisation import Utilisation
from lab_helpers.local_aws.ecs.world import ECS_PRINCIPAL, World, default_runtimes
from lab_helpers.local_aws.kit.api import Handler, WsgiApp
from lab_helpers.local_aws.kit.metrics import MetricPublisher
from lab_helpers.local_aws.kit.service import ServiceContext

log = logging.getLogger(__name__)

SIGNING_NAME = "ecs"


class EcsService:
    """Services and tasks of ECS, on processes of this machine."""

    name = "ecs"

    def __init__(self, context: ServiceContext) -> None:
        store = Store(lambda: context.clock.now().timestamp())
        memory = MemoryGuard(context.clock)
        self._world = World(context, store, Warden(), PortPool(), default_runtimes(context), memory)
        self._runner = TaskRunner(self._world)
        self._scheduler = Scheduler(self._world, self._runner)
        self._metadata = MetadataEndpoint(self._world, self._runner)
        self._runner.on_ended = self._task_ended
        self._parts = (
            ServiceOperations(self._world),
            TaskOperations(self._world, self._runner),
            OtherOperations(self._world),
        )
        measured = Utilisation(context.clock, ProcessMeter(), memory.watched, store.task)
        self._metrics = MetricPublisher(
            lambda region: context.clients.as_service("cloudwatch", ECS_PRINCIPAL, region),
            context.clock,
            measured.sample,
        )
        self._started = False

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        own = {
            (SIGNING_NAME, operation): recovery.keeping(self._world, operation, handler)
            for part in self._parts
            for operation, handler in part.handlers().items()
        }
        return own | {("ssm", operation): handler for operation, handler in image_parameters.handlers().items()}

    def routes(self) -> Mapping[str, WsgiApp]:
        return {PREFIX: self._metadata}

    def start(self) -> None:
        # What an earlier run left behind: its tasks are gone with it.
        shutil.rmtree(self._world.context.data_dir / "tasks", ignore_errors=True)
        recovery.take_over(self._world)
        self._world.warden.start()
        self._scheduler.start()
        self._metrics.start()
        self._started = True

    def stop(self) -> None:
        if not self._started:
            return
        self._started = False
        self._scheduler.stop()
        self._metrics.stop()
        self._runner.stop_all()
        recovery.keep(self._world)
        self._world.memory.stop()
        self._world.warden.stop()
        shutil.rmtree(self._world.context.data_dir / "tasks", ignore_errors=True)

    def status(self) -> dict[str, Any]:
        store = self._world.store
        with store.held():
            running, pending = counts(store.tasks())
            groups = {task.id: task.group for task in store.tasks()}
            services = [each for each in store.services() if each.status != "INACTIVE"]
        return {
            "services": len(services),
            "running_tasks": running,
            "pending_tasks": pending,
            "runtimes": {
                type(each).__name__.removesuffix("Runtime").lower(): each.name for each in self._world.runtimes
            },
            "log_records": summary(self._runner.log_records(), groups),
        }

    def _task_ended(self, task: Task) -> None:
        self._metadata.forget(task)
        self._world.context.clients.forget(task.id)
        self._scheduler.task_ended(task)

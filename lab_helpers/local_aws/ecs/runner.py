"""Makes tasks and keeps them until an hour after their end."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from typing import Any

from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.containers.container import new_record
from lab_helpers.local_aws.ecs.lifecycle import StopCode
from lab_helpers.local_aws.ecs.logs.ledger import TaskLedger
from lab_helpers.local_aws.ecs.model import NetworkSettings, Service, Task
from lab_helpers.local_aws.ecs.operations.describe import container_arn
from lab_helpers.local_aws.ecs.spec import ContainerSpec, TaskSpec
from lab_helpers.local_aws.ecs.task import RunningTask
from lab_helpers.local_aws.ecs.world import World

log = logging.getLogger(__name__)

KEEP_STOPPED_S = 3600.0
"""Source: DescribeTasks shows stopped tasks for at least an hour."""
STOP_LIMIT_S = 60.0


class TaskRunner:
    """Owns all running tasks; `on_ended` hears of each end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._running: dict[str, RunningTask] = {}
        self.on_ended: Callable[[Task], None] = lambda task: None  # noqa: ARG005

    def launch_for(self, service: Service) -> Task:
        """Start one task of the service's primary deployment."""
        deployment = service.primary
        return self.launch(
            cluster_arn=service.cluster_arn,
            spec=deployment.spec,
            network=deployment.network,
            group=f"service:{service.name}",
            launch_type=deployment.launch_type,
            platform_version=deployment.platform_version,
            service=service.arn,
            deployment_id=deployment.id,
            started_by=deployment.id,
            targets=service.targets,
            tags=_service_tags(service),
            enable_execute_command=bool(service.settings.get("enableExecuteCommand")),
        )

    def launch(self, *, cluster_arn: str, spec: TaskSpec, network: NetworkSettings, group: str, **rest: Any) -> Task:
        """Start one task; `rest` are further fields of `model.Task`."""
        task_id, store = arns.new_task_id(), self._world.store
        region, account = cluster_arn.split(":")[3:5]
        arn = arns.arn(region, account, f"task/{arns.last_part(cluster_arn)}/{task_id}")
        task = Task(task_id, arn, cluster_arn, spec, group, network, created_at=store.now(), **rest)
        task.containers = {each.name: new_record(task, each, container_arn(arn)) for each in spec.containers}
        running = RunningTask(self._world, task, self._ended)
        with self._lock:
            self._running[task_id] = running
        self._forget_old()
        store.add_task(task)
        running.start()
        return task

    def stop(self, task_id: str, code: StopCode, reason: str, *, hurry: bool = False) -> None:
        """Ask a task to stop; one that has ended is left alone."""
        with self._lock:
            running = self._running.get(task_id)
        if running is not None:
            running.stop(code, reason, hurry=hurry)

    def find(self, wanted: Callable[[RunningTask], bool]) -> RunningTask | None:
        """Return the first running task that `wanted` holds for, or None."""
        with self._lock:
            return next((each for each in self._running.values() if wanted(each)), None)

    def log_records(self) -> dict[str, TaskLedger]:
        """Return the account of each task's log lines, by task id: of all that run, and of those that have stopped."""
        with self._lock:
            running = {task_id: each.log_records() for task_id, each in self._running.items()}
        stopped = {task.id: task.log_records for task in self._world.store.tasks()}
        return {task_id: found for task_id, found in {**stopped, **running}.items() if found is not None}

    def stop_all(self) -> None:
        """Stop every task, without waiting for load balancers, and wait until all are gone."""
        with self._lock:
            running = list(self._running.values())
        for each in running:
            each.stop(StopCode.USER, "The local AWS is stopping.", hurry=True)
        for each in running:
            if not each.join(STOP_LIMIT_S):
                log.error("Task %s did not stop in %.0f s.", each.task.id, STOP_LIMIT_S)

    def _ended(self, task: Task) -> None:
        with self._lock:
            self._running.pop(task.id, None)
        for spec in task.spec.containers:
            shutil.rmtree(self._world.container_folder(task.id, spec.name), ignore_errors=True)
        if any(spec.mounts for spec in task.spec.containers):
            shutil.rmtree(self._world.volumes_folder(task.id), ignore_errors=True)
        self.on_ended(task)

    def _forget_old(self) -> None:
        for task in self._world.store.forget_stopped(KEEP_STOPPED_S):
            shutil.rmtree(self._world.task_folder(task.id), ignore_errors=True)


def with_overrides(spec: TaskSpec, overrides: Mapping[str, Any]) -> TaskSpec:
    """Return the spec with RunTask's `overrides` applied."""
    by_name = {each["name"]: each for each in overrides.get("containerOverrides") or ()}
    return dataclasses.replace(
        spec,
        containers=tuple(_overridden(each, by_name.get(each.name, {})) for each in spec.containers),
        task_role_arn=overrides.get("taskRoleArn") or spec.task_role_arn,
        execution_role_arn=overrides.get("executionRoleArn") or spec.execution_role_arn,
        cpu=overrides.get("cpu") or spec.cpu,
        memory=overrides.get("memory") or spec.memory,
    )


def _overridden(spec: ContainerSpec, override: Mapping[str, Any]) -> ContainerSpec:
    extra = {each["name"]: each["value"] for each in override.get("environment") or ()}
    return dataclasses.replace(
        spec,
        command=tuple(override.get("command") or spec.command),
        environment={**spec.environment, **extra},
        environment_files=tuple(each["value"] for each in override.get("environmentFiles") or ())
        or spec.environment_files,
        memory_mib=int(override.get("memory") or spec.memory_mib),
        reserved_mib=int(override.get("memoryReservation") or spec.reserved_mib),
    )


def _service_tags(service: Service) -> list[dict[str, str]]:
    tags = list(service.tags) if service.settings.get("propagateTags") == "SERVICE" else []
    if service.settings.get("enableECSManagedTags"):
        tags += [
            {"key": "aws:ecs:clusterName", "value": arns.last_part(service.cluster_arn)},
            {"key": "aws:ecs:serviceName", "value": service.name},
        ]
    return tags

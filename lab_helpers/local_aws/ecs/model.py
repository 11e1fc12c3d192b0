"""The records of tasks and services, and the store that guards them.

Records are changed only while the store's lock is held; who changes one calls `store.notify`.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.lifecycle import StopCode, TaskStatus, advance
from lab_helpers.local_aws.ecs.logs.ledger import TaskLedger
from lab_helpers.local_aws.ecs.spec import TaskSpec

MAX_EVENTS = 100
"""Source: DescribeServices returns the 100 newest service events."""


@dataclass(frozen=True)
class NetworkSettings:
    """`awsvpcConfiguration`."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...] = ()
    assign_public_ip: str = "DISABLED"


@dataclass(frozen=True)
class Interface:
    """A task's elastic network interface."""

    attachment_id: str
    interface_id: str
    subnet_id: str
    availability_zone: str
    address: str
    mac: str = ""
    dns_name: str = ""


@dataclass(frozen=True)
class TargetSpec:
    """One member of a service's `loadBalancers`."""

    target_group_arn: str
    container_name: str
    container_port: int


@dataclass
class ContainerRecord:
    """One container of a task; `detail` is what a person needs to know beside AWS's reason."""

    name: str
    arn: str
    runtime_id: str
    image: str
    essential: bool
    image_digest: str = ""
    status: str = "PENDING"
    exit_code: int | None = None
    reason: str = ""
    health: str = "UNKNOWN"
    started_at: float | None = None
    finished_at: float | None = None
    restart_count: int = 0


@dataclass
class Task:
    """A task; times are epoch seconds, None until it happened; `log_records` is the last account of its log lines."""

    id: str
    arn: str
    cluster_arn: str
    spec: TaskSpec
    group: str
    network: NetworkSettings
    created_at: float
    launch_type: str = "FARGATE"
    platform_version: str = "1.4.0"
    service: str = ""
    deployment_id: str = ""
    started_by: str = ""
    targets: tuple[TargetSpec, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    tags: list[dict[str, str]] = field(default_factory=list)
    enable_execute_command: bool = False
    status: TaskStatus = TaskStatus.PROVISIONING
    desired_status: str = "RUNNING"
    containers: dict[str, ContainerRecord] = field(default_factory=dict)
    interface: Interface | None = None
    stop_code: StopCode | None = None
    stopped_reason: str = ""
    times: dict[str, float] = field(default_factory=dict)
    version: int = 1
    subnet_id: str = ""
    healthy_target: bool | None = None
    unhealthy_since: float | None = None
    log_records: TaskLedger | None = None

    @property
    def region(self) -> str:
        return arns.region_of(self.arn)

    @property
    def cluster_name(self) -> str:
        return arns.last_part(self.cluster_arn)

    @property
    def health(self) -> str:
        """HEALTHY, UNHEALTHY or UNKNOWN, from the essential containers that have a health check."""
        checked = [
            self.containers[spec.name].health
            for spec in self.spec.containers
            if spec.essential and spec.health_check and spec.name in self.containers
        ]
        if "UNHEALTHY" in checked:
            return "UNHEALTHY"
        return "HEALTHY" if checked and all(each == "HEALTHY" for each in checked) else "UNKNOWN"

    @property
    def is_leaving(self) -> bool:
        """Told to stop, stopping or stopped."""
        return self.desired_status == "STOPPED" or self.status.is_stopping


@dataclass
class Deployment:
    """One deployment of a service; `next_start_at` (monotonic seconds) holds back starts after failures.

    `digests` is what its first task's images were resolved to, by container: a tag that moves later changes nothing.
    Source: "Container image resolution" (ECS developer guide). Not modelled: `versionConsistency` disabled.
    """

    id: str
    spec: TaskSpec
    created_at: float
    updated_at: float
    network: NetworkSettings
    launch_type: str
    platform_version: str
    status: str = "PRIMARY"
    rollout_state: str = "IN_PROGRESS"
    rollout_reason: str = ""
    failed_tasks: int = 0
    failures_in_row: int = 0
    next_start_at: float = 0.0
    told_impaired: bool = False
    digests: tuple[tuple[str, str], ...] = ()


@dataclass
class Service:
    """A service; `settings` are the members of CreateService that are kept as they came."""

    arn: str
    name: str
    cluster_arn: str
    created_at: float
    desired_count: int
    settings: dict[str, Any]
    targets: tuple[TargetSpec, ...] = ()
    status: str = "ACTIVE"
    deployments: list[Deployment] = field(default_factory=list)
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))
    tags: list[dict[str, str]] = field(default_factory=list)
    created_by: str = ""
    is_steady: bool = False
    inactive_since: float | None = None

    @property
    def primary(self) -> Deployment:
        return next(each for each in self.deployments if each.status == "PRIMARY")

    @property
    def region(self) -> str:
        return arns.region_of(self.arn)


class Store:
    """All services and tasks; `changed` guards them and is notified on every change."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.changed = threading.Condition(threading.RLock())
        self.services: dict[str, Service] = {}
        self.tasks: dict[str, Task] = {}
        self.serial = 0

    def records(self) -> tuple[dict[str, Service], dict[str, Task]]:
        """Return what is kept of this store."""
        return self.services, self.tasks

    def take_over(self, records: tuple[dict[str, Service], dict[str, Task]], reason: str) -> list[Task]:
        """Go on with the records of an earlier server, whose tasks have ended with it; return those tasks.

        A deployment that held back its next start may start at once: its clock was that server's.
        """
        with self.changed:
            self.services, self.tasks = records
            for deployment in (each for service in self.services.values() for each in service.deployments):
                deployment.next_start_at = 0.0
            ended = [each for each in self.tasks.values() if not each.status.is_stopped]
            for task in ended:
                self._end(task, reason)
            self.notify()
            return ended

    def _end(self, task: Task, reason: str) -> None:
        now = self.now()
        if task.stop_code is None:
            task.stop_code, task.stopped_reason = StopCode.HOST, reason
        task.desired_status, task.status = "STOPPED", TaskStatus.STOPPED
        task.times = {"stopping": now, "execution_stopped": now, **task.times, TaskStatus.STOPPED: now}
        task.version += 1
        for record in task.containers.values():
            record.status, record.finished_at = "STOPPED", record.finished_at or now

    def notify(self) -> None:
        """Tell everybody who waits that a record changed."""
        with self.changed:
            self.serial += 1
            self.changed.notify_all()

    def move(self, task: Task, status: TaskStatus) -> None:
        """Let `task` take its next state, with its time."""
        with self.changed:
            task.status = advance(task.status, status)
            task.times[status] = self.now()
            task.version += 1
            self.notify()

    def want_stopped(self, task: Task, code: StopCode, reason: str) -> bool:
        """Set the desired status and why; only the first reason counts. Returns False when it was set before."""
        with self.changed:
            if task.stop_code is not None or task.status.is_stopped:
                return False
            task.stop_code, task.stopped_reason, task.desired_status = code, reason, "STOPPED"
            task.times["stopping"] = self.now()
            task.version += 1
            self.notify()
            return True

    def choose_subnet(self, task: Task, zones: Mapping[str, str]) -> str:
        """Choose and note the subnet of `task` so that tasks that start together spread over the zones."""
        with self.changed:
            used = [each.subnet_id for each in self.tasks.values() if not each.status.is_stopped]
            task.subnet_id = spread(zones, used)
            return task.subnet_id

    def add_event(self, service: Service | None, message: str) -> None:
        """Add "(service NAME) message" to the service's events, newest first."""
        if service is None:
            return
        with self.changed:
            event = {"id": arns.new_uuid(), "createdAt": self.now(), "message": f"(service {service.name}) {message}"}
            service.events.appendleft(event)
            self.notify()

    def pinned(self, task: Task) -> dict[str, str]:
        """Return the digests that the task's deployment has resolved its images to, by container."""
        deployment = self._deployment_of(task)
        return dict(deployment.digests) if deployment else {}

    def pin(self, task: Task, digests: Mapping[str, str]) -> None:
        """Let the task's deployment keep these digests, unless an earlier task has settled them."""
        with self.changed:
            deployment = self._deployment_of(task)
            if deployment is not None and not deployment.digests:
                deployment.digests = tuple(sorted(digests.items()))

    def _deployment_of(self, task: Task) -> Deployment | None:
        service = self.service_of(task)
        return next((each for each in service.deployments if each.id == task.deployment_id), None) if service else None

    def service_of(self, task: Task) -> Service | None:
        """Return the service that started `task`, or None."""
        with self.changed:
            return self.services.get(task.service)

    def tasks_of(self, service: Service) -> list[Task]:
        """Return the service's tasks that have not stopped."""
        with self.changed:
            return [each for each in self.tasks.values() if each.service == service.arn and not each.status.is_stopped]


def spread(zones: Mapping[str, str], used: Iterable[str]) -> str:
    """Return the subnet whose availability zone has the fewest tasks, then the one with the fewest.

    `zones` maps subnets to zones in the order configured; `used` are the subnets of the tasks that run.
    """
    by_subnet = Counter(each for each in used if each in zones)
    by_zone = Counter(zones[each] for each in by_subnet.elements())
    return min(zones, key=lambda each: (by_zone[zones[each]], by_subnet[each]))

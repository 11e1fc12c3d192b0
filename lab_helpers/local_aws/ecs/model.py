"""The records of tasks and services. The store guards them: what changes one is a method of it (store.py)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.lifecycle import StopCode, TaskStatus
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
    """A task; times are epoch seconds, None until it happened; `log_records` is the last account of its log lines.

    `failed_check` says why its service means to replace it: which health check it fails ("" for none).
    """

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
    failed_check: str = ""
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

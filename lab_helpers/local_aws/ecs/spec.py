"""Task definition JSON -> frozen specs.

Not modelled: ulimits, Linux parameters, GPU, and what else operations/unmodelled.py names; they are kept in the task
definition, have no effect on the processes, and the service's events say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DEFAULT_STOP_TIMEOUT_S = 30
DEFAULT_RESTART_PERIOD_S = 300


@dataclass(frozen=True)
class LogSpec:
    """`logConfiguration`: the driver's name, its options, and options whose values come from a secret."""

    driver: str
    options: Mapping[str, str] = field(default_factory=dict)
    secret_options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FirelensSpec:
    """`firelensConfiguration`: marks the container as the task's log router."""

    kind: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HealthCheck:
    """A container's own health check; `command` starts with CMD or CMD-SHELL."""

    command: tuple[str, ...]
    interval_s: int = 30
    timeout_s: int = 5
    retries: int = 3
    start_period_s: int = 0


@dataclass(frozen=True)
class RestartPolicy:
    """`restartPolicy`, where it is enabled: a container that ends is started again in place, essential or not.

    Source: ContainerRestartPolicy (ECS API reference); the restart tracker of the ECS agent's ecs-agent module.
    """

    ignored_codes: tuple[int, ...] = ()
    period_s: int = DEFAULT_RESTART_PERIOD_S

    def allows(self, exit_code: int | None, ran_s: float) -> bool:
        """Tell whether a container that ran so long since its last start is started again after this exit code."""
        return exit_code is not None and exit_code not in self.ignored_codes and ran_s >= self.period_s


@dataclass(frozen=True)
class Mount:
    """One of `mountPoints`: a volume of the task at a path of the container."""

    volume: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class ContainerSpec:
    """One container definition. `memory_mib` is the hard limit, `reserved_mib` the soft one (0: not given)."""

    name: str
    image: str
    essential: bool = True
    command: tuple[str, ...] = ()
    entry_point: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    environment_files: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    log: LogSpec | None = None
    firelens: FirelensSpec | None = None
    memory_mib: int = 0
    reserved_mib: int = 0
    cpu: int = 0
    stop_timeout_s: int = DEFAULT_STOP_TIMEOUT_S
    depends_on: Mapping[str, str] = field(default_factory=dict)
    health_check: HealthCheck | None = None
    restart: RestartPolicy | None = None
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True)
class TaskSpec:
    """One revision of a task definition. `cpu` and `memory` are texts as the API gives them ("256", "512").

    `unmodelled` names what it says that has no effect here.
    """

    arn: str
    family: str
    revision: int
    containers: tuple[ContainerSpec, ...]
    network_mode: str = "awsvpc"
    cpu: str = ""
    memory: str = ""
    task_role_arn: str | None = None
    execution_role_arn: str | None = None
    unmodelled: tuple[str, ...] = ()

    @property
    def task_memory_mib(self) -> int:
        """What all containers together may have; 0: any."""
        return mib_or_units(self.memory)

    @property
    def log_secrets(self) -> dict[str, dict[str, str]]:
        """Return by container {variable of the router: where its value is} of the `secretOptions` of awsfirelens.

        The number in a variable's name is the container's place: the agent takes no name, which may have a hyphen.
        Source: firelensConfigVarFmt in the ECS agent's agent/api/task/task.go (aws/amazon-ecs-agent#2150, #2164).
        """
        return {
            each.name: {f"{name}_{place}": source for name, source in each.log.secret_options.items()}
            for place, each in enumerate(self.containers)
            if each.log is not None and each.log.driver == "awsfirelens"
        }

    @property
    def router(self) -> ContainerSpec | None:
        """The container with a firelensConfiguration, or None."""
        return next((container for container in self.containers if container.firelens), None)


def parse_task_definition(definition: Mapping[str, Any]) -> TaskSpec:
    """Return the spec of a `taskDefinition` as DescribeTaskDefinition answers it."""
    return TaskSpec(
        arn=str(definition.get("taskDefinitionArn", "")),
        family=str(definition.get("family", "")),
        revision=int(definition.get("revision", 0)),
        containers=tuple(parse_container(each) for each in definition.get("containerDefinitions", [])),
        network_mode=definition.get("networkMode") or "bridge",
        cpu=str(definition.get("cpu", "")),
        memory=str(definition.get("memory", "")),
        task_role_arn=definition.get("taskRoleArn") or None,
        execution_role_arn=definition.get("executionRoleArn") or None,
    )


def parse_container(definition: Mapping[str, Any]) -> ContainerSpec:
    """Return the spec of one member of `containerDefinitions`."""
    return ContainerSpec(
        name=str(definition.get("name", "")),
        image=str(definition.get("image", "")),
        essential=definition.get("essential", True) is not False,
        command=tuple(definition.get("command") or ()),
        entry_point=tuple(definition.get("entryPoint") or ()),
        environment=_pairs(definition.get("environment"), "value"),
        secrets=_pairs(definition.get("secrets"), "valueFrom"),
        environment_files=tuple(str(each["value"]) for each in definition.get("environmentFiles") or ()),
        ports=tuple(
            int(port["containerPort"]) for port in definition.get("portMappings") or () if "containerPort" in port
        ),
        log=_log(definition.get("logConfiguration")),
        firelens=_firelens(definition.get("firelensConfiguration")),
        memory_mib=int(definition.get("memory") or 0),
        reserved_mib=int(definition.get("memoryReservation") or 0),
        cpu=int(definition.get("cpu") or 0),
        stop_timeout_s=int(definition.get("stopTimeout") or DEFAULT_STOP_TIMEOUT_S),
        depends_on={each["containerName"]: each["condition"] for each in definition.get("dependsOn") or ()},
        health_check=_health_check(definition.get("healthCheck")),
        restart=_restart(definition.get("restartPolicy")),
        mounts=tuple(_mount(each) for each in definition.get("mountPoints") or ()),
    )


def mib_or_units(text: str) -> int:
    """Return MiB or CPU units; the API also takes "1 GB" and "0.25 vCPU". What is no number counts as 0."""
    number, _, unit = text.strip().partition(" ")
    try:
        return int(float(number) * (1024 if unit else 1))
    except ValueError:
        return 0


def start_order(containers: Sequence[ContainerSpec]) -> list[ContainerSpec]:
    """Return the containers so that each comes after those it depends on; stop in the reverse order.

    A container that logs through FireLens depends on the router without saying so. A circle raises ValueError.
    """
    waiting = {container.name: container for container in containers}
    order: list[ContainerSpec] = []
    while waiting:
        free = [each for each in waiting.values() if not waiting.keys() & dependencies(each, containers).keys()]
        if not free:
            raise ValueError(f"The containers {', '.join(waiting)} depend on each other in a circle.")
        order += free
        waiting = {name: each for name, each in waiting.items() if each not in free}
    return order


def dependencies(container: ContainerSpec, containers: Sequence[ContainerSpec]) -> dict[str, str]:
    """Return {container: condition} of what must be there before `container` starts."""
    router = next((each.name for each in containers if each.firelens), None)
    implied = {router: "START"} if router and container.log and container.log.driver == "awsfirelens" else {}
    return {**implied, **container.depends_on}


def _pairs(members: Sequence[Mapping[str, str]] | None, key: str) -> dict[str, str]:
    return {str(each["name"]): str(each.get(key, "")) for each in members or ()}


def _log(configuration: Mapping[str, Any] | None) -> LogSpec | None:
    if not configuration:
        return None
    options = {str(key): str(value) for key, value in (configuration.get("options") or {}).items()}
    return LogSpec(
        str(configuration.get("logDriver")), options, _pairs(configuration.get("secretOptions"), "valueFrom")
    )


def _firelens(configuration: Mapping[str, Any] | None) -> FirelensSpec | None:
    if not configuration:
        return None
    return FirelensSpec(str(configuration.get("type")), dict(configuration.get("options") or {}))


def _health_check(check: Mapping[str, Any] | None) -> HealthCheck | None:
    if not check or not check.get("command") or check["command"] == ["NONE"]:
        return None
    return HealthCheck(
        command=tuple(check["command"]),
        interval_s=int(check.get("interval") or 30),
        timeout_s=int(check.get("timeout") or 5),
        retries=int(check.get("retries") or 3),
        start_period_s=int(check.get("startPeriod") or 0),
    )


def _restart(policy: Mapping[str, Any] | None) -> RestartPolicy | None:
    if not policy or policy.get("enabled") is not True:
        return None
    period = policy.get("restartAttemptPeriod")
    return RestartPolicy(
        ignored_codes=tuple(int(code) for code in policy.get("ignoredExitCodes") or ()),
        period_s=DEFAULT_RESTART_PERIOD_S if period is None else int(period),
    )


def _mount(point: Mapping[str, Any]) -> Mount:
    path = str(point.get("containerPath", "")).rstrip("/") or "/"
    return Mount(str(point.get("sourceVolume", "")), path, point.get("readOnly") is True)

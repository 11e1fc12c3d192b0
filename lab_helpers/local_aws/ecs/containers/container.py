"""Starting one container of a task: environment, log driver, program, and waiting until it is ready."""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.firelens.options import BUFFER_LIMIT
from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.containers.images import Image
from lab_helpers.local_aws.ecs.containers.process import ContainerProcess
from lab_helpers.local_aws.ecs.containers.volumes import NOTHING_MOUNTED, Mounted
from lab_helpers.local_aws.ecs.containers.warden import Warden
from lab_helpers.local_aws.ecs.logs import awslogs as log_awslogs
from lab_helpers.local_aws.ecs.logs.awsfirelens import DEFAULT_BUFFER_LINES, FirelensDriver
from lab_helpers.local_aws.ecs.logs.drivers import LogDriver, LoggerArgsError, NoLog
from lab_helpers.local_aws.ecs.logs.ledger import TaskLedger, joined, task_ledger
from lab_helpers.local_aws.ecs.model import ContainerRecord, Task
from lab_helpers.local_aws.ecs.runtimes.router_files import RouterFiles
from lab_helpers.local_aws.ecs.runtimes.runtime import Launch, LaunchRequest, Runtime
from lab_helpers.local_aws.ecs.spec import ContainerSpec
from lab_helpers.local_aws.ecs.world import World

log = logging.getLogger(__name__)

READY_POLL_S = 0.02
READY_LIMIT_S = 20.0
MOST_TRIES = 4
DRAIN_LIMIT_S = 5.0


class ContainerStartError(Exception):
    """A container could not be started; the text goes into the task's stoppedReason."""


@dataclass
class Container:
    """One container of a running task: its record, and what stands behind it.

    `from_files` are the variables of its environmentFiles, `secrets` those of its secrets, and for a router those of
    its users' secretOptions. `mounted` are its volumes, `earlier` the accounts of a router's runs before its
    restarts.
    """

    spec: ContainerSpec
    record: ContainerRecord
    image: Image
    runtime: Runtime
    driver: LogDriver
    credentials_id: str = ""
    credentials_token: str = ""
    process: ContainerProcess | None = None
    launch: Launch | None = None
    releases: list[Callable[[], None]] = field(default_factory=list)
    is_out_of_memory: bool = False
    from_files: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    earlier: list[Mapping[str, Any]] = field(default_factory=list)
    mounted: Mounted = NOTHING_MOUNTED

    @property
    def is_running(self) -> bool:
        return self.process is not None and not self.process.exited.is_set()

    def has_credentials(self, credentials_id: str, token: str) -> bool:
        """Whether this id and this token are what the container was given."""
        given = f"{self.credentials_id} {self.credentials_token}".encode()
        return bool(self.credentials_id) and hmac.compare_digest(given, f"{credentials_id} {token}".encode())

    def kill_for_memory(self) -> None:
        """Kill the program because it has more memory than it may have."""
        if self.process is not None:
            self.is_out_of_memory = True
            self.process.kill()


@dataclass(frozen=True)
class Hooks:
    """What the task wants of a container: to hear of its end, and to be asked whether it still wants its start."""

    on_exit: Callable[[], None]
    is_wanted: Callable[[], bool]


def make_driver(world: World, task: Task, spec: ContainerSpec, record: ContainerRecord) -> LogDriver:
    """Return the container's log driver; raises ContainerStartError as AWS words it."""
    if spec.log is None:
        return NoLog()
    try:
        if spec.log.driver == "awsfirelens":
            return _firelens_driver(world, task, spec, record)
        if spec.log.driver == "awslogs":
            return _awslogs_driver(world, task, spec, record)
    except LoggerArgsError as exc:
        raise ContainerStartError(f"ResourceInitializationError: failed to validate logger args: {exc}") from exc
    raise ContainerStartError(f"ResourceInitializationError: unsupported log driver {spec.log.driver}")


def _firelens_driver(world: World, task: Task, spec: ContainerSpec, record: ContainerRecord) -> LogDriver:
    options: Mapping[str, str] = spec.log.options if spec.log else {}
    limit = options.get(BUFFER_LIMIT, str(DEFAULT_BUFFER_LINES))
    if not limit.isdigit() or not 0 <= int(limit) <= 536_870_912:
        raise LoggerArgsError(f"{BUFFER_LIMIT} is {limit!r}, but must be a number from 0 to 536870912")
    return FirelensDriver(
        world.context.clock,
        str(world.router_socket(task.id)),
        f"{spec.name}-firelens-{task.id}",
        record.runtime_id,
        spec.name,
        int(limit) or DEFAULT_BUFFER_LINES,
    )


def _awslogs_driver(world: World, task: Task, spec: ContainerSpec, record: ContainerRecord) -> LogDriver:
    options = log_awslogs.parse_options(
        spec.log.options if spec.log else {}, spec.name, task.id, task.region, record.runtime_id
    )
    role = task.spec.execution_role_arn
    if role is None:
        raise LoggerArgsError("the awslogs log driver needs a task execution role")
    try:
        client = world.as_role("logs", role, task, options.region)
    except (ClientError, BotoCoreError) as exc:
        raise LoggerArgsError(str(exc)) from exc
    log_awslogs.create_stream(client, options)
    return log_awslogs.AwslogsDriver(world.context.clock, client, options)


def launch_request(world: World, task: Task, container: Container, router: RouterFiles | None) -> LaunchRequest:
    """Return what the container's runtime is told; makes the container's folder."""
    folder = world.container_folder(task.id, container.spec.name)
    folder.mkdir(parents=True, exist_ok=True)
    is_router = container.spec.firelens is not None
    return LaunchRequest(
        container=container.spec,
        image=container.image,
        folder=folder,
        run_dir=world.warden.run_dir,
        env={**environment(world, task, container, router), **container.secrets},
        ports=world.ports,
        router_files=router if is_router else None,
        router_socket=world.router_socket(task.id) if is_router else None,
        router_ports=router.inputs.ports if router and is_router else (),
        mounted=container.mounted,
    )


def start(container: Container, request: LaunchRequest, warden: Warden, hooks: Hooks) -> None:
    """Start the container's program and wait until it is ready, or has ended.

    A program that ends before it is ready with one of the runtime's retry codes is started again with new ports.
    Raises ContainerStartError when the program cannot be started at all.
    """
    for left in reversed(range(MOST_TRIES)):
        gate = _Gate(hooks.on_exit)
        process, launch = _spawn(container, request, warden, gate)
        if _wait_ready(process, launch, hooks.is_wanted) or process.exit_code not in launch.retry_codes or not left:
            container.releases.append(launch.release)
            gate.pass_one()
            return
        log.info("%s ended with %s before it was ready; trying other ports.", container.spec.name, process.exit_code)
        launch.release()


def _spawn(
    container: Container, request: LaunchRequest, warden: Warden, gate: _Gate
) -> tuple[ContainerProcess, Launch]:
    launch = container.runtime.prepare(request)
    try:
        process = ContainerProcess(
            request.mounted.argv(launch.argv),
            launch.env,
            launch.cwd or request.folder,
            container.driver,
            warden,
            gate.pass_one,
            launch.hidden,
            {**launch.shown, **{place: path for path, place in request.mounted.places.items()}},
        )
    except OSError as exc:
        launch.release()
        raise ContainerStartError(f"CannotStartContainerError: {launch.argv[0]}: {exc.strerror}") from exc
    container.process, container.launch = process, launch
    return process, launch


class _Gate:
    """Holds back the news of a program's end until it is known that it is not tried again."""

    def __init__(self, on_exit: Callable[[], None]) -> None:
        self._on_exit, self._lock = on_exit, threading.Lock()
        self._missing = 2

    def pass_one(self) -> None:
        """Count the program's end, or the decision that it stands; the second of them tells."""
        with self._lock:
            self._missing -= 1
            told = self._missing == 0
        if told:
            self._on_exit()


def _wait_ready(process: ContainerProcess, launch: Launch, is_wanted: Callable[[], bool]) -> bool:
    for _ in range(int(READY_LIMIT_S / READY_POLL_S)):
        if launch.is_ready() or not is_wanted():
            return True
        if process.exited.wait(READY_POLL_S):
            process.finished.wait()
            return False
    return True


def stop(container: Container) -> None:
    """Stop the program (its stop signal, then SIGKILL), deliver its last lines, give back what it had."""
    if container.process is not None and container.launch is not None:
        container.process.stop(container.spec.stop_timeout_s, container.launch.stop_signal)
    container.driver.close(DRAIN_LIMIT_S)
    while container.releases:
        container.releases.pop()()


def clear(container: Container) -> None:
    """Give back what a program that has ended had, so that the container can be started again."""
    launch, container.launch, container.is_out_of_memory = container.launch, None, False
    if launch is None:
        return
    if (account := launch.ledger()) is not None:
        container.earlier.append(account)
    container.releases.remove(launch.release)
    launch.release()


def log_records(containers: Iterable[Container], *, ended: bool = False) -> TaskLedger | None:
    """Return the account of a task's log lines; None for a task without awsfirelens. `ended`: its router has ended."""
    held = list(containers)
    drivers = [each.driver.counters() for each in held if each.spec.log and each.spec.log.driver == "awsfirelens"]
    if not drivers:
        return None
    router = next((each for each in held if each.spec.firelens is not None and each.launch is not None), None)
    account = joined(router.earlier, router.launch.ledger()) if router and router.launch else None
    return task_ledger(drivers, account, ended=ended)


def environment(world: World, task: Task, container: Container, router: RouterFiles | None) -> dict[str, str]:
    """Return the environment of the container's program; the definition's own values win."""
    base = world.context.endpoint_url
    hostname = task.interface.dns_name if task.interface else task.id
    env = {
        "PATH": world_path(),
        "HOME": "/root",
        "HOSTNAME": hostname,
        "TZ": "UTC",
        "AWS_REGION": task.region,
        "AWS_DEFAULT_REGION": task.region,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_ENDPOINT_URL": base,
        "AWS_EC2_METADATA_DISABLED": "true",
        "ECS_CONTAINER_METADATA_URI": f"{base}/_ecs/v3/{container.record.runtime_id}",
        "ECS_CONTAINER_METADATA_URI_V4": f"{base}/_ecs/v4/{container.record.runtime_id}",
    }
    if container.credentials_id:
        env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{base}/_ecs/credentials/{container.credentials_id}"
        env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = container.credentials_token
    if router is not None and container.spec.log is not None and container.spec.log.driver == "awsfirelens":
        env |= {"FLUENT_HOST": "127.0.0.1", "FLUENT_PORT": str(router.inputs.forward_port)}
    given = {**container.from_files, **container.spec.environment}
    return {**env, **{name: container.mounted.led(value) for name, value in given.items()}}


def world_path() -> str:
    """Return the search path of containers: this machine's usual places, not the lab's own environment."""
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def new_record(task: Task, spec: ContainerSpec, arn: str) -> ContainerRecord:
    """Return the record of a container that has not started."""
    return ContainerRecord(spec.name, arn, arns.new_container_id(task.id), spec.image, spec.essential)

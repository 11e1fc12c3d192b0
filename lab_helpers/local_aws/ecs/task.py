"""One running task: a thread that takes it through its states, from PROVISIONING to STOPPED."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from lab_helpers.local_aws.ecs import interfaces, targets
from lab_helpers.local_aws.ecs.containers import container
from lab_helpers.local_aws.ecs.containers.container import Container, ContainerStartError, Hooks
from lab_helpers.local_aws.ecs.containers.health import HealthMonitor, led
from lab_helpers.local_aws.ecs.containers.images import PullError
from lab_helpers.local_aws.ecs.containers.memory import MIB, OUT_OF_MEMORY, Member, Watched
from lab_helpers.local_aws.ecs.containers.secret_values import SecretError
from lab_helpers.local_aws.ecs.interfaces import InterfaceError
from lab_helpers.local_aws.ecs.lifecycle import StopCode, TaskStatus
from lab_helpers.local_aws.ecs.logs.ledger import TaskLedger
from lab_helpers.local_aws.ecs.model import TargetSpec, Task
from lab_helpers.local_aws.ecs.preparation import Preparation
from lab_helpers.local_aws.ecs.runtimes.router_files import RouterFiles
from lab_helpers.local_aws.ecs.spec import dependencies
from lab_helpers.local_aws.ecs.stop_reasons import ESSENTIAL, MOST_CHARS, essential_exited, router_complaint
from lab_helpers.local_aws.ecs.targets import TargetError
from lab_helpers.local_aws.ecs.world import World

log = logging.getLogger(__name__)


class _StartAbortedError(Exception):
    """The task was told to stop while it was starting."""


class RunningTask:
    """Owns a task's thread, containers and network interface; `on_stopped` is called when all of it is gone."""

    def __init__(self, world: World, task: Task, on_stopped: Callable[[Task], None]) -> None:
        self._world, self.task, self._on_stopped = world, task, on_stopped
        self.containers: dict[str, Container] = {}
        self._router: RouterFiles | None = None
        self._wake = threading.Condition()
        self._stopping = False
        self._hurry = False
        self._to_restart: list[Container] = []
        self._registered: list[TargetSpec] = []
        self._health = HealthMonitor(world.context.clock, self._health_changed, self._tool_missing)
        self._thread = threading.Thread(target=self._run, name=f"ecs-task-{task.id[:8]}", daemon=True)

    def start(self) -> None:
        """Begin the task's life."""
        self._thread.start()

    def stop(self, code: StopCode, reason: str, *, hurry: bool = False) -> None:
        """Ask the task to stop and return at once; `hurry` leaves out waiting for the load balancer's draining."""
        self._world.store.want_stopped(self.task, code, reason)
        with self._wake:
            self._stopping, self._hurry = True, self._hurry or hurry
            self._wake.notify_all()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the task; returns whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def by_credentials(self, credentials_id: str, token: str) -> bool:
        """Tell whether both were given to one of the task's containers."""
        return any(each.has_credentials(credentials_id, token) for each in list(self.containers.values()))

    def by_runtime_id(self, runtime_id: str) -> Container | None:
        """Return the container with that id, or None."""
        return next((each for each in self.containers.values() if each.record.runtime_id == runtime_id), None)

    def _run(self) -> None:
        try:
            self._provision()
            self._prepare()
            self._start_containers()
            self._activate()
            self._world.store.move(self.task, TaskStatus.RUNNING)
            self._await_stop()
        except _StartAbortedError:
            log.info("Task %s was told to stop while it was starting.", self.task.id)
        except (PullError, ContainerStartError, InterfaceError, SecretError) as exc:
            self.stop(StopCode.FAILED_TO_START, str(exc))
        except Exception as exc:
            log.exception("Task %s failed.", self.task.id)
            self.stop(StopCode.FAILED_TO_START, f"InternalError: {exc}")
        finally:
            self._end()

    def _check_stop(self) -> None:
        with self._wake:
            if self._stopping:
                raise _StartAbortedError

    def _provision(self) -> None:
        store, task = self._world.store, self.task
        store.stamp(task, TaskStatus.PROVISIONING)
        ec2 = self._world.aws("ec2", task.region)
        zones = interfaces.zones(ec2, task.network)
        if not zones:
            raise InterfaceError("The task has no subnet.")
        subnet = store.choose_subnet(task, zones)
        store.connect(task, interfaces.create(ec2, task, subnet, zones[subnet]))
        store.move(task, TaskStatus.PENDING)

    def _prepare(self) -> None:
        """Roles, images, log drivers: whatever fails here, no container has started."""
        preparation = Preparation(self._world, self.task, self._check_stop)
        try:
            preparation.run()
        finally:
            self.containers, self._router = preparation.containers, preparation.router

    def _start_containers(self) -> None:
        limit = self.task.spec.task_memory_mib * MIB
        self._world.memory.watch(self.task.id, Watched(limit, self._members))
        for each in self.containers.values():
            self._await_dependencies(each)
            self._start_container(each)

    def _members(self) -> list[Member]:
        """Return the containers that run, for who looks at their memory."""
        return [
            Member(each.spec.name, each.process.pid, each.spec.memory_mib * MIB, each.kill_for_memory)
            for each in self.containers.values()
            if each.process is not None and each.is_running
        ]

    def _start_container(self, each: Container) -> None:
        self._check_stop()
        world, task = self._world, self.task
        request = container.launch_request(world, task, each, self._router)
        hooks = Hooks(lambda: self._container_ended(each), lambda: not self._stopping)
        container.start(each, request, world.warden, hooks)
        world.store.container_started(task, each.record, is_running=each.is_running)
        self._attach(each)
        if each.spec.health_check is not None:
            ports = self._router.listens if self._router else {}
            self._health.watch(each.record, led(each.spec.health_check, ports, each.mounted.led), request.env)

    def _await_dependencies(self, each: Container) -> None:
        for name, condition in dependencies(each.spec, self.task.spec.containers).items():
            other = self.containers[name]
            with self._wake:
                while not self._stopping and not _fulfilled(other, condition):
                    self._world.context.clock.wait(self._wake, None)
            self._check_stop()
            if condition == "SUCCESS" and other.record.exit_code != 0:
                raise ContainerStartError(f"Container {each.spec.name} needs {name} to end with 0.")

    def _attach(self, each: Container) -> None:
        if each.launch is None or self.task.interface is None:
            return
        if each.launch.complaint:
            self._tell(each.launch.complaint)
        groups = frozenset(self.task.network.security_groups)
        for port, socket in each.launch.sockets.items():
            wired = type(socket)(socket.host, socket.port, socket.proxy_protocol, groups)
            self._world.context.network.attach(self.task.interface.address, port, wired)

    def _container_ended(self, each: Container) -> None:
        process = each.process
        if process is None:
            return
        if self._may_restart(each, process.exit_code):
            with self._wake:
                self._to_restart.append(each)
                self._wake.notify_all()
            return
        ends_task = each.spec.essential and not self._stopping
        reason = self._reason_of_a_kill(each) if process.exit_code == 137 else each.record.reason
        if ends_task and not reason:
            complaint = router_complaint(process.tail()) if each.spec.firelens else process.last_line()
            reason = f"Exited ({process.exit_code}): {complaint}"[:MOST_CHARS]
        self._world.store.container_ended(self.task, each.record, process.exit_code, reason)
        if ends_task:
            self.stop(StopCode.ESSENTIAL_EXITED, self._essential_reason(each), hurry=True)
        with self._wake:
            self._wake.notify_all()

    def _may_restart(self, each: Container, exit_code: int | None) -> bool:
        policy, started = each.spec.restart, each.record.started_at
        if policy is None or self._stopping:
            return False
        # None: it has ended before its start was noted
        return policy.allows(exit_code, 0.0 if started is None else self._world.store.now() - started)

    def _restart(self, each: Container) -> None:
        """Start an ended container again, in place: same task, same name, same socket, and the log driver goes on."""
        world, code = self._world, each.process.exit_code if each.process else None
        log.info("Task %s: container %s ended with %s and is started again.", self.task.id, each.spec.name, code)
        container.clear(each)
        request = container.launch_request(world, self.task, each, self._router)
        hooks = Hooks(lambda: self._container_ended(each), lambda: not self._stopping)
        world.store.container_restarts(self.task, each.record)
        container.start(each, request, world.warden, hooks)
        self._attach(each)

    def _reason_of_a_kill(self, each: Container) -> str:
        if each.is_out_of_memory:
            return OUT_OF_MEMORY
        return "" if self._stopping else "Killed by SIGKILL from outside of the task."

    def _essential_reason(self, each: Container) -> str:
        if each.is_out_of_memory:
            return ESSENTIAL
        complaint = router_complaint(each.process.tail()) if each.spec.firelens and each.process else ""
        return essential_exited(each.spec.name, each.record.exit_code, complaint)

    def _tool_missing(self, name: str, told: str) -> None:
        """Say what a health check cannot run on this machine: it fails, and who waits for HEALTHY would wait on."""
        sentence = f"The health check of container {name} needs a program that this machine has not: {told}"
        with self._world.store.held():
            self.task.containers[name].reason = sentence[:MOST_CHARS]
            self._tell(sentence)

    def _tell(self, sentence: str) -> None:
        """Say something of the task in its service's events."""
        log.warning("Task %s: %s", self.task.id, sentence)
        store = self._world.store
        store.add_event(store.service_of(self.task), f"(task {self.task.id}) {sentence}")

    def _health_changed(self, name: str) -> None:
        each = self.containers.get(name)
        self._world.store.touch(self.task)
        if each and each.spec.essential:
            self._judge_health()
        with self._wake:
            self._wake.notify_all()

    def _judge_health(self) -> None:
        """Let the service replace a task that runs; one that is still starting waits for a health that does not come.

        A task without a service goes on. Source: "Determine Amazon ECS task health using container health checks".
        """
        task, store = self.task, self._world.store
        failed = "Task failed container health checks"
        if task.status is TaskStatus.RUNNING:
            ill = task.health == "UNHEALTHY"
            if task.service and store.fails_check(task, failed if ill else "") and ill:
                store.add_event(store.service_of(task), f"(task {task.id}) failed container health checks.")
        elif task.health == "UNHEALTHY":
            self.stop(StopCode.SCHEDULER if task.service else StopCode.ESSENTIAL_EXITED, failed)

    def _activate(self) -> None:
        self._check_stop()
        store, task = self._world.store, self.task
        store.move(task, TaskStatus.ACTIVATING)
        service = store.service_of(task)
        for target in task.targets:
            try:
                targets.register(self._world.aws("elbv2", task.region), target, self._address)
            except TargetError as exc:
                store.add_event(service, str(exc))
                continue
            self._registered.append(target)
            store.add_event(service, f"registered 1 targets in (target-group {target.target_group_arn})")

    @property
    def _address(self) -> str:
        return self.task.interface.address if self.task.interface else ""

    def _await_stop(self) -> None:
        """Wait until the task is to stop; meanwhile containers with a restart policy are started again."""
        while (each := self._next_restart()) is not None:
            self._restart(each)

    def _next_restart(self) -> Container | None:
        with self._wake:
            while not self._stopping and not self._to_restart:
                self._world.context.clock.wait(self._wake, None)
            return None if self._stopping else self._to_restart.pop(0)

    def _end(self) -> None:
        try:
            self._deactivate()
            self._stop_containers()
            self._deprovision()
        except Exception:
            log.exception("Task %s could not be cleaned up.", self.task.id)
        finally:
            self._health.stop()
            self._world.memory.forget(self.task.id)
            self._world.store.move(self.task, TaskStatus.STOPPED)
            self._on_stopped(self.task)

    def _deactivate(self) -> None:
        store, task = self._world.store, self.task
        if not self._registered:
            return
        store.move(task, TaskStatus.DEACTIVATING)
        service, elbv2 = store.service_of(task), self._world.aws("elbv2", task.region)
        for target in self._registered:
            if targets.deregister(elbv2, target, self._address):
                store.add_event(service, f"deregistered 1 targets in (target-group {target.target_group_arn})")
        if not self._hurry:
            store.add_event(service, "has begun draining connections on 1 tasks.")
            for target in self._registered:
                targets.wait_drained(elbv2, target, self._address, self._pause, self._monotonic)

    def _monotonic(self) -> float:
        clock = self._world.context.clock
        return float("inf") if self._hurry else clock.monotonic()

    def _pause(self, seconds: float) -> None:
        with self._wake:
            if not self._hurry:
                self._world.context.clock.wait(self._wake, seconds)

    def _stop_containers(self) -> None:
        self._world.store.move(self.task, TaskStatus.STOPPING)
        self._health.stop()
        for each in reversed(self.containers.values()):
            container.stop(each)
        self._close_log_records()
        self._world.store.execution_stopped(self.task)

    def log_records(self) -> TaskLedger | None:
        """Return the account of the task's log lines at this moment; None where no container logs by FireLens."""
        return self.task.log_records or container.log_records(self.containers.values())

    def _close_log_records(self) -> None:
        """Note what became of the task's log lines; a loss is told in the log router's reason, too."""
        found = container.log_records(self.containers.values(), ended=True)
        self.task.log_records = found
        if found is None or not found.losses:
            return
        log.warning("Task %s: %s", self.task.id, found.sentence())
        for each in self.containers.values():
            if each.spec.firelens is not None and not each.record.reason:
                each.record.reason = found.sentence()[:MOST_CHARS]

    def _deprovision(self) -> None:
        self._world.store.move(self.task, TaskStatus.DEPROVISIONING)
        if self.task.interface is not None:
            self._world.context.network.detach(self.task.interface.address)
            interfaces.delete(self._world.aws("ec2", self.task.region), self.task.interface)


def _fulfilled(other: Container, condition: str) -> bool:
    if condition in ("COMPLETE", "SUCCESS"):
        return other.record.status == "STOPPED"
    if condition == "HEALTHY":
        return other.record.health == "HEALTHY"
    return other.record.started_at is not None

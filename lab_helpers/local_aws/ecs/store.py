"""The store of services and tasks: who reads holds it still, and what changes a record is a method of it.

Its rule: a record is changed by one thread at a time, a changed task gets its next version, and everybody who waits
for a change is told.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.lifecycle import StopCode, TaskStatus, advance
from lab_helpers.local_aws.ecs.model import ContainerRecord, Deployment, Interface, Service, Task
from lab_helpers.local_aws.kit.clock import Clock


class Store:
    """All services and tasks."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._changed = threading.Condition(threading.RLock())
        self._services: dict[str, Service] = {}
        self._tasks: dict[str, Task] = {}
        self.serial = 0
        """Grows with each change."""

    # reading

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the records still for who reads several of them."""
        with self._changed:
            yield

    def service(self, arn: str) -> Service | None:
        """Return the service, or None."""
        with self._changed:
            return self._services.get(arn)

    def services(self, cluster: str = "") -> list[Service]:
        """Return the services, of a cluster where its ARN is given."""
        with self._changed:
            return [each for each in self._services.values() if cluster in ("", each.cluster_arn)]

    def task(self, task_id: str) -> Task | None:
        """Return the task, or None."""
        with self._changed:
            return self._tasks.get(task_id)

    def tasks(self, cluster: str = "") -> list[Task]:
        """Return the tasks, of a cluster where its ARN is given."""
        with self._changed:
            return [each for each in self._tasks.values() if cluster in ("", each.cluster_arn)]

    def service_of(self, task: Task) -> Service | None:
        """Return the service that started `task`, or None."""
        return self.service(task.service)

    def tasks_of(self, service: Service) -> list[Task]:
        """Return the service's tasks that have not stopped."""
        return [each for each in self.tasks() if each.service == service.arn and not each.status.is_stopped]

    def pinned(self, task: Task) -> dict[str, str]:
        """Return the digests that the task's deployment has resolved its images to, by container."""
        deployment = self._deployment_of(task)
        return dict(deployment.digests) if deployment else {}

    def wait_for_change(self, seen: int, clock: Clock, timeout_s: Callable[[], float | None]) -> None:
        """Wait until `serial` is no longer what it was, or the time is over."""
        with self._changed:
            if seen == self.serial:
                clock.wait(self._changed, timeout_s())

    # changing

    @contextmanager
    def changing(self, task: Task | None = None) -> Iterator[None]:
        """Hold the records for a change, of a task or of services; then everybody who waits is told."""
        with self._changed:
            yield
            if task is not None:
                task.version += 1
            self.serial += 1
            self._changed.notify_all()

    def touch(self, task: Task | None = None) -> None:
        """Tell that something has changed: of this task, or what those who wait look at beside the records."""
        with self.changing(task):
            pass

    # services

    def add_service(self, service: Service) -> None:
        """Take a service in, in the place of an inactive one of its name."""
        with self.changing():
            self._services[service.arn] = service

    def drain(self, service: Service) -> None:
        """Let a service want no more tasks."""
        with self.changing():
            service.status, service.desired_count = "DRAINING", 0

    def deactivate(self, service: Service) -> None:
        """Let a drained service be INACTIVE."""
        with self.changing():
            service.status, service.deployments = "INACTIVE", []
            service.inactive_since = self.now()

    def forget_inactive(self, service: Service, kept_s: float) -> None:
        """Drop a service that has been inactive for longer than this."""
        with self._changed:
            if service.inactive_since is not None and self.now() - service.inactive_since > kept_s:
                del self._services[service.arn]

    def drop_finished(self, service: Service, tasks: Iterable[Task]) -> None:
        """Drop the service's deployments that none of these tasks, all that it has, is of."""
        used = {task.deployment_id for task in tasks}
        kept = [each for each in service.deployments if each.status == "PRIMARY" or each.id in used]
        if len(kept) != len(service.deployments):
            with self.changing():
                service.deployments = kept

    def add_event(self, service: Service | None, message: str) -> None:
        """Add "(service NAME) message" to the service's events, newest first."""
        if service is None:
            return
        event = {"id": arns.new_uuid(), "createdAt": self.now(), "message": f"(service {service.name}) {message}"}
        with self.changing():
            service.events.appendleft(event)

    # tasks

    def add_task(self, task: Task) -> None:
        """Take a new task in."""
        with self.changing():
            self._tasks[task.id] = task

    def forget_stopped(self, kept_s: float) -> list[Task]:
        """Drop the tasks that have stopped longer ago than this; return them."""
        with self._changed:
            now = self.now()
            old = [each for each in self._tasks.values() if now - each.times.get("STOPPED", now) > kept_s]
            for task in old:
                del self._tasks[task.id]
            return old

    def move(self, task: Task, status: TaskStatus) -> None:
        """Let `task` take its next state, with its time."""
        with self.changing(task):
            task.status = advance(task.status, status)
            task.times[status] = self.now()

    def want_stopped(self, task: Task, code: StopCode, reason: str) -> bool:
        """Set the desired status and why; only the first reason counts. Returns False when it was set before."""
        with self._changed:
            if task.stop_code is not None or task.status.is_stopped:
                return False
            with self.changing(task):
                task.stop_code, task.stopped_reason, task.desired_status = code, reason, "STOPPED"
                task.times["stopping"] = self.now()
            return True

    def stamp(self, task: Task, moment: str) -> None:
        """Note when something happened that nobody waits for."""
        with self._changed:
            task.times[moment] = self.now()

    def choose_subnet(self, task: Task, zones: Mapping[str, str]) -> str:
        """Choose and note the subnet of `task` so that tasks that start together spread over the zones."""
        with self._changed:
            used = [each.subnet_id for each in self._tasks.values() if not each.status.is_stopped]
            task.subnet_id = spread(zones, used)
            return task.subnet_id

    def connect(self, task: Task, interface: Interface) -> None:
        """Give the task its network interface."""
        with self._changed:
            task.interface = interface
            self.stamp(task, "connected")

    def pulled(self, task: Task, digests: Mapping[str, str]) -> None:
        """Note the digests of the task's images, by container, for its deployment, too, if it is the first to."""
        with self._changed:
            self.pin(task, {name: digest for name, digest in digests.items() if digest})
            self.stamp(task, "pull_stopped")
            for name, digest in digests.items():
                task.containers[name].image_digest = digest

    def pin(self, task: Task, digests: Mapping[str, str]) -> None:
        """Let the task's deployment keep these digests, unless an earlier task has settled them."""
        with self._changed:
            deployment = self._deployment_of(task)
            if deployment is not None and not deployment.digests:
                deployment.digests = tuple(sorted(digests.items()))

    def container_started(self, task: Task, record: ContainerRecord, *, is_running: bool) -> None:
        """Note a container's start; one that has ended at once keeps the state that its end gave it."""
        with self.changing(task):
            if is_running:
                record.status, record.started_at = "RUNNING", self.now()
            elif record.started_at is None:
                record.started_at = self.now()

    def container_restarts(self, task: Task, record: ContainerRecord) -> None:
        """Count one more start in place."""
        with self.changing(task):
            record.restart_count += 1
            record.status, record.started_at = "RUNNING", self.now()

    def container_ended(self, task: Task, record: ContainerRecord, exit_code: int | None, reason: str) -> None:
        """Note a container's end."""
        with self.changing(task):
            record.status, record.exit_code, record.reason = "STOPPED", exit_code, reason
            record.finished_at = self.now()

    def execution_stopped(self, task: Task) -> None:
        """Note that all of the task's containers have ended."""
        with self._changed:
            self.stamp(task, "execution_stopped")
            for record in task.containers.values():
                record.status = "STOPPED"

    def target_is(self, task: Task, *, healthy: bool) -> None:
        """Note what the load balancer thinks of the task."""
        if task.healthy_target is not healthy:
            with self.changing():
                task.healthy_target = healthy

    def fails_check(self, task: Task, reason: str) -> bool:
        """Note which health check a task fails ("" for none); returns whether that is new."""
        if task.failed_check == reason:
            return False
        with self.changing():
            task.failed_check = reason
        return True

    # beyond the life of a server

    def records(self) -> tuple[dict[str, Service], dict[str, Task]]:
        """Return what is kept of this store; hold it while it is written."""
        return self._services, self._tasks

    def take_over(self, records: tuple[dict[str, Service], dict[str, Task]], reason: str) -> list[Task]:
        """Go on with the records of an earlier server, whose tasks have ended with it; return those tasks.

        A deployment that held back its next start may start at once: its clock was that server's.
        """
        with self.changing():
            self._services, self._tasks = records
            for deployment in (each for service in self._services.values() for each in service.deployments):
                deployment.next_start_at = 0.0
            ended = [each for each in self._tasks.values() if not each.status.is_stopped]
            for task in ended:
                self._end(task, reason)
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

    def _deployment_of(self, task: Task) -> Deployment | None:
        service = self.service_of(task)
        return next((each for each in service.deployments if each.id == task.deployment_id), None) if service else None


def spread(zones: Mapping[str, str], used: Iterable[str]) -> str:
    """Return the subnet whose availability zone has the fewest tasks, then the one with the fewest.

    `zones` maps subnets to zones in the order configured; `used` are the subnets of the tasks that run.
    """
    by_subnet = Counter(each for each in used if each in zones)
    by_zone = Counter(zones[each] for each in by_subnet.elements())
    return min(zones, key=lambda each: (by_zone[zones[each]], by_subnet[each]))

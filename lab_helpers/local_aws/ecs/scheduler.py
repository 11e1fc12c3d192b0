"""The service scheduler: one thread that brings every service to its desired count."""

from __future__ import annotations

import logging
import math
import threading

from lab_helpers.local_aws.ecs import recovery, rollout, targets
from lab_helpers.local_aws.ecs.failures import Failures
from lab_helpers.local_aws.ecs.lifecycle import StopCode, TaskStatus
from lab_helpers.local_aws.ecs.model import Deployment, Service, Task
from lab_helpers.local_aws.ecs.rollout import Goal, TaskView
from lab_helpers.local_aws.ecs.runner import TaskRunner
from lab_helpers.local_aws.ecs.store import Store
from lab_helpers.local_aws.ecs.world import World
from lab_helpers.local_aws.kit.clock import Clock

log = logging.getLogger(__name__)

BUSY_POLL_S, STEADY_POLL_S = 1.0, 10.0
"""How often target health is asked for: while a task waits for its target to be healthy, and else."""
KEEP_INACTIVE_S = 3600.0


class Scheduler:
    """Owns the scheduling thread; wakes up when a record changes, and for back-off and target health."""

    def __init__(self, world: World, runner: TaskRunner) -> None:
        self._world, self._runner = world, runner
        self._failures = Failures(world.store, world.context.clock)
        self._health_at: dict[str, float] = {}
        """When a service's target health was asked for last, on the monotonic clock."""
        self._thread = threading.Thread(target=self._run, name="ecs-scheduler", daemon=True)
        self._stopped = False

    @property
    def _store(self) -> Store:
        return self._world.store

    @property
    def _clock(self) -> Clock:
        return self._world.context.clock

    def start(self) -> None:
        """Start scheduling."""
        self._thread.start()

    def stop(self) -> None:
        """Stop scheduling; tasks are left to their runner."""
        self._stopped = True
        self._store.touch()
        if self._thread.ident is not None:
            self._thread.join()

    def task_ended(self, task: Task) -> None:
        """Draw the consequences of a task's end for its service: failures, back-off, circuit breaker, events."""
        with self._store.changing():
            service = self._store.service_of(task)
            deployment = _deployment(service, task.deployment_id) if service else None
            if service is not None and deployment is not None:
                self._failures.account(service, deployment, task)

    def _run(self) -> None:
        while True:
            seen = self._store.serial  # before the look at the flag: who sets it changes it, too
            if self._stopped:
                return
            for service in self._store.services():
                self._guarded(service)
            recovery.keep(self._world)
            self._store.wait_for_change(seen, self._clock, self._timeout_s)

    def _guarded(self, service: Service) -> None:
        try:
            self._check_health(service)
            self._reconcile(service)
        except Exception:
            log.exception("Service %s could not be scheduled.", service.name)

    def _timeout_s(self) -> float | None:
        now = self._clock.monotonic()
        times = []
        for service in self._store.services():
            times += [self._next_health(service, tasks)] if (tasks := self._behind_targets(service)) else []
            times += [each.next_start_at for each in service.deployments if each.next_start_at > now]
            times += [now + left for left in self._settling(service)]
        return max(0.01, min(times) - now) if times else None

    def _settling(self, service: Service) -> list[float]:
        running = [each for each in self._store.tasks_of(service) if each.status is TaskStatus.RUNNING]
        lefts = [_settles_at(service, each) - self._store.now() for each in running]
        return [left for left in lefts if left > 0]

    def _reconcile(self, service: Service) -> None:
        with self._store.held():
            tasks = self._store.tasks_of(service)
            if service.status == "INACTIVE":
                self._store.forget_inactive(service, KEEP_INACTIVE_S)
                return
            if service.status == "DRAINING" and not tasks:
                self._store.deactivate(service)
                return
            self._store.drop_finished(service, tasks)
            now = self._store.now()
            views = [_view(service, task, now) for task in tasks]
            decision = rollout.decide(self._goal(service), views)
        self._start(service, decision.start, sum(view.failing and not view.leaving for view in views))
        self._stop_tasks(service, [task for task in tasks if task.id in decision.stop])
        with self._store.held():
            self._note_state(service, complete=decision.complete)

    def _goal(self, service: Service) -> Goal:
        primary = service.primary
        config = service.settings["deploymentConfiguration"]
        ready = self._clock.monotonic() >= primary.next_start_at and primary.rollout_state != "FAILED"
        return Goal(
            primary.id,
            service.desired_count if service.status == "ACTIVE" else 0,
            config["minimumHealthyPercent"],
            config["maximumPercent"],
            may_start=ready and service.status == "ACTIVE",
        )

    def _start(self, service: Service, count: int, failing: int) -> None:
        if not count:
            return
        started = [self._runner.launch_for(service) for _ in range(count)]
        names = " ".join(f"(task {task.id})" for task in started)
        replaced = min(count, failing)
        why = f" Amazon ECS replaced {replaced} tasks due to an unhealthy status." if replaced else ""
        self._store.add_event(service, f"has started {count} tasks: {names}.{why}")

    def _stop_tasks(self, service: Service, tasks: list[Task]) -> None:
        for task in tasks:
            scaling = f"Scaling activity initiated by (deployment {service.primary.id})"
            self._runner.stop(task.id, StopCode.SCHEDULER, task.failed_check or scaling)
        if tasks:
            names = " ".join(f"(task {task.id})" for task in tasks)
            self._store.add_event(service, f"has stopped {len(tasks)} running tasks: {names}.")

    def _note_state(self, service: Service, *, complete: bool) -> None:
        if service.status != "ACTIVE":
            return
        primary = service.primary
        if complete and primary.rollout_state == "IN_PROGRESS":
            primary.rollout_state, primary.updated_at = "COMPLETED", self._store.now()
            primary.rollout_reason = f"ECS deployment {primary.id} completed."
            self._store.add_event(service, f"(deployment {primary.id}) deployment completed.")
        if complete and not service.is_steady:
            primary.failed_tasks = primary.failures_in_row = 0
            primary.next_start_at, primary.told_impaired = 0.0, False
            self._store.add_event(service, "has reached a steady state.")
        service.is_steady = complete

    def _check_health(self, service: Service) -> None:
        tasks = self._behind_targets(service)
        if not tasks:
            self._health_at.pop(service.arn, None)
        elif self._clock.monotonic() >= self._next_health(service, tasks):
            for task in tasks:
                self._check_task_health(service, task)
            self._health_at[service.arn] = self._clock.monotonic()

    def _behind_targets(self, service: Service) -> list[Task]:
        running = [task for task in self._store.tasks_of(service) if task.status is TaskStatus.RUNNING]
        return [task for task in running if task.targets and not task.is_leaving]

    def _next_health(self, service: Service, tasks: list[Task]) -> float:
        """Return when health is to be asked for: soon, too, where a deployment began after the last look."""
        busy = any(task.healthy_target is not True for task in tasks)
        return self._health_at.get(service.arn, -math.inf) + (BUSY_POLL_S if busy else STEADY_POLL_S)

    def _check_task_health(self, service: Service, task: Task) -> None:
        elbv2 = self._world.aws("elbv2", task.region)
        address = task.interface.address if task.interface else ""
        failed = ""
        for target in task.targets:
            state, why = targets.state(elbv2, target, address)
            self._store.target_is(task, healthy=state == "healthy")
            if state == "unhealthy" and not self._in_grace(service, task):
                group = target.target_group_arn
                told = f"(port {target.container_port}) is unhealthy in (target-group {group}) due to (reason {why})."
                failed = failed or f"Task failed ELB health checks in (target-group {group})"
                if not task.failed_check:
                    self._store.add_event(service, told)
        if task.health != "UNHEALTHY":
            self._store.fails_check(task, failed)

    def _in_grace(self, service: Service, task: Task) -> bool:
        grace_s = service.settings.get("healthCheckGracePeriodSeconds") or 0
        return self._store.now() - task.times[TaskStatus.RUNNING] < grace_s


def _deployment(service: Service, deployment_id: str) -> Deployment | None:
    return next((each for each in service.deployments if each.id == deployment_id), None)


def _view(service: Service, task: Task, now: float) -> TaskView:
    settled = task.status is TaskStatus.RUNNING and _settles_at(service, task) <= now
    behind = task.healthy_target is True if service.targets else True
    checked = any(each.essential and each.health_check for each in task.spec.containers)
    well = task.health == "HEALTHY" or not checked
    failing = bool(task.failed_check)
    healthy = settled and behind and well and not failing
    return TaskView(task.id, task.deployment_id, healthy, task.is_leaving, task.created_at, failing=failing)


def _settles_at(service: Service, task: Task) -> float:
    """Return when (epoch seconds) a running task has run long enough to be believed; after failures it takes longer."""
    deployment = _deployment(service, task.deployment_id)
    failing = deployment is not None and deployment.failures_in_row > 0
    return task.times[TaskStatus.RUNNING] + (rollout.SHORT_LIFE_S if failing else rollout.SETTLE_S)

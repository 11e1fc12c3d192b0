"""What failed tasks mean for their service: back-off, events, the circuit breaker."""

from __future__ import annotations

from lab_helpers.local_aws.ecs import arns, rollout
from lab_helpers.local_aws.ecs.lifecycle import StopCode, TaskStatus
from lab_helpers.local_aws.ecs.model import Deployment, Service, Task
from lab_helpers.local_aws.ecs.store import Store
from lab_helpers.local_aws.kit.clock import Clock


class Failures:
    """Accounts for tasks that ended against the service's will.

    A failed health check counts for the circuit breaker and delays no start.
    Source: "Service throttle logic", "Deployment circuit breaker" (ECS developer guide).
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def account(self, service: Service, deployment: Deployment, task: Task) -> None:
        """Take the end of one of the deployment's tasks; called with the store's lock held."""
        if task.stop_code is StopCode.SCHEDULER and task.failed_check:
            deployment.failed_tasks += 1
            self._break_circuit(service, deployment)
            return
        if task.stop_code not in (StopCode.FAILED_TO_START, StopCode.ESSENTIAL_EXITED):
            return
        if self._tell(service, task) >= rollout.SHORT_LIFE_S:
            return
        deployment.failed_tasks += 1
        deployment.failures_in_row += 1
        deployment.next_start_at = self._clock.monotonic() + rollout.retry_delay_s(deployment.failures_in_row)
        self._tell_impaired(service, deployment)
        self._break_circuit(service, deployment)

    def _tell(self, service: Service, task: Task) -> float:
        """Add the event; return how many seconds the task ran."""
        started = task.times.get(TaskStatus.RUNNING)
        if started is None:
            self._store.add_event(service, f"failed to launch a task with (error {task.stopped_reason}).")
            return 0.0
        self._store.add_event(service, f"(task {task.id}) stopped: {task.stopped_reason}")
        return task.times["stopping"] - started

    def _tell_impaired(self, service: Service, deployment: Deployment) -> None:
        if deployment.failures_in_row >= rollout.IMPAIRED_AFTER and not deployment.told_impaired:
            deployment.told_impaired = True
            self._store.add_event(
                service,
                "is unable to consistently start tasks successfully. For more information, see the Troubleshooting "
                "section of the Amazon ECS Developer Guide.",
            )

    def _break_circuit(self, service: Service, deployment: Deployment) -> None:
        breaker = service.settings["deploymentConfiguration"]["deploymentCircuitBreaker"]
        under_way = deployment.status == "PRIMARY" and deployment.rollout_state == "IN_PROGRESS"
        enough = deployment.failed_tasks >= rollout.breaker_threshold(service.desired_count)
        if not (breaker["enable"] and under_way and enough):
            return
        deployment.rollout_state, deployment.updated_at = "FAILED", self._store.now()
        deployment.rollout_reason = "ECS deployment circuit breaker: tasks failed to start."
        self._store.add_event(service, f"(deployment {deployment.id}) deployment failed: tasks failed to start.")
        if breaker["rollback"]:
            self._roll_back(service, deployment)

    def _roll_back(self, service: Service, failed: Deployment) -> None:
        last = next((each for each in service.deployments if each.rollout_state == "COMPLETED"), None)
        if last is None:
            return
        now = self._store.now()
        again = Deployment(
            arns.new_deployment_id(), last.spec, now, now, last.network, last.launch_type, last.platform_version,
            rollout_reason=f"ECS deployment circuit breaker: rolling back to deploymentId {last.id}.",
            digests=last.digests,
        )  # fmt: skip
        failed.status = "ACTIVE"
        service.deployments.insert(0, again)
        self._store.add_event(service, f"rolling back to (deployment {last.id}).")

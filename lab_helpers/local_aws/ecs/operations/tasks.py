"""RunTask, StopTask, DescribeTasks, ListTasks.

Not modelled: StartTask (container instances), ExecuteCommand, capacity providers, task placement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.lifecycle import StopCode
from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.operations import parameters
from lab_helpers.local_aws.ecs.operations.describe import task_shape
from lab_helpers.local_aws.ecs.operations.paging import page
from lab_helpers.local_aws.ecs.operations.validation import check_platform
from lab_helpers.local_aws.ecs.runner import TaskRunner, with_overrides
from lab_helpers.local_aws.ecs.world import World
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler

MOST_STARTED = 10
MOST_DESCRIBED = 100


class TaskOperations:
    """The operations on tasks."""

    def __init__(self, world: World, runner: TaskRunner) -> None:
        self._world, self._runner = world, runner

    def handlers(self) -> Mapping[str, Handler]:
        """Return {operation: handler}."""
        return {
            "RunTask": self.run,
            "StopTask": self.stop,
            "DescribeTasks": self.describe,
            "ListTasks": self.list_tasks,
        }

    def run(self, request: ApiRequest) -> dict[str, Any]:
        """Start up to ten tasks."""
        params, world = request.params, self._world
        count = int(params.get("count") or 1)
        if not 1 <= count <= MOST_STARTED:
            raise parameters.invalid("count must be between 1 and 10.")
        parameters.check_strategy(params)
        if params.get("launchType", "FARGATE") != "FARGATE":
            raise AwsError("ClientException", f"The local AWS has Fargate only; launchType is {params['launchType']}.")
        cluster = parameters.existing_cluster(world, request)
        spec = parameters.task_spec(world, request, str(params.get("taskDefinition") or ""))
        check_platform(spec, "FARGATE")
        network = parameters.network_settings(world, request, spec)
        overrides = params.get("overrides") or {}
        self._check_overrides(overrides, [each.name for each in spec.containers])
        tasks = [
            self._runner.launch(
                cluster_arn=cluster,
                spec=with_overrides(spec, overrides),
                network=network,
                group=params.get("group") or f"family:{spec.family}",
                platform_version=params.get("platformVersion") or "LATEST",
                started_by=params.get("startedBy") or "",
                overrides=overrides,
                tags=list(params.get("tags") or []),
                enable_execute_command=bool(params.get("enableExecuteCommand")),
            )
            for _ in range(count)
        ]
        with world.store.held():
            return {"tasks": [task_shape(task, with_tags=True) for task in tasks], "failures": []}

    def stop(self, request: ApiRequest) -> dict[str, Any]:
        """Stop a task."""
        task = self._task(request, str(request.params.get("task") or ""))
        if task is None:
            raise parameters.invalid("The referenced task was not found.")
        reason = request.params.get("reason") or "Task stopped by user"
        self._runner.stop(task.id, StopCode.USER, str(reason))
        with self._world.store.held():
            return {"task": task_shape(task, with_tags=False)}

    def describe(self, request: ApiRequest) -> dict[str, Any]:
        """Describe up to a hundred tasks; those not found are failures."""
        names = [str(each) for each in request.params.get("tasks") or []]
        if not names:
            raise parameters.invalid("Tasks cannot be empty.")
        if len(names) > MOST_DESCRIBED:
            raise parameters.invalid("Too many tasks. The maximum number of tasks is 100.")
        with_tags = "TAGS" in (request.params.get("include") or [])
        found, failures = [], []
        cluster = parameters.cluster_arn(request)
        with self._world.store.held():
            for name in names:
                task = self._task(request, name)
                if task is not None:
                    found.append(task_shape(task, with_tags=with_tags))
                else:
                    arn = cluster.replace(":cluster/", ":task/") + "/" + arns.last_part(name)
                    failures.append({"arn": arn, "reason": "MISSING"})
        return {"tasks": found, "failures": failures}

    def list_tasks(self, request: ApiRequest) -> dict[str, Any]:
        """List the ARNs of a cluster's tasks, by default those that are to run."""
        params = request.params
        cluster = parameters.cluster_arn(request)
        service = params.get("serviceName")
        wanted = {
            "desired_status": params.get("desiredStatus") or "RUNNING",
            "started_by": params.get("startedBy"),
            "group": f"service:{arns.last_part(str(service))}" if service else None,
        }
        with self._world.store.held():
            tasks = self._world.store.tasks(cluster)
            found = [each.arn for each in tasks if _matches(each, wanted) and _of_family(each, params.get("family"))]
        if not tasks:
            parameters.existing_cluster(self._world, request)
        return page(params, "taskArns", found)

    def _task(self, request: ApiRequest, name: str) -> Task | None:
        cluster = parameters.cluster_arn(request)
        task = self._world.store.task(arns.last_part(name))
        return task if task is not None and task.cluster_arn == cluster else None

    def _check_overrides(self, overrides: Mapping[str, Any], names: list[str]) -> None:
        for each in overrides.get("containerOverrides") or ():
            if each.get("name") not in names:
                raise parameters.invalid(
                    f"Override for container named {each.get('name')} is not a container in the TaskDefinition."
                )


def _matches(task: Task, wanted: Mapping[str, str | None]) -> bool:
    return all(value is None or getattr(task, member) == value for member, value in wanted.items())


def _of_family(task: Task, family: str | None) -> bool:
    return family is None or task.spec.family == family

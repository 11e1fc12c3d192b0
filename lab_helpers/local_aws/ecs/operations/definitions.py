"""Operations that moto answers and ECS adds to: task definitions are checked, clusters counted, tags shared out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.model import Service, Task
from lab_helpers.local_aws.ecs.operations import parameters
from lab_helpers.local_aws.ecs.operations.container_rules import (
    check_containers,
    with_ordered_options,
    with_router_user,
)
from lab_helpers.local_aws.ecs.operations.describe import counts
from lab_helpers.local_aws.ecs.operations.validation import check_members, check_name, check_registration
from lab_helpers.local_aws.ecs.spec import parse_task_definition
from lab_helpers.local_aws.ecs.world import World
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler, NobodyAnswersError

UNSUPPORTED = (
    "StartTask",
    "ExecuteCommand",
    "CreateTaskSet",
    "UpdateTaskSet",
    "DeleteTaskSet",
    "DescribeTaskSets",
    "UpdateServicePrimaryTaskSet",
    "UpdateTaskProtection",
    "GetTaskProtection",
    "ListServicesByNamespace",
    "ListServiceDeployments",
    "DescribeServiceDeployments",
    "DescribeServiceRevisions",
    "StopServiceDeployment",
)
"""Operations on services and tasks that moto would answer from records of its own, which know nothing of ours."""

FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")


class OtherOperations:
    """RegisterTaskDefinition, capacity providers, DescribeClusters, DeleteCluster and the tag operations."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handlers(self) -> Mapping[str, Handler]:
        """Return {operation: handler}."""
        return {
            "RegisterTaskDefinition": self.register,
            "DescribeCapacityProviders": self.describe_capacity_providers,
            "CreateCluster": self.create_cluster,
            "DescribeClusters": self.describe_clusters,
            "DeleteCluster": self.delete_cluster,
            "ListTagsForResource": self.list_tags,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            **dict.fromkeys(UNSUPPORTED, self.refuse),
        }

    def register(self, request: ApiRequest) -> dict[str, Any]:
        """Check a task definition as AWS does, then let moto keep it."""
        compatibilities = list(request.params.get("requiresCompatibilities") or [])
        check_registration(parse_task_definition(request.params), compatibilities)
        check_members(request.params, compatibilities)
        check_containers(request.params, fargate="FARGATE" in compatibilities)
        return request.forward(with_ordered_options(with_router_user(request.params)))

    def refuse(self, request: ApiRequest) -> dict[str, Any]:
        """Refuse what the local AWS does not have; `lab status` counts it."""
        raise NobodyAnswersError(f"{request.operation} is not modelled")

    def describe_capacity_providers(self, request: ApiRequest) -> dict[str, Any]:
        """Return those that are named, or Fargate's two, which every account has; moto fails at none being named."""
        named = request.params.get("capacityProviders")
        own = [_fargate(request, name) for name in FARGATE_PROVIDERS if not named or name in _names(named)]
        others = [name for name in _names(named or ()) if name not in FARGATE_PROVIDERS]
        found = request.forward({**request.params, "capacityProviders": others}) if others else {}
        return {**found, "capacityProviders": [*own, *found.get("capacityProviders", [])]}

    def create_cluster(self, request: ApiRequest) -> dict[str, Any]:
        """Check a cluster's name as AWS does, then let moto keep it."""
        if request.params.get("clusterName"):
            check_name("Cluster", str(request.params["clusterName"]))
        return request.forward(None)

    def describe_clusters(self, request: ApiRequest) -> dict[str, Any]:
        """Add our services and tasks to moto's clusters."""
        answer = request.forward(None)
        store = self._world.store
        with store.held():
            for cluster in answer.get("clusters", []):
                running, pending = counts(store.tasks(cluster["clusterArn"]))
                cluster |= {
                    "runningTasksCount": running,
                    "pendingTasksCount": pending,
                    "activeServicesCount": len(self._services(cluster["clusterArn"])),
                }
        return answer

    def delete_cluster(self, request: ApiRequest) -> dict[str, Any]:
        """Refuse to delete a cluster in use; else let moto delete it."""
        params = {**request.params, "cluster": request.params.get("cluster") or "default"}
        name = str(params["cluster"])
        arn = name if name.startswith("arn:") else arns.arn(request.region, request.account_id, f"cluster/{name}")
        with self._world.store.held():
            if self._services(arn):
                raise AwsError(
                    "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
                )
            if any(not each.status.is_stopped for each in self._world.store.tasks(arn)):
                raise AwsError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
        return request.forward(None)

    def list_tags(self, request: ApiRequest) -> dict[str, Any]:
        """Return the tags of a service or task; moto has the others'."""
        owner = self._owner(request)
        return request.forward(None) if owner is None else {"tags": list(owner.tags)}

    def tag(self, request: ApiRequest) -> dict[str, Any]:
        """Add or replace tags."""
        owner = self._owner(request)
        if owner is None:
            return request.forward(None)
        with self._world.store.changing():
            tags = {each["key"]: each for each in [*owner.tags, *(request.params.get("tags") or [])]}
            owner.tags[:] = tags.values()
        return {}

    def untag(self, request: ApiRequest) -> dict[str, Any]:
        """Remove tags by key."""
        owner = self._owner(request)
        if owner is None:
            return request.forward(None)
        with self._world.store.changing():
            owner.tags[:] = [each for each in owner.tags if each["key"] not in (request.params.get("tagKeys") or [])]
        return {}

    def _services(self, cluster: str) -> list[Service]:
        return [each for each in self._world.store.services(cluster) if each.status != "INACTIVE"]

    def _owner(self, request: ApiRequest) -> Service | Task | None:
        arn = str(request.params.get("resourceArn") or "")
        kind = arns.resource_type(arn)
        if kind not in ("service", "task"):
            return None
        store = self._world.store
        owner = store.service(arn) if kind == "service" else store.task(arns.last_part(arn))
        if owner is None:
            raise parameters.invalid(f"The specified {kind} is not found. Specify a valid ARN and try again.")
        return owner


def _fargate(request: ApiRequest, name: str) -> dict[str, Any]:
    arn = arns.arn(request.region, request.account_id, f"capacity-provider/{name}")
    return {"capacityProviderArn": arn, "name": name, "status": "ACTIVE", "tags": []}


def _names(names_or_arns: Iterable[str]) -> list[str]:
    return [each.rpartition("/")[2] for each in names_or_arns]

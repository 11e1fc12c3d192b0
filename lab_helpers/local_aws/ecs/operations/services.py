"""CreateService, UpdateService, DeleteService, DescribeServices, ListServices.

Not modelled: external, CodeDeploy and blue/green deployment controllers, service discovery and Service Connect (kept
and shown, without effect), capacity provider strategies (kept and shown; Fargate is taken), propagateTags
TASK_DEFINITION, alarms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.model import Deployment, NetworkSettings, Service
from lab_helpers.local_aws.ecs.operations import parameters, unmodelled
from lab_helpers.local_aws.ecs.operations.describe import service_shape
from lab_helpers.local_aws.ecs.operations.paging import page
from lab_helpers.local_aws.ecs.operations.parameters import invalid
from lab_helpers.local_aws.ecs.operations.validation import check_platform
from lab_helpers.local_aws.ecs.spec import TaskSpec
from lab_helpers.local_aws.ecs.world import World
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler

KEPT = (
    "loadBalancers",
    "serviceRegistries",
    "placementConstraints",
    "placementStrategy",
    "healthCheckGracePeriodSeconds",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
    "availabilityZoneRebalancing",
    "platformVersion",
)
"""Parameters of CreateService and UpdateService that come back from DescribeServices as they went in."""
MOST_DESCRIBED = 10


class ServiceOperations:
    """The operations on services."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handlers(self) -> Mapping[str, Handler]:
        """Return {operation: handler}."""
        return {
            "CreateService": self.create,
            "UpdateService": self.update,
            "DeleteService": self.delete,
            "DescribeServices": self.describe,
            "ListServices": self.list_services,
        }

    def create(self, request: ApiRequest) -> dict[str, Any]:
        """Create a service; its tasks follow."""
        params, world = request.params, self._world
        name = str(params.get("serviceName") or "")
        arns.check_name(name)
        cluster = parameters.existing_cluster(world, request)
        self._check_new(cluster, name)
        spec = parameters.task_spec(world, request, str(params.get("taskDefinition") or ""))
        parameters.check_strategy(params)
        launch_type = _launch_type(params)
        check_platform(spec, launch_type)
        network = parameters.network_settings(world, request, spec)
        targets = parameters.load_balancers(world, request, spec)
        if params.get("healthCheckGracePeriodSeconds") is not None and not targets:
            raise invalid("Health check grace period is only valid for services configured to use load balancers")
        service = Service(
            arn=_service_arn(cluster, name),
            name=name,
            cluster_arn=cluster,
            created_at=world.store.now(),
            desired_count=int(params.get("desiredCount") or 0),
            settings=_settings(request, launch_type),
            targets=targets,
            tags=list(params.get("tags") or []),
            created_by=request.caller.role_arn or request.caller.arn,
        )
        service.deployments = [self._deployment(service, spec, network)]
        with world.store.held():
            world.store.add_service(service)
            return {"service": service_shape(service, [], with_tags=True)}

    def update(self, request: ApiRequest) -> dict[str, Any]:
        """Change a service; a change of what its tasks are starts a deployment."""
        world, params = self._world, request.params
        service = self._active(request)
        primary = service.primary
        spec = primary.spec
        if params.get("taskDefinition"):
            spec = parameters.task_spec(world, request, str(params["taskDefinition"]))
        check_platform(spec, primary.launch_type)
        network = (
            parameters.network_settings(world, request, spec) if params.get("networkConfiguration") else primary.network
        )
        targets = parameters.load_balancers(world, request, spec) if "loadBalancers" in params else service.targets
        with world.store.changing():
            renew = _needs_deployment(service, params, spec, network)
            service.settings |= {key: params[key] for key in KEPT if params.get(key) is not None}
            service.settings |= parameters.strategy(params)
            service.settings["deploymentConfiguration"] = _deployment_configuration(
                {**service.settings["deploymentConfiguration"], **(params.get("deploymentConfiguration") or {})}
            )
            service.targets, service.is_steady = targets, False
            if params.get("desiredCount") is not None:
                service.desired_count = int(params["desiredCount"])
            if renew:
                self._replace_deployment(service, spec, network)
            return {"service": service_shape(service, world.store.tasks_of(service), with_tags=False)}

    def delete(self, request: ApiRequest) -> dict[str, Any]:
        """Let a service drain; it is INACTIVE when its last task has stopped."""
        service = self._active(request)
        store = self._world.store
        with store.held():
            if service.desired_count > 0 and not request.params.get("force"):
                raise invalid("The service cannot be stopped while it is scaled above 0.")
            store.drain(service)
            return {"service": service_shape(service, store.tasks_of(service), with_tags=False)}

    def describe(self, request: ApiRequest) -> dict[str, Any]:
        """Describe up to ten services; those not found are failures."""
        names = [str(each) for each in request.params.get("services") or []]
        if not names:
            raise invalid("Services cannot be empty.")
        if len(names) > MOST_DESCRIBED:
            raise invalid("Too many services. The maximum number of services is 10.")
        cluster = self._cluster(request)
        with_tags = "TAGS" in (request.params.get("include") or [])
        store, found, failures = self._world.store, [], []
        with store.held():
            for name in names:
                arn = _service_arn(cluster, arns.last_part(name))
                service = store.service(arn)
                if service is not None:
                    found.append(service_shape(service, store.tasks_of(service), with_tags=with_tags))
                else:
                    failures.append({"arn": arn, "reason": "MISSING"})
        return {"services": found, "failures": failures}

    def list_services(self, request: ApiRequest) -> dict[str, Any]:
        """List the ARNs of a cluster's services."""
        cluster = self._cluster(request)
        found = [each.arn for each in self._world.store.services(cluster) if each.status != "INACTIVE"]
        return page(request.params, "serviceArns", found)

    def _cluster(self, request: ApiRequest) -> str:
        cluster = parameters.cluster_arn(request)
        return cluster if self._world.store.services(cluster) else parameters.existing_cluster(self._world, request)

    def _check_new(self, cluster: str, name: str) -> None:
        there = self._world.store.service(_service_arn(cluster, name))
        if there is None or there.status == "INACTIVE":
            return
        if there.status == "DRAINING":
            raise invalid("Unable to Start a service that is still Draining.")
        raise invalid("Creation of service was not idempotent.")

    def _active(self, request: ApiRequest) -> Service:
        cluster = self._cluster(request)
        arn = _service_arn(cluster, arns.last_part(str(request.params.get("service") or "")))
        service = self._world.store.service(arn)
        if service is None:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        if service.status != "ACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        return service

    def _replace_deployment(self, service: Service, spec: TaskSpec, network: NetworkSettings) -> None:
        service.primary.status = "ACTIVE"
        service.deployments.insert(0, self._deployment(service, spec, network))

    def _deployment(self, service: Service, spec: TaskSpec, network: NetworkSettings) -> Deployment:
        now, settings = self._world.store.now(), service.settings
        made = Deployment(
            arns.new_deployment_id(), spec, now, now, network, settings["launchType"], settings["platformVersion"]
        )
        made.rollout_reason = f"ECS deployment {made.id} in progress."
        unmodelled.tell(self._world.store, service, spec)
        return made


def _service_arn(cluster: str, name: str) -> str:
    return cluster.replace(":cluster/", ":service/") + "/" + name


def _launch_type(params: Mapping[str, Any]) -> str:
    if params.get("launchType", "FARGATE") != "FARGATE":
        raise AwsError("ClientException", f"The local AWS has Fargate only; launchType is {params['launchType']}.")
    return "FARGATE"


def _settings(request: ApiRequest, launch_type: str) -> dict[str, Any]:
    params = request.params
    given = {key: params[key] for key in KEPT if params.get(key) is not None}
    role = f"arn:aws:iam::{request.account_id}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    return {
        "loadBalancers": [],
        "serviceRegistries": [],
        "placementConstraints": [],
        "placementStrategy": [],
        "enableECSManagedTags": False,
        "propagateTags": "NONE",
        "enableExecuteCommand": False,
        "availabilityZoneRebalancing": "ENABLED",
        "platformVersion": "LATEST",
        **given,
        **parameters.strategy(params),
        "launchType": launch_type,
        "platformFamily": "Linux",
        "roleArn": role,
        "schedulingStrategy": params.get("schedulingStrategy") or "REPLICA",
        "deploymentController": params.get("deploymentController") or {"type": "ECS"},
        "deploymentConfiguration": _deployment_configuration(params.get("deploymentConfiguration") or {}),
    }


def _deployment_configuration(given: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {"maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0}
    breaker = {"enable": False, "rollback": False, **(given.get("deploymentCircuitBreaker") or {})}
    return {**defaults, **given, "deploymentCircuitBreaker": breaker}


def _needs_deployment(service: Service, params: Mapping[str, Any], spec: TaskSpec, network: NetworkSettings) -> bool:
    if params.get("forceNewDeployment") or spec.arn != service.primary.spec.arn or network != service.primary.network:
        return True
    if parameters.strategy(params).get("capacityProviderStrategy", []) != (
        service.settings.get("capacityProviderStrategy", []) if params.get("capacityProviderStrategy") else []
    ):
        return True
    simple = ("platformVersion", "loadBalancers", "serviceRegistries")
    return any(key in params and params[key] != service.settings.get(key) for key in simple)

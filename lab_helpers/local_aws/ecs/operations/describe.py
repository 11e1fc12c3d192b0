"""Records -> the shapes that the ECS API answers with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.lifecycle import counts_as
from lab_helpers.local_aws.ecs.model import ContainerRecord, Deployment, NetworkSettings, Service, Task

PLATFORM_FAMILY = "Linux"
LATEST_PLATFORM = "1.4.0"


def counts(tasks: Iterable[Task]) -> tuple[int, int]:
    """Return (running, pending) of `tasks`."""
    states = [counts_as(task.status) for task in tasks]
    return states.count("running"), states.count("pending")


def network_shape(network: NetworkSettings) -> dict[str, Any]:
    """Return `networkConfiguration`."""
    vpc = {
        "subnets": list(network.subnets),
        "securityGroups": list(network.security_groups),
        "assignPublicIp": network.assign_public_ip,
    }
    return {"awsvpcConfiguration": vpc}


def deployment_shape(deployment: Deployment, service: Service, tasks: list[Task]) -> dict[str, Any]:
    """Return one member of a service's `deployments`."""
    mine = [task for task in tasks if task.deployment_id == deployment.id]
    running, pending = counts(mine)
    shape = {
        "id": deployment.id,
        "status": deployment.status,
        "taskDefinition": deployment.spec.arn,
        "desiredCount": service.desired_count if deployment.status == "PRIMARY" else 0,
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
        "launchType": deployment.launch_type,
        "platformVersion": LATEST_PLATFORM if deployment.platform_version == "LATEST" else deployment.platform_version,
        "platformFamily": PLATFORM_FAMILY,
        "networkConfiguration": network_shape(deployment.network),
        "rolloutState": deployment.rollout_state,
        "rolloutStateReason": deployment.rollout_reason,
    }
    return _with_strategy(shape, service)


def service_shape(service: Service, tasks: list[Task], *, with_tags: bool) -> dict[str, Any]:
    """Return a service; `tasks` are its tasks that have not stopped."""
    running, pending = counts(tasks)
    primary = next((each for each in service.deployments if each.status == "PRIMARY"), None)
    shape = {
        **service.settings,
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster_arn,
        "status": service.status,
        "desiredCount": service.desired_count,
        "runningCount": running,
        "pendingCount": pending,
        "deployments": [deployment_shape(each, service, tasks) for each in service.deployments],
        "events": list(service.events),
        "createdAt": service.created_at,
        "createdBy": service.created_by,
    }
    if primary is not None:
        shape["taskDefinition"] = primary.spec.arn
        shape["networkConfiguration"] = network_shape(primary.network)
    if with_tags:
        shape["tags"] = service.tags
    return _with_strategy(shape, service)


def _with_strategy(shape: dict[str, Any], service: Service) -> dict[str, Any]:
    """Tell the capacity provider strategy in place of the launch type, where the service has one."""
    strategy = service.settings.get("capacityProviderStrategy")
    if not strategy:
        return shape
    return {
        **{name: value for name, value in shape.items() if name != "launchType"},
        "capacityProviderStrategy": strategy,
    }


def task_shape(task: Task, *, with_tags: bool) -> dict[str, Any]:
    """Return a task."""
    shape = {
        "taskArn": task.arn,
        "clusterArn": task.cluster_arn,
        "taskDefinitionArn": task.spec.arn,
        "group": task.group,
        "lastStatus": str(task.status),
        "desiredStatus": task.desired_status,
        "healthStatus": task.health,
        "launchType": task.launch_type,
        "platformVersion": LATEST_PLATFORM if task.platform_version == "LATEST" else task.platform_version,
        "platformFamily": PLATFORM_FAMILY,
        "connectivity": "CONNECTED",
        "cpu": task.spec.cpu,
        "memory": task.spec.memory,
        "attachments": [_attachment(task)] if task.interface else [],
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "containers": [_container(task, each) for each in task.containers.values()],
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": [], **task.overrides},
        "enableExecuteCommand": task.enable_execute_command,
        "ephemeralStorage": {"sizeInGiB": 20},
        "createdAt": task.created_at,
        "version": task.version,
        "tags": task.tags if with_tags else [],
        **_task_times(task),
    }
    if task.interface is not None:
        shape["availabilityZone"] = task.interface.availability_zone
    if task.started_by:
        shape["startedBy"] = task.started_by
    if task.stop_code is not None:
        shape |= {"stopCode": str(task.stop_code), "stoppedReason": task.stopped_reason}
    return shape


_TIMES = {
    "connectivityAt": "connected",
    "pullStartedAt": "pull_started",
    "pullStoppedAt": "pull_stopped",
    "startedAt": "RUNNING",
    "stoppingAt": "stopping",
    "executionStoppedAt": "execution_stopped",
    "stoppedAt": "STOPPED",
}


def _task_times(task: Task) -> dict[str, float]:
    return {member: task.times[name] for member, name in _TIMES.items() if name in task.times}


def _attachment(task: Task) -> dict[str, Any]:
    interface = task.interface
    if interface is None:
        return {}
    details = {
        "subnetId": interface.subnet_id,
        "networkInterfaceId": interface.interface_id,
        "macAddress": interface.mac,
        "privateDnsName": interface.dns_name,
        "privateIPv4Address": interface.address,
    }
    return {
        "id": interface.attachment_id,
        "type": "ElasticNetworkInterface",
        "status": "DELETED" if task.status.is_stopped else "ATTACHED",
        "details": [{"name": name, "value": value} for name, value in details.items()],
    }


def _container(task: Task, record: ContainerRecord) -> dict[str, Any]:
    spec = next(each for each in task.spec.containers if each.name == record.name)
    shape: dict[str, Any] = {
        "containerArn": record.arn,
        "taskArn": task.arn,
        "name": record.name,
        "image": record.image,
        "lastStatus": record.status,
        "healthStatus": record.health if spec.health_check else "UNKNOWN",
        "networkInterfaces": _container_interfaces(task),
        "networkBindings": [],
        "cpu": str(spec.cpu),
    }
    limits = {"memory": spec.memory_mib, "memoryReservation": spec.reserved_mib}
    shape |= {member: str(mib) for member, mib in limits.items() if mib}
    optional = {
        "imageDigest": record.image_digest,
        "runtimeId": record.runtime_id if record.started_at else "",
        "reason": record.reason,
    }
    shape |= {member: value for member, value in optional.items() if value}
    if record.exit_code is not None:
        shape["exitCode"] = record.exit_code
    return shape


def _container_interfaces(task: Task) -> list[dict[str, str]]:
    if task.interface is None:
        return []
    return [{"attachmentId": task.interface.attachment_id, "privateIpv4Address": task.interface.address}]


def container_arn(task_arn: str) -> str:
    """Return a new container ARN below the task's."""
    return task_arn.replace(":task/", ":container/") + "/" + arns.new_uuid()

"""Reading the parameters that several ECS operations share: cluster, task definition, network, load balancers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.model import NetworkSettings, TargetSpec
from lab_helpers.local_aws.ecs.operations.unmodelled import unmodelled
from lab_helpers.local_aws.ecs.spec import TaskSpec, parse_task_definition
from lab_helpers.local_aws.ecs.world import World
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError


def invalid(message: str) -> AwsError:
    """Return AWS's InvalidParameterException."""
    return AwsError("InvalidParameterException", message)


def cluster_arn(request: ApiRequest) -> str:
    """Return the ARN of the cluster that the request names, without asking whether it exists."""
    cluster = str(request.params.get("cluster") or "default")
    if cluster.startswith("arn:"):
        return cluster
    return arns.arn(request.region, request.account_id, f"cluster/{cluster}")


def existing_cluster(world: World, request: ApiRequest) -> str:
    """Return the cluster's ARN; raises ClusterNotFoundException."""
    arn = cluster_arn(request)
    found = world.aws("ecs", request.region).describe_clusters(clusters=[arns.last_part(arn)])["clusters"]
    if not any(each["clusterArn"] == arn and each["status"] == "ACTIVE" for each in found):
        raise AwsError("ClusterNotFoundException", "Cluster not found.")
    return arn


def task_spec(world: World, request: ApiRequest, name: str) -> TaskSpec:
    """Return the task definition `name` (family, family:revision or ARN); raises ClientException."""
    try:
        answer = world.aws("ecs", request.region).describe_task_definition(taskDefinition=name)
    except ClientError as exc:
        raise AwsError("ClientException", "TaskDefinition not found.") from exc
    definition = answer["taskDefinition"]
    if definition.get("status") == "INACTIVE":
        raise AwsError("ClientException", "TaskDefinition is inactive")
    return replace(parse_task_definition(definition), unmodelled=unmodelled(definition))


def network_settings(world: World, request: ApiRequest, spec: TaskSpec) -> NetworkSettings:
    """Return `networkConfiguration`, checked against EC2; raises InvalidParameterException."""
    configuration = (request.params.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if spec.network_mode != "awsvpc":
        raise AwsError(
            "ClientException",
            f"The local AWS has Fargate only (network mode awsvpc); this task definition has {spec.network_mode}.",
        )
    if not configuration:
        raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    if not configuration.get("subnets"):
        raise invalid("subnets can not be empty.")
    subnets, groups = tuple(configuration["subnets"]), tuple(configuration.get("securityGroups") or ())
    ec2 = world.aws("ec2", request.region)
    _check_known("subnet", subnets, lambda: ec2.describe_subnets(SubnetIds=list(subnets)))
    if groups:
        _check_known("security group", groups, lambda: ec2.describe_security_groups(GroupIds=list(groups)))
    return NetworkSettings(subnets, groups, configuration.get("assignPublicIp") or "DISABLED")


def _check_known(kind: str, ids: tuple[str, ...], ask: Callable[[], object]) -> None:
    try:
        ask()
    except ClientError as exc:
        error = exc.response["Error"]
        which = f"{kind} information for [{', '.join(ids)}]"
        raise invalid(f"Error retrieving {which}: {error['Message']} (ErrorCode: {error['Code']})") from exc


def load_balancers(world: World, request: ApiRequest, spec: TaskSpec) -> tuple[TargetSpec, ...]:
    """Return `loadBalancers`, checked against the task definition and the target groups."""
    chosen = tuple(_target(each) for each in request.params.get("loadBalancers") or ())
    for target in chosen:
        _check_container(target, spec)
        _check_group(world, request, target)
    return chosen


def _target(member: Mapping[str, Any]) -> TargetSpec:
    if not member.get("targetGroupArn"):
        raise invalid("Classic load balancers are not supported with network mode awsvpc: give targetGroupArn.")
    return TargetSpec(member["targetGroupArn"], member.get("containerName", ""), int(member.get("containerPort") or 0))


def _check_container(target: TargetSpec, spec: TaskSpec) -> None:
    found = next((each for each in spec.containers if each.name == target.container_name), None)
    if found is None:
        raise invalid(f"The container {target.container_name} does not exist in the task definition.")
    if target.container_port not in found.ports:
        raise invalid(
            f"The container {target.container_name} did not have a container port {target.container_port} defined."
        )


def _check_group(world: World, request: ApiRequest, target: TargetSpec) -> None:
    arn = target.target_group_arn
    try:
        answer = world.aws("elbv2", request.region).describe_target_groups(TargetGroupArns=[arn])
    except ClientError as exc:
        raise invalid(f"Unable to find the target group with targetGroupArn {arn}.") from exc
    group = answer["TargetGroups"][0]
    kind = group.get("TargetType")
    if kind != "ip":
        raise invalid(
            f"The provided target group {arn} has target type {kind}, which is incompatible with the awsvpc "
            "network mode specified in the task definition."
        )
    if not group.get("LoadBalancerArns"):
        raise invalid(f"The target group with targetGroupArn {arn} does not have an associated load balancer.")


def check_strategy(params: Mapping[str, Any]) -> None:
    """Raise AwsError for a launch type beside a capacity provider strategy."""
    if params.get("launchType") and params.get("capacityProviderStrategy"):
        raise invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )


def strategy(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the capacity provider strategy as ECS shows it, nothing where none was given."""
    given = params.get("capacityProviderStrategy")
    items = [{"weight": 0, "base": 0, **each} for each in given or ()]
    return {"capacityProviderStrategy": items} if items else {}

"""Takes a stack away, in an order in which AWS refuses nothing; what was never made is no error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.integration import network
from tests.integration.stack import Stack

NOT_THERE = ("NotFound", "NoSuch", "does not exist")


def remove(stack: Stack) -> None:
    """Delete a stack, from the service that uses all the rest down to the network."""
    for step in (_service, _balancer, _cluster, _delivery, _image, _logs, _roles, _network):
        step(stack)


def remove_service(stack: Stack, name: str) -> None:
    """Delete a service and wait until its last task is gone."""
    ecs = stack.target.client("ecs")
    _there(ecs.delete_service, cluster=stack.prefix, service=name, force=True)
    stack.target.wait(lambda: stack.service(name)["status"] == "INACTIVE", f"the end of service {name}", timeout_s=60)


def _service(stack: Stack) -> None:
    ecs = stack.target.client("ecs")
    for arn in ecs.list_services(cluster=stack.prefix)["serviceArns"]:
        remove_service(stack, arn.rsplit("/", 1)[-1])
    for arn in ecs.list_tasks(cluster=stack.prefix)["taskArns"]:
        stack.stop(arn)


def _balancer(stack: Stack) -> None:
    elbv2 = stack.target.client("elbv2")
    _there(elbv2.delete_load_balancer, LoadBalancerArn=stack.balancer_arn)
    gone = stack.target.client("ec2"), stack.made_network.vpc
    stack.target.wait(lambda: not network.interfaces(*gone), "the last network interface to go")
    groups = elbv2.describe_target_groups()["TargetGroups"]
    for arn in [each["TargetGroupArn"] for each in groups if each["VpcId"] == stack.made_network.vpc]:
        elbv2.delete_target_group(TargetGroupArn=arn)


def _cluster(stack: Stack) -> None:
    ecs = stack.target.client("ecs")
    found = ecs.list_task_definition_families(familyPrefix=f"{stack.prefix}-", status="ACTIVE")["families"]
    for family in found:
        for arn in ecs.list_task_definitions(familyPrefix=family)["taskDefinitionArns"]:
            ecs.deregister_task_definition(taskDefinition=arn)
    _there(ecs.delete_cluster, cluster=stack.prefix)


def _delivery(stack: Stack) -> None:
    s3 = stack.target.client("s3")
    _there(stack.target.client("firehose").delete_delivery_stream, DeliveryStreamName=stack.prefix)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket):
        for item in page.get("Contents", []):
            s3.delete_object(Bucket=stack.bucket, Key=item["Key"])
    _there(s3.delete_bucket, Bucket=stack.bucket)


def _image(stack: Stack) -> None:
    _there(stack.target.client("ecr").delete_repository, repositoryName=stack.prefix, force=True)


def _logs(stack: Stack) -> None:
    logs = stack.target.client("logs")
    for group in logs.describe_log_groups(logGroupNamePrefix=stack.log_group)["logGroups"]:
        _there(logs.delete_log_group, logGroupName=group["logGroupName"])


def _roles(stack: Stack) -> None:
    iam = stack.target.client("iam")
    for name in (stack.role(short) for short in stack.roles):
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for inline in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=inline)
        iam.delete_role(RoleName=name)


def _network(stack: Stack) -> None:
    network.remove(stack.target.client("ec2"), stack.made_network)


def _there(delete: Callable[..., Any], **named: Any) -> None:
    try:
        delete(**named)
    except ClientError as exc:
        if not any(word in str(exc) for word in NOT_THERE):
            raise

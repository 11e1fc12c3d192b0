"""Deletion: refused while something is in use; in order it leaves no target, no interface and no process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.integration import network
from tests.integration.removal import remove_service
from tests.integration.stack import Stack
from tests.integration.target import Target

pytestmark = pytest.mark.account

REFUSALS: dict[str, tuple[str, Callable[[Stack, Callable[[str], Any]], Any]]] = {
    "a cluster with services": (
        "ClusterContainsServicesException", lambda stack, of: of("ecs").delete_cluster(cluster=stack.prefix),
    ),
    "a service with tasks": (
        "InvalidParameterException", lambda stack, of: of("ecs").delete_service(cluster=stack.prefix, service="httpd"),
    ),
    "a target group with a listener": (
        "ResourceInUse", lambda stack, of: of("elbv2").delete_target_group(TargetGroupArn=stack.target_group_arn),
    ),
    "a security group with interfaces": (
        "DependencyViolation",
        lambda stack, of: of("ec2").delete_security_group(GroupId=stack.made_network.task_group),
    ),
    "a subnet with interfaces": (
        "DependencyViolation", lambda stack, of: of("ec2").delete_subnet(SubnetId=stack.made_network.subnets[0]),
    ),
    "a VPC that is not empty": (
        "DependencyViolation", lambda stack, of: of("ec2").delete_vpc(VpcId=stack.made_network.vpc),
    ),
    "a bucket with objects": ("BucketNotEmpty", lambda stack, of: _delete_full_bucket(stack, of("s3"))),
    "a repository with images": (
        "RepositoryNotEmptyException", lambda stack, of: of("ecr").delete_repository(repositoryName=stack.prefix),
    ),
    "a role with policies": ("DeleteConflict", lambda stack, of: of("iam").delete_role(RoleName=stack.role("task"))),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSALS)
def test_what_is_in_use_is_not_deleted(stack: Stack, what: str) -> None:
    """AWS's own codes; this is what a destroy in the wrong order runs into."""
    code, delete = REFUSALS[what]
    with pytest.raises(ClientError) as error:
        delete(stack, stack.target.client)
    assert error.value.response["Error"]["Code"] == code


def _delete_full_bucket(stack: Stack, s3: Any) -> None:
    s3.put_object(Bucket=stack.bucket, Key="in-the-way", Body=b"")
    try:
        s3.delete_bucket(Bucket=stack.bucket)
    finally:
        s3.delete_object(Bucket=stack.bucket, Key="in-the-way")


def test_a_deleted_service_leaves_nothing(stack: Stack) -> None:
    """Its target is deregistered before the task stops, its interface goes, the others go on serving."""
    elbv2 = stack.target.client("elbv2")
    group = elbv2.create_target_group(
        Name=f"{stack.prefix}-b", Protocol="HTTP", Port=80, TargetType="ip", VpcId=stack.made_network.vpc
    )["TargetGroups"][0]["TargetGroupArn"]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
    elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=delay)
    rule = elbv2.create_rule(
        ListenerArn=stack.listener_arn, Priority=50, Conditions=[{"Field": "path-pattern", "Values": ["/b"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Rules"][0]["RuleArn"]  # fmt: skip
    before = _interfaces(stack)
    target = {"targetGroupArn": group, "containerName": "httpd", "containerPort": 80}
    stack.serve("b", stack.family("httpd"), 1, loadBalancers=[target])

    def registered() -> list[Any]:
        return list(elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"])

    stack.target.wait(registered, "a target")
    assert len(_interfaces(stack)) == len(before) + 1
    remove_service(stack, "b")
    stack.target.wait(registered, "the target to go", done=lambda found: not found)
    stack.target.wait(lambda: _interfaces(stack), "the interface to go", done=lambda found: found == before)
    elbv2.delete_rule(RuleArn=rule)
    elbv2.delete_target_group(TargetGroupArn=group)
    assert len(stack.healthy_targets()) == 2


def _interfaces(stack: Stack) -> set[str]:
    found = network.interfaces(stack.target.client("ec2"), stack.made_network.vpc)
    return {each["NetworkInterfaceId"] for each in found}


def test_a_stopped_task_leaves_no_process(stack: Stack, local: Target) -> None:
    """Neither its containers nor what they started; and no second process of the lab's is left over."""
    server = psutil.Process(local.backend.status()["pid"])
    before = {each.pid for each in server.children(recursive=True)}
    arn = stack.run(stack.register("forking", stack.shell("sleep 1000 & sleep 1000 & wait")))
    stack.is_running(arn)
    assert len(server.children(recursive=True)) >= len(before) + 3
    stack.target.client("ecs").stop_task(cluster=stack.prefix, task=arn)
    stack.stopped(arn)
    stack.target.wait(
        lambda: {each.pid for each in server.children(recursive=True)} - before, "its processes to end",
        done=lambda left: not left,
    )  # fmt: skip

"""Delete what `inventory` finds, without Terraform: kind by kind, in an order that AWS accepts, until nothing is found.

What still depends on something else is refused by AWS and tried again in the next round; one failure stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from lab_helpers.account import inventory
from lab_helpers.account.inventory import Aws, LabNames
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import AwsCallError, LabError, NotFoundError, WaitTimeoutError
from lab_helpers.base.wait import Tick, wait_until

TIMEOUT_S = 600.0
"""Bound on all rounds: a load balancer's network interfaces take up to five minutes to go, and hold the VPC."""
POLL_S = 2.0
_BATCH = 1000
"""Source: DeleteObjects takes at most 1000 keys."""


@dataclass(frozen=True)
class Step:
    """One step of a teardown; `error` is empty when it went well."""

    what: str
    error: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of resource: the service's name in listings, how to find those of a lab, how to delete one by name."""

    service: str
    what: str
    find: Callable[[Aws, LabNames], list[str]]
    delete: Callable[[Aws, LabNames, str], object]


def remove(
    aws: Aws, names: LabNames, *, timeout_s: float = TIMEOUT_S, on_tick: Callable[[Tick], None] | None = None
) -> list[Step]:
    """Delete all there is of a lab and look until it is gone; return one step for each thing that was found.

    A step's error says why something is still there after `timeout_s`, or why a kind could not be listed.
    """
    tried: dict[str, str] = {}

    def one_round() -> dict[str, str]:
        left = dict(_round(aws, names))
        tried.update(left)
        return left

    try:
        left = wait_until(
            one_round,
            timeout_s,
            POLL_S,
            f"everything of {names.prefix} to be gone",
            done=lambda left: all(what.startswith("list ") for what in left),
            describe=lambda left: f"{len(left)} left: {', '.join(list(left)[:3])}",
            on_tick=on_tick,
        )
    except WaitTimeoutError:
        left = {what: error or f"still there after {timeout_s:.0f} s" for what, error in _round(aws, names)}
    mattered = [what for what in {**tried, **left} if what in left or not what.startswith("list ")]
    return [Step(what, left.get(what, "")) for what in mattered]


def found(aws: Aws, names: LabNames) -> list[tuple[str, str]]:
    """Return (service, name) of all there is of a lab, what only its tag tells included."""
    with aws_errors("list what is there"):
        listed = [(kind.service, name) for kind in KINDS for name in kind.find(aws, names)]
        return listed + [("tag index", arn) for arn in inventory.tagged_otherwise(aws, names)]


def _round(aws: Aws, names: LabNames) -> Iterable[tuple[str, str]]:
    """Try to delete everything once; yield (what was found, why it could not be deleted)."""
    for kind in KINDS:
        try:
            with aws_errors(f"list {kind.what}s"):
                present = kind.find(aws, names)
        except LabError as exc:
            yield f"list {kind.what}s", str(exc)
            continue
        for name in present:
            yield f"delete {kind.what} {name}", _attempt(partial(kind.delete, aws, names, name))


def _attempt(action: Callable[[], object]) -> str:
    try:
        with aws_errors():
            action()
    except NotFoundError:
        return ""
    except LabError as exc:
        return str(exc)
    return ""


def _service(aws: Aws, names: LabNames, name: str) -> None:
    aws("ecs").update_service(cluster=names.cluster, service=name, desiredCount=0)
    aws("ecs").delete_service(cluster=names.cluster, service=name, force=True)


def _load_balancer(aws: Aws, _: LabNames, name: str) -> None:
    elbv2 = aws("elbv2")
    (balancer,) = elbv2.describe_load_balancers(Names=[name])["LoadBalancers"]
    elbv2.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])


def _target_group(aws: Aws, _: LabNames, name: str) -> None:
    elbv2 = aws("elbv2")
    (group,) = elbv2.describe_target_groups(Names=[name])["TargetGroups"]
    elbv2.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


def _bucket(aws: Aws, _: LabNames, name: str) -> None:
    """Delete a bucket with all versions, delete markers and unfinished uploads."""
    s3 = aws("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        _delete_objects(s3, name, [{"Key": e["Key"], "VersionId": e["VersionId"]} for e in entries])
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    s3.delete_bucket(Bucket=name)


def _delete_objects(s3: Any, bucket: str, keys: list[dict[str, str]]) -> None:
    for at in range(0, len(keys), _BATCH):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys[at : at + _BATCH], "Quiet": True})
        for error in answer.get("Errors", []):
            raise AwsCallError("DeleteObjects", error["Code"], f"{error.get('Message', '')} ({error['Key']})")


def _role(aws: Aws, _: LabNames, name: str) -> None:
    iam = aws("iam")
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    for inline in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=inline)
    iam.delete_role(RoleName=name)


def _vpc(aws: Aws, _: LabNames, vpc: str) -> None:
    """Delete a VPC with what is in it; what is still in use is refused by AWS, and the VPC with it."""
    ec2, inside = aws("ec2"), [{"Name": "vpc-id", "Values": [vpc]}]
    for group in _own_groups(ec2, inside):
        if group["IpPermissions"]:  # groups that name each other hold each other
            ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    parts: list[Callable[[], object]] = [
        *(
            partial(ec2.delete_subnet, SubnetId=each["SubnetId"])
            for each in ec2.describe_subnets(Filters=inside)["Subnets"]
        ),
        *(partial(ec2.delete_security_group, GroupId=each["GroupId"]) for each in _own_groups(ec2, inside)),
        *_gateways(ec2, vpc),
        *(partial(_route_table, ec2, table) for table in ec2.describe_route_tables(Filters=inside)["RouteTables"]),
    ]
    errors = [error for error in map(_attempt, parts) if error]
    if errors:
        raise LabError(errors[0])
    ec2.delete_vpc(VpcId=vpc)


def _own_groups(ec2: Any, inside: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups = ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
    return [group for group in groups if group["GroupName"] != "default"]


def _gateways(ec2: Any, vpc: str) -> Iterable[Callable[[], object]]:
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    for gateway in ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]:
        name = gateway["InternetGatewayId"]
        yield partial(ec2.detach_internet_gateway, InternetGatewayId=name, VpcId=vpc)
        yield partial(ec2.delete_internet_gateway, InternetGatewayId=name)


def _route_table(ec2: Any, table: dict[str, Any]) -> None:
    if any(association.get("Main") for association in table["Associations"]):
        return  # goes with its VPC
    for association in table["Associations"]:
        _attempt(partial(ec2.disassociate_route_table, AssociationId=association["RouteTableAssociationId"]))
    ec2.delete_route_table(RouteTableId=table["RouteTableId"])


KINDS = (
    Kind("ecs", "service", inventory.ecs_services, _service),
    Kind("ecs", "task", inventory.ecs_tasks, lambda aws, n, arn: aws("ecs").stop_task(cluster=n.cluster, task=arn)),
    Kind("elbv2", "load balancer", inventory.load_balancers, _load_balancer),
    Kind("elbv2", "target group", inventory.target_groups, _target_group),
    Kind(
        "firehose", "delivery stream", inventory.delivery_streams,
        lambda aws, _, name: aws("firehose").delete_delivery_stream(DeliveryStreamName=name, AllowForceDelete=True),
    ),
    Kind("ecs", "cluster", inventory.clusters, lambda aws, _, name: aws("ecs").delete_cluster(cluster=name)),
    Kind(
        "ecs", "task definition", inventory.task_definitions,
        lambda aws, _, arn: aws("ecs").deregister_task_definition(taskDefinition=arn),
    ),
    Kind(
        "ecr", "repository", inventory.repositories,
        lambda aws, _, name: aws("ecr").delete_repository(repositoryName=name, force=True),
    ),
    Kind("s3", "bucket", inventory.buckets, _bucket),
    Kind(
        "logs", "log group", inventory.log_groups,
        lambda aws, _, name: aws("logs").delete_log_group(logGroupName=name),
    ),
    Kind(
        "cloudwatch", "alarm", inventory.alarms,
        lambda aws, _, name: aws("cloudwatch").delete_alarms(AlarmNames=[name]),
    ),
    # Its tables go with it.
    Kind("glue", "database", inventory.databases, lambda aws, _, name: aws("glue").delete_database(Name=name)),
    Kind("iam", "role", inventory.roles, _role),
    Kind("ec2", "VPC", inventory.vpcs, _vpc),
)  # fmt: skip
"""In the order of deletion: what holds something else goes before it."""

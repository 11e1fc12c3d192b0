"""What exists in AWS of a lab, by Terraform's addresses: what an interrupted apply made and could not write down.

Only what AWS refuses to make twice, or would make twice without a word. The rest is put again (PUT_AGAIN).
Source: "Import" at the end of each resource's page in the AWS provider's documentation, for the ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lab_helpers.account import inventory
from lab_helpers.account.inventory import Aws, LabNames
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import AwsCallError

Found = tuple[str, str]
"""Terraform's address of a resource, and the id that `terraform import` wants."""

PUT_AGAIN = frozenset(
    {
        "aws_default_security_group",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachment",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "terraform_data",
    }
)
"""The types of resources for which making twice is the same as making once: settings, and the images' builds."""

ERROR_STREAM = "kinesis_error"
SUBNETS = {"10.0.11.0/24": "a", "10.0.12.0/24": "c"}
"""CIDR block -> key of aws_subnet.public. Source: terraform/aws_vpc.tf."""


def found(aws: Aws, names: LabNames) -> dict[str, str]:
    """Return {address: import id} of all that exists of a lab; what may not be listed is left out."""
    there: dict[str, str] = {}
    for look in _LOOKS:
        try:
            with aws_errors():
                there.update(look(aws, names))
        except AwsCallError:  # not allowed, or not there; the apply that follows says what matters
            continue
    return there


def _logs(aws: Aws, names: LabNames) -> Iterator[Found]:
    if names.log_group not in inventory.log_groups(aws, names):
        return
    yield "aws_cloudwatch_log_group.firelens", names.log_group
    streams = aws("logs").describe_log_streams(logGroupName=names.log_group, logStreamNamePrefix=ERROR_STREAM)
    if any(stream["logStreamName"] == ERROR_STREAM for stream in streams["logStreams"]):
        yield "aws_cloudwatch_log_stream.kinesis_error", f"{names.log_group}:{ERROR_STREAM}"


def _roles(aws: Aws, names: LabNames) -> Iterator[Found]:
    addresses = ("aws_iam_role.ecs_task", "aws_iam_role.ecs_task_exec", "aws_iam_role.firehose")
    there = inventory.roles(aws, names)
    yield from ((address, role) for address, role in zip(addresses, names.roles, strict=True) if role in there)


def _buckets(aws: Aws, names: LabNames) -> Iterator[Found]:
    addresses = ("aws_s3_bucket.alb_log", "aws_s3_bucket.firelens")
    there = inventory.buckets(aws, names)
    yield from ((address, bucket) for address, bucket in zip(addresses, names.buckets, strict=True) if bucket in there)


def _stream(aws: Aws, names: LabNames) -> Iterator[Found]:
    for name in inventory.delivery_streams(aws, names):
        found = aws("firehose").describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
        yield "aws_kinesis_firehose_delivery_stream.firelens", found["DeliveryStreamARN"]


def _repositories(aws: Aws, names: LabNames) -> Iterator[Found]:
    for name in inventory.repositories(aws, names):
        yield f"aws_ecr_repository.{name.removeprefix(f'{names.prefix}-')}", name


def _glue(aws: Aws, names: LabNames) -> Iterator[Found]:
    for database in inventory.databases(aws, names):
        yield "aws_glue_catalog_database.logs", f"{names.account}:{database}"
        tables = aws("glue").get_tables(DatabaseName=database)["TableList"]
        if any(table["Name"] == "httpd" for table in tables):
            yield "aws_glue_catalog_table.httpd", f"{names.account}:{database}:httpd"


def _ecs(aws: Aws, names: LabNames) -> Iterator[Found]:
    yield from (("aws_ecs_cluster.lab", name) for name in inventory.clusters(aws, names))
    httpd = f"{names.prefix}-httpd"
    if httpd in inventory.ecs_services(aws, names):
        yield "aws_ecs_service.httpd", f"{names.cluster}/{httpd}"
    own = [arn for arn in inventory.task_definitions(aws, names) if arn.rpartition("/")[2].startswith(f"{httpd}:")]
    if own:
        yield "aws_ecs_task_definition.httpd", max(own, key=lambda arn: int(arn.rpartition(":")[2]))


def _load_balancer(aws: Aws, names: LabNames) -> Iterator[Found]:
    elbv2 = aws("elbv2")
    for name in inventory.target_groups(aws, names):
        (group,) = elbv2.describe_target_groups(Names=[name])["TargetGroups"]
        yield "aws_lb_target_group.httpd", group["TargetGroupArn"]
    for name in inventory.load_balancers(aws, names):
        (balancer,) = elbv2.describe_load_balancers(Names=[name])["LoadBalancers"]
        yield "aws_lb.httpd", balancer["LoadBalancerArn"]
        listeners = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        yield from (("aws_lb_listener.http", each["ListenerArn"]) for each in listeners if each["Port"] == 80)


def _network(aws: Aws, names: LabNames) -> Iterator[Found]:
    """Two VPCs of one lab are left to `lab teardown`: which of them the state should have, nobody knows."""
    ec2, tagged = aws("ec2"), [{"Name": f"tag:{inventory.TAG}", "Values": [names.prefix]}]
    vpcs = inventory.vpcs(aws, names)
    if len(vpcs) > 1:
        return
    gateways = ec2.describe_internet_gateways(Filters=tagged)["InternetGateways"]
    yield from (("aws_internet_gateway.lab", each["InternetGatewayId"]) for each in gateways[:1])
    for vpc in vpcs:
        yield "aws_vpc.lab", vpc
        inside = [{"Name": "vpc-id", "Values": [vpc]}]
        for subnet in ec2.describe_subnets(Filters=inside)["Subnets"]:
            if subnet["CidrBlock"] in SUBNETS:
                yield f'aws_subnet.public["{SUBNETS[subnet["CidrBlock"]]}"]', subnet["SubnetId"]
        for group in ec2.describe_security_groups(Filters=inside)["SecurityGroups"]:
            kinds = {f"{names.prefix}-{kind}-sg": kind for kind in ("alb", "ecs")}
            if group["GroupName"] in kinds:
                yield f"aws_security_group.{kinds[group['GroupName']]}", group["GroupId"]
        yield from _routes(ec2, inside + tagged)


def _routes(ec2: Any, own: list[dict[str, Any]]) -> Iterator[Found]:
    subnets = {
        each["SubnetId"]: SUBNETS.get(each["CidrBlock"]) for each in ec2.describe_subnets(Filters=own)["Subnets"]
    }
    for table in ec2.describe_route_tables(Filters=own)["RouteTables"][:1]:
        yield "aws_route_table.public", table["RouteTableId"]
        for association in table["Associations"]:
            key = subnets.get(association.get("SubnetId"))
            if key:
                address = f'aws_route_table_association.public["{key}"]'
                yield address, f"{association['SubnetId']}/{table['RouteTableId']}"


Look = Callable[[Aws, LabNames], Iterator[Found]]
_LOOKS: tuple[Look, ...] = (_network, _logs, _roles, _buckets, _stream, _repositories, _glue, _ecs, _load_balancer)
"""In the order in which Terraform needs them: what is imported first is what others depend on."""

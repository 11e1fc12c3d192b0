"""The network that a stack stands in: a VPC of two subnets, and who may talk to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ZONES = {"a": "10.0.11.0/24", "c": "10.0.12.0/24"}


@dataclass(frozen=True)
class Network:
    """Ids of what was made."""

    vpc: str
    gateway: str
    table: str
    subnets: tuple[str, ...]
    balancer_group: str
    task_group: str


def build(ec2: Any, prefix: str, region: str) -> Network:
    """Make it, with a route to the internet."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    subnets = tuple(_subnet(ec2, vpc, f"{region}{zone}", cidr) for zone, cidr in ZONES.items())
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    balancer = ec2.create_security_group(GroupName=f"{prefix}-alb", Description="alb", VpcId=vpc)["GroupId"]
    tasks = ec2.create_security_group(GroupName=f"{prefix}-ecs", Description="ecs", VpcId=vpc)["GroupId"]
    http = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    _let_in(ec2, balancer, {**http, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]})
    _let_in(ec2, tasks, {**http, "UserIdGroupPairs": [{"GroupId": balancer}]})
    return Network(vpc, gateway, table, subnets, balancer, tasks)


def remove(ec2: Any, made: Network) -> None:
    """Delete it; AWS refuses while an interface is left in it."""
    for group in (made.task_group, made.balancer_group):
        ec2.delete_security_group(GroupId=group)
    for subnet in made.subnets:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_route_table(RouteTableId=made.table)
    ec2.detach_internet_gateway(InternetGatewayId=made.gateway, VpcId=made.vpc)
    ec2.delete_internet_gateway(InternetGatewayId=made.gateway)
    ec2.delete_vpc(VpcId=made.vpc)


def interfaces(ec2: Any, vpc: str) -> list[dict[str, Any]]:
    """Return the network interfaces in a VPC."""
    found = ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    return list(found["NetworkInterfaces"])


def _subnet(ec2: Any, vpc: str, zone: str, cidr: str) -> str:
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)
    return str(made["Subnet"]["SubnetId"])


def _let_in(ec2: Any, group: str, rule: dict[str, Any]) -> None:
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

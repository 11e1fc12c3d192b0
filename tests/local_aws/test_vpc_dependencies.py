"""What a network interface uses cannot be deleted; what else hung on it goes along."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import LocalAws

ZONE = "ap-northeast-1a"


@pytest.fixture
def ec2(aws: LocalAws) -> Any:
    return aws.client("ec2")


def test_an_interface_holds_its_group_and_its_subnet(ec2: Any) -> None:
    """DependencyViolation until the interface is gone; others of the same VPC go at once."""
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    used, free = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=ZONE)["Subnet"]["SubnetId"]
        for cidr in ("10.7.1.0/24", "10.7.2.0/24")
    )
    group, other = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("a", "b")
    )
    made = ec2.create_network_interface(SubnetId=used, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
    for refused in (
        lambda: ec2.delete_security_group(GroupId=group),
        lambda: ec2.delete_subnet(SubnetId=used),
    ):
        with pytest.raises(ClientError) as error:
            refused()
        assert error.value.response["Error"]["Code"] == "DependencyViolation"
    ec2.delete_security_group(GroupId=other)
    ec2.delete_subnet(SubnetId=free)
    ec2.delete_network_interface(NetworkInterfaceId=made)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=used)
    ec2.delete_vpc(VpcId=vpc)


def test_a_subnet_takes_its_association_with_a_route_table_along(ec2: Any) -> None:
    """The route table can then be deleted without another call, as on AWS."""
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.1.0/24", AvailabilityZone=ZONE)["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=made)
    ec2.delete_subnet(SubnetId=made)
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_vpc(VpcId=vpc)

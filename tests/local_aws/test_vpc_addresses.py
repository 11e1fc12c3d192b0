"""The network interfaces of tasks and load balancers have addresses that AWS would give them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import LocalAws
from lab_helpers.local_aws.vpc.addresses import create_interface, free_address

FREE = [f"10.9.1.{number}" for number in range(4, 15)]
"""What interfaces may have in 10.9.1.0/28: eleven of sixteen."""


@pytest.fixture
def ec2(aws: LocalAws) -> Any:
    return aws.client("ec2")


@pytest.fixture
def subnet(ec2: Any) -> Iterator[str]:
    """The id of a subnet of sixteen addresses; its interfaces go with it."""
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/28")["Subnet"]["SubnetId"]
    yield made
    found = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [made]}])["NetworkInterfaces"]
    for each in found:
        ec2.delete_network_interface(NetworkInterfaceId=each["NetworkInterfaceId"])
    ec2.delete_subnet(SubnetId=made)
    ec2.delete_vpc(VpcId=vpc)


def test_each_interface_has_a_free_address_until_there_is_none(ec2: Any, subnet: str) -> None:
    """Eight at a time: no address twice, none of AWS's five; that of a deleted interface is free again."""

    def create(_number: Any) -> tuple[str, str]:
        made = create_interface(ec2, subnet, Description="test")
        return made["PrivateIpAddress"], made["NetworkInterfaceId"]

    with ThreadPoolExecutor(8) as pool:
        made = dict(pool.map(create, FREE))
    assert sorted(made) == sorted(FREE)
    with pytest.raises(ClientError, match="InsufficientFreeAddressesInSubnet"):
        create(0)
    ec2.delete_network_interface(NetworkInterfaceId=made[FREE[3]])
    assert create(0)[0] == FREE[3]


def test_a_subnet_that_is_not_there(ec2: Any) -> None:
    """EC2 names it."""
    with pytest.raises(ClientError, match=r"InvalidSubnetID\.NotFound"):
        create_interface(ec2, "subnet-0123456789abcdef0")


def test_every_usable_address_is_given() -> None:
    """The first four of a subnet and the last are AWS's own; which one comes first is chance."""
    used: set[str] = set()
    while address := free_address("10.9.1.0/28", used):
        used.add(address)
    assert used == set(FREE)
    assert len({free_address("10.9.0.0/24", set()) for _ in range(50)}) > 1

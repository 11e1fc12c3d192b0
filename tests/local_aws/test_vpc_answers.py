"""EC2's answers that moto's are not: what terraform-aws-vpc and its submodules meet."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import LocalAws


@pytest.fixture
def ec2(aws: LocalAws) -> Any:
    return aws.client("ec2")


def test_a_nat_gateway_takes_its_interface_along(ec2: Any) -> None:
    """Its subnet can then be deleted; the elastic IP address is free again and still the account's."""
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    assert ec2.delete_nat_gateway(NatGatewayId=made)["NatGatewayId"] == made
    (kept,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    assert not kept.get("AssociationId")
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_dhcp_options_keep_their_tags(ec2: Any) -> None:
    """TagSpecifications are in the answer and in what is described later: Terraform's second plan is empty."""
    tags = [{"Key": "Name", "Value": "lab"}]
    made = ec2.create_dhcp_options(
        DhcpConfigurations=[{"Key": "domain-name", "Values": ["lab.internal"]}],
        TagSpecifications=[{"ResourceType": "dhcp-options", "Tags": tags}],
    )["DhcpOptions"]
    (kept,) = ec2.describe_dhcp_options(DhcpOptionsIds=[made["DhcpOptionsId"]])["DhcpOptions"]
    assert made["Tags"] == kept["Tags"] == tags
    ec2.delete_dhcp_options(DhcpOptionsId=made["DhcpOptionsId"])


def test_an_unknown_security_group_is_named(ec2: Any) -> None:
    """InvalidGroup.NotFound with EC2's sentence."""
    with pytest.raises(ClientError) as error:
        ec2.describe_security_groups(GroupIds=["sg-12345678"])
    assert error.value.response["Error"] == {
        "Code": "InvalidGroup.NotFound", "Message": "The security group 'sg-12345678' does not exist",
    }  # fmt: skip


def test_a_deleted_security_group_is_told(ec2: Any) -> None:
    """EC2's answer has Return, GroupId and a request id."""
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="a", Description="a", VpcId=vpc)["GroupId"]
    answer = ec2.delete_security_group(GroupId=group)
    assert (answer["Return"], answer["GroupId"]) == (True, group)
    assert answer["ResponseMetadata"]["RequestId"]
    ec2.delete_vpc(VpcId=vpc)


def test_endpoint_services_have_names_and_types(ec2: Any) -> None:
    """The Terraform data source aws_vpc_endpoint_service finds exactly one, by name and type."""
    name = "com.amazonaws.ap-northeast-1.s3"
    for kind in ("Gateway", "Interface"):
        wanted = [{"Name": "service-type", "Values": [kind]}]
        found = ec2.describe_vpc_endpoint_services(ServiceNames=[name], Filters=wanted)
        assert found["ServiceNames"] == [name]
        assert [each["ServiceType"] for each in found["ServiceDetails"]] == [[{"ServiceType": kind}]]
    assert "com.amazonaws.ap-northeast-1.ecr.dkr" in ec2.describe_vpc_endpoint_services()["ServiceNames"]
    with pytest.raises(ClientError, match="The Vpc Endpoint Service 'nobody' does not exist"):
        ec2.describe_vpc_endpoint_services(ServiceNames=["nobody"])


def test_zones_tell_their_group(ec2: Any) -> None:
    """GroupName, NetworkBorderGroup and OptInStatus, as AWS has them for a region's usual zones."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]
    told = (zone["GroupName"], zone["NetworkBorderGroup"], zone["OptInStatus"])
    assert told == ("ap-northeast-1-zg-1", "ap-northeast-1", "opt-in-not-required")


def test_an_interface_is_named_after_its_region(aws: LocalAws) -> None:
    """ip-….REGION.compute.internal, and ec2.internal in us-east-1 alone. Source: "EC2 instance hostnames"."""
    for region, ending in (("ap-northeast-1", "ap-northeast-1.compute.internal"), ("us-east-1", "ec2.internal")):
        ec2 = aws.client("ec2", region)
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
        made = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.9.1.20")["NetworkInterface"]
        assert made["PrivateDnsName"] == f"ip-10-9-1-20.{ending}"
        ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
        ec2.delete_subnet(SubnetId=subnet)
        ec2.delete_vpc(VpcId=vpc)


def test_a_customer_gateway_keeps_its_devices_name(ec2: Any) -> None:
    """Told when it is made and when it is described; one without has none."""
    named = ec2.create_customer_gateway(BgpAsn=65112, PublicIp="192.0.2.4", Type="ipsec.1", DeviceName="router")
    assert named["CustomerGateway"]["DeviceName"] == "router"
    plain = ec2.create_customer_gateway(BgpAsn=65113, PublicIp="192.0.2.5", Type="ipsec.1")["CustomerGateway"]
    found = ec2.describe_customer_gateways()["CustomerGateways"]
    assert {each["CustomerGatewayId"]: each.get("DeviceName") for each in found} == {
        named["CustomerGateway"]["CustomerGatewayId"]: "router",
        plain["CustomerGatewayId"]: None,
    }

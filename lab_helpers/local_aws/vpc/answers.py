"""EC2's answers where moto's are not AWS's: NAT gateways' interfaces, tags of DHCP options, unknown groups, endpoints.

Source: DeleteNatGateway, CreateDhcpOptions, DescribeSecurityGroups, DescribeVpcEndpointServices and
DescribeAvailabilityZones of the Amazon EC2 API reference; "AWS services that integrate with AWS PrivateLink".
Not modelled: services of AWS that no lab asks for in DescribeVpcEndpointServices; endpoint services of one's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from botocore.loaders import Loader

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler
from lab_helpers.local_aws.kit.service import Clients, HandlersOnly

_PRINCIPAL = "ec2.amazonaws.com"
_GATEWAYS = ("s3", "dynamodb")
_INTERFACES = (
    "athena", "autoscaling", "application-autoscaling", "cloudtrail", "config", "ec2", "ec2messages", "ecr.api",
    "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "elasticfilesystem", "elasticloadbalancing", "events",
    "execute-api", "glue", "kinesis-firehose", "kinesis-streams", "kms", "lambda", "logs", "monitoring", "rds", "s3",
    "secretsmanager", "sns", "sqs", "ssm", "ssmmessages", "states", "sts", "xray",
)  # fmt: skip
_UNKNOWN_GROUPS = re.compile(r"The security group '\{(.*)\}' does not exist")


class VpcAnswers(HandlersOnly):
    """Lets moto answer, and mends what it says or leaves behind."""

    name = "vpc-answers"

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("ec2", "DeleteNatGateway"): self._delete_nat_gateway,
            ("ec2", "CreateDhcpOptions"): self._create_dhcp_options,
            ("ec2", "DescribeSecurityGroups"): _describe_security_groups,
            ("ec2", "DescribeVpcEndpointServices"): _describe_endpoint_services,
            ("ec2", "DescribeAvailabilityZones"): _describe_zones,
            ("ec2", "DescribeRouteTables"): _describe_route_tables,
            ("ec2", "GetSecurityGroupsForVpc"): self._groups_for_vpc,
        }

    def _delete_nat_gateway(self, request: ApiRequest) -> dict[str, Any]:
        """Delete the gateway's interfaces with it; the addresses are free again, not released."""
        name, ec2 = str(request.params.get("NatGatewayId", "")), self._ec2(request)
        known = ec2.describe_nat_gateways(Filter=[{"Name": "nat-gateway-id", "Values": [name]}])["NatGateways"]
        if not known:
            raise AwsError("NatGatewayNotFound", f"The Nat Gateway {name} was not found")
        answer = request.forward(None)
        addresses = [address for gateway in known for address in gateway.get("NatGatewayAddresses", ())]
        for interface in (address.get("NetworkInterfaceId") for address in addresses):
            if interface:
                self._delete_interface(ec2, interface)
        return answer

    def _delete_interface(self, ec2: Any, name: str) -> None:
        chosen = [{"Name": "network-interface-id", "Values": [name]}]
        for interface in ec2.describe_network_interfaces(Filters=chosen)["NetworkInterfaces"]:
            association = (interface.get("Association") or {}).get("AssociationId")
            if association:
                ec2.disassociate_address(AssociationId=association)
            ec2.delete_network_interface(NetworkInterfaceId=name)

    def _create_dhcp_options(self, request: ApiRequest) -> dict[str, Any]:
        answer = request.forward(None)
        tags = [tag for spec in request.params.get("TagSpecification") or () for tag in spec.get("Tag") or ()]
        if tags:
            options = answer["DhcpOptions"]
            self._ec2(request).create_tags(Resources=[options["DhcpOptionsId"]], Tags=tags)
            options["Tags"] = tags
        return answer

    def _groups_for_vpc(self, request: ApiRequest) -> dict[str, Any]:
        """List the groups of a VPC. Not modelled: groups that others share."""
        vpc = str(request.params.get("VpcId", ""))
        found = self._ec2(request).describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
        groups = [
            {"Description": each["Description"], "GroupName": each["GroupName"], "OwnerId": each["OwnerId"],
             "GroupId": each["GroupId"], "Tags": each.get("Tags", []), "PrimaryVpcId": each["VpcId"]}
            for each in found["SecurityGroups"]
        ]  # fmt: skip
        return {"SecurityGroupForVpcs": groups}

    def _ec2(self, request: ApiRequest) -> Any:
        return self._clients.as_service("ec2", _PRINCIPAL, request.region)


def _describe_security_groups(request: ApiRequest) -> dict[str, Any]:
    try:
        return request.forward(None)
    except AwsError as error:
        several = _UNKNOWN_GROUPS.fullmatch(error.message)
        if several is None:
            raise
        first = sorted(part.strip(" '") for part in several[1].split(","))[0]
        message = f"The security group '{first}' does not exist"
        raise AwsError(error.code, message, error.status, error.extra) from error


def _describe_endpoint_services(request: ApiRequest) -> dict[str, Any]:
    offered = [_endpoint_service(request, name, "Gateway") for name in _GATEWAYS]
    offered += [_endpoint_service(request, name, "Interface") for name in _INTERFACES]
    named = request.params.get("ServiceName") or []
    for name in named:
        if not any(service["ServiceName"] == name for service in offered):
            raise AwsError("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")
    found = [service for service in offered if not named or service["ServiceName"] in named]
    for wanted in request.params.get("Filter") or ():
        found = [service for service in found if _passes(service, str(wanted.get("Name")), wanted.get("Value") or [])]
    names = list(dict.fromkeys(service["ServiceName"] for service in found))
    return {"ServiceNames": names, "ServiceDetails": found}


def _passes(service: Mapping[str, Any], name: str, values: list[str]) -> bool:
    if name == "service-name":
        return service["ServiceName"] in values
    if name == "service-type":
        return service["ServiceType"][0]["ServiceType"] in values
    if name == "owner":
        return service["Owner"] in values
    return True


def _endpoint_service(request: ApiRequest, name: str, kind: str) -> dict[str, Any]:
    zones = [f"{request.region}{letter}" for letter in ("acd" if request.region == "ap-northeast-1" else "abc")]
    private = {"PrivateDnsName": f"{name}.{request.region}.amazonaws.com"} if kind == "Interface" else {}
    return {
        "ServiceName": f"com.amazonaws.{request.region}.{name}",
        "ServiceType": [{"ServiceType": kind}],
        "ServiceRegion": request.region,
        "AvailabilityZones": zones,
        "Owner": "amazon",
        "BaseEndpointDnsNames": [f"{name}.{request.region}.amazonaws.com"],
        **private,
        "VpcEndpointPolicySupported": True,
        "AcceptanceRequired": False,
        "ManagesVpcEndpoints": False,
        "SupportedIpAddressTypes": ["ipv4"],
    }


def _describe_zones(request: ApiRequest) -> dict[str, Any]:
    answer = request.forward(None)
    for zone in answer["AvailabilityZones"]:
        region = zone["RegionName"]
        zone |= {"OptInStatus": "opt-in-not-required", "GroupName": f"{region}-zg-1", "NetworkBorderGroup": region}
        zone["GroupLongName"] = f"{_place_of(region)} 1"
    return answer


@lru_cache(maxsize=8)
def _place_of(region: str) -> str:
    """Return what AWS calls a region, such as Asia Pacific (Tokyo)."""
    for partition in Loader().load_data("endpoints")["partitions"]:
        if region in partition["regions"]:
            return str(partition["regions"][region]["description"])
    return region


def _describe_route_tables(request: ApiRequest) -> dict[str, Any]:
    """Tell that no gateway propagates routes, which is a list without members on AWS."""
    answer = request.forward(None)
    return {**answer, "RouteTables": [{"PropagatingVgws": [], **table} for table in answer["RouteTables"]]}

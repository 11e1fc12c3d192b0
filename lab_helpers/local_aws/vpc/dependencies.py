"""EC2's DeleteSecurityGroup and DeleteSubnet: refused while a network interface uses what is to go; moto deletes it.

Source: DependencyViolation in the Amazon EC2 API reference; the sentences are those that Terraform shows in public
issue threads. A deleted subnet takes its association with a route table along, as in AWS.
Not modelled: rules of other security groups that name the one to be deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler
from lab_helpers.local_aws.kit.service import Clients, HandlersOnly

_PRINCIPAL = "ec2.amazonaws.com"


class VpcDependencies(HandlersOnly):
    """Looks for interfaces, by the API, before moto deletes."""

    name = "vpc"

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        return {("ec2", "DeleteSecurityGroup"): self._delete_group, ("ec2", "DeleteSubnet"): self._delete_subnet}

    def _delete_group(self, request: ApiRequest) -> dict[str, Any]:
        group = str(request.params.get("GroupId", ""))
        if group and self._is_used(request, "group-id", group):
            raise AwsError("DependencyViolation", f"resource {group} has a dependent object")
        request.forward(None)
        return {"Return": True, **({"GroupId": group} if group else {})}

    def _delete_subnet(self, request: ApiRequest) -> dict[str, Any]:
        subnet = str(request.params.get("SubnetId", ""))
        if subnet and self._is_used(request, "subnet-id", subnet):
            raise AwsError("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted.")
        answer = request.forward(None)
        self._disassociate(request, subnet)
        return answer

    def _disassociate(self, request: ApiRequest, subnet: str) -> None:
        ec2 = self._ec2(request)
        tables = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
        for association in (each for table in tables["RouteTables"] for each in table["Associations"]):
            if association.get("SubnetId") == subnet:
                ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])

    def _is_used(self, request: ApiRequest, filter_name: str, value: str) -> bool:
        wanted = [{"Name": filter_name, "Values": [value]}]
        return bool(self._ec2(request).describe_network_interfaces(Filters=wanted)["NetworkInterfaces"])

    def _ec2(self, request: ApiRequest) -> Any:
        return self._clients.as_service("ec2", _PRINCIPAL, request.region)

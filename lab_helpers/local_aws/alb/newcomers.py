"""What AWS checks of a new application load balancer and moto does not.

Source: the ELBv2 API reference (errors of CreateLoadBalancer).
Not modelled: the answer to a repeated request with the same settings (AWS returns the load balancer that is there).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.api import AwsError

_NAME = re.compile(r"[A-Za-z0-9-]{1,32}")


def check_name(name: str, present: Iterable[Mapping[str, Any]]) -> None:
    """Raise AwsError when the name is ill-formed, or that of one of the load balancers that are `present`."""
    if len(name) > 32:
        raise AwsError("ValidationError", f"The load balancer name '{name}' cannot be longer than '32' characters")
    if not _NAME.fullmatch(name):
        raise AwsError(
            "ValidationError",
            f"The load balancer name '{name}' can only contain characters that are alphanumeric characters and "
            "hyphens(-)",
        )
    if any(shape["LoadBalancerName"] == name for shape in present):
        raise AwsError(
            "DuplicateLoadBalancerName",
            f"A load balancer with the same name '{name}' exists, but with different settings",
        )


def check_subnets(ec2: Any, params: Mapping[str, Any]) -> str:
    """Return the VPC of the subnets; raises AwsError unless they are in two or more Availability Zones."""
    ids = list(params.get("Subnets") or [mapping["SubnetId"] for mapping in params.get("SubnetMappings") or []])
    if len(set(ids)) < 2:
        raise AwsError("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    try:
        subnets = ec2.describe_subnets(SubnetIds=ids)["Subnets"]
    except ClientError as error:
        raise AwsError("SubnetNotFound", error.response["Error"]["Message"]) from error
    if len({subnet["AvailabilityZone"] for subnet in subnets}) < len(subnets):
        raise AwsError(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    return str(subnets[0]["VpcId"])


def check_groups(ec2: Any, ids: list[str], vpc_id: str) -> list[str]:
    """Return the security groups, or the VPC's default one when none is given; raises AwsError for unknown ones."""
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}]
    groups = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    if not ids:
        return [group["GroupId"] for group in groups if group["GroupName"] == "default"]
    if unknown := set(ids) - {group["GroupId"] for group in groups}:
        raise AwsError("InvalidConfigurationRequest", f"One or more security groups are invalid: {sorted(unknown)}")
    return ids

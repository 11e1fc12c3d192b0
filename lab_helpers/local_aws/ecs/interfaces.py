"""Elastic network interfaces of tasks, through the EC2 API."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.model import Interface, NetworkSettings, Task
from lab_helpers.local_aws.vpc.addresses import create_interface

log = logging.getLogger(__name__)


class InterfaceError(Exception):
    """A network interface could not be made; the text goes into the task's stoppedReason."""


def zones(ec2: Any, network: NetworkSettings) -> dict[str, str]:
    """Return {subnet id: availability zone} in the configured order; raises InterfaceError for an unknown subnet."""
    try:
        found = ec2.describe_subnets(SubnetIds=list(network.subnets))["Subnets"]
    except ClientError as exc:
        raise InterfaceError(exc.response["Error"]["Message"]) from exc
    by_id = {each["SubnetId"]: each["AvailabilityZone"] for each in found}
    return {subnet: by_id[subnet] for subnet in network.subnets if subnet in by_id}


def create(ec2: Any, task: Task, subnet: str, zone: str) -> Interface:
    """Create the task's network interface in `subnet`; raises InterfaceError."""
    attachment_id = arns.new_uuid()
    account = task.arn.split(":")[4]
    description = arns.arn(task.region, account, f"attachment/{attachment_id}")
    groups = {"Groups": list(task.network.security_groups)} if task.network.security_groups else {}
    try:
        made = create_interface(ec2, subnet, Description=description, **groups)
    except ClientError as exc:
        raise InterfaceError(exc.response["Error"]["Message"]) from exc
    return Interface(
        attachment_id=attachment_id,
        interface_id=made["NetworkInterfaceId"],
        subnet_id=subnet,
        availability_zone=zone,
        address=made["PrivateIpAddress"],
        mac=made.get("MacAddress", ""),
        dns_name=made.get("PrivateDnsName", ""),
    )


def delete(ec2: Any, interface: Interface) -> None:
    """Delete a network interface; one that is gone already is no error."""
    delete_by_id(ec2, interface.interface_id)


def delete_by_id(ec2: Any, interface_id: str) -> None:
    """Delete a network interface by its id; one that is gone already is no error."""
    try:
        ec2.delete_network_interface(NetworkInterfaceId=interface_id)
    except (ClientError, BotoCoreError) as exc:
        log.warning("Network interface %s was not deleted: %s", interface_id, exc)

"""Load balancer nodes: a network interface in each subnet, made and deleted through the EC2 API.

Source: interfaces of a load balancer as `describe-network-interfaces` shows them ("ELB app/NAME/ID").
Not modelled: RequesterManaged and InterfaceType, which moto cannot be told; scaling to more nodes; public addresses.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from lab_helpers.local_aws.alb.model import Node
from lab_helpers.local_aws.vpc.addresses import create_interface

_LOG = logging.getLogger(__name__)


def create_node(ec2: Any, subnet_id: str, groups: Iterable[str], resource_id: str) -> Node:
    """Create the network interface of a node; raises botocore's ClientError."""
    made = create_interface(ec2, subnet_id, Groups=sorted(groups), Description=f"ELB {resource_id}")
    return Node(made["NetworkInterfaceId"], subnet_id, made["PrivateIpAddress"])


def find_nodes(ec2: Any) -> dict[str, tuple[Node, ...]]:
    """Return the nodes that there are in a region, by the `app/NAME/ID` of their load balancer."""
    found: dict[str, tuple[Node, ...]] = {}
    for each in ec2.describe_network_interfaces()["NetworkInterfaces"]:
        kind, _, resource_id = str(each.get("Description", "")).partition(" ")
        if kind == "ELB" and resource_id.startswith("app/"):
            node = Node(each["NetworkInterfaceId"], each["SubnetId"], each["PrivateIpAddress"])
            found[resource_id] = (*found.get(resource_id, ()), node)
    return found


def delete_node(ec2: Any, node: Node) -> None:
    """Delete a node's interface; one that is gone already is no error."""
    try:
        ec2.delete_network_interface(NetworkInterfaceId=node.interface_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidNetworkInterfaceID.NotFound":
            _LOG.warning("Interface %s of a deleted node stays: %s", node.interface_id, error)


def change_groups(ec2: Any, node: Node, groups: Iterable[str]) -> None:
    """Give a node's interface other security groups; raises botocore's ClientError."""
    ec2.modify_network_interface_attribute(NetworkInterfaceId=node.interface_id, Groups=sorted(groups))


def change_subnets(
    ec2: Any, nodes: tuple[Node, ...], subnets: Iterable[str], groups: Iterable[str], resource_id: str
) -> tuple[Node, ...]:
    """Return the nodes for `subnets`: those that fit are kept, others deleted, missing ones created."""
    by_subnet = {node.subnet_id: node for node in nodes}
    wanted = tuple(subnets)
    for node in nodes:
        if node.subnet_id not in wanted:
            delete_node(ec2, node)
    return tuple(by_subnet.get(s) or create_node(ec2, s, groups, resource_id) for s in wanted)

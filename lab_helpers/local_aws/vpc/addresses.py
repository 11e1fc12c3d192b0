"""Private addresses of the network interfaces that tasks and load balancers have: free ones of their subnet.

moto takes any address of the subnet: also AWS's own, and one that another interface has.
Source: "Subnet CIDR blocks" of the Amazon VPC User Guide: the first four addresses and the last are AWS's own; EC2's
InsufficientFreeAddressesInSubnet.
Not modelled: interfaces that a client makes itself (moto chooses), CIDR reservations, IPv6.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Collection
from ipaddress import IPv4Network
from typing import Any

from botocore.exceptions import ClientError

RESERVED_FIRST, RESERVED_LAST = 4, 1
_FULL = "The specified subnet does not have enough free addresses to satisfy the request."
_CREATING = threading.Lock()
"""Held from the look at what is in use until the new interface is there."""


def create_interface(ec2: Any, subnet_id: str, **details: Any) -> dict[str, Any]:
    """Create a network interface with a free address and return it, as EC2 does. Raises botocore's ClientError."""
    (subnet,) = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]
    with _CREATING:
        here = [{"Name": "subnet-id", "Values": [subnet_id]}]
        interfaces = ec2.describe_network_interfaces(Filters=here)["NetworkInterfaces"]
        used = {address["PrivateIpAddress"] for each in interfaces for address in each["PrivateIpAddresses"]}
        address = free_address(subnet["CidrBlock"], used)
        if address is None:
            error: Any = {"Code": "InsufficientFreeAddressesInSubnet", "Message": _FULL}
            raise ClientError({"Error": error}, "CreateNetworkInterface")
        made = ec2.create_network_interface(SubnetId=subnet_id, PrivateIpAddress=address, **details)
    return dict(made["NetworkInterface"])


def free_address(cidr_block: str, used: Collection[str]) -> str | None:
    """Return any address of a subnet that an interface may have and none has; None when there is none."""
    network = IPv4Network(cidr_block)
    usable = range(RESERVED_FIRST, network.num_addresses - RESERVED_LAST)
    start = random.randrange(len(usable))
    places = (usable[(start + step) % len(usable)] for step in range(len(usable)))
    return next((address for place in places if (address := str(network[place])) not in used), None)

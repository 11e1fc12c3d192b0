"""Security groups: whether a load balancer node may reach a target.

Source: "Security groups for your Application Load Balancer", EC2 API reference (IpPermission).
Not modelled: prefix lists, network ACLs, connection tracking (a change holds for the next request), IPv6.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ANY_PROTOCOL = "-1"


@dataclass(frozen=True)
class Permission:
    """One rule of a security group; ports are inclusive, None for every port."""

    protocol: str
    from_port: int | None
    to_port: int | None
    networks: tuple[ipaddress.IPv4Network, ...]
    groups: frozenset[str]

    def permits(self, port: int, address: str, groups: frozenset[str]) -> bool:
        """Tell whether TCP to `port`, from or to a peer of this address and groups, is allowed."""
        return self.covers(port) and (
            not self.groups.isdisjoint(groups) or any(ipaddress.ip_address(address) in net for net in self.networks)
        )

    def covers(self, port: int) -> bool:
        """Tell whether the rule is about TCP to `port`."""
        if self.protocol == ANY_PROTOCOL:
            return True
        if self.protocol not in ("tcp", "6"):
            return False
        return self.from_port is None or self.from_port <= port <= (self.to_port or self.from_port)


@dataclass(frozen=True)
class SecurityGroup:
    """A security group's rules."""

    ingress: tuple[Permission, ...]
    egress: tuple[Permission, ...]


@dataclass(frozen=True)
class Passage:
    """A TCP connection in question: from a node of these groups to a target of those."""

    node: str
    node_groups: frozenset[str]
    target: str
    port: int
    target_groups: frozenset[str]


class Firewall:
    """The security groups as last read; safe to use from several threads.

    A group that was not read yet lets everything pass and is named in `missing`, so that the next reading has it.
    `version` is another number after each change.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._regions: dict[str, Mapping[str, SecurityGroup]] = {}
        self._groups: dict[str, SecurityGroup] = {}
        self._answers: dict[Passage, bool] = {}
        self.missing: set[str] = set()
        self.version = 0

    def replace(self, region: str, groups: Mapping[str, SecurityGroup]) -> None:
        """Take these groups for the ones there are in `region`."""
        with self._lock:
            self.missing -= groups.keys()
            if groups != self._regions.get(region):
                self._regions[region] = groups
                self._groups = {name: group for known in self._regions.values() for name, group in known.items()}
                self._answers = {}
                self.version += 1

    def allows(self, passage: Passage) -> bool:
        """Tell whether the connection may be made."""
        answer = self._answers.get(passage)
        if answer is None:
            with self._lock:
                answer = self._answers[passage] = self._decide(passage)
        return answer

    def admits(self, groups: frozenset[str], port: int) -> bool:
        """Tell whether a load balancer of these groups lets clients in at a listener's port.

        Every client is on this machine, so any rule by address that covers the port lets it in.
        """
        with self._lock:
            known = [self._groups[group] for group in groups if group in self._groups]
            self.missing |= groups - self._groups.keys()
        if len(known) < len(groups) or not groups:
            return True
        return any(p.networks and p.covers(port) for group in known for p in group.ingress)

    def _decide(self, way: Passage) -> bool:
        leaves = self._any("egress", way.node_groups, way.port, way.target, way.target_groups)
        return leaves and self._any("ingress", way.target_groups, way.port, way.node, way.node_groups)

    def _any(self, side: str, ids: frozenset[str], port: int, address: str, peers: frozenset[str]) -> bool:
        unknown = ids - self._groups.keys()
        self.missing |= unknown
        if unknown or not ids:
            return True
        permissions = [p for group_id in ids for p in getattr(self._groups[group_id], side)]
        return any(permission.permits(port, address, peers) for permission in permissions)


def parse_security_groups(shapes: Iterable[Mapping[str, Any]]) -> dict[str, SecurityGroup]:
    """Read DescribeSecurityGroups' shapes."""
    return {
        shape["GroupId"]: SecurityGroup(
            _permissions(shape.get("IpPermissions") or []), _permissions(shape.get("IpPermissionsEgress") or [])
        )
        for shape in shapes
    }


def _permissions(shapes: Iterable[Mapping[str, Any]]) -> tuple[Permission, ...]:
    return tuple(
        Permission(
            protocol=str(shape.get("IpProtocol", ANY_PROTOCOL)),
            from_port=shape.get("FromPort"),
            to_port=shape.get("ToPort"),
            networks=tuple(ipaddress.IPv4Network(r["CidrIp"], strict=False) for r in shape.get("IpRanges") or []),
            groups=frozenset(pair["GroupId"] for pair in shape.get("UserIdGroupPairs") or [] if "GroupId" in pair),
        )
        for shape in shapes
    )

"""How a load balancer's nodes reach their targets: the VPC's wires and its firewall."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from lab_helpers.local_aws.alb.firewall import Firewall, Passage
from lab_helpers.local_aws.alb.http.reading import read_buffer
from lab_helpers.local_aws.alb.model import TargetKey
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.network import Network, Socket

_EPHEMERAL_PORTS = (1024, 65535)
_Way = tuple[str, frozenset[str], TargetKey]


class BlockedError(Exception):
    """A security group drops the packets: nobody answers, not even with a refusal."""


@dataclass
class Wires:
    """The clock, the network, its firewall, and what connections read into; owned by the event loop's thread."""

    clock: Clock
    network: Network
    firewall: Firewall
    read_buffer: memoryview = field(default_factory=read_buffer)
    _passing: dict[_Way, bool] = field(default_factory=dict)
    _versions: tuple[int, int] = (0, 0)

    def locate(self, node: str, node_groups: frozenset[str], key: TargetKey) -> Socket:
        """Find the socket behind a target.

        Raises ConnectionRefusedError when nothing listens there, BlockedError when the security groups are in the way.
        """
        socket = self.network.locate(*key)
        if socket is None:
            raise ConnectionRefusedError(f"nothing listens at {key[0]}:{key[1]}")
        if not self.firewall.allows(Passage(node, node_groups, *key, socket.security_groups)):
            raise BlockedError(f"security groups drop {node} -> {key[0]}:{key[1]}")
        return socket

    def may_pass(self, node: str, node_groups: frozenset[str], key: TargetKey) -> bool:
        """Tell whether a connection from `node` to a target would find somebody; asked for each request."""
        versions = self.network.version, self.firewall.version
        if versions != self._versions:
            self._versions = versions
            self._passing.clear()
        way = node, node_groups, key
        passes = self._passing.get(way)
        if passes is None:
            passes = self._passing[way] = self._finds_somebody(node, node_groups, key)
        return passes

    def _finds_somebody(self, node: str, node_groups: frozenset[str], key: TargetKey) -> bool:
        try:
            self.locate(node, node_groups, key)
        except (ConnectionRefusedError, BlockedError):
            return False
        return True


def proxy_line(node: str, key: TargetKey) -> bytes:
    """Return the PROXY protocol's (v1) line that tells the target the VPC addresses."""
    source_port = random.randint(*_EPHEMERAL_PORTS)
    return f"PROXY TCP4 {node} {key[0]} {source_port} {key[1]}\r\n".encode()

"""What every connection of the proxy looks things up in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lab_helpers.local_aws.alb.firewall import Firewall, Passage
from lab_helpers.local_aws.alb.model import Listener, LoadBalancer, Node, TargetKey
from lab_helpers.local_aws.alb.reading import read_buffer
from lab_helpers.local_aws.alb.targets import GroupRuntime
from lab_helpers.local_aws.clock import Clock
from lab_helpers.local_aws.network import Network

if TYPE_CHECKING:
    from lab_helpers.local_aws.alb.access_log import Entry
    from lab_helpers.local_aws.alb.proxy import ClientConnection


class LogSink(Protocol):
    """Takes access log entries."""

    def write(self, node: str, entry: Entry) -> None:
        """Keep an entry for delivery."""


@dataclass
class Wiring:
    """The clock, the VPC's wires, its firewall, target groups by ARN, what is read into; owned by the loop's thread."""

    clock: Clock
    network: Network
    firewall: Firewall
    groups: dict[str, GroupRuntime] = field(default_factory=dict)
    read_buffer: memoryview = field(default_factory=read_buffer)

    def may_pass(self, node: str, node_groups: frozenset[str], key: TargetKey) -> bool:
        """Tell whether a connection from `node` to a target would find somebody."""
        socket = self.network.locate(*key)
        return socket is not None and self.firewall.allows(Passage(node, node_groups, *key, socket.security_groups))


@dataclass
class BalancerRuntime:
    """One load balancer at work; `log` is None while access logs are off."""

    settings: LoadBalancer
    wiring: Wiring
    nodes: tuple[Node, ...] = ()
    log: LogSink | None = None
    clients: set[ClientConnection] = field(default_factory=set)
    _turn: int = 0

    def next_node(self) -> str:
        """Return the address of the node that takes the next client connection."""
        if not self.nodes:
            return "0.0.0.0"
        self._turn = (self._turn + 1) % len(self.nodes)
        return self.nodes[self._turn].address


@dataclass
class Door:
    """A listener at work: `listener` is replaced when its rules change."""

    balancer: BalancerRuntime
    listener: Listener

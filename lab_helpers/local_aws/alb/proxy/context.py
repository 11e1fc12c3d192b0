"""What every connection of the proxy looks things up in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from lab_helpers.local_aws.alb.access_log import Entry
from lab_helpers.local_aws.alb.metrics import Tally
from lab_helpers.local_aws.alb.model import Listener, LoadBalancer, Node
from lab_helpers.local_aws.alb.reachability import Wires
from lab_helpers.local_aws.alb.target_group import GroupRuntime


class LogSink(Protocol):
    """Takes access log entries."""

    def write(self, node: str, entry: Entry) -> None:
        """Keep an entry for delivery."""


class OpenConnection(Protocol):
    """A client's connection, as its load balancer sees it."""

    def sweep(self, now: float) -> None:
        """Give up what has been silent for too long; `now` is the clock's monotonic time."""

    def abort(self) -> None:
        """Cut the connection now."""


@dataclass
class Wiring(Wires):
    """The wires, and target groups by ARN; owned by the loop's thread."""

    groups: dict[str, GroupRuntime] = field(default_factory=dict)


@dataclass
class BalancerRuntime:
    """One load balancer at work; `log` is None while access logs are off."""

    settings: LoadBalancer
    wiring: Wiring
    nodes: tuple[Node, ...] = ()
    log: LogSink | None = None
    clients: set[OpenConnection] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)
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

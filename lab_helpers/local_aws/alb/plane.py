"""The data plane: brings what runs (ports, rules, targets, checks) in line with what the API says there is."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from lab_helpers.local_aws.alb.checks.rounds import Checker
from lab_helpers.local_aws.alb.checks.target_health import Health
from lab_helpers.local_aws.alb.firewall import Firewall
from lab_helpers.local_aws.alb.loop_thread import LoopThread
from lab_helpers.local_aws.alb.metrics import healthy_targets, publish_health
from lab_helpers.local_aws.alb.model import Listener, LoadBalancer, Node, TargetGroup, TargetKey
from lab_helpers.local_aws.alb.ports import ReservedPort
from lab_helpers.local_aws.alb.proxy.client_connection import ClientConnection
from lab_helpers.local_aws.alb.proxy.context import BalancerRuntime, Door, LogSink, Wiring
from lab_helpers.local_aws.alb.target_group import Counted, GroupRuntime
from lab_helpers.local_aws.alb.timers import Timers
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.metrics import SAMPLE_S, MetricPublisher
from lab_helpers.local_aws.kit.network import Network

_LOG = logging.getLogger(__name__)
_SWEEP_S = 1.0
_POOL_IDLE_S = 60.0
MAIN_PORT = 80
"""The listener port that a load balancer's DNS name leads to."""


@dataclass(frozen=True)
class Snapshot:
    """What there is in one region: load balancers with their nodes and log sinks, and all target groups."""

    region: str
    balancers: tuple[LoadBalancer, ...]
    groups: tuple[TargetGroup, ...]
    nodes: Mapping[str, tuple[Node, ...]]
    logs: Mapping[str, LogSink]


class DataPlane:
    """Owns the event loop's thread and the timers'; `metrics` gets what load balancers publish."""

    def __init__(self, clock: Clock, network: Network, metrics: MetricPublisher | None = None) -> None:
        self._metrics, self._next_health = metrics, 0.0
        self.firewall = Firewall()
        self._clock = clock
        self._loop, self._timers = LoopThread("alb-proxy"), Timers(clock, "alb-timers")
        self._wiring = Wiring(clock, network, self.firewall)
        self._checker = Checker(self._wiring, self._loop, self._timers)
        self._balancers: dict[str, BalancerRuntime] = {}
        self._ports: dict[tuple[str, int], ReservedPort] = {}
        self._doors: dict[tuple[str, int], Door] = {}
        self._wished: dict[tuple[str, int], int] = {}
        self._counted: dict[str, Counted] = {}

    def go_on_from(self, counted: Mapping[str, Counted]) -> None:
        """Let target groups count on from what they had counted, by ARN; before `start`."""
        self._counted = dict(counted)

    def counted(self) -> dict[str, Counted]:
        """Return what the target groups have counted, by ARN."""
        return self._loop.call(lambda: {arn: group.counted for arn, group in self._wiring.groups.items()})

    def wish(self, ports: Mapping[tuple[str, int], int]) -> None:
        """Give load balancers the loopback ports that they had before, where those are free; before `start`."""
        self._wished = dict(ports)

    def ports(self) -> dict[tuple[str, int], int]:
        """Return the loopback ports that are reserved, by load balancer and listener port."""
        return self._loop.call(lambda: {key: port.port for key, port in self._ports.items()})

    def targets(self) -> dict[str, list[TargetKey]]:
        """Return the targets that are registered, by target group."""
        return self._loop.call(
            lambda: {arn: [target.key for target in group.targets] for arn, group in self._wiring.groups.items()}
        )

    def start(self) -> None:
        """Start both threads."""
        self._loop.start()
        self._timers.start()
        self._timers.call_later(_SWEEP_S, self._sweep_soon)

    def stop(self) -> None:
        """Close all ports and connections and end the threads; safe before start and twice."""
        self._timers.stop()
        if self._loop.is_running:
            self._loop.call(self._close_everything)
        self._loop.stop()

    def main_port(self, balancer_arn: str) -> int:
        """Return the loopback port that a load balancer's DNS name leads to, reserved at the first asking."""
        return self._loop.call(self._reserve, (balancer_arn, MAIN_PORT)).port

    def apply(self, snapshot: Snapshot) -> None:
        """Make what runs in one region equal to `snapshot`; new listeners answer when this returns."""
        self._loop.run(self._apply(snapshot))

    def register(self, group_arn: str, keys: Iterable[TargetKey]) -> None:
        """Add targets to a target group."""
        self._loop.call(self._register, group_arn, list(keys))

    def deregister(self, group_arn: str, keys: Iterable[TargetKey]) -> None:
        """Begin to drain targets; those that are not registered are passed over, as AWS does."""
        self._loop.call(self._deregister, group_arn, list(keys))

    def health(self, group_arn: str, keys: Iterable[TargetKey]) -> list[tuple[TargetKey, Health]]:
        """Return the health of the targets named, or of all (registered and draining) when none is."""
        return self._loop.call(self._health, group_arn, list(keys))

    def balancers_of(self, group_arn: str) -> list[str]:
        """Return the ARNs of the load balancers that forward to a target group."""
        return self._loop.call(
            lambda: [arn for arn, runtime in self._balancers.items() if group_arn in runtime.settings.target_groups]
        )

    def group(self, group_arn: str) -> TargetGroup | None:
        """Return a target group's settings; None: it is not one of ours (its targets are not addresses)."""
        runtime = self._wiring.groups.get(group_arn)
        return runtime.settings if runtime else None

    def balancer(self, arn: str) -> LoadBalancer | None:
        """Return a load balancer as it was last applied."""
        runtime = self._balancers.get(arn)
        return runtime.settings if runtime else None

    def security_groups(self) -> dict[str, set[str]]:
        """Return, by region, the security groups that matter: the load balancers', their targets' and missing ones."""
        return self._loop.call(self._security_groups)

    def status(self) -> dict[str, Any]:
        """Return JSON-ready figures."""
        return self._loop.call(self._status) if self._loop.is_running else {}

    # -- in the loop's thread

    def _reserve(self, key: tuple[str, int]) -> ReservedPort:
        if key not in self._ports:
            self._ports[key] = ReservedPort(self._wished.pop(key, 0))
        return self._ports[key]

    async def _apply(self, snapshot: Snapshot) -> None:
        self._apply_groups(snapshot)
        there = {balancer.arn: balancer for balancer in snapshot.balancers}
        for arn in [a for a, r in self._balancers.items() if r.settings.region == snapshot.region and a not in there]:
            self._remove_balancer(arn)
        for arn, settings in there.items():
            await self._apply_balancer(settings, snapshot.nodes.get(arn, ()), snapshot.logs.get(arn))
        self._apply_nodes()

    def _apply_groups(self, snapshot: Snapshot) -> None:
        there = {group.arn: group for group in snapshot.groups}
        groups = self._wiring.groups
        for arn in [arn for arn in groups if arn.split(":")[3] == snapshot.region and arn not in there]:
            groups.pop(arn).clear()
        for arn, settings in there.items():
            if arn not in groups:
                groups[arn] = GroupRuntime(settings, self._counted.pop(arn, None))
            groups[arn].settings = settings

    async def _apply_balancer(self, settings: LoadBalancer, nodes: tuple[Node, ...], log: LogSink | None) -> None:
        runtime = self._balancers.setdefault(settings.arn, BalancerRuntime(settings, self._wiring))
        runtime.settings, runtime.nodes, runtime.log = settings, nodes, log
        self._reserve((settings.arn, MAIN_PORT))
        listeners = {listener.port: listener for listener in settings.listeners if listener.protocol == "HTTP"}
        if len(listeners) < len(settings.listeners):
            _LOG.warning("%s: only its HTTP listeners are served here", settings.resource_id)
        for key in [key for key in self._doors if key[0] == settings.arn and key[1] not in listeners]:
            del self._doors[key]
            self._ports[key].silence()
        for listener in listeners.values():
            await self._open_door(runtime, listener)

    async def _open_door(self, runtime: BalancerRuntime, listener: Listener) -> None:
        key = (runtime.settings.arn, listener.port)
        if key in self._doors:
            self._doors[key].listener = listener
            return
        door = self._doors[key] = Door(runtime, listener)
        port = self._reserve(key)
        await port.serve(lambda: ClientConnection(door))
        _LOG.info("%s: listener %d is at 127.0.0.1:%d", runtime.settings.resource_id, listener.port, port.port)

    def _remove_balancer(self, arn: str) -> None:
        for key in [key for key in self._ports if key[0] == arn]:
            self._doors.pop(key, None)
            self._ports.pop(key).release()
        for client in list(self._balancers.pop(arn).clients):
            client.abort()

    def _apply_nodes(self) -> None:
        runtimes = self._balancers.values()
        self._checker.use_nodes({n.address: r.settings.security_groups for r in runtimes for n in r.nodes})
        for arn, group in self._wiring.groups.items():
            nodes = [n.address for r in runtimes if arn in r.settings.target_groups for n in r.nodes]
            group.use_nodes(tuple(nodes))
            self._checker.watch(group)

    def _register(self, group_arn: str, keys: list[TargetKey]) -> None:
        group = self._wiring.groups[group_arn]
        for key in keys:
            group.register(key)
        self._checker.watch(group)

    def _deregister(self, group_arn: str, keys: list[TargetKey]) -> None:
        group = self._wiring.groups[group_arn]
        for target in filter(None, map(group.deregister, keys)):
            end = partial(self._loop.post, group.forget, target)
            self._timers.call_later(group.settings.deregistration_delay_s, end)

    def _health(self, group_arn: str, keys: list[TargetKey]) -> list[tuple[TargetKey, Health]]:
        group = self._wiring.groups[group_arn]
        return [(key, group.describe(key)) for key in keys or group.described_keys()]

    def _security_groups(self) -> dict[str, set[str]]:
        wanted: dict[str, set[str]] = {}
        for runtime in self._balancers.values():
            ids = wanted.setdefault(runtime.settings.region, set(self.firewall.missing))
            ids |= runtime.settings.security_groups
            for arn in runtime.settings.target_groups & self._wiring.groups.keys():
                for target in self._wiring.groups[arn].targets:
                    socket = self._wiring.network.locate(*target.key)
                    ids |= socket.security_groups if socket else frozenset()
        return wanted

    def _sweep_soon(self) -> None:
        self._loop.post(self._sweep)
        self._timers.call_later(_SWEEP_S, self._sweep_soon)

    def _sweep(self) -> None:
        now = self._clock.monotonic()
        for runtime in self._balancers.values():
            for client in list(runtime.clients):
                client.sweep(now)
        for group in self._wiring.groups.values():
            for target in group.targets:
                target.close_idle(now - _POOL_IDLE_S)
            # Draining ends before its delay when nothing is in flight any more.
            for target in group.idle_draining():
                group.forget(target)

        if self._metrics is not None:
            self._publish(self._metrics, now)

    def _publish(self, metrics: MetricPublisher, now: float) -> None:
        healthy = healthy_targets(self._wiring.groups.values())
        for runtime in self._balancers.values():
            runtime.tally.publish(metrics, runtime.settings.region, runtime.settings.resource_id, healthy)
        if now < self._next_health:
            return
        self._next_health = now + SAMPLE_S
        for runtime in self._balancers.values():
            groups = [self._wiring.groups[arn] for arn in runtime.settings.target_groups & self._wiring.groups.keys()]
            publish_health(metrics, runtime.settings.region, runtime.settings.resource_id, groups)

    def _status(self) -> dict[str, Any]:
        return {
            "load_balancers": {
                runtime.settings.resource_id: {
                    "listeners": {str(port): self._ports[arn, port].port for a, port in self._doors if a == arn},
                    "nodes": [node.address for node in runtime.nodes],
                    "client_connections": len(runtime.clients),
                }
                for arn, runtime in self._balancers.items()
            },
            "target_groups": {group.settings.name: group.status() for group in self._wiring.groups.values()},
        }

    def _close_everything(self) -> None:
        for arn in list(self._balancers):
            self._remove_balancer(arn)
        for port in self._ports.values():
            port.release()
        self._ports.clear()
        for group in self._wiring.groups.values():
            group.clear()

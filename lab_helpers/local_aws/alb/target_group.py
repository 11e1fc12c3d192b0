"""A target group at work: its targets, whom the next request goes to, and what was counted.

All methods are called in the event loop's thread.
Source: "Target groups for your Application Load Balancers" (round robin, fail-open, deregistration delay).
Draining ends once nothing is in flight; AWS ends it then too, but goes on to show `draining` up to the delay's end.
Not modelled: slow start, stickiness, least outstanding requests, weighted random, Availability Zones of targets.
"""

from __future__ import annotations

from collections import Counter

from lab_helpers.local_aws.alb.checks import target_health as health
from lab_helpers.local_aws.alb.checks.target_health import CheckResult, Health, HealthRecord, State
from lab_helpers.local_aws.alb.model import TargetGroup, TargetKey
from lab_helpers.local_aws.alb.proxy.target_connection import TargetConnection


class Target:
    """One registered (or draining) target and the connections to it."""

    def __init__(self, key: TargetKey) -> None:
        self.key = key
        self.record = HealthRecord()
        self.draining = False
        self.idle: dict[str, list[TargetConnection]] = {}
        self.busy: set[TargetConnection] = set()

    def close_idle(self, idle_since: float = float("inf")) -> None:
        """Close the pooled connections that were idle at `idle_since` (clock seconds) already."""
        for connections in self.idle.values():
            for connection in [c for c in connections if c.idle_since <= idle_since]:
                connections.remove(connection)
                connection.close()

    def close_all(self) -> None:
        """Close every connection, those with a request in flight too."""
        self.close_idle()
        for connection in list(self.busy):
            connection.abort()


Counted = tuple[int, dict[str, int]]
"""Finished requests of a target group, and how many of them were answered by whom with which class of status."""


class GroupRuntime:
    """One target group's targets and counters, which go on from what was `counted` before."""

    def __init__(self, settings: TargetGroup, counted: Counted | None = None) -> None:
        self.settings = settings
        self.nodes: tuple[str, ...] = ()
        self.requests, statuses = counted or (0, {})
        self.statuses: Counter[str] = Counter(statuses)
        self._targets: dict[TargetKey, Target] = {}
        self._draining: dict[TargetKey, Target] = {}
        self._ready: list[Target] = []
        self._turn = 0

    @property
    def in_use(self) -> bool:
        """Whether a load balancer forwards to it."""
        return bool(self.nodes)

    @property
    def counted(self) -> Counted:
        """What it has counted so far."""
        return self.requests, dict(self.statuses)

    @property
    def targets(self) -> list[Target]:
        """The registered targets."""
        return list(self._targets.values())

    def use_nodes(self, nodes: tuple[str, ...]) -> None:
        """Say from which node addresses its targets are checked; none: not in use."""
        self.nodes = nodes
        if not nodes:
            for target in self._targets.values():
                target.record = HealthRecord()
        self._sort_out()

    def register(self, key: TargetKey) -> Target | None:
        """Add a target; None when it is registered already."""
        if key in self._targets:
            return None
        if drained := self._draining.pop(key, None):
            drained.close_idle()
        self._targets[key] = Target(key)
        self._sort_out()
        return self._targets[key]

    def deregister(self, key: TargetKey) -> Target | None:
        """Let a target drain: no new requests; None when it is not registered."""
        target = self._targets.pop(key, None)
        if target is not None:
            target.draining = True
            target.close_idle()
            self._draining[key] = target
            self._sort_out()
        return target

    def forget(self, target: Target) -> None:
        """End a target's draining: what is still in flight is cut off."""
        if self._draining.get(target.key) is target:
            del self._draining[target.key]
        target.close_all()

    def get(self, key: TargetKey) -> Target | None:
        """Return a registered target."""
        return self._targets.get(key)

    def record(self, target: Target, node: str, result: CheckResult) -> None:
        """Count a check's result."""
        target.record.record(node, result, self.settings.check)
        self._sort_out()

    def pick(self, tried: set[TargetKey]) -> Target | None:
        """Return the target whose turn it is, none of `tried`; None: there is none."""
        ready = self._ready
        for _ in ready:
            self._turn = (self._turn + 1) % len(ready)
            target = ready[self._turn]
            if not tried or target.key not in tried:
                return target
        return None

    def describe(self, key: TargetKey) -> Health:
        """Return a target's health as DescribeTargetHealth tells it."""
        if target := self._targets.get(key):
            return target.record.health if self.nodes else health.NOT_IN_USE
        return health.DRAINING if key in self._draining else health.NOT_REGISTERED

    def described_keys(self) -> list[TargetKey]:
        """Return what DescribeTargetHealth lists: registered and draining targets."""
        return [*self._targets, *self._draining]

    def idle_draining(self) -> list[Target]:
        """Return the draining targets with nothing in flight."""
        return [target for target in self._draining.values() if not target.busy]

    def clear(self) -> None:
        """Forget all targets and cut their connections."""
        for target in [*self._targets.values(), *self._draining.values()]:
            target.close_all()
        self._targets.clear()
        self._draining.clear()
        self._sort_out()

    def count(self, status: int, by_target: bool) -> None:
        """Count a finished request; `by_target` False: the load balancer made the answer."""
        self.requests += 1
        self.statuses[f"{'target' if by_target else 'elb'}_{status // 100}xx"] += 1

    def status(self) -> dict[str, object]:
        """Return JSON-ready figures."""
        states = Counter(self.describe(key).state.value for key in self.described_keys())
        return {"requests": self.requests, "by_status": dict(self.statuses), "targets": dict(states)}

    def _sort_out(self) -> None:
        # Fail-open: with no healthy target, the unhealthy ones get the requests. Targets that are still `initial`
        # get none, as on AWS, where a fresh service answers 503 until its first health check has passed.
        by_state: dict[State, list[Target]] = {}
        for target in self._targets.values():
            by_state.setdefault(target.record.health.state, []).append(target)
        self._ready = by_state.get(State.HEALTHY) or by_state.get(State.UNHEALTHY) or []

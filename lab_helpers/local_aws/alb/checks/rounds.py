"""The rhythm of health checks: rounds of probes for every registered target of every target group in use."""

from __future__ import annotations

from collections.abc import Mapping

from lab_helpers.local_aws.alb.checks.probes import Probe
from lab_helpers.local_aws.alb.checks.target_health import CheckResult, HealthRecord
from lab_helpers.local_aws.alb.loop_thread import LoopThread
from lab_helpers.local_aws.alb.proxy.context import Wiring
from lab_helpers.local_aws.alb.target_group import GroupRuntime, Target
from lab_helpers.local_aws.alb.timers import Timers

REGISTRATION_S = 1.0
"""How long a new target shows Elb.RegistrationInProgress before its first check; AWS takes a few seconds."""


class Checker:
    """Starts probes; its methods are called in the event loop's thread."""

    def __init__(self, wiring: Wiring, loop: LoopThread, timers: Timers) -> None:
        self._wiring, self._loop, self._timers = wiring, loop, timers
        self._node_groups: Mapping[str, frozenset[str]] = {}
        self._watched: dict[Target, HealthRecord] = {}

    def use_nodes(self, node_groups: Mapping[str, frozenset[str]]) -> None:
        """Say which security groups each node (by address) has."""
        self._node_groups = node_groups

    def watch(self, group: GroupRuntime) -> None:
        """Begin to check those targets of a group in use that are not checked yet."""
        for target in group.targets:
            if group.in_use and self._watched.get(target) is not target.record:
                self._watched[target] = target.record
                self._later(REGISTRATION_S, group, target, target.record)

    def _later(self, delay_s: float, group: GroupRuntime, target: Target, record: HealthRecord) -> None:
        self._timers.call_later(delay_s, lambda: self._loop.post(self._round, group, target, record))

    def _round(self, group: GroupRuntime, target: Target, record: HealthRecord) -> None:
        if not group.in_use or group.get(target.key) is not target or self._watched.get(target) is not record:
            # A group that went out of use and came back has new records, and rounds of their own.
            if self._watched.get(target) is record:
                del self._watched[target]
            return
        record.begin(group.nodes)
        for node in group.nodes:
            self._probe(group, target, node)
        self._later(group.settings.check.interval_s, group, target, record)

    def _probe(self, group: GroupRuntime, target: Target, node: str) -> None:
        def report(result: CheckResult) -> None:
            group.record(target, node, result)

        check = group.settings.check
        probe = Probe(check, node, target.key, report)
        probe.start(self._wiring, self._node_groups.get(node, frozenset()))
        self._timers.call_later(check.timeout_s, lambda: self._loop.post(probe.time_out))

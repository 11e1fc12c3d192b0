"""The thread that follows the policies: it looks at their alarms, and sets the desired counts of services.

Source: "Target tracking scaling policies" and "Step scaling policies" of the Application Auto Scaling User Guide:
several policies, cooldowns, bounds, suspended scaling.
Not modelled: a service's alarm acts within LOOK_S here, at AWS once a minute; an activity ends as soon as ECS has taken
the count; cooldowns begin anew with the server.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.rounds import Rounds
from lab_helpers.local_aws.scaling.policies import Policy

LOOK_S = 10.0
MOST_ACTIVITIES = 1_000
NAMESPACE, DIMENSION = "ecs", "ecs:service:DesiredCount"
_LOG = logging.getLogger(__name__)


@dataclass
class _Last:
    """The last scaling of a service: out from how many, and when in or out (monotonic seconds)."""

    base: int = 0
    out_s: float = float("-inf")
    in_s: float = float("-inf")


@dataclass(frozen=True)
class _Wish:
    """What one policy wants now."""

    policy: Policy
    alarm: str
    count: int


@dataclass
class Scaler:
    """Owns the thread. `client_of` gives (service, region) a client; `regions` tells where there are policies."""

    client_of: Callable[[str, str], Any]
    clock: Clock
    regions: Callable[[], Iterable[str]]
    activities: list[dict[str, Any]] = field(default_factory=list)
    """Newest last, with the Region under `Region`."""
    _last: dict[tuple[str, str], _Last] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next_look_s: float = 0.0
    _rounds: Rounds = field(init=False)

    def __post_init__(self) -> None:
        self._rounds = Rounds("application-autoscaling", self.clock, self._look, self._due_in_s)

    def start(self) -> None:
        """Start looking; a second call changes nothing."""
        self._rounds.start()

    def stop(self) -> None:
        """End the thread; safe before start and twice."""
        self._rounds.stop()

    def step(self) -> None:
        """Look at all services that have policies, once."""
        for region in list(self.regions()):
            firing = self._firing(region)
            if not firing:
                continue
            pages = self.client_of("application-autoscaling", region).get_paginator("describe_scaling_policies")
            found = [each for page in pages.paginate(ServiceNamespace=NAMESPACE) for each in page["ScalingPolicies"]]
            by_resource: dict[str, list[Policy]] = {}
            for policy in map(Policy, found):
                by_resource.setdefault(policy.resource, []).append(policy)
            for resource, policies in by_resource.items():
                if any(policy.arn in firing for policy in policies):
                    self._scale(region, resource, policies, firing)

    def told(self, region: str, resource: str | None) -> list[dict[str, Any]]:
        """Return the activities of a Region, or of one resource there; newest first, as DescribeScalingActivities."""
        with self._lock:
            kept = list(reversed(self.activities))
        return [
            {name: value for name, value in each.items() if name != "Region"}
            for each in kept
            if each["Region"] == region and resource in (None, each["ResourceId"])
        ]

    def _due_in_s(self) -> float:
        return self._next_look_s - self.clock.monotonic()

    def _look(self) -> None:
        self._next_look_s = self.clock.monotonic() + LOOK_S
        try:
            self.step()
        except (ClientError, BotoCoreError) as exc:
            _LOG.warning("scaling policies could not be followed: %s", exc)

    def _firing(self, region: str) -> dict[str, Mapping[str, Any]]:
        """Return {ARN of a policy: alarm in ALARM that asks for it}."""
        pages = self.client_of("cloudwatch", region).get_paginator("describe_alarms").paginate(StateValue="ALARM")
        alarms = [alarm for page in pages for alarm in page["MetricAlarms"] if alarm.get("ActionsEnabled", True)]
        return {arn: alarm for alarm in alarms for arn in alarm.get("AlarmActions", ())}

    def _scale(
        self, region: str, resource: str, policies: list[Policy], firing: Mapping[str, Mapping[str, Any]]
    ) -> None:
        target = self._target(region, resource)
        _, cluster, service = resource.split("/")
        ecs = self.client_of("ecs", region)
        found = ecs.describe_services(cluster=cluster, services=[service])["services"]
        if target is None or not found or found[0]["status"] != "ACTIVE":
            return
        count, last = int(found[0]["desiredCount"]), self._last.setdefault((region, resource), _Last())
        wishes = [
            _Wish(policy, alarm["AlarmName"], self._bounded(policy, alarm, count, last, target, region))
            for policy in policies
            if (alarm := firing.get(policy.arn)) is not None
        ]
        wish = self._decided(wishes, policies, count, last, target.get("SuspendedState") or {})
        if wish is not None:
            ecs.update_service(cluster=cluster, service=service, desiredCount=wish.count)
            self._note(region, resource, wish, count, last)

    def _target(self, region: str, resource: str) -> Mapping[str, Any] | None:
        found = self.client_of("application-autoscaling", region).describe_scalable_targets(
            ServiceNamespace=NAMESPACE, ResourceIds=[resource], ScalableDimension=DIMENSION
        )["ScalableTargets"]
        return next(iter(found), None)

    def _bounded(
        self, policy: Policy, alarm: Mapping[str, Any], count: int, last: _Last, target: Mapping[str, Any], region: str
    ) -> int:
        """Return what a policy wants, within the target's bounds.

        While a scaling out cools down, what it added counts: the wish is reckoned from the count before it.
        """
        value = self._value(alarm, region)
        if value is None:
            return count
        is_cooling = self.clock.monotonic() - last.out_s < policy.cooldown_s(out=True)
        wanted = policy.wanted(last.base if is_cooling else count, value, float(alarm["Threshold"]))
        return min(max(wanted, int(target["MinCapacity"])), int(target["MaxCapacity"]))

    def _decided(
        self, wishes: list[_Wish], policies: list[Policy], count: int, last: _Last, suspended: Mapping[str, bool]
    ) -> _Wish | None:
        """Return the wish that is done: the highest; a lower count only where all policies that scale in want one."""
        if not wishes:
            return None
        highest = max(wishes, key=lambda wish: wish.count)
        if highest.count > count:
            return None if suspended.get("DynamicScalingOutSuspended") else highest
        wanting = {wish.policy.arn for wish in wishes}
        waits = any(policy.scales_in and policy.arn not in wanting for policy in policies)
        is_cooling = self.clock.monotonic() - max(last.in_s, last.out_s) < highest.policy.cooldown_s(out=False)
        if highest.count == count or waits or is_cooling or suspended.get("DynamicScalingInSuspended"):
            return None
        return highest

    def _value(self, alarm: Mapping[str, Any], region: str) -> float | None:
        """Return the newest whole period of an alarm's metric; None without data."""
        period, extended = int(alarm["Period"]), alarm.get("ExtendedStatistic")
        end = int(self.clock.now().timestamp()) // period * period
        asked: dict[str, Any] = {"Unit": alarm["Unit"]} if alarm.get("Unit") else {}
        asked |= {"ExtendedStatistics": [extended]} if extended else {"Statistics": [alarm["Statistic"]]}
        points = self.client_of("cloudwatch", region).get_metric_statistics(
            Namespace=alarm["Namespace"], MetricName=alarm["MetricName"], Dimensions=alarm.get("Dimensions", []),
            StartTime=end - period * int(alarm["EvaluationPeriods"]), EndTime=end, Period=period, **asked,
        )["Datapoints"]  # fmt: skip
        newest = max(points, key=lambda point: point["Timestamp"], default=None)
        if newest is None:
            return None
        return float(newest["ExtendedStatistics"][extended] if extended else newest[alarm["Statistic"]])

    def _note(self, region: str, resource: str, wish: _Wish, count: int, last: _Last) -> None:
        now_s, now = self.clock.monotonic(), self.clock.now()
        if wish.count > count:
            is_cooling = now_s - last.out_s < wish.policy.cooldown_s(out=True)
            last.base, last.out_s = last.base if is_cooling else count, now_s
        else:
            last.in_s = now_s
        with self._lock:
            self.activities.append(_activity(region, resource, wish, now))
            del self.activities[:-MOST_ACTIVITIES]
        _LOG.info("%s: desired count %d, was %d (%s)", resource, wish.count, count, wish.policy.name)


def _activity(region: str, resource: str, wish: _Wish, at: datetime) -> dict[str, Any]:
    return {
        "Region": region,
        "ActivityId": str(uuid.uuid4()),
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource,
        "ScalableDimension": DIMENSION,
        "Description": f"Setting desired count to {wish.count}.",
        "Cause": f"monitor alarm {wish.alarm} in state ALARM triggered policy {wish.policy.name}",
        "StartTime": at,
        "EndTime": at,
        "StatusCode": "Successful",
        "StatusMessage": f"Successfully set desired count to {wish.count}. Change successfully fulfilled by ecs.",
    }

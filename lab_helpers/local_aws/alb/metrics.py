"""What a load balancer publishes to CloudWatch (namespace AWS/ApplicationELB).

Requests are tallied in the event loop's thread, a dictionary's update each, and handed on once a second.
Source: "CloudWatch metrics for your Application Load Balancer".
Not modelled: connections, bytes, capacity units, rules; the dimension AvailabilityZone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from lab_helpers.local_aws.alb.checks.target_health import State
from lab_helpers.local_aws.alb.target_group import GroupRuntime
from lab_helpers.local_aws.kit.metrics import Metric, MetricPublisher

NAMESPACE = "AWS/ApplicationELB"
_HEALTHY = (State.HEALTHY,)
_UNHEALTHY = (State.UNHEALTHY,)


class Tally:
    """One load balancer's requests since they were last published."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, bool, int]] = Counter()
        self._answered_ms: Counter[tuple[str, int]] = Counter()

    def count(self, group_arn: str, by_target: bool, status: int, response_s: float) -> None:
        """Count a request: its target group (empty: none), who answered, and how long the target took to."""
        self._requests[group_arn, by_target, status // 100] += 1
        if by_target and response_s >= 0:
            self._answered_ms[group_arn, round(response_s * 1000)] += 1

    def publish(self, metrics: MetricPublisher, region: str, balancer: str, healthy: Mapping[str, int]) -> None:
        """Hand on what was counted, and begin anew; `healthy` is how many targets of each target group (ARN) are."""
        requests, self._requests = self._requests, Counter()
        answered, self._answered_ms = self._answered_ms, Counter()
        for (arn, by_target, kind), times in requests.items():
            name = f"HTTPCode_{'Target' if by_target else 'ELB'}_{kind}XX_Count"
            for dimensions in _dimensions(balancer, arn):
                metrics.add(region, Metric(NAMESPACE, "RequestCount", "Count", dimensions), 1, times=times)
                # What the load balancer answers itself is counted for it alone.
                if by_target or len(dimensions) == 1:
                    metrics.add(region, Metric(NAMESPACE, name, "Count", dimensions), 1, times=times)
            targets = healthy.get(arn, 0) if by_target else 0
            if targets:
                for dimensions in (_dimensions(balancer, arn)[-1], _dimensions(balancer, arn)[-1][1:]):
                    per_target = Metric(NAMESPACE, "RequestCountPerTarget", "Count", dimensions)
                    metrics.add(region, per_target, 1 / targets, times=times)
        for (arn, milliseconds), times in answered.items():
            for dimensions in _dimensions(balancer, arn):
                metric = Metric(NAMESPACE, "TargetResponseTime", "Seconds", dimensions, is_spread=True)
                metrics.add(region, metric, milliseconds / 1000, times=times)


def healthy_targets(groups: Iterable[GroupRuntime]) -> dict[str, int]:
    """Return how many targets of each target group (ARN) are healthy."""
    return {
        group.settings.arn: sum(target.record.health.state in _HEALTHY for target in group.targets) for group in groups
    }


def publish_health(metrics: MetricPublisher, region: str, balancer: str, groups: Iterable[GroupRuntime]) -> None:
    """Hand on how many targets of a load balancer's target groups are healthy, and how many are not."""
    for group in groups:
        states = [target.record.health.state for target in group.targets]
        dimensions = _dimensions(balancer, group.settings.arn)[-1]
        for name, wanted in (("HealthyHostCount", _HEALTHY), ("UnHealthyHostCount", _UNHEALTHY)):
            count = sum(state in wanted for state in states)
            metrics.add(region, Metric(NAMESPACE, name, "Count", dimensions), count)


def _dimensions(balancer: str, group_arn: str) -> list[tuple[tuple[str, str], ...]]:
    own = ("LoadBalancer", balancer)
    return [(own,), (own, ("TargetGroup", group_arn.rsplit(":", 1)[-1]))] if group_arn else [(own,)]

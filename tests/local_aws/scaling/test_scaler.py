"""When policies are followed: bounds, cooldowns, several at once, suspended scaling."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.scaling.scaler import Scaler

RESOURCE = "service/lab/httpd"


class Aws:
    """The three services as the scaler sees them: policies, alarms in ALARM with their figure, one ECS service."""

    def __init__(self) -> None:
        self.count = 2
        self.status = "ACTIVE"
        self.target = {"MinCapacity": 1, "MaxCapacity": 10}
        self.policies: list[dict[str, Any]] = []
        self.firing: dict[str, float] = {}
        self.clock = ManualClock()
        self.extended = ""
        self.asked: list[str] = []

    def scaler(self) -> Scaler:
        return Scaler(lambda *_: self, self.clock, lambda: ["r"])

    def tracks(self, name: str, target: float = 50.0, **settings: Any) -> None:
        told = {"TargetValue": target, **settings}
        self.policies.append({
            "PolicyName": name, "PolicyARN": name, "PolicyType": "TargetTrackingScaling", "ResourceId": RESOURCE,
            "TargetTrackingScalingPolicyConfiguration": told,
        })  # fmt: skip

    def get_paginator(self, operation: str) -> Any:
        self.asked.append(operation)
        statistic = {"ExtendedStatistic": self.extended} if self.extended else {"Statistic": "Average"}
        alarms = [
            {"AlarmName": f"alarm of {name}", "AlarmActions": [name], "Threshold": 50.0, "Period": 60,
             "EvaluationPeriods": 3, "Namespace": "n", "MetricName": name, **statistic}
            for name in self.firing
        ]  # fmt: skip
        page = (
            {"ScalingPolicies": self.policies} if operation == "describe_scaling_policies" else {"MetricAlarms": alarms}
        )

        class Pages:
            def paginate(self, **_: Any) -> list[dict[str, Any]]:
                return [page]

        return Pages()

    def describe_scalable_targets(self, **_: Any) -> dict[str, Any]:
        return {"ScalableTargets": [self.target] if self.target else []}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        return {"services": [{"status": self.status, "desiredCount": self.count}]}

    def get_metric_statistics(self, *, MetricName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        value = self.firing[MetricName]
        if self.extended:
            return {"Datapoints": [{"Timestamp": 2, "ExtendedStatistics": {self.extended: value}}]}
        return {"Datapoints": [{"Timestamp": 2, "Average": value}, {"Timestamp": 1, "Average": 0.0}]}

    def update_service(self, *, desiredCount: int, **_: Any) -> None:  # noqa: N803
        self.count = desiredCount


@pytest.fixture
def aws() -> Aws:
    return Aws()


def test_out_within_the_bounds_and_what_was_added_counts(aws: Aws) -> None:
    """While a scaling out cools down, the count before it is what the figure is of: it does not run away."""
    aws.tracks("cpu")
    aws.firing = {"cpu": 100.0}
    scaler = aws.scaler()
    scaler.step()
    assert aws.count == 4
    aws.clock.advance(10)
    scaler.step()
    assert aws.count == 4
    aws.firing = {"cpu": 150.0}
    scaler.step()
    assert aws.count == 6
    aws.clock.advance(10)
    scaler.step()
    assert aws.count == 6
    aws.clock.advance(301)
    scaler.step()
    assert aws.count == 10
    told = scaler.told("r", RESOURCE)
    assert [each["Description"] for each in told] == [f"Setting desired count to {count}." for count in (10, 6, 4)]
    assert told[0]["Cause"] == "monitor alarm alarm of cpu in state ALARM triggered policy cpu"
    assert scaler.told("r", "service/lab/other") == scaler.told("q", None) == []


def test_in_only_when_all_policies_want_it_and_after_the_cooldown(aws: Aws) -> None:
    """A policy that does not scale in is not waited for."""
    aws.count = 8
    aws.tracks("cpu")
    aws.tracks("memory")
    aws.tracks("queue", DisableScaleIn=True)
    scaler = aws.scaler()
    aws.firing = {"cpu": 10.0}
    scaler.step()
    assert aws.count == 8
    aws.firing = {"cpu": 10.0, "memory": 30.0}
    scaler.step()
    assert aws.count == 5  # memory's wish: the higher one
    aws.firing = {"cpu": 1.0, "memory": 1.0}
    scaler.step()
    assert aws.count == 5
    aws.clock.advance(301)
    scaler.step()
    assert aws.count == 1


def test_one_wants_out_another_in(aws: Aws) -> None:
    """Out it goes."""
    aws.tracks("cpu")
    aws.tracks("memory")
    aws.firing = {"cpu": 5.0, "memory": 75.0}
    aws.scaler().step()
    assert aws.count == 3


@pytest.mark.parametrize(
    ("suspended", "value"), [("DynamicScalingOutSuspended", 100.0), ("DynamicScalingInSuspended", 10.0)]
)
def test_suspended_scaling(aws: Aws, suspended: str, value: float) -> None:
    """Nothing is done in that direction."""
    aws.tracks("cpu")
    aws.target["SuspendedState"] = {suspended: True}  # type: ignore[assignment]
    aws.firing = {"cpu": value}
    aws.scaler().step()
    assert aws.count == 2


def test_without_an_alarm_nothing_is_asked(aws: Aws) -> None:
    """Policies are not read every ten seconds for nothing."""
    aws.tracks("cpu")
    aws.scaler().step()
    assert (aws.count, aws.asked) == (2, ["describe_alarms"])


def test_an_alarm_on_a_percentile(aws: Aws) -> None:
    """Its own statistic is looked at, not the average."""
    aws.tracks("latency")
    aws.firing, aws.extended = {"latency": 100.0}, "p90"
    aws.scaler().step()
    assert aws.count == 4


def test_what_is_not_there_is_left_alone(aws: Aws) -> None:
    """A service that is being deleted, a target that has gone."""
    aws.tracks("cpu")
    aws.firing = {"cpu": 100.0}
    aws.status = "DRAINING"
    aws.scaler().step()
    aws.status, aws.target = "ACTIVE", {}
    aws.scaler().step()
    assert aws.count == 2

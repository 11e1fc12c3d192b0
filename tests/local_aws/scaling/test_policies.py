"""What scaling policies want. Source: the examples of the Application Auto Scaling User Guide."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.scaling.alarms import metric
from lab_helpers.local_aws.scaling.policies import Policy


def tracking(**settings: Any) -> Policy:
    return _policy("TargetTrackingScaling", {"TargetValue": 50.0, **settings})


def steps(*bounds: tuple[float | None, float | None, int], **settings: Any) -> Policy:
    names = ("MetricIntervalLowerBound", "MetricIntervalUpperBound", "ScalingAdjustment")
    told = [{name: value for name, value in zip(names, each, strict=True) if value is not None} for each in bounds]
    return _policy("StepScaling", {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": told, **settings})


def _policy(kind: str, settings: dict[str, Any]) -> Policy:
    return Policy({
        "PolicyName": "p", "PolicyARN": "arn", "PolicyType": kind, "ResourceId": "service/lab/httpd",
        f"{kind}PolicyConfiguration": settings,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("count", "value", "wanted"), [(4, 100.0, 8), (4, 51.0, 5), (4, 50.0, 4), (10, 20.0, 4), (3, 0.0, 0), (0, 90.0, 0)]
)
def test_tracking_is_in_proportion(count: int, value: float, wanted: int) -> None:
    """Rounded up: rather too many than too few."""
    assert tracking().wanted(count, value, 50.0) == wanted


PERCENT = {"AdjustmentType": "PercentChangeInCapacity"}
OUT = ((0.0, 10.0, 0), (10.0, 20.0, 10), (20.0, None, 30))
IN = ((-10.0, 0.0, 0), (-20.0, -10.0, -10), (None, -20.0, -30))


@pytest.mark.parametrize(
    ("bounds", "value", "count", "wanted"),
    [(OUT, 59.0, 10, 10), (OUT, 60.0, 10, 11), (OUT, 69.9, 10, 11), (OUT, 70.0, 10, 13),
     (IN, 41.0, 10, 10), (IN, 40.0, 10, 9), (IN, 30.0, 10, 7), (IN, 5.0, 10, 7)],
)  # fmt: skip
def test_the_steps_of_the_guide(bounds: Any, value: float, count: int, wanted: int) -> None:
    """The guide's table: ten instances, an alarm at 50, steps of ten and thirty percent in both directions."""
    assert steps(*bounds, **PERCENT).wanted(count, value, 50.0) == wanted


@pytest.mark.parametrize(
    ("count", "adjustment", "least", "wanted"),
    [(4, 10, 0, 5), (12, 12, 0, 13), (4, -10, 0, 3), (4, 25, 2, 6), (4, -25, 2, 2), (0, 50, 0, 0)],
)
def test_shares_of_a_task(count: int, adjustment: int, least: int, wanted: int) -> None:
    """Below one is one, beyond it is cut, and a least change counts."""
    settings = {**PERCENT, **({"MinAdjustmentMagnitude": least} if least else {})}
    assert steps((0.0, None, adjustment), **settings).wanted(count, 51.0, 50.0) == wanted


def test_other_adjustments() -> None:
    """By a number, to a number; without a step for it nothing changes."""
    assert steps((0.0, None, 2)).wanted(3, 51.0, 50.0) == 5
    assert steps((0.0, None, 2), AdjustmentType="ExactCapacity").wanted(7, 51.0, 50.0) == 2
    assert steps((0.0, 5.0, 2)).wanted(3, 60.0, 50.0) == 3


def test_cooldowns() -> None:
    """Five minutes where none is named."""
    assert [tracking().cooldown_s(out=out) for out in (True, False)] == [300, 300]
    assert [tracking(ScaleOutCooldown=10).cooldown_s(out=out) for out in (True, False)] == [10, 300]
    assert [steps(Cooldown=7).cooldown_s(out=out) for out in (True, False)] == [7, 7]
    assert (tracking().scales_in, tracking(DisableScaleIn=True).scales_in, steps().scales_in) == (True, False, False)


def test_what_is_looked_at() -> None:
    """The service's own figures, or those of a load balancer's target group."""
    label = "app/web/50dc6c495c0c9188/targetgroup/web/943f017f100becff"
    asked = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}
    assert metric(tracking(PredefinedMetricSpecification=asked)) == {
        "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCountPerTarget", "Statistic": "Sum",
        "Dimensions": [
            {"Name": "LoadBalancer", "Value": "app/web/50dc6c495c0c9188"},
            {"Name": "TargetGroup", "Value": "targetgroup/web/943f017f100becff"},
        ],
    }  # fmt: skip
    cpu = metric(tracking(PredefinedMetricSpecification={"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}))
    assert (cpu["Namespace"], cpu["MetricName"]) == ("AWS/ECS", "CPUUtilization")
    assert {each["Name"]: each["Value"] for each in cpu["Dimensions"]} == {"ClusterName": "lab", "ServiceName": "httpd"}
    wrong = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": "web"}
    with pytest.raises(AwsError, match="Invalid resource label: web"):
        metric(tracking(PredefinedMetricSpecification=wrong))
    with pytest.raises(AwsError, match="metric math"):
        metric(tracking(CustomizedMetricSpecification={"Metrics": []}))

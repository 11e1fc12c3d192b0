"""The alarms of a target-tracking policy: one for too much, three minutes long, one for too little, fifteen.

Source: "Target tracking scaling policies: how it works" of the Application Auto Scaling User Guide, and the alarms that
it makes; "PredefinedMetricSpecification" of the API reference.
Not modelled: metric math.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.scaling.policies import Policy

HIGH, LOW = "AlarmHigh", "AlarmLow"
_OF_ECS = {
    "ECSServiceAverageCPUUtilization": "CPUUtilization",
    "ECSServiceAverageMemoryUtilization": "MemoryUtilization",
}
_PER_TARGET = "ALBRequestCountPerTarget"
_PERIODS = {HIGH: 3, LOW: 15}
_LOW_SHARE = 0.9
"""Too little is less than this share of the target."""


def metric(policy: Policy) -> dict[str, Any]:
    """Return what a tracking policy looks at, as PutMetricAlarm takes it. Raises AwsError ValidationException."""
    settings = policy.told["TargetTrackingScalingPolicyConfiguration"]
    own = settings.get("CustomizedMetricSpecification")
    if own:
        if "MetricName" not in own:
            raise AwsError("ValidationException", "The local AWS does not have metric math in scaling policies.")
        names = ("MetricName", "Namespace", "Dimensions", "Statistic", "Unit")
        return {name: own[name] for name in names if own.get(name)}
    given = settings.get("PredefinedMetricSpecification") or {}
    kind = given.get("PredefinedMetricType", "")
    if kind == _PER_TARGET:
        return {
            "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCountPerTarget", "Statistic": "Sum",
            "Dimensions": _of_label(str(given.get("ResourceLabel", ""))),
        }  # fmt: skip
    if kind not in _OF_ECS:
        raise AwsError("ValidationException", f"Unsupported metric type for scaling policy: {kind}")
    _, cluster, service = policy.resource.split("/")
    dimensions = [{"Name": "ClusterName", "Value": cluster}, {"Name": "ServiceName", "Value": service}]
    return {"Namespace": "AWS/ECS", "MetricName": _OF_ECS[kind], "Statistic": "Average", "Dimensions": dimensions}


def alarms(policy: Policy) -> list[dict[str, Any]]:
    """Return the alarms of a tracking policy as PutMetricAlarm takes them, with names of their own."""
    watched = metric(policy)
    made = []
    for kind in (HIGH, LOW) if policy.scales_in else (HIGH,):
        is_high = kind == HIGH
        made.append({
            "AlarmName": f"TargetTracking-{policy.resource}-{kind}-{uuid.uuid4()}",
            "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
            "AlarmActions": [policy.arn],
            "ComparisonOperator": "GreaterThanThreshold" if is_high else "LessThanThreshold",
            "EvaluationPeriods": _PERIODS[kind],
            "Period": 60,
            "Threshold": policy.target if is_high else policy.target * _LOW_SHARE,
            **watched,
        })  # fmt: skip
    return made


def _of_label(label: str) -> list[Mapping[str, str]]:
    """Return the dimensions of `app/NAME/ID/targetgroup/NAME/ID`."""
    balancer, found, group = label.partition("/targetgroup/")
    if not found or not balancer.startswith("app/"):
        raise AwsError("ValidationException", f"Invalid resource label: {label}")
    return [{"Name": "LoadBalancer", "Value": balancer}, {"Name": "TargetGroup", "Value": f"targetgroup/{group}"}]

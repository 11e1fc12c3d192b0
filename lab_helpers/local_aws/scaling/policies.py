"""What a scaling policy wants: a service's desired count, from the count it has and what the alarm's metric shows.

Source: "Target tracking scaling policies" and "Step scaling policies" of the Application Auto Scaling User Guide.
Not modelled: how much slower AWS scales in than the metric alone would allow; predictive scaling.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TRACKING, STEPS = "TargetTrackingScaling", "StepScaling"
COOLDOWN_S = 300
"""Of a service's policy that names none."""


@dataclass(frozen=True)
class Policy:
    """A policy as DescribeScalingPolicies tells it."""

    told: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.told["PolicyName"])

    @property
    def arn(self) -> str:
        return str(self.told["PolicyARN"])

    @property
    def resource(self) -> str:
        """`service/CLUSTER/SERVICE`."""
        return str(self.told["ResourceId"])

    @property
    def tracks(self) -> bool:
        return self.told.get("PolicyType") == TRACKING

    @property
    def scales_in(self) -> bool:
        """Whether a tracking policy lowers the count, too."""
        return self.tracks and not self._settings.get("DisableScaleIn", False)

    @property
    def target(self) -> float:
        return float(self._settings["TargetValue"])

    def cooldown_s(self, *, out: bool) -> float:
        """Return how long its scaling out, or in, waits for the one before."""
        if not self.tracks:
            return float(self._settings.get("Cooldown", COOLDOWN_S))
        return float(self._settings.get("ScaleOutCooldown" if out else "ScaleInCooldown", COOLDOWN_S))

    def wanted(self, count: int, value: float, threshold: float) -> int:
        """Return the count that it wants for a service that has `count`, while its alarm shows `value`."""
        if self.tracks:
            return math.ceil(round(count * value / self.target, 6)) if self.target else count
        return _stepped(self._settings, count, value - threshold)

    @property
    def _settings(self) -> Mapping[str, Any]:
        name = f"{TRACKING}PolicyConfiguration" if self.tracks else f"{STEPS}PolicyConfiguration"
        found: Mapping[str, Any] = self.told.get(name) or {}
        return found


def _stepped(settings: Mapping[str, Any], count: int, breach: float) -> int:
    """Return the count after the step that `breach` (the metric above the threshold) falls into."""
    for step in settings.get("StepAdjustments", ()):
        lower = step.get("MetricIntervalLowerBound")
        upper = step.get("MetricIntervalUpperBound")
        # a bound belongs to the step that lies farther from the threshold
        is_above = lower is None or breach > lower or (breach == lower and lower >= 0)
        is_below = upper is None or breach < upper or (breach == upper and upper <= 0)
        if is_above and is_below:
            return _adjusted(settings, count, int(step["ScalingAdjustment"]))
    return count


def _adjusted(settings: Mapping[str, Any], count: int, adjustment: int) -> int:
    match settings.get("AdjustmentType"):
        case "ExactCapacity":
            return adjustment
        case "PercentChangeInCapacity":
            change = count * adjustment / 100
            # between 0 and 1 becomes 1, everything beyond is cut towards 0
            whole = int(math.copysign(1, change)) if 0 < abs(change) < 1 else int(change)
            least = int(settings.get("MinAdjustmentMagnitude", 0))
            return count + (int(math.copysign(least, change)) if change and abs(whole) < least else whole)
    return count + adjustment

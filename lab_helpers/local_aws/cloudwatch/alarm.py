"""An alarm: what it watches, its state, and how it is described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lab_helpers.local_aws.cloudwatch.metrics import MetricId

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
FIRST_REASON = "Unchecked: Initial alarm creation"
ACTIONS = {OK: "OKActions", ALARM: "AlarmActions", INSUFFICIENT: "InsufficientDataActions"}


@dataclass(frozen=True)
class Watch:
    """What decides an alarm's state. `extra` of the last `periods` count, of which `to_alarm` must breach."""

    metric: MetricId
    statistic: str
    period_s: int
    periods: int
    to_alarm: int
    threshold: float
    comparison: str
    missing: str = "missing"
    unit: str | None = None


@dataclass
class Alarm:
    """One alarm; `settings` are PutMetricAlarm's params as given, without tags."""

    arn: str
    settings: Mapping[str, Any]
    watch: Watch
    configured_at: datetime
    changed_at: datetime
    tags: dict[str, str] = field(default_factory=dict)
    state: str = INSUFFICIENT
    reason: str = FIRST_REASON
    reason_data: str = ""
    transitioned_at: datetime | None = None

    @property
    def name(self) -> str:
        return str(self.settings["AlarmName"])

    @property
    def region(self) -> str:
        return self.watch.metric.region

    def actions(self) -> list[str]:
        """Return what to do on entering the present state."""
        enabled = self.settings.get("ActionsEnabled", True)
        return list(self.settings.get(ACTIONS[self.state]) or []) if enabled else []

    def described(self) -> dict[str, Any]:
        """Return the alarm as DescribeAlarms answers it."""
        lists = {name: list(self.settings.get(name) or []) for name in ACTIONS.values()}
        times = {
            "AlarmConfigurationUpdatedTimestamp": self.configured_at,
            "StateUpdatedTimestamp": self.changed_at,
            "StateTransitionedTimestamp": self.transitioned_at or self.configured_at,
        }
        return {
            "ActionsEnabled": True,
            "Dimensions": [],
            **{name: value for name, value in self.settings.items() if value is not None},
            **lists,
            **times,
            "AlarmArn": self.arn,
            "StateValue": self.state,
            "StateReason": self.reason,
            **({"StateReasonData": self.reason_data} if self.reason_data else {}),
        }

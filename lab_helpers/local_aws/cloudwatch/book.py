"""The alarms that there are, and what happened to them. Not safe by itself: its owner holds `lock`.

Source: DescribeAlarmHistory of the CloudWatch API reference (kept for 30 days).
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lab_helpers.base import nested_json
from lab_helpers.local_aws.cloudwatch.alarm import Alarm
from lab_helpers.local_aws.kit.service import NOTHING_KEPT, Kept

_KEPT = "alarms"
HISTORY_MAX = 10_000


@dataclass(frozen=True)
class HistoryItem:
    """One entry of an alarm's history; `kind` is ConfigurationUpdate, StateUpdate or Action."""

    region: str
    alarm: str
    at: datetime
    kind: str
    summary: str
    data: str

    def described(self) -> dict[str, Any]:
        return {
            "AlarmName": self.alarm,
            "AlarmType": "MetricAlarm",
            "Timestamp": self.at,
            "HistoryItemType": self.kind,
            "HistorySummary": self.summary,
            "HistoryData": self.data,
        }


@dataclass
class AlarmBook:
    """All alarms by region and name, and the history, oldest first."""

    alarms: dict[tuple[str, str], Alarm] = field(default_factory=dict)
    history: list[HistoryItem] = field(default_factory=list)
    lock: threading.Condition = field(default_factory=threading.Condition)
    kept: Kept = NOTHING_KEPT

    def take_over(self) -> None:
        """Go on with the alarms of an earlier server."""
        with self.lock:
            self.alarms, self.history = self.kept.load(_KEPT) or ({}, [])

    def keep(self) -> None:
        """Write alarms and history down, unless they are as they were."""
        with self.lock:
            self.kept.save(_KEPT, (self.alarms, self.history))

    def of(self, region: str) -> list[Alarm]:
        """Return a region's alarms in order of their names."""
        return [alarm for (where, _), alarm in sorted(self.alarms.items()) if where == region]

    def note(self, alarm: Alarm, at: datetime, kind: str, summary: str, data: dict[str, Any]) -> None:
        """Add to the history."""
        self.history.append(HistoryItem(alarm.region, alarm.name, at, kind, summary, json.dumps(data, default=str)))
        del self.history[:-HISTORY_MAX]

    def change(self, alarm: Alarm, state: str, reason: str, reason_data: str, at: datetime) -> bool:
        """Give an alarm a state; return whether it is another one than before, which the history then has."""
        old = {"stateValue": alarm.state, "stateReason": alarm.reason}
        moved = alarm.state != state
        if moved:
            alarm.state, alarm.changed_at, alarm.transitioned_at = state, at, at
            alarm.reason, alarm.reason_data = reason, reason_data
            new = {"stateValue": state, "stateReason": reason}
            if reason_data:
                new["stateReasonData"] = nested_json.loads(reason_data)
            summary = f"Alarm updated from {old['stateValue']} to {state}"
            self.note(alarm, at, "StateUpdate", summary, {"version": "1.0", "oldState": old, "newState": new})
        return moved

"""The alarms that there are, and what happened to them. Not safe by itself: its owner holds `lock`.

What is kept is a list: all that there was, then what changed since, one entry at each `keep`.
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
_CHANGES = "alarms-changed"
MOST = 500
"""After how many changes all is written anew, which takes as long as there is much."""
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
    _changed: set[tuple[str, str]] = field(default_factory=set, init=False)
    _added: list[HistoryItem] = field(default_factory=list, init=False)
    _length: int = field(default=0, init=False)

    def take_over(self) -> None:
        """Go on with the alarms of an earlier server."""
        with self.lock:
            found = self.kept.appended(_CHANGES)
            self._length = len(found)
            self.alarms, self.history = found.pop(0) if found else self.kept.load(_KEPT) or ({}, [])
            for alarms, added in found:
                self.alarms |= alarms
                self.history += added
            self.alarms = {key: alarm for key, alarm in self.alarms.items() if alarm is not None}
            del self.history[:-HISTORY_MAX]

    def keep(self) -> None:
        """Write down what changed since; nothing when nothing did."""
        with self.lock:
            if not (self._changed or self._added):
                return
            if 0 < self._length <= MOST:
                changed = {key: self.alarms.get(key) for key in self._changed}
                self.kept.append(_CHANGES, [(changed, self._added)])
                self._length += 1
            else:
                self.kept.rewrite(_CHANGES, [(self.alarms, self.history)])
                self._length = 1
            self._changed, self._added = set(), []

    def mark(self, alarm: Alarm) -> None:
        """Have an alarm written at the next `keep`: it is another one, or gone."""
        self._changed.add((alarm.region, alarm.name))

    def of(self, region: str) -> list[Alarm]:
        """Return a region's alarms in order of their names."""
        return [alarm for (where, _), alarm in sorted(self.alarms.items()) if where == region]

    def note(self, alarm: Alarm, at: datetime, kind: str, summary: str, data: dict[str, Any]) -> None:
        """Add to the history; the alarm is marked."""
        self.mark(alarm)
        item = HistoryItem(alarm.region, alarm.name, at, kind, summary, json.dumps(data, default=str))
        self.history.append(item)
        self._added.append(item)
        del self.history[:-HISTORY_MAX]

    def change(self, alarm: Alarm, state: str, reason: str, reason_data: str, at: datetime) -> bool:
        """Give an alarm a state; return whether it is another one than before, which the history then has."""
        old, new = (
            {"stateValue": alarm.state, "stateReason": alarm.reason},
            {"stateValue": state, "stateReason": reason},
        )
        moved = alarm.state != state
        if moved:
            if reason_data:
                new["stateReasonData"] = nested_json.loads(reason_data)
            alarm.state, alarm.changed_at, alarm.transitioned_at = state, at, at
            alarm.reason, alarm.reason_data = reason, reason_data
            summary = f"Alarm updated from {old['stateValue']} to {state}"
            self.note(alarm, at, "StateUpdate", summary, {"version": "1.0", "oldState": old, "newState": new})
        return moved

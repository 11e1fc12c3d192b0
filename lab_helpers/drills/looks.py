"""Small frames out of what AWS answers: counts, containers, how a task ended, one record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from lab_helpers.base.lazy import pd

_DENIED = re.compile(
    r"assumed-role/(?P<role>[^/]+)/\S+ is not authorized to perform: (?P<may_not>\S+)"
    r" on resource: (?P<on>\S+)(?: because (?P<because>[^'\"]*?action))?"
)
"""Source: IAM user guide, "Troubleshoot access denied error messages"."""


def arrived(printed: int, events: int, where: str = "CloudWatch Logs") -> pd.DataFrame:
    """Return how many lines the app printed, and how many are in one place: where, lines."""
    return pd.DataFrame({"where": ["printed by the app", where], "lines": [printed, events]})


def containers(task: dict[str, Any]) -> pd.DataFrame:
    """Return a task's containers: container, status, exit_code (missing while it runs)."""
    rows = [(each["name"], each["lastStatus"], each.get("exitCode")) for each in task["containers"]]
    return pd.DataFrame(rows, columns=["container", "status", "exit_code"]).astype({"exit_code": "Int64"})


def ending(task: dict[str, Any], lines: int) -> pd.DataFrame:
    """Return how a task ended and how many lines it left: what, value."""
    rows = [("task", task["lastStatus"]), ("stop code", task.get("stopCode", ""))]
    rows += [(f"exit code of {each['name']}", each.get("exitCode", "none")) for each in task["containers"]]
    rows += [("stopped reason", task.get("stoppedReason", "")), ("lines in CloudWatch Logs", lines)]
    return pd.DataFrame(rows, columns=["what", "value"])


def denial(messages: Iterable[str]) -> pd.DataFrame:
    """Return who may not do what, from the first message that says so: what, value; empty without one."""
    found = next((match for message in messages if (match := _DENIED.search(message))), None)
    values = found.groupdict() if found else {}
    return pd.DataFrame({"what": [name.replace("_", " ") for name in values], "value": list(values.values())})


def newest_record(events: pd.DataFrame) -> pd.DataFrame:
    """Return the newest event's record, a key a row, in alphabetical order: key, value; empty without events."""
    record = json.loads(events.sort_values("event_time")["message"].iloc[-1]) if len(events) else {}
    return pd.DataFrame({"key": sorted(record), "value": [record[key] for key in sorted(record)]})


def logged(events: pd.DataFrame) -> pd.Series:
    """Return the `log` of each event's record (missing where a record has none), in the order of the events."""
    return events["message"].map(lambda message: json.loads(message).get("log"))

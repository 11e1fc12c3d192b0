"""The feed of API calls: who called what, allowed or not; on an account CloudTrail's event history tells it.

A row is a dict of texts: `at` (ISO 8601, UTC), `principal`, `action`, `resource`, `outcome` ("allowed" or AWS's error
code) and `message` (AWS's words about a refusal).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lab_helpers.backends.backend import Backend
from lab_helpers.base.clients import aws_errors

ALLOWED = "allowed"
SPAN = timedelta(minutes=15)
"""How far back the first look goes on an account, where an event can be some minutes late."""
MOST_EVENTS = 500
"""Of one look at an account: LookupEvents answers 50 at a time, twice a second."""
_WIDTHS = {"principal": 30, "action": 36}

Row = Mapping[str, Any]


class CallReader:
    """Reads the calls of a backend: all that there are, then each time the new ones."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._after = 0
        self._seen: frozenset[str] = frozenset()

    def new(self) -> list[Row]:
        """Return the calls that were not returned before, oldest first.

        Raises LocalAwsNotRunningError; on an account AwsCallError.
        """
        rows = self._backend.events(self._after)
        if rows is None:
            return self._of_account()
        self._after = max([self._after, *(int(row["number"]) for row in rows)])
        return list(rows)

    def _of_account(self) -> list[Row]:
        since = datetime.now(UTC) - SPAN
        client, found = self._backend.client("cloudtrail"), list[dict[str, Any]]()
        with aws_errors("LookupEvents"):
            pages = client.get_paginator("lookup_events").paginate(
                StartTime=since, PaginationConfig={"MaxItems": MOST_EVENTS}
            )
            for page in pages:
                found += page["Events"]
        new = [event for event in reversed(found) if event["EventId"] not in self._seen]
        self._seen = frozenset(event["EventId"] for event in found)
        return [row_of_event(event) for event in new]


def row_of_event(event: Mapping[str, Any]) -> Row:
    """Return an event of LookupEvents as a row."""
    record = json.loads(event["CloudTrailEvent"])
    who = record.get("userIdentity", {})
    service = str(event["EventSource"]).partition(".")[0]
    return {
        "at": event["EventTime"].astimezone(UTC).isoformat(timespec="seconds"),
        "principal": str(who.get("arn") or who.get("invokedBy") or event.get("Username") or ""),
        "action": f"{service}:{event['EventName']}",
        "resource": next((str(each["ResourceName"]) for each in event.get("Resources", ())), "*"),
        "outcome": str(record.get("errorCode") or ALLOWED),
        "message": str(record.get("errorMessage") or ""),
    }


def is_refused(row: Row) -> bool:
    """Whether a call ended with an error."""
    return bool(row["outcome"] != ALLOWED)


def short_principal(principal: str) -> str:
    """Return `role/session` of a role's session, and the name of a user."""
    session = principal.partition(":assumed-role/")[2]
    return session or principal.partition(":user/")[2] or principal


def lines(rows: Iterable[Row]) -> list[str]:
    """Lay rows out as text, a line each; AWS's words stand below a refusal."""
    found = []
    for row in rows:
        when = str(row["at"])[11:23].partition("+")[0]
        who = short_principal(str(row["principal"])).ljust(_WIDTHS["principal"])
        mark, action = "✘" if is_refused(row) else "✔", str(row["action"]).ljust(_WIDTHS["action"])
        found.append(f"{when:<12} {mark} {action} {who} {row['resource']}".rstrip())
        if is_refused(row):
            found.append(" " * 15 + f"{row['outcome']}: {row['message']}".rstrip(": "))
    return found

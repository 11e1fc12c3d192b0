"""The table of `lab explain-denials`: who was denied what, where, and by which statement.

Rows are plain texts, so that a server can send them as JSON and the command can print them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from .decision import Decision, Outcome

COLUMNS = {
    "at": "time (UTC)",
    "principal": "principal",
    "action": "action",
    "resource": "resource",
    "decided_by": "decided by",
}
"""The keys of a row that the table shows, and their headings."""
NOTHING = "No call has been denied."


def row(at: datetime, decision: Decision) -> dict[str, str]:
    """Make the row of one decision: the keys of COLUMNS, `reason` and `message` in AWS's words; `at` is in UTC."""
    request = decision.request
    return {
        "at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "principal": request.principal_arn,
        "action": request.action,
        "resource": request.resource,
        "decided_by": deciding(decision),
        "reason": decision.reason,
        "message": decision.message,
    }


def deciding(decision: Decision) -> str:
    """Name what decided: the denying or allowing statement, or the kind of policy in which an Allow is missing."""
    if decision.outcome is Outcome.IMPLICIT_DENY:
        return f"no {decision.policy_type.value} allows it"
    verb = "allowed" if decision.allowed else "denied"
    return f"{verb} by {decision.decided_by or 'being root'} ({decision.policy_type.value})"


def table(rows: Iterable[Mapping[str, str]]) -> str:
    """Lay rows out as text, in their order; a run of the same denial is one line with its count and its last time."""
    lines = [_shown(run) for run in _runs(rows)]
    if not lines:
        return NOTHING
    widths = {key: max(len(line[key]) for line in [COLUMNS, *lines]) for key in COLUMNS}
    rule = {key: "-" * width for key, width in widths.items()}
    return "\n".join(_laid_out(line, widths) for line in (COLUMNS, rule, *lines))


def _laid_out(line: Mapping[str, str], widths: Mapping[str, int]) -> str:
    return "  ".join(line[key].ljust(width) for key, width in widths.items()).rstrip()


def _runs(rows: Iterable[Mapping[str, str]]) -> list[list[Mapping[str, str]]]:
    return [
        list(run) for _, run in itertools.groupby(rows, key=lambda row: [row[key] for key in COLUMNS if key != "at"])
    ]


def _shown(run: list[Mapping[str, str]]) -> dict[str, str]:
    last = run[-1]
    times = f" (×{len(run)})" if len(run) > 1 else ""
    shown = {"principal": _short(last["principal"]), "action": last["action"] + times}
    return {"at": last["at"][:19].replace("T", " ")} | {key: last[key] for key in COLUMNS if key != "at"} | shown


def _short(principal: str) -> str:
    """Show `role/session` for an assumed role: the rest of its ARN is the same in every row."""
    return principal.partition(":assumed-role/")[2] or principal

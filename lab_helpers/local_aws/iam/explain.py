"""The table of `lab explain-denials`: who was denied what, where, and by which statement.

Rows are plain texts, so that a server can send them as JSON and the command can print them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from .decision import Decision, Outcome

COLUMNS = ("time", "principal", "action", "resource", "decided by")
NOTHING = "No call has been denied."


def row(at: datetime, decision: Decision) -> dict[str, str]:
    """Make the row of one decision; `at` is shown in UTC, to the second. Keys are COLUMNS, and `message` is AWS's."""
    moment = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    request = decision.request
    cells = (moment, _short(request.principal_arn), request.action, request.resource, deciding(decision))
    return dict(zip(COLUMNS, cells, strict=True)) | {"message": decision.message}


def deciding(decision: Decision) -> str:
    """Name what decided: the denying or allowing statement, or the kind of policy in which an Allow is missing."""
    if decision.outcome is Outcome.IMPLICIT_DENY:
        return f"no {decision.policy_type.value} allows it"
    verb = "allowed" if decision.allowed else "denied"
    return f"{verb} by {decision.decided_by or 'being root'} ({decision.policy_type.value})"


def table(rows: Iterable[Mapping[str, str]]) -> str:
    """Lay rows out as text, in their order; a run of the same denial is one line with its count and its last time."""
    merged = [_counted(run) for run in _runs(rows)]
    if not merged:
        return NOTHING
    widths = [max(len(column), *(len(line[column]) for line in merged)) for column in COLUMNS]
    lines = [
        dict(zip(COLUMNS, COLUMNS, strict=True)),
        dict(zip(COLUMNS, map("-".__mul__, widths), strict=True)),
        *merged,
    ]
    return "\n".join(
        "  ".join(line[column].ljust(width) for column, width in zip(COLUMNS, widths, strict=True)).rstrip()
        for line in lines
    )


def _runs(rows: Iterable[Mapping[str, str]]) -> list[list[Mapping[str, str]]]:
    runs: list[list[Mapping[str, str]]] = []
    for each in rows:
        if runs and _same(runs[-1][-1], each):
            runs[-1].append(each)
        else:
            runs.append([each])
    return runs


def _same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one[column] == other[column] for column in COLUMNS[1:])


def _counted(run: list[Mapping[str, str]]) -> dict[str, str]:
    last = dict(run[-1])
    return last if len(run) == 1 else last | {"action": f"{last['action']} (×{len(run)})"}


def _short(principal: str) -> str:
    """Show `role/session` for an assumed role: the rest of its ARN is the same in every row."""
    return principal.partition(":assumed-role/")[2] or principal

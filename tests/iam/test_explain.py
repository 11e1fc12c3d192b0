"""The table of denials."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lab_helpers.iam.evaluate import PolicySet, evaluate
from lab_helpers.iam.explain import NOTHING, row, table

from .builders import OBJECT, USER, identity, request, statement

AT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
MISSING = evaluate(request("s3:PutObject"), PolicySet())
DENIED = evaluate(request(principal=USER), PolicySet((identity(statement("Deny", Sid="Never")),)))


def test_a_row_tells_who_what_where_and_which_statement() -> None:
    """A row is plain text, ready for JSON, with AWS's own sentence beside it."""
    assert row(AT, DENIED) == {
        "at": "2024-01-02T03:04:05+00:00",
        "principal": USER,
        "action": "s3:GetObject",
        "resource": OBJECT,
        "decided_by": "denied by own / Never (identity-based policy)",
        "reason": "with an explicit deny in an identity-based policy",
        "message": DENIED.message,
    }
    assert row(AT, MISSING)["decided_by"] == "no identity-based policy allows it"


def test_the_table_is_aligned_and_counts_repetitions() -> None:
    """Retries of one denied call are one line with a count and the last time."""
    later = AT + timedelta(seconds=10)
    lines = table([row(AT, MISSING), row(later, MISSING), row(later, DENIED)]).splitlines()
    assert len(lines) == 4
    assert lines[0].split("  ")[0] == "time (UTC)"
    assert lines[2].startswith("2024-01-02 03:04:15  task/0123456789abcdef  ")
    assert "s3:PutObject (×2)" in lines[2]
    column = lines[0].index("resource")
    assert {line[column : column + 12] for line in lines[2:]} == {OBJECT[:12]}


def test_no_denials_are_said_in_words() -> None:
    """An empty table would look like a fault."""
    assert table([]) == NOTHING

"""The soak's counting and its catalogue: what holds, what is broken, what is said."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.soak import faults
from tests.soak.promises import AS_RETRIES_SAY, AT_LEAST_ONCE, EACH_ONCE, Arrival, Outcome, Promise, at_most

SENT = ["a-1", "a-2", "a-3"]


def test_lines_are_counted() -> None:
    """All copies, those that are there, what is twice, what is lost; strangers are not counted."""
    arrival = Arrival.of(SENT, Counter({"a-1": 2, "a-2": 1, "b-9": 5}))
    assert (arrival.arrived, arrival.unique, arrival.doubled, arrival.lost) == (3, 2, 1, 1)
    assert str(arrival) == "3 / 2 / 1 / 1"


@pytest.mark.parametrize(
    ("promise", "found", "holds"),
    [
        (EACH_ONCE, {"a-1": 1, "a-2": 1, "a-3": 1}, True),
        (EACH_ONCE, {"a-1": 1, "a-2": 1}, False),
        (EACH_ONCE, {"a-1": 2, "a-2": 1, "a-3": 1}, False),
        (AT_LEAST_ONCE, {"a-1": 2, "a-2": 1, "a-3": 1}, True),
        (AT_LEAST_ONCE, {"a-1": 2}, False),
        (at_most(1, "x"), {"a-1": 1, "a-2": 1}, True),
        (at_most(1, "x"), {"a-1": 1}, False),
    ],
)
def test_a_promise_holds_or_is_broken(promise: object, found: dict[str, int], holds: bool) -> None:
    """By what was lost and what came twice; every destination counts."""
    bad = Arrival.of(SENT, Counter(found))
    good = Arrival.of(SENT, Counter(SENT))
    outcome = Outcome("x", promise, 3, 0, {"S3": good, "CloudWatch": bad}, 1.0)  # type: ignore[arg-type]
    assert outcome.holds is holds
    assert ("BROKEN" in str(outcome)) is not holds


@pytest.mark.parametrize(
    ("promise", "told", "holds"),
    [
        (AS_RETRIES_SAY, {"S3": 2}, True),
        (AS_RETRIES_SAY, {"S3": 3}, True),
        (AS_RETRIES_SAY, {"S3": 1}, False),
        (AS_RETRIES_SAY, None, False),
        (at_most(2, "x"), {"S3": 2}, True),
        (at_most(2, "x"), {"S3": 1}, False),
    ],
)
def test_what_is_lost_has_to_be_told(promise: Promise, told: dict[str, int] | None, holds: bool) -> None:
    """Also where a bound on it holds; more may be told: health checks' lines are lost, too."""
    outcome = Outcome("x", promise, 3, 0, {"S3": Arrival.of(SENT, Counter({"a-1": 1}))}, 1.0, told)
    assert outcome.holds is holds


def test_a_row_that_cannot_be_run_is_said() -> None:
    """It breaks nothing, and its reason is in the table."""
    outcome = Outcome("full disk", EACH_ONCE, 0, 0, {}, 0.0, skipped="no tmpfs")
    assert outcome.holds
    assert str(outcome) == "full disk: skipped, no tmpfs"


def test_rows_are_found_by_parts_of_their_names() -> None:
    """One that is in none is an error that lists them all."""
    assert [row.name for row in faults.named("none,StopTask")] == [
        "none",
        "StopTask",
        "StopTask while answers are late",
    ]
    with pytest.raises(ValueError, match="no row has 'rain' in its name; there are: none, kill"):
        faults.named("rain")
    assert set(faults.QUICK) <= {row.name for row in faults.ROWS}

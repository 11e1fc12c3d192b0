"""When a buffer is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers.local_aws.firehose.buffering import MIB, BufferingHints, due_in_s, retry_in_s


def test_defaults_are_aws_s():
    """5 MiB and 300 s unless said otherwise."""
    assert BufferingHints.parse({}) == BufferingHints(5 * MIB, 300.0)


@given(st.integers(0, 2 * MIB), st.floats(0, 900), st.floats(0, 900))
def test_due_exactly_when_size_or_interval_is_reached(size: int, interval_s: float, age_s: float):
    """Due (0) if and only if the size or the age reaches its hint; otherwise never more than the rest."""
    hints = BufferingHints(MIB, interval_s)
    due = due_in_s(size, 100.0, hints, 100.0 + age_s)
    if size >= MIB:
        assert due == 0
    else:
        assert due == pytest.approx(max(0.0, interval_s - age_s), abs=1e-9)


def test_interval_zero_is_due_at_once():
    """Zero buffering delivers what is there."""
    assert due_in_s(1, 5.0, BufferingHints(MIB, 0.0), 5.0) == 0


@pytest.mark.parametrize(
    "hints", [{"SizeInMBs": 0}, {"SizeInMBs": 129}, {"IntervalInSeconds": -1}, {"IntervalInSeconds": 901}]
)
def test_impossible_hints(hints: dict[str, int]):
    """AWS's bounds: 1 to 128 MiB, 0 to 900 s."""
    with pytest.raises(ValueError, match="must be between"):
        BufferingHints.parse(hints)


def test_retries_stay_within_5_and_15_seconds():
    """A healed policy is felt soon, however long the outage was."""
    waits = [retry_in_s(n) for n in (1, 2, 3, 4, 10, 10_000)]
    assert waits == [5, 10, 15, 15, 15, 15]

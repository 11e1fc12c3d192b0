"""What PutLogEvents refuses, and what it leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.logs.put_events import DAY_MS, judge

NOW = 1_795_343_400_000
HOUR = 3_600_000


def batch(*ages_ms: int, message: str = "x") -> list[dict[str, Any]]:
    """Events of these ages."""
    return [{"timestamp": NOW - age, "message": message} for age in ages_ms]


def test_good_batch_is_taken_whole() -> None:
    """Two hours ahead and fourteen days back are good."""
    assert judge(batch(HOUR, 0, -2 * HOUR), NOW).rejected == {}
    assert judge(batch(14 * DAY_MS), NOW).rejected == {}


def test_events_at_the_ends_are_left_out() -> None:
    """The indexes are the first event that is not too old, and the first that is too new."""
    old, fresh = batch(14 * DAY_MS + HOUR, 14 * DAY_MS + 1), batch(14 * DAY_MS)
    judged = judge([*old, *fresh], NOW)
    assert (judged.accepted, judged.rejected) == (fresh, {"tooOldLogEventEndIndex": 2})
    judged = judge(batch(HOUR, 0, -2 * HOUR - 1, -3 * HOUR), NOW)
    assert (len(judged.accepted), judged.rejected) == (2, {"tooNewLogEventStartIndex": 2})


def test_events_older_than_the_retention_are_expired() -> None:
    """A group that keeps a day takes nothing older."""
    judged = judge(batch(DAY_MS + 1, HOUR), NOW, retention_days=1)
    assert (len(judged.accepted), judged.rejected) == (1, {"expiredLogEventEndIndex": 1})
    assert judged.left_out == {"older than the group's retention": 1}


def test_each_event_that_is_left_out_has_one_reason() -> None:
    """What is too old for CloudWatch Logs is not expired as well."""
    events = batch(14 * DAY_MS + HOUR, 14 * DAY_MS - HOUR)
    assert judge(events, NOW, retention_days=1).left_out == {
        "older than 14 days": 1, "older than the group's retention": 1,
    }  # fmt: skip
    assert judge(batch(-3 * HOUR), NOW).left_out == {"more than 2 hours ahead of the clock": 1}


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([], "Member must have length greater than or equal to 1"),
        (batch(*[0] * 10_001), "Member must have length less than or equal to 10000"),
        (batch(0, 1), "must be in chronological order"),
        (batch(DAY_MS + 1, 0), "cannot span more than 24 hours"),
        (batch(0, message="x" * (1_048_576 - 25)), "Log event too large: 1048577 bytes exceeds limit of 1048576"),
        (batch(0, 0, message="x" * 524_288), "Upload too large: 1048628 bytes exceeds limit of 1048576"),
        (batch(0, message="é" * 524_288), "Log event too large: 1048602"),
        (batch(0, message=""), "Value '' at 'logEvents.1.member.message'"),
        ([{"message": "x"}], "Value null at 'logEvents.1.member.timestamp'"),
        ([{"timestamp": NOW}], "Value null at 'logEvents.1.member.message'"),
        ([{"timestamp": -1, "message": "x"}], "greater than or equal to 0"),
    ],
)
def test_batches_that_are_refused(events: list[dict[str, Any]], problem: str) -> None:
    """A bad batch is refused whole, in AWS's words."""
    with pytest.raises(AwsError, match=problem) as caught:
        judge(events, NOW)
    assert caught.value.code == "InvalidParameterException"


def test_largest_batch_is_taken() -> None:
    """The quotas themselves are still good: 10,000 events, 1 MiB with 26 bytes an event."""
    assert len(judge(batch(*[0] * 10_000), NOW).accepted) == 10_000
    assert judge(batch(0, message="x" * (1_048_576 - 26)), NOW).rejected == {}

"""What the judges of notebook 08 say of an alarm and of a policy in a file."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lab_helpers.exercises.steps import n08
from lab_helpers.exercises.steps.step import SOLUTIONS, STARTS

LEAST = (SOLUTIONS / "08_4" / n08.ROLE_TF).read_text(encoding="utf-8")
ALARM = {"Threshold": 80.0, "Statistic": "Maximum", "ComparisonOperator": "GreaterThanThreshold"}


def test_a_good_alarm_passes() -> None:
    """Above the buffer interval, soon enough, on the oldest record."""
    assert n08.alarm_is_right(ALARM, 60).is_passed


def test_the_streams_own_interval_counts() -> None:
    """Notebook 06 has made it shorter: a threshold may follow it, or the lab's interval, of before."""
    assert n08.alarm_is_right({**ALARM, "Threshold": 40.0}, 20, 60).is_passed
    assert n08.alarm_is_right({**ALARM, "Threshold": 120.0}, 20, 60).is_passed
    assert not n08.alarm_is_right({**ALARM, "Threshold": 20.0}, 20, 60).is_passed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ComparisonOperator": "LessThanThreshold"}, "records are young"),
        ({"Statistic": "Average"}, "hides the oldest"),
        ({"Threshold": 60.0}, "go off every time"),
        ({"Threshold": 3600.0}, "Nobody would hear"),
        ({"Period": 60, "EvaluationPeriods": 30}, "looks at 1800 s"),
        ({"Statistic": None, "ExtendedStatistic": "p50"}, "p50 of the ages"),
    ],
)
def test_a_bad_alarm_is_told_why(change: dict[str, Any], reason: str) -> None:
    """Each way in which the alarm would be silent or noisy has a reason of its own."""
    found = n08.alarm_is_right({**ALARM, **change}, 60)
    assert not found.is_passed
    assert reason in found.why


def test_a_period_of_a_minute_is_short_whatever_the_buffer() -> None:
    """A buffer of 10 s and the period that AWS publishes at."""
    assert n08.alarm_is_right({**ALARM, "Threshold": 40.0, "Period": 60, "EvaluationPeriods": 2}, 10).is_passed


@pytest.mark.parametrize(
    ("answer", "is_right"),
    [
        ("access policy", True),
        ("The access policy of the role", True),
        ("Access_Policy", True),
        ("アクセスポリシー", True),
        ("the trust policy", False),
        ("trust policy and access policy", False),
        ("bucket policy", False),
    ],
)
def test_a_policy_may_be_named_in_a_sentence(answer: str, is_right: bool) -> None:
    """Of the two, one is to be named."""
    assert n08.names_the_policy(cast(Any, None), answer).is_passed is is_right


def test_the_reference_is_the_least() -> None:
    """What the file says is read as a policy, names of Terraform included."""
    assert n08.document_of(LEAST)
    assert n08.is_least(LEAST).is_passed


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('["s3:*"]', '["s3:*"]', "s3:PutObject on"),
        (':errortest"', '"', "s3:PutObject on"),
        (":errortest", "", "s3:DeleteObject on"),
    ],
)
def test_the_colleagues_policy_is_refused(old: str, new: str, reason: str) -> None:
    """s3:* on the wrong bucket delivers nothing, on the right one it can delete."""
    start = (STARTS / "08_4" / n08.ROLE_TF).read_text(encoding="utf-8")
    found = n08.is_least(start.replace(old, new))
    assert not found.is_passed
    assert reason in found.why


@pytest.mark.parametrize("part", ["var.bucket_arn", "aws_s3_bucket.alb_log.arn"])
def test_what_only_terraform_can_tell_is_judged_later(part: str) -> None:
    """A name that is not known here, a condition: then the policy that IAM has is judged."""
    assert n08.document_of(LEAST.replace("[aws_s3_bucket.firelens.arn,", f"[{part},")) == ""


def test_the_message_names_two_policies() -> None:
    """Any spelling of the right one will do."""
    assert all(n08.names_the_policy(None, each).is_passed for each in ("access policy", "Access_Policy"))  # type: ignore[arg-type]

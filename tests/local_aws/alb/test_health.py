"""Target health: from single checks to the state that DescribeTargetHealth tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab_helpers.local_aws.alb.checks.target_health import PASSED, REFUSED, TIMED_OUT, CheckResult, HealthRecord, judge
from tests.local_aws.alb.kit import CHECK

BAD = judge(404, "200")


def after(*results: CheckResult, check: object = replace(CHECK, healthy_threshold=3, unhealthy_threshold=2)) -> str:
    record = HealthRecord()
    record.begin(["n"])
    for result in results:
        record.record("n", result, check)  # type: ignore[arg-type]
    return record.health.state.value


@pytest.mark.parametrize(
    ("status", "matcher", "passes"),
    [
        (200, "200", True),
        (201, "200", False),
        (250, "200-299,301", True),
        (301, "200-299,301", True),
        (302, "200-299, 301", False),
        (404, "200,404", True),
    ],
)
def test_matchers(status: int, matcher: str, passes: bool) -> None:
    """A matcher is a list of codes and ranges."""
    assert judge(status, matcher).passed is passes


def test_a_new_target_needs_one_pass_only() -> None:
    """The healthy threshold counts for targets that were unhealthy."""
    assert after() == "initial"
    assert after(PASSED) == "healthy"
    assert after(REFUSED) == "initial"
    assert after(REFUSED, PASSED) == "healthy"


def test_thresholds_count_consecutive_results() -> None:
    """Two failures in a row are needed, and three passes in a row to come back."""
    assert after(REFUSED, REFUSED) == "unhealthy"
    assert after(PASSED, BAD) == "healthy"
    assert after(PASSED, BAD, PASSED, BAD) == "healthy"
    assert after(PASSED, BAD, BAD) == "unhealthy"
    assert after(BAD, BAD, PASSED, PASSED) == "unhealthy"
    assert after(BAD, BAD, PASSED, PASSED, BAD, PASSED) == "unhealthy"
    assert after(BAD, BAD, PASSED, PASSED, PASSED) == "healthy"


def test_the_latest_failure_is_the_reason() -> None:
    """Reason codes and descriptions are AWS's."""
    record = HealthRecord()
    assert (record.health.reason, record.health.description) == (
        "Elb.RegistrationInProgress",
        "Target registration is in progress",
    )
    record.begin(["n"])
    assert record.health.reason == "Elb.InitialHealthChecking"
    told = []
    for result in (BAD, BAD, TIMED_OUT, REFUSED):
        record.record("n", result, CHECK)
        told.append((record.health.reason, record.health.description))
    assert told[1:] == [
        ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"),
        ("Target.Timeout", "Request timed out"),
        ("Target.FailedHealthChecks", "Health checks failed"),
    ]


def test_every_node_has_a_say() -> None:
    """A target is healthy when each node found it so, unhealthy when any did not; a node that went is forgotten."""
    record = HealthRecord()
    record.begin(["a", "b"])
    record.record("a", PASSED, CHECK)
    assert record.health.state.value == "initial"
    record.record("b", PASSED, CHECK)
    assert record.health.state.value == "healthy"
    record.record("b", REFUSED, CHECK)
    record.record("b", REFUSED, CHECK)
    assert record.health.state.value == "unhealthy"
    record.begin(["a"])
    record.record("b", REFUSED, CHECK)
    assert record.health.state.value == "healthy"

"""From data points to a state: the tables of AWS's user guide, and its words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lab_helpers.local_aws.cloudwatch.alarm import ALARM, INSUFFICIENT, OK, Watch
from lab_helpers.local_aws.cloudwatch.evaluation import Point, evaluate, reason_data
from lab_helpers.local_aws.cloudwatch.metrics import MetricId

START = int(datetime(2026, 11, 29, 10, tzinfo=UTC).timestamp())
KEPT = "kept"


def watch(periods: int, to_alarm: int, missing: str = "missing") -> Watch:
    """An alarm over a sum above 1."""
    metric = MetricId("ap-northeast-1", "lab", "errors")
    return Watch(metric, "Sum", 60, periods, to_alarm, 1.0, "GreaterThanThreshold", missing)


def points(drawn: str) -> list[Point]:
    """Points as the guide draws them: 0 does not breach, X does, - is missing."""
    values = {"0": 0.0, "X": 2.0, "-": None}
    return [Point(START + 60 * at, values[letter]) for at, letter in enumerate(drawn.replace(" ", ""))]


def state(drawn: str, periods: int, to_alarm: int, missing: str) -> str:
    """The state after an evaluation, or that it stays."""
    verdict = evaluate(watch(periods, to_alarm, missing), points(drawn), OK)
    return KEPT if verdict is None else verdict.state


@pytest.mark.parametrize(
    ("drawn", "to_alarm", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", 3, OK, OK, OK, OK),
        ("- - - - 0", 3, OK, OK, OK, OK),
        ("- - - - -", 3, INSUFFICIENT, KEPT, ALARM, OK),
        ("0 X X - X", 3, ALARM, ALARM, ALARM, ALARM),
        ("- - X - -", 3, ALARM, KEPT, ALARM, OK),
        ("0 - X - X", 2, ALARM, ALARM, ALARM, ALARM),
        ("0 0 X 0 X", 2, ALARM, ALARM, ALARM, ALARM),
        ("0 - X - -", 2, OK, OK, ALARM, OK),
        ("- - - - 0", 2, OK, OK, ALARM, OK),
        ("- - - X -", 2, ALARM, KEPT, ALARM, OK),
    ],
)
def test_missing_data_as_in_the_guide(
    drawn: str, to_alarm: int, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    """Three periods are asked for, five are looked at; what is missing counts only when there is too little."""
    found = [state(drawn, 3, to_alarm, how) for how in ("missing", "ignore", "breaching", "notBreaching")]
    assert found == [missing, ignore, breaching, not_breaching]


@pytest.mark.parametrize(
    ("drawn", "periods", "to_alarm", "missing", "reason"),
    [
        (
            "- - X", 1, 1, "missing",
            "Threshold Crossed: 1 out of the last 1 datapoints [2.0 (29/11/26 10:02:00)] was greater than the "
            "threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            "- - X X 0", 3, 2, "missing",
            "Threshold Crossed: 2 out of the last 3 datapoints [2.0 (29/11/26 10:03:00), 2.0 (29/11/26 10:02:00)] were "
            "greater than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition).",
        ),
        (
            "- - -", 1, 1, "breaching",
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
            "[Breaching].",
        ),
        ("- - -", 1, 1, "missing", "Insufficient Data: 1 datapoint was unknown."),
    ],
)  # fmt: skip
def test_reasons_are_told_in_the_words_of_aws(
    drawn: str, periods: int, to_alarm: int, missing: str, reason: str
) -> None:
    """How many data points crossed, which, and how many had to."""
    verdict = evaluate(watch(periods, to_alarm, missing), points(drawn), OK)
    assert verdict is not None
    assert verdict.reason == reason


def test_the_way_back_is_told_too() -> None:
    """An alarm of 2 of 3 is over with two points that do not breach."""
    verdict = evaluate(watch(3, 2), points("- - 0 0 X"), ALARM)
    assert verdict is not None
    assert "were not greater than the threshold (1.0) (minimum 2 datapoints for ALARM -> OK" in verdict.reason


def test_programs_get_the_data_points() -> None:
    """StateReasonData is JSON with the threshold and the points, newest first."""
    text = reason_data(watch(2, 2), points("0 X X"), datetime(2026, 11, 29, 10, 3, tzinfo=UTC))
    assert '"recentDatapoints": [2.0, 2.0], "threshold": 1.0' in text
    assert '"queryDate": "2026-11-29T10:03:00.000+0000"' in text

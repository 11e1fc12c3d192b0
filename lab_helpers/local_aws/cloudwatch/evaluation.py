"""From an alarm's data points to its state, in AWS's words. Pure.

Source: "Configuring how CloudWatch alarms treat missing data" of the CloudWatch User Guide, whose tables are this
module's tests: some more periods than asked for are looked at, and the newest real data points count; only where these
are too few is what is missing treated as told. So "no lines for N periods" comes up to EXTRA_PERIODS periods late.
Not modelled: how many more periods AWS looks at for each length of period (its example has two); percentiles over few
samples (EvaluateLowSampleCountPercentile).
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lab_helpers.local_aws.cloudwatch.alarm import ALARM, INSUFFICIENT, OK, Watch

EXTRA_PERIODS = 2
COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")


@dataclass(frozen=True)
class Point:
    """A period's value; `begin_s` in epoch seconds, None where there was no data."""

    begin_s: int
    value: float | None
    samples: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """An alarm's new state, and why."""

    state: str
    reason: str


def evaluate(watch: Watch, points: Sequence[Point], state: str) -> Verdict | None:
    """Judge the newest periods (oldest first, `periods` + EXTRA_PERIODS of them); None: the state stays as it is."""
    real = [point for point in points if point.value is not None]
    used = real[-watch.periods :]
    missing = watch.periods - len(used)
    breaching = [_breaches(watch, point) for point in used]
    count = sum(breaching)
    if missing and not used and watch.missing in ("missing", "ignore"):
        return None if watch.missing == "ignore" else Verdict(INSUFFICIENT, _unknown(watch))
    if watch.missing == "breaching":
        count += missing
    new = ALARM if count >= watch.to_alarm else OK
    if missing and new == OK and all(breaching) and watch.missing in ("missing", "ignore"):
        # Nothing speaks against an alarm, but the data are too few for one.
        if watch.missing == "ignore" or not _is_old_enough(watch, points):
            return None
        new = ALARM
    return Verdict(new, _crossed(watch, used, missing, new, state))


def reason_data(watch: Watch, points: Sequence[Point], at: datetime) -> str:
    """Return StateReasonData: the same as the reason, for programs."""
    real = [point for point in points if point.value is not None]
    return json.dumps(
        {
            "version": "1.0",
            "queryDate": _iso(at),
            **({"startDate": _iso(_time(real[0]))} if real else {}),
            **({"unit": watch.unit} if watch.unit else {}),
            "statistic": watch.statistic,
            "period": watch.period_s,
            "recentDatapoints": [point.value for point in real[-watch.periods :]],
            "threshold": watch.threshold,
            "evaluatedDatapoints": [
                {"timestamp": _iso(_time(point)), "sampleCount": point.samples, "value": point.value}
                for point in reversed(real[-watch.periods :])
            ],
        }
    )


def _breaches(watch: Watch, point: Point) -> bool:
    assert point.value is not None
    return COMPARISONS[watch.comparison][0](point.value, watch.threshold)


def _is_old_enough(watch: Watch, points: Sequence[Point]) -> bool:
    """Whether the oldest data point (all breach) is as old as an alarm needs: what is missing after it counts too."""
    oldest = next(at for at, point in enumerate(points) if point.value is not None)
    return len(points) - oldest >= watch.to_alarm


def _unknown(watch: Watch) -> str:
    count = watch.periods
    return f"Insufficient Data: {count} datapoint{'s were' if count > 1 else ' was'} unknown."


def _crossed(watch: Watch, used: Sequence[Point], missing: int, new: str, old: str) -> str:
    treated = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(watch.missing, "Missing")
    if not used:
        return (
            f"Threshold Crossed: no datapoints were received for {missing} period{_s(missing)} and "
            f"{missing} missing datapoint{_s(missing)} {_were(missing)} treated as [{treated}]."
        )
    decisive = [point for point in used if _breaches(watch, point) == (new == ALARM)] or list(used)
    values = ", ".join(f"{point.value} ({_time(point):%d/%m/%y %H:%M:%S})" for point in reversed(decisive))
    negation = "" if new == ALARM else "not "
    words = f"{negation}{COMPARISONS[watch.comparison][1]} the threshold ({watch.threshold})"
    needed = watch.to_alarm if new == ALARM else watch.periods - watch.to_alarm + 1
    text = (
        f"Threshold Crossed: {len(decisive)} out of the last {watch.periods} datapoints [{values}] "
        f"{_were(len(decisive))} {words}"
    )
    if missing and watch.missing in ("breaching", "notBreaching"):
        text += f" and {missing} missing datapoint{_s(missing)} {_were(missing)} treated as [{treated}]"
    way = f"{'OK' if new == ALARM else 'ALARM'} -> {new}" if old != INSUFFICIENT or new == ALARM else "ALARM -> OK"
    return f"{text} (minimum {needed} datapoint{_s(needed)} for {way} transition)."


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _time(point: Point) -> datetime:
    return datetime.fromtimestamp(point.begin_s, UTC)


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"

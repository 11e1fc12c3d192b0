"""PutMetricData, ListMetrics, GetMetricStatistics and GetMetricData.

Source: the operations of those names in the CloudWatch API reference.
Not modelled, and refused: metric math (expressions), other accounts. Not modelled: GetMetricData answers in one page;
RecentlyActive.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from lab_helpers.local_aws.cloudwatch.metrics import BASIC, Amount, MetricId, MetricStore, percent_of
from lab_helpers.local_aws.cloudwatch.wire import typed
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler
from lab_helpers.local_aws.kit.clock import Clock

DATAPOINTS_MAX = 1_440
"""Source: "GetMetricStatistics" of the API reference."""
LISTED_MAX = 500
OLDEST_S, NEWEST_S = 14 * 24 * 3600, 2 * 3600
METRIC_MATH = "The local AWS has no metric math (Expression): ask for the metrics themselves (MetricStat)."


class MetricOperations:
    """The handlers about metrics."""

    def __init__(self, store: MetricStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def table(self) -> dict[str, Handler]:
        """Return the handlers by operation."""
        return {
            "GetMetricData": self.get_metric_data,
            "GetMetricStatistics": self.get_metric_statistics,
            "ListMetrics": self.list_metrics,
            "PutMetricData": self.put_metric_data,
        }

    def put_metric_data(self, request: ApiRequest) -> dict[str, Any]:
        """Take data; nothing of a call that has a bad datum."""
        params = typed(request)
        namespace = str(params["Namespace"])
        if namespace.startswith("AWS/") and request.caller.kind != "service":
            raise invalid("The value AWS/ for parameter Namespace is invalid.")
        taken = [
            (MetricId(request.region, namespace, datum["MetricName"], dimensions_of(datum)), datum, amounts)
            for nth, datum in enumerate(params.get("MetricData") or [], 1)
            for amounts in [_amount(datum, f"MetricData.member.{nth}")]
        ]
        now_s = self._clock.now().timestamp()
        for _, datum, _ in taken:
            _check_time(datum, now_s)
        for metric, datum, amount in taken:
            at = datum.get("Timestamp")
            second = int(at.timestamp() if at else now_s)
            self._store.put(metric, datum.get("Unit") or "None", second, amount)
        return {}

    def list_metrics(self, request: ApiRequest) -> dict[str, Any]:
        """Return metrics by namespace, name and dimensions, 500 a page."""
        params = typed(request)
        found = [metric for metric in self._store.metrics(request.region) if _fits(metric, params)]
        first = _offset(params.get("NextToken"))
        page, more = found[first : first + LISTED_MAX], len(found) > first + LISTED_MAX
        return {
            "Metrics": [
                {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": shown(metric.dimensions)}
                for metric in page
            ],
            **({"NextToken": str(first + LISTED_MAX)} if more else {}),
        }

    def get_metric_statistics(self, request: ApiRequest) -> dict[str, Any]:
        """Return the statistics of one metric by periods, for each unit."""
        params = typed(request)
        basic, extended = params.get("Statistics") or [], params.get("ExtendedStatistics") or []
        if not basic and not extended:
            raise AwsError("MissingParameter", "Must specify either Statistics or ExtendedStatistics.")
        start, end, period = _span(params)
        if (end - start) / period > DATAPOINTS_MAX:
            asked = math.ceil((end - start) / period)
            raise AwsError(
                "InvalidParameterCombination",
                f"You have requested up to {asked:,} datapoints, which exceeds the limit of {DATAPOINTS_MAX:,}. You "
                "may reduce the datapoints requested by increasing Period, or decreasing the time range.",
            )
        for statistic in (*basic, *extended):
            check_statistic(statistic)
        metric = MetricId(request.region, params["Namespace"], params["MetricName"], dimensions_of(params))
        by_unit = self._store.periods(metric, start, end, period, params.get("Unit"))
        points = [
            _datapoint(begin, unit, amount, basic, extended)
            for unit, periods in by_unit.items()
            for begin, amount in periods.items()
        ]
        return {"Label": metric.name, "Datapoints": points}

    def get_metric_data(self, request: ApiRequest) -> dict[str, Any]:
        """Return values of several metrics, newest first unless told otherwise."""
        params = typed(request)
        newest_first = params.get("ScanBy", "TimestampDescending") != "TimestampAscending"
        results = []
        for query in params["MetricDataQueries"]:
            if query.get("Expression"):
                raise AwsError("ValidationError", METRIC_MATH)
            if query.get("ReturnData", True):
                points = list(self._values(request.region, query, params))
                points.sort(reverse=newest_first)
                results.append(_result(query, points))
        return {"MetricDataResults": results, "Messages": []}

    def _values(
        self, region: str, query: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Iterator[tuple[datetime, float]]:
        asked = query.get("MetricStat")
        if not asked:
            raise AwsError(
                "ValidationError", f"Either MetricStat or Expression is needed in query {query.get('Id')!r}."
            )
        check_statistic(asked["Stat"])
        start, end, period = _span({**params, "Period": asked["Period"]})
        given = asked["Metric"]
        metric = MetricId(region, given["Namespace"], given["MetricName"], dimensions_of(given))
        merged: dict[int, Amount] = {}
        for periods in self._store.periods(metric, start, end, period, asked.get("Unit")).values():
            for begin, amount in periods.items():
                merged.setdefault(begin, Amount()).add(amount)
        for begin, amount in merged.items():
            value = amount.statistic(asked["Stat"])
            if value is not None:
                yield datetime.fromtimestamp(begin, UTC), value


def invalid(message: str) -> AwsError:
    """Make the error about one parameter's value."""
    return AwsError("InvalidParameterValue", message)


def check_statistic(name: str) -> None:
    """Raise AwsError for a statistic that is not known here."""
    try:
        if name not in BASIC:
            percent_of(name)
    except ValueError as exc:
        raise invalid(str(exc)) from exc


def check_period(period_s: int) -> None:
    """Raise AwsError unless a period is 1, 5, 10, 20 or 30 seconds or some minutes."""
    if period_s < 1 or (period_s not in (1, 5, 10, 20, 30) and period_s % 60):
        raise invalid("Period must be 1, 5, 10, 20, 30 or a multiple of 60")


def dimensions_of(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return dimensions in order of their names."""
    return tuple(sorted((str(each["Name"]), str(each.get("Value", ""))) for each in given.get("Dimensions") or []))


def shown(dimensions: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    """Return dimensions in the API's form."""
    return [{"Name": name, "Value": value} for name, value in dimensions]


def _amount(datum: Mapping[str, Any], where: str) -> Amount:
    """Return what a datum says: a value, values with counts, or a statistic set."""
    given = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) is not None]
    if len(given) != 1:
        raise AwsError(
            "InvalidParameterCombination" if given else "MissingParameter",
            f"The parameters {where}.Value, {where}.Values and {where}.StatisticValues are mutually exclusive and "
            "you have specified more than one." if given
            else f"At least one of the parameters must be specified: {where}.Value, {where}.Values.",
        )  # fmt: skip
    if given == ["StatisticValues"]:
        found = datum["StatisticValues"]
        bounds = found["Minimum"], found["Maximum"]
        known = {bounds[0]: found["SampleCount"]} if bounds[0] == bounds[1] else None
        return Amount(found["SampleCount"], found["Sum"], *bounds, known)
    values = datum["Values"] if given == ["Values"] else [datum["Value"]]
    counts = datum.get("Counts") or [1.0] * len(values)
    if len(counts) != len(values):
        raise invalid(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
    if not all(map(math.isfinite, values)):
        raise invalid(f"The value for parameter {where}.Value is not a number that CloudWatch takes.")
    amount = Amount()
    for value, count in zip(values, counts, strict=True):
        amount.add(Amount(count, value * count, value, value, {value: count}))
    return amount


def _check_time(datum: Mapping[str, Any], now_s: float) -> None:
    at = datum.get("Timestamp")
    if at and not now_s - OLDEST_S <= at.timestamp() <= now_s + NEWEST_S:
        text = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        raise invalid(
            f"The value {text} for parameter Timestamp must be within the past two weeks and two hours of the future."
        )


def _fits(metric: MetricId, wanted: Mapping[str, Any]) -> bool:
    if wanted.get("Namespace") not in (None, metric.namespace) or wanted.get("MetricName") not in (None, metric.name):
        return False
    own = dict(metric.dimensions)
    return all(
        each["Name"] in own and each.get("Value") in (None, own[each["Name"]])
        for each in wanted.get("Dimensions") or []
    )


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdigit():
        raise AwsError("InvalidNextToken", "The next token specified is invalid.")
    return int(token)


def _span(params: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return start, end and period in seconds; the start is that of a period."""
    period = int(params["Period"])
    check_period(period)
    start, end = params["StartTime"].timestamp(), params["EndTime"].timestamp()
    if end <= start:
        raise AwsError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    return int(start // period * period), math.ceil(end), period


def _datapoint(begin: int, unit: str, amount: Amount, basic: list[str], extended: list[str]) -> dict[str, Any]:
    percentiles = {name: value for name in extended if (value := amount.statistic(name)) is not None}
    return {
        "Timestamp": datetime.fromtimestamp(begin, UTC),
        **{name: amount.statistic(name) for name in basic},
        "Unit": unit,
        **({"ExtendedStatistics": percentiles} if percentiles else {}),
    }


def _result(query: Mapping[str, Any], points: list[tuple[datetime, float]]) -> dict[str, Any]:
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or query["MetricStat"]["Metric"]["MetricName"],
        "Timestamps": [at for at, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete",
    }

"""The operations about alarms: PutMetricAlarm, DescribeAlarms, DescribeAlarmHistory, tags and the rest.

Source: the operations of those names in the CloudWatch API reference.
Not modelled, and refused: metric math and anomaly detection in an alarm. Composite and log alarms are not answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab_helpers.local_aws.cloudwatch.alarm import Alarm, Watch
from lab_helpers.local_aws.cloudwatch.book import AlarmBook
from lab_helpers.local_aws.cloudwatch.evaluation import COMPARISONS, TREATMENTS
from lab_helpers.local_aws.cloudwatch.metric_operations import (
    METRIC_MATH,
    check_period,
    check_statistic,
    dimensions_of,
)
from lab_helpers.local_aws.cloudwatch.metrics import MetricId
from lab_helpers.local_aws.cloudwatch.wire import typed
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler, NobodyAnswersError
from lab_helpers.local_aws.kit.clock import Clock

SPAN_MAX_S = 7 * 24 * 3600
"""Periods times length. Source: "PutMetricAlarm" of the API reference (one day; a week from an hour's period on)."""
PAGE = 50
HISTORY_PAGE = 100


class AlarmOperations:
    """The handlers; `changed` is told of an alarm to be looked at, `acted` of one whose state was set by hand."""

    def __init__(
        self, book: AlarmBook, clock: Clock, changed: Callable[[Alarm], None], acted: Callable[[Alarm], None]
    ) -> None:
        self._book, self._clock, self._changed, self._acted = book, clock, changed, acted

    def table(self) -> dict[str, Handler]:
        """Return the handlers by operation."""
        return {
            "DeleteAlarms": self.delete,
            "DescribeAlarmHistory": self.history,
            "DescribeAlarms": self.describe,
            "DescribeAlarmsForMetric": self.describe_for_metric,
            "DisableAlarmActions": lambda request: self._enable(request, False),
            "EnableAlarmActions": lambda request: self._enable(request, True),
            "ListTagsForResource": self.list_tags,
            "PutCompositeAlarm": self._refused,
            "PutLogAlarm": self._refused,
            "PutMetricAlarm": self.put,
            "SetAlarmState": self.set_state,
            "TagResource": self.tag,
            "UntagResource": self.untag,
        }

    def put(self, request: ApiRequest) -> dict[str, Any]:
        """Make an alarm, or change one, which keeps its state until it is looked at."""
        params = typed(request)
        tags = {tag["Key"]: tag["Value"] for tag in params.pop("Tags", None) or []}
        watch = watch_of(request.region, params)
        now, key = self._clock.now(), (request.region, str(params["AlarmName"]))
        with self._book.lock:
            alarm = self._book.alarms.get(key)
            is_new = alarm is None
            if alarm is None:
                arn = f"arn:aws:cloudwatch:{request.region}:{request.account_id}:alarm:{key[1]}"
                alarm = self._book.alarms[key] = Alarm(arn, params, watch, now, now, tags)
            else:
                alarm.settings, alarm.watch, alarm.configured_at = params, watch, now
            what, kind = ("created", "Create") if is_new else ("updated", "Update")
            data = {"version": "1.0", "type": kind, "updatedAlarm": {**params, "alarmArn": alarm.arn}}
            self._book.note(alarm, now, "ConfigurationUpdate", f'Alarm "{key[1]}" {what}', data)
            self._changed(alarm)
        return {}

    def describe(self, request: ApiRequest) -> dict[str, Any]:
        """Return alarms by names, prefix, state or action, 50 a page unless told otherwise."""
        params = typed(request)
        names, prefix = params.get("AlarmNames") or [], params.get("AlarmNamePrefix")
        if names and prefix:
            raise AwsError(
                "ValidationError", "AlarmNamePrefix and AlarmNames cannot both be specified in the same request."
            )
        with self._book.lock:
            found = [
                alarm.described() for alarm in self._book.of(request.region)
                if (not names or alarm.name in names)
                and alarm.name.startswith(prefix or "")
                and params.get("StateValue") in (None, alarm.state)
                and _acts(alarm, params.get("ActionPrefix"))
            ]  # fmt: skip
        if "MetricAlarm" not in (params.get("AlarmTypes") or ["MetricAlarm"]):
            found = []
        page, more = _page(found, params, PAGE)
        return {"CompositeAlarms": [], "MetricAlarms": page, **more}

    def describe_for_metric(self, request: ApiRequest) -> dict[str, Any]:
        """Return the alarms over a metric."""
        params = typed(request)
        metric = MetricId(request.region, params["Namespace"], params["MetricName"], dimensions_of(params))
        statistic = params.get("Statistic") or params.get("ExtendedStatistic")
        with self._book.lock:
            found = [
                alarm.described() for alarm in self._book.of(request.region)
                if alarm.watch.metric == metric
                and statistic in (None, alarm.watch.statistic)
                and params.get("Period") in (None, alarm.watch.period_s)
                and params.get("Unit") in (None, alarm.watch.unit)
            ]  # fmt: skip
        return {"MetricAlarms": found}

    def history(self, request: ApiRequest) -> dict[str, Any]:
        """Return what happened to the alarms, newest first unless told otherwise."""
        params = typed(request)
        start, end = params.get("StartDate"), params.get("EndDate")
        with self._book.lock:
            found = [
                item.described() for item in self._book.history
                if item.region == request.region
                and params.get("AlarmName") in (None, item.alarm)
                and params.get("HistoryItemType") in (None, item.kind)
                and (start is None or item.at >= start)
                and (end is None or item.at <= end)
            ]  # fmt: skip
        if params.get("ScanBy", "TimestampDescending") != "TimestampAscending":
            found.reverse()
        page, more = _page(found, params, HISTORY_PAGE)
        return {"AlarmHistoryItems": page, **more}

    def delete(self, request: ApiRequest) -> dict[str, Any]:
        """Delete alarms; those that are not there are no error, as on AWS."""
        with self._book.lock:
            for name in typed(request)["AlarmNames"]:
                alarm = self._book.alarms.pop((request.region, name), None)
                if alarm is not None:
                    data = {"version": "1.0", "type": "Delete", "deletedAlarm": {"alarmName": name}}
                    self._book.note(alarm, self._clock.now(), "ConfigurationUpdate", f'Alarm "{name}" deleted', data)
        return {}

    def set_state(self, request: ApiRequest) -> dict[str, Any]:
        """Set a state by hand, to try actions: it holds until the alarm is looked at again."""
        params = typed(request)
        with self._book.lock:
            alarm = self._found(request.region, params["AlarmName"])
            data = params.get("StateReasonData") or ""
            try:
                moved = self._book.change(alarm, params["StateValue"], params["StateReason"], data, self._clock.now())
            except ValueError as exc:
                raise AwsError("InvalidFormat", "StateReasonData is not valid JSON") from exc
        if moved:
            self._acted(alarm)
        return {}

    def list_tags(self, request: ApiRequest) -> dict[str, Any]:
        """Return an alarm's tags."""
        with self._book.lock:
            tags = self._tagged(request.region, typed(request)["ResourceARN"]).tags
            return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def tag(self, request: ApiRequest) -> dict[str, Any]:
        """Add tags to an alarm."""
        params = typed(request)
        with self._book.lock:
            alarm = self._tagged(request.region, params["ResourceARN"])
            alarm.tags |= {t["Key"]: t["Value"] for t in params["Tags"]}
            self._book.mark(alarm)
        return {}

    def untag(self, request: ApiRequest) -> dict[str, Any]:
        """Take tags from an alarm."""
        params = typed(request)
        with self._book.lock:
            alarm = self._tagged(request.region, params["ResourceARN"])
            for key in params["TagKeys"]:
                alarm.tags.pop(key, None)
            self._book.mark(alarm)
        return {}

    def _refused(self, request: ApiRequest) -> dict[str, Any]:
        raise NobodyAnswersError(f"{request.operation} is not modelled; PutMetricAlarm is")

    def _enable(self, request: ApiRequest, enabled: bool) -> dict[str, Any]:
        with self._book.lock:
            for name in typed(request)["AlarmNames"]:
                alarm = self._book.alarms.get((request.region, name))
                if alarm is not None:
                    alarm.settings = {**alarm.settings, "ActionsEnabled": enabled}
                    self._book.mark(alarm)
        return {}

    def _found(self, region: str, name: str) -> Alarm:
        alarm = self._book.alarms.get((region, name))
        if alarm is None:
            raise AwsError("ResourceNotFound", "Unknown", 404)
        return alarm

    def _tagged(self, region: str, arn: str) -> Alarm:
        alarm = next((alarm for alarm in self._book.of(region) if alarm.arn == arn), None)
        if alarm is None:
            raise AwsError("ResourceNotFoundException", "Unknown", 404)
        return alarm


def watch_of(region: str, params: Mapping[str, Any]) -> Watch:
    """Read what an alarm watches; raises AwsError ValidationError for what AWS or the local AWS does not take."""
    if params.get("Metrics") or params.get("ThresholdMetricId"):
        raise _refusal(METRIC_MATH)
    for name in ("MetricName", "Namespace", "Period", "EvaluationPeriods", "ComparisonOperator", "Threshold"):
        if params.get(name) is None:
            raise AwsError("MissingParameter", f"The parameter {name} is required.")
    statistics = [params[name] for name in ("Statistic", "ExtendedStatistic") if params.get(name)]
    if len(statistics) != 1:
        raise _refusal("Exactly one of Statistic or ExtendedStatistic must be specified")
    check_statistic(statistics[0])
    check_period(params["Period"])
    if params["Period"] < 10:
        raise _refusal("Period must not be less than 10 seconds")
    if params["ComparisonOperator"] not in COMPARISONS:
        raise _refusal(f"The local AWS has no anomaly detection ({params['ComparisonOperator']}).")
    missing = params.get("TreatMissingData") or "missing"
    if missing not in TREATMENTS:
        raise _refusal(f"Valid values for TreatMissingData are {list(TREATMENTS)}")
    periods = params["EvaluationPeriods"]
    to_alarm = params.get("DatapointsToAlarm") or periods
    if to_alarm > periods:
        raise _refusal("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
    limit_s = SPAN_MAX_S if params["Period"] >= 3600 else 24 * 3600
    if periods * params["Period"] > limit_s:
        raise _refusal(f"Metrics cannot be checked across more than {'a week' if limit_s == SPAN_MAX_S else 'a day'}")
    metric = MetricId(region, params["Namespace"], params["MetricName"], dimensions_of(params))
    return Watch(
        metric, statistics[0], params["Period"], periods, to_alarm, params["Threshold"],
        params["ComparisonOperator"], missing, params.get("Unit"),
    )  # fmt: skip


def _refusal(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _acts(alarm: Alarm, prefix: str | None) -> bool:
    if prefix is None:
        return True
    names = ("OKActions", "AlarmActions", "InsufficientDataActions")
    return any(action.startswith(prefix) for name in names for action in alarm.settings.get(name) or [])


def _page(found: list[dict[str, Any]], params: Mapping[str, Any], usual: int) -> tuple[list[dict[str, Any]], Any]:
    token = params.get("NextToken") or "0"
    if not token.isdigit():
        raise AwsError("InvalidNextToken", "The next token specified is invalid.")
    first, size = int(token), params.get("MaxRecords") or usual
    more = {"NextToken": str(first + size)} if len(found) > first + size else {}
    return found[first : first + size], more

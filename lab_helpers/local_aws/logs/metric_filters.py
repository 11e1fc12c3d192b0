"""Metric filters: what they make of a batch of events, and the operations about them.

Source: "Creating metrics from log events using filters" of the CloudWatch Logs User Guide; PutMetricFilter.
Not modelled: AWS reports the default value once for a minute in which events came and none matched; here for each such
batch, which is the same for the usual default, 0, and the statistic Sum. Filters on transformed logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.metrics import Metric
from lab_helpers.local_aws.logs.events import EventSource, found_group
from lab_helpers.local_aws.logs.extracted import lookup
from lab_helpers.local_aws.logs.filter_pattern import compile_pattern

DIMENSIONS_MAX = 3
FILTERS_MAX = 100
PAGE = 50
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")

Measured = tuple[Metric, float, float]
"""A metric, a value, and the event's time in epoch seconds."""


class MetricFilters:
    """The handlers."""

    def __init__(self, source: EventSource, clock: Clock) -> None:
        self._source, self._clock = source, clock

    def table(self) -> dict[str, Handler]:
        """Return the handlers by operation."""
        return {
            "DeleteMetricFilter": self.delete,
            "DescribeMetricFilters": self.describe,
            "PutMetricFilter": self.put,
        }

    def put(self, request: ApiRequest) -> dict[str, Any]:
        """Make a filter or replace the one of that name."""
        params = request.params
        group = found_group(self._source, request.region, params["logGroupName"]).name
        compile_pattern(params["filterPattern"])
        for transformation in params["metricTransformations"]:
            _check(transformation, params["filterPattern"])
        kept = self._source.metric_filters(request.region)
        same = [each for each in kept if (each["filterName"], each["logGroupName"]) == (params["filterName"], group)]
        if not same and sum(each["logGroupName"] == group for each in kept) >= FILTERS_MAX:
            raise AwsError("LimitExceededException", "Resource limit exceeded.")
        for each in same:
            kept.remove(each)
        kept.append(
            {
                "filterName": params["filterName"],
                "filterPattern": params["filterPattern"],
                "metricTransformations": params["metricTransformations"],
                "creationTime": int(self._clock.now().timestamp() * 1000),
                "logGroupName": group,
                "applyOnTransformedLogs": bool(params.get("applyOnTransformedLogs")),
            }
        )
        return {}

    def describe(self, request: ApiRequest) -> dict[str, Any]:
        """Return filters by group, prefix of the name, or metric, 50 a page."""
        params = request.params
        namespace, metric = params.get("metricNamespace"), params.get("metricName")
        if bool(namespace) != bool(metric):
            raise AwsError(
                "InvalidParameterException", "metricName and metricNamespace must be specified together."
            )  # fmt: skip
        if params.get("logGroupName"):
            found_group(self._source, request.region, params["logGroupName"])
        found = [
            each for each in self._source.metric_filters(request.region)
            if params.get("logGroupName") in (None, each["logGroupName"])
            and each["filterName"].startswith(params.get("filterNamePrefix") or "")
            and (not metric or any(_names(t) == (namespace, metric) for t in each["metricTransformations"]))
        ]  # fmt: skip
        found.sort(key=lambda each: (each["filterName"], each["logGroupName"]))
        first, size = _offset(params.get("nextToken")), params.get("limit") or PAGE
        more = {"nextToken": str(first + size)} if len(found) > first + size else {}
        return {"metricFilters": [_described(each) for each in found[first : first + size]], **more}

    def delete(self, request: ApiRequest) -> dict[str, Any]:
        """Delete a filter."""
        params = request.params
        group = found_group(self._source, request.region, params["logGroupName"]).name
        kept = self._source.metric_filters(request.region)
        for each in list(kept):
            if (each["filterName"], each["logGroupName"]) == (params["filterName"], group):
                kept.remove(each)
                return {}
        raise AwsError("ResourceNotFoundException", "The specified metric filter does not exist.")

    def forget(self, region: str, group: str) -> None:
        """Drop the filters of a group that was deleted."""
        kept = self._source.metric_filters(region)
        for each in [each for each in kept if each["logGroupName"] == group]:
            kept.remove(each)


def _described(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return a filter as AWS tells it: a default value is a double."""
    transformations = [
        {name: float(value) if name == "defaultValue" else value for name, value in each.items()}
        for each in kept["metricTransformations"]
    ]
    return {**kept, "metricTransformations": transformations}


def measure(
    filters: Iterable[Mapping[str, Any]], events: Sequence[Mapping[str, Any]], now_s: float
) -> Iterable[Measured]:
    """Return what the filters of a group make of a batch of events."""
    for each in filters:
        fits = compile_pattern(each["filterPattern"])
        matching = [event for event in events if fits(event["message"])]
        for transformation in each["metricTransformations"]:
            if matching:
                for event in matching:
                    yield from _of_event(transformation, each["filterPattern"], event)
            elif transformation.get("defaultValue") is not None:
                yield _metric(transformation, ()), float(transformation["defaultValue"]), now_s


def _of_event(transformation: Mapping[str, Any], pattern: str, event: Mapping[str, Any]) -> Iterable[Measured]:
    find = lookup(pattern, event["message"])
    said = str(transformation["metricValue"])
    value = find(said) if said.startswith("$") else said
    if value is None or not _NUMBER.fullmatch(value):
        return  # as on AWS: what is no number publishes nothing
    dimensions = [(name, find(selector)) for name, selector in (transformation.get("dimensions") or {}).items()]
    if all(text for _, text in dimensions):
        named = tuple((name, str(text)) for name, text in dimensions)
        yield _metric(transformation, named), float(value), event["timestamp"] / 1000


def _metric(transformation: Mapping[str, Any], dimensions: tuple[tuple[str, str], ...]) -> Metric:
    namespace, name = _names(transformation)
    return Metric(namespace, name, transformation.get("unit") or "None", tuple(sorted(dimensions)), is_spread=True)


def _names(transformation: Mapping[str, Any]) -> tuple[str, str]:
    return str(transformation["metricNamespace"]), str(transformation["metricName"])


def _check(transformation: Mapping[str, Any], pattern: str) -> None:
    dimensions = transformation.get("dimensions") or {}
    if dimensions and transformation.get("defaultValue") is not None:
        raise _invalid("dimensions and default value are mutually exclusive properties.")
    if len(dimensions) > DIMENSIONS_MAX:
        raise _invalid(f"at most {DIMENSIONS_MAX} dimensions can be specified.")
    if dimensions and pattern.lstrip()[:1] not in ("{", "["):
        raise _invalid("dimensions can only be specified with JSON or space-delimited filter patterns.")
    value = str(transformation["metricValue"])
    if not value.startswith("$") and not _NUMBER.fullmatch(value):
        raise _invalid(f"metricValue {value} is neither a number nor a selector such as $.size.")
    if str(transformation["metricNamespace"]).startswith("AWS/"):
        raise _invalid("metricNamespace must not start with AWS/.")


def _invalid(problem: str) -> AwsError:
    return AwsError("InvalidParameterException", f"Invalid metric transformation: {problem}")


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdigit():
        raise AwsError("InvalidParameterException", "The specified nextToken is invalid.")
    return int(token)

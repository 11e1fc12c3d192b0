"""LogsService: what stands between the callers and moto's CloudWatch Logs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.duck.processes import Bounds, Workers
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler, WsgiApp
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.metrics import MetricPublisher
from lab_helpers.local_aws.kit.service import Clients
from lab_helpers.local_aws.logs import exports, filter_events, groups, moto_members
from lab_helpers.local_aws.logs.events import EventSource, StoredGroup, found_group
from lab_helpers.local_aws.logs.extracted import extracted
from lab_helpers.local_aws.logs.filter_pattern import compile_pattern
from lab_helpers.local_aws.logs.ingestion import Ingestion
from lab_helpers.local_aws.logs.live_tail import LiveTail
from lab_helpers.local_aws.logs.metric_filters import MetricFilters
from lab_helpers.local_aws.logs.put_events import Judged, judge
from lab_helpers.local_aws.logs.queries import Queries
from lab_helpers.local_aws.logs.subscriptions import Forwarder

RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""Source: "PutRetentionPolicy" of the API reference."""
PRINCIPAL = "logs.amazonaws.com"
SQL_BOUNDS = Bounds(seconds=30, threads=1)
"""StartQuery waits for its query here, and its caller for a minute at most."""
_NO_STREAM = "The specified log stream does not exist."


class LogsService:
    """Quotas and errors, filters, metrics, Insights and Live Tail; groups, streams and events themselves are moto's."""

    name = "logs"

    def __init__(self, source: EventSource, clock: Clock, clients: Clients) -> None:
        self._source, self._clock, self._clients = source, clock, clients
        self._sql = Workers(SQL_BOUNDS)
        self._queries, self._live_tail = Queries(source, clock, self._sql), LiveTail(source, clock)
        self._metrics = MetricPublisher(lambda region: clients.as_service("cloudwatch", PRINCIPAL, region), clock)
        self._forwarder = Forwarder(clients, clock, self._metrics)
        self._ingestion = Ingestion(source, clock, self._metrics, self._forwarder)
        self._metric_filters = MetricFilters(source, clock)
        self._storing = threading.Lock()
        self._left_out: dict[str, Counter[str]] = {}

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        handlers: dict[str, Handler] = {
            "CreateLogGroup": self._create_log_group,
            "CreateLogStream": self._create_log_stream,
            "DeleteLogGroup": self._delete_log_group,
            "DeleteLogStream": self._of_stream,
            "DescribeQueries": self._queries.describe,
            "FilterLogEvents": self._filter_log_events,
            "GetLogEvents": self._of_stream,
            "GetQueryResults": self._queries.results,
            "PutLogEvents": self._put_log_events,
            "PutRetentionPolicy": _put_retention_policy,
            "PutSubscriptionFilter": self._put_subscription_filter,
            "StartLiveTail": self._live_tail.start,
            "StartQuery": self._queries.start,
            "StopQuery": self._queries.stop,
            "TestMetricFilter": _test_metric_filter,
            **exports.table(self._source, self._clients, PRINCIPAL),
            **groups.table(self._source),
            **self._metric_filters.table(),
            **moto_members.table(),
        }
        return {("logs", operation): handler for operation, handler in handlers.items()}

    def routes(self) -> Mapping[str, WsgiApp]:
        return {}

    def start(self) -> None:
        """Start what sends metrics and what feeds subscriptions."""
        self._sql.start()
        self._metrics.start()
        self._forwarder.start()

    def stop(self) -> None:
        """End the Live Tail sessions, and send what is left."""
        self._live_tail.stop()
        self._sql.close()
        self._forwarder.stop()
        self._metrics.stop()

    def status(self) -> dict[str, Any]:
        """Return the number of events of each log group, and of those that were rejected since the start, by why."""
        with self._storing:
            rejected = {group: dict(reasons) for group, reasons in self._left_out.items()}
        return {"groups": self._source.log_events_by_group(), "rejected": rejected}

    def _create_log_group(self, request: ApiRequest) -> dict[str, Any]:
        if request.params["logGroupName"].lower().startswith("aws/"):
            raise AwsError("InvalidParameterException", "Log groups starting with AWS/ are reserved for AWS.")
        answer = request.forward(None)
        log_class = request.params.get("logGroupClass")
        if log_class:
            self._source.set_log_group_class(request.region, request.params["logGroupName"], log_class)
        return answer

    def _create_log_stream(self, request: ApiRequest) -> dict[str, Any]:
        group = found_group(self._source, request.region, request.params["logGroupName"])
        if request.params["logStreamName"] in group.streams:
            raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists")
        return request.forward(None)

    def _of_stream(self, request: ApiRequest) -> dict[str, Any]:
        """Let moto answer about a stream that is there."""
        params = request.params
        group = found_group(self._source, request.region, _group_of(params))
        if params["logStreamName"] not in group.streams:
            raise AwsError("ResourceNotFoundException", _NO_STREAM)
        return request.forward(None)

    def _put_log_events(self, request: ApiRequest) -> dict[str, Any]:
        params = request.params
        group = found_group(self._source, request.region, params["logGroupName"])
        if params["logStreamName"] not in group.streams:
            raise AwsError("ResourceNotFoundException", _NO_STREAM)
        judged = judge(params["logEvents"], int(self._clock.now().timestamp() * 1000), group.retention_days)
        answer = self._store(request, group, judged)
        self._ingestion.took(request, group.name, judged.accepted, judged.size_bytes)
        info = {"rejectedLogEventsInfo": judged.rejected} if judged.rejected else {}
        if judged.left_out:
            with self._storing:
                self._left_out.setdefault(f"{request.region}/{group.name}", Counter()).update(judged.left_out)
        return {"nextSequenceToken": answer.get("nextSequenceToken"), **info}

    def _store(self, request: ApiRequest, group: StoredGroup, judged: Judged) -> dict[str, Any]:
        """Let moto keep the accepted events, and the group's subscriptions have them as they are kept."""
        params, stream = request.params, request.params["logStreamName"]
        changed = {**params, "logEvents": judged.accepted} if judged.rejected else None
        if not self._source.subscriptions(request.region, group.name):
            return request.forward(changed)
        with self._storing:
            events = group.streams[stream]
            before = len(events)
            answer = request.forward(changed)
            stored = events[before:]
        self._ingestion.forward(request, group.name, stream, stored)
        return answer

    def _delete_log_group(self, request: ApiRequest) -> dict[str, Any]:
        answer = request.forward(None)
        self._metric_filters.forget(request.region, request.params["logGroupName"])
        return answer

    def _put_subscription_filter(self, request: ApiRequest) -> dict[str, Any]:
        compile_pattern(request.params["filterPattern"])
        found_group(self._source, request.region, request.params["logGroupName"])
        self._forwarder.check(request)
        return request.forward(None)

    def _filter_log_events(self, request: ApiRequest) -> dict[str, Any]:
        return filter_events.page(
            found_group(self._source, request.region, _group_of(request.params)), request.params
        )  # fmt: skip


def _group_of(params: Mapping[str, Any]) -> str:
    """Return the group's name or ARN; raises AwsError unless exactly one way to name it is used."""
    given = [params[name] for name in ("logGroupName", "logGroupIdentifier") if params.get(name)]
    if len(given) != 1:
        raise AwsError(
            "InvalidParameterException",
            "Exactly one of logGroupName and logGroupIdentifier must be specified.",
        )
    return str(given[0])


def _put_retention_policy(request: ApiRequest) -> dict[str, Any]:
    days = request.params["retentionInDays"]
    if days not in RETENTION_DAYS:
        raise AwsError(
            "InvalidParameterException",
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(map(str, RETENTION_DAYS))}]",
        )
    return request.forward(None)


def _test_metric_filter(request: ApiRequest) -> dict[str, Any]:
    pattern = request.params["filterPattern"]
    fits = compile_pattern(pattern)
    return {
        "matches": [
            {"eventNumber": n, "eventMessage": text, "extractedValues": extracted(pattern, text)}
            for n, text in enumerate(request.params["logEventMessages"], 1)
            if fits(text)
        ]
    }

"""Insights queries as the API has them: StartQuery, GetQueryResults, StopQuery, DescribeQueries.

Source: the operations of those names in the CloudWatch Logs API reference.
Not modelled: the states Scheduled and Running, since a query is done when it is started; at AWS poll until Complete.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.logs.events import Event, EventSource, StoredGroup, TimeRange, found_group, in_order
from lab_helpers.local_aws.logs.insights.commands import ROWS_MAX
from lab_helpers.local_aws.logs.insights.functions import Moment
from lab_helpers.local_aws.logs.insights.query import discovered, parse

QUERIES_KEPT = 1_000
_SECONDS_END = 100_000_000_000
"""Times at and above this are milliseconds: AWS takes both."""


@dataclass(frozen=True)
class Finished:
    """A query that has run."""

    id: str
    text: str
    region: str
    groups: tuple[str, ...]
    created_ms: int
    results: list[list[dict[str, str]]]
    statistics: dict[str, float]

    def described(self) -> dict[str, Any]:
        return {
            "queryLanguage": "CWLI",
            "queryId": self.id,
            "queryString": self.text,
            "status": "Complete",
            "createTime": self.created_ms,
            "logGroupName": self.groups[0],
        }


class Queries:
    """Runs queries and keeps the last ones' results; safe to use from several threads."""

    def __init__(self, source: EventSource, clock: Clock) -> None:
        self._source, self._clock = source, clock
        self._lock = threading.Lock()
        self._finished: dict[str, Finished] = {}

    def start(self, request: ApiRequest) -> dict[str, Any]:
        """Run a query; raises AwsError (malformed query, unknown group, contradicting parameters)."""
        params = request.params
        if params.get("queryLanguage", "CWLI") != "CWLI":
            raise AwsError("InvalidParameterException", "The local AWS knows the query language CWLI only.")
        query = parse(params["queryString"])
        groups = [found_group(self._source, request.region, name) for name in _group_names(params)]
        span = TimeRange(_milliseconds(params["startTime"]), _milliseconds(params["endTime"], 999))
        if (span.end or 0) < (span.start or 0):
            raise AwsError("MalformedQueryException", "Query's end time is before its start time")
        events = [(group, event) for group in groups for event in in_order(group, list(group.streams), span)]
        events.sort(key=lambda pair: pair[1], reverse=True)
        rows = [_row(request.account_id, group, event) for group, event in events]
        results, matched = query.run(rows, params.get("limit") or ROWS_MAX)
        read = float(sum(len(event.message.encode()) for _, event in events))
        statistics = {"recordsMatched": float(matched), "recordsScanned": float(len(rows)), "bytesScanned": read}
        names = tuple(group.name for group in groups)
        return {"queryId": self._keep(request, names, results, statistics)}

    def results(self, request: ApiRequest) -> dict[str, Any]:
        """Return a query's results; raises AwsError ResourceNotFoundException for an unknown one."""
        found = self._find(request)
        return {
            "queryLanguage": "CWLI",
            "results": found.results,
            "statistics": found.statistics,
            "status": "Complete",
        }

    def stop(self, request: ApiRequest) -> dict[str, Any]:
        """Refuse to stop, since every query has ended already."""
        found = self._find(request)
        raise AwsError("InvalidParameterException", f"Query {found.id} is not running, its status is Complete.")

    def describe(self, request: ApiRequest) -> dict[str, Any]:
        """Return the queries of a region, newest first, of one group or status where that is asked for."""
        group, status = request.params.get("logGroupName"), request.params.get("status", "Complete")
        with self._lock:
            kept = [found for found in self._finished.values() if found.region == request.region]
        wanted = [found for found in reversed(kept) if status == "Complete" and (not group or group in found.groups)]
        return {"queries": [found.described() for found in wanted]}

    def _keep(
        self, request: ApiRequest, groups: tuple[str, ...], results: list[list[dict[str, str]]], stats: dict[str, float]
    ) -> str:
        query_id = str(uuid.uuid4())
        created_ms = int(self._clock.now().timestamp() * 1000)
        text = request.params["queryString"]
        with self._lock:
            self._finished[query_id] = Finished(query_id, text, request.region, groups, created_ms, results, stats)
            while len(self._finished) > QUERIES_KEPT:
                del self._finished[next(iter(self._finished))]
        return query_id

    def _find(self, request: ApiRequest) -> Finished:
        with self._lock:
            found = self._finished.get(request.params["queryId"])
        if found is None:
            raise AwsError("ResourceNotFoundException", "The specified query does not exist.")
        return found


def _group_names(params: Mapping[str, Any]) -> Sequence[str]:
    given = [params[name] for name in ("logGroupNames", "logGroupIdentifiers") if params.get(name)]
    given += [[params["logGroupName"]]] if params.get("logGroupName") else []
    if len(given) != 1:
        raise AwsError(
            "InvalidParameterException",
            "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.",
        )
    names: Sequence[str] = given[0]
    return names


def _milliseconds(moment: int, rest: int = 0) -> int:
    """Return milliseconds; `rest` fills up a time in whole seconds, whose second belongs to the range."""
    return moment * 1000 + rest if moment < _SECONDS_END else moment


def _row(account_id: str, group: StoredGroup, event: Event) -> dict[str, Any]:
    return {
        **discovered(event.message),
        "@timestamp": Moment(event.timestamp),
        "@message": event.message,
        "@logStream": event.stream,
        "@log": f"{account_id}:{group.name}",
        "@ingestionTime": Moment(event.ingestion_time),
        "@ptr": event.id,
    }

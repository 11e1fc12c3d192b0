"""Insights queries as the API has them: StartQuery, GetQueryResults, StopQuery, DescribeQueries.

Source: the operations of those names in the CloudWatch Logs API reference.
Not modelled: the states Scheduled and Running, since a query is done when it is started; at AWS poll until Complete.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab_helpers.base import extras
from lab_helpers.local_aws.duck.processes import Workers
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.logs.events import Event, EventSource, StoredGroup, TimeRange, found_group, in_order
from lab_helpers.local_aws.logs.insights.commands import ROWS_MAX
from lab_helpers.local_aws.logs.insights.functions import Moment
from lab_helpers.local_aws.logs.insights.query import discovered, parse

QUERIES_KEPT = 1_000
_GROUP_PARAMS = ("logGroupName", "logGroupNames", "logGroupIdentifiers")
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
    language: str = "CWLI"

    def described(self) -> dict[str, Any]:
        return {
            "queryLanguage": self.language,
            "queryId": self.id,
            "queryString": self.text,
            "status": "Complete",
            "createTime": self.created_ms,
            "logGroupName": self.groups[0],
        }


class Queries:
    """Runs queries and keeps the last ones' results; safe to use from several threads."""

    def __init__(self, source: EventSource, clock: Clock, workers: Workers) -> None:
        self._source, self._clock, self._workers = source, clock, workers
        self._lock = threading.Lock()
        self._finished: dict[str, Finished] = {}

    def start(self, request: ApiRequest) -> dict[str, Any]:
        """Run a query; raises AwsError (malformed query, unknown group, contradicting parameters)."""
        params = request.params
        language = params.get("queryLanguage", "CWLI")
        if language == "SQL":
            return self._start_sql(request)
        if language != "CWLI":
            raise AwsError("InvalidParameterException", f"The local AWS has no {language}; it knows CWLI and SQL.")
        query = parse(params["queryString"])
        groups = [self._group(request, name) for name in _group_names(params)]
        rows = _rows(request.account_id, groups, _span(params))
        results, matched = query.run(rows, params.get("limit") or ROWS_MAX)
        names = tuple(group.name for group in groups)
        return {"queryId": self._keep(request, names, results, _statistics(rows, matched))}

    def _start_sql(self, request: ApiRequest) -> dict[str, Any]:
        extras.require("duckdb", "pyarrow", "sqlglot")
        from lab_helpers.local_aws.logs.insights import sql  # sqlglot and pyarrow: not at the server's start

        params, span = request.params, _span(request.params)
        query = sql.parse(params["queryString"], [params[name] for name in _GROUP_PARAMS if params.get(name)])
        read: list[dict[str, Any]] = []

        def rows_of(names: Sequence[str]) -> Sequence[dict[str, Any]]:
            groups = [found_group(self._source, request.region, name) for name in names]
            rows = _rows(request.account_id, groups, span)
            read.extend(rows)
            return rows

        results = sql.run(query, rows_of, params.get("limit") or ROWS_MAX, self._workers)
        names = tuple(name for some in query.groups.values() for name in some) or ("",)
        return {"queryId": self._keep(request, names, results, _statistics(read, len(read)), "SQL")}

    def results(self, request: ApiRequest) -> dict[str, Any]:
        """Return a query's results; raises AwsError ResourceNotFoundException for an unknown one."""
        found = self._find(request)
        return {
            "queryLanguage": found.language,
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
        self,
        request: ApiRequest,
        groups: tuple[str, ...],
        results: list[list[dict[str, str]]],
        stats: dict[str, float],
        language: str = "CWLI",
    ) -> str:
        query_id = str(uuid.uuid4())
        created_ms = int(self._clock.now().timestamp() * 1000)
        text = _described_text(request.params, groups, language)
        with self._lock:
            self._finished[query_id] = Finished(
                query_id, text, request.region, groups, created_ms, results, stats, language
            )
            while len(self._finished) > QUERIES_KEPT:
                del self._finished[next(iter(self._finished))]
        return query_id

    def _group(self, request: ApiRequest, name: str) -> StoredGroup:
        try:
            return found_group(self._source, request.region, name)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            code = "Service: AWSLogs; Status Code: 400; Error Code: ResourceNotFoundException"
            message = (
                f"Log group '{name}' does not exist for account ID '{request.account_id}' "
                f"({code}; Request ID: {uuid.uuid4()}; Proxy: null)"
            )
            raise AwsError(error.code, message) from error

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


def _described_text(params: Mapping[str, Any], groups: Sequence[str], language: str) -> str:
    """Return the query as DescribeQueries tells it, source and time first.

    Source: LocalStack's recording test_describe_queries; of several groups, and of SQL, none is recorded.
    """
    text = str(params["queryString"])
    if language != "CWLI":
        return text
    start, end = _milliseconds(params["startTime"]), _milliseconds(params["endTime"], 999)
    return f"SOURCE {', '.join(json.dumps(name) for name in groups)} START={start} END={end} | {text}"


def _milliseconds(moment: int, rest: int = 0) -> int:
    """Return milliseconds; `rest` fills up a time in whole seconds, whose second belongs to the range."""
    return moment * 1000 + rest if moment < _SECONDS_END else moment


def _span(params: Mapping[str, Any]) -> TimeRange:
    span = TimeRange(_milliseconds(params["startTime"]), _milliseconds(params["endTime"], 999))
    if (span.end or 0) < (span.start or 0):
        raise AwsError("MalformedQueryException", "Query's end time is before its start time")
    return span


def _rows(account_id: str, groups: Sequence[StoredGroup], span: TimeRange) -> list[dict[str, Any]]:
    """Return the events of some groups as rows, newest first."""
    events = [(group, event) for group in groups for event in in_order(group, list(group.streams), span)]
    events.sort(key=lambda pair: pair[1], reverse=True)
    return [_row(account_id, group, event) for group, event in events]


def _statistics(rows: Sequence[Mapping[str, Any]], matched: int) -> dict[str, float]:
    read = float(sum(len(row["@message"].encode()) for row in rows))
    return {"recordsMatched": float(matched), "recordsScanned": float(len(rows)), "bytesScanned": read}


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

"""Athena's operations on query executions; workgroups and catalogues are the control plane's.

Source: the API reference of Athena (2017-05-18). Not modelled: result reuse, encryption, named queries,
GetQueryRuntimeStatistics.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from lab_helpers.base import extras
from lab_helpers.local_aws.athena import commands, executions
from lab_helpers.local_aws.athena.executions import Book, Execution
from lab_helpers.local_aws.athena.prepared import Prepared
from lab_helpers.local_aws.athena.result import Result, Row
from lab_helpers.local_aws.athena.result_files import ResultFiles
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.service import Clients

if TYPE_CHECKING:
    from lab_helpers.local_aws.athena.statement import Statement

PRINCIPAL = "athena.amazonaws.com"
MAX_QUERY_BYTES = 262_144
MAX_RESULTS = 1000
NO_OUTPUT = (
    "No output location provided. An output location is required either through the Workgroup result configuration "
    "setting or as an API input."
)


class Operations:
    """The handlers; `submit` begins an execution's work and `cancel` ends it."""

    def __init__(
        self,
        book: Book,
        clock: Clock,
        clients: Clients,
        prepared: Prepared,
        submit: Callable[[Execution], None],
        cancel: Callable[[str], None],
        results: ResultFiles,
    ) -> None:
        self._book, self._clock, self._clients = book, clock, clients
        self._prepared, self._submit, self._cancel, self._results = prepared, submit, cancel, results
        self._by_token: dict[str, str] = {}

    def table(self) -> Mapping[tuple[str, str], Handler]:
        """Return {(service, operation): handler}."""
        return {
            ("athena", "StartQueryExecution"): self.start,
            ("athena", "GetQueryExecution"): self.get,
            ("athena", "BatchGetQueryExecution"): self.batch_get,
            ("athena", "GetQueryResults"): self.results,
            ("athena", "StopQueryExecution"): self.stop,
            ("athena", "ListQueryExecutions"): self.list,
        }

    def start(self, request: ApiRequest) -> dict[str, Any]:
        """Begin a query, once a client request token."""
        from lab_helpers.local_aws.athena.statement import parse  # sqlglot: not at the server's start

        extras.require("duckdb", "sqlglot")
        params = request.params
        token = params.get("ClientRequestToken")
        if token in self._by_token:
            return {"QueryExecutionId": self._by_token[token]}
        sql = params["QueryString"]
        if len(sql.encode()) > MAX_QUERY_BYTES:
            raise AwsError("InvalidRequestException", f"Query string is longer than {MAX_QUERY_BYTES} bytes")
        database = (params.get("QueryExecutionContext") or {}).get("Database") or "default"
        workgroup = params.get("WorkGroup") or "primary"
        name = str(uuid.uuid4())
        folder = self._output_location(request, workgroup)
        given = tuple(params.get("ExecutionParameters") or ())
        statement = parse(*self._resolved(request, sql, workgroup, database, given))
        output = f"{folder.rstrip('/')}/{_file_of(statement, name)}"
        now = self._clock.now()
        execution = Execution(name, sql, statement, request.region, workgroup, output, now, parameters=given)
        self._book.add(execution)
        if token:
            self._by_token[token] = name
        self._submit(execution)
        return {"QueryExecutionId": name}

    def get(self, request: ApiRequest) -> dict[str, Any]:
        """Describe one execution."""
        return {"QueryExecution": self._book.get(request.params["QueryExecutionId"]).described()}

    def batch_get(self, request: ApiRequest) -> dict[str, Any]:
        """Describe several; unknown ids are listed apart."""
        found, unknown = [], []
        for name in request.params["QueryExecutionIds"]:
            try:
                found.append(self._book.get(name).described())
            except AwsError as error:
                unknown.append(
                    {"QueryExecutionId": name, "ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": str(error)}
                )
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": unknown}

    def results(self, request: ApiRequest) -> dict[str, Any]:
        """One page of a result; of a query's first page the first row is the header, as in AWS."""
        execution = self._book.get(request.params["QueryExecutionId"])
        if execution.state not in executions.FINAL:
            message = f"Query has not yet finished. Current state: {execution.state}"
            raise AwsError("InvalidRequestException", message)
        if execution.result is None:
            message = f"Query did not finish successfully. Final query state: {execution.state}"
            raise AwsError("InvalidRequestException", message)
        begin, size = _place(request), int(request.params.get("MaxResults") or MAX_RESULTS)
        if not 1 <= size <= MAX_RESULTS:
            raise AwsError("InvalidRequestException", f"MaxResults is more than maximum allowed length {MAX_RESULTS}.")
        result = execution.result
        header: list[Row] = [tuple(name for name, _ in result.columns)] if execution.statement.is_select else []
        first = max(begin - len(header), 0)
        rows = [*header[begin:], *self._rows(execution, result, first, begin + size - len(header))]
        following = {"NextToken": str(begin + size)} if begin + size < len(header) + result.size else {}
        shown = _result_set(result, rows)
        return {"ResultSet": shown, "UpdateCount": result.update_count} | following

    def stop(self, request: ApiRequest) -> dict[str, Any]:
        """Cancel an execution; one that has ended stays as it is."""
        name = self._book.get(request.params["QueryExecutionId"]).id
        self._book.change(name, state=executions.CANCELLED, completed_at=self._clock.now())
        self._cancel(name)
        return {}

    def list(self, request: ApiRequest) -> dict[str, Any]:
        """Ids of a workgroup's executions, the newest first."""
        workgroup = request.params.get("WorkGroup") or "primary"
        found = self._book.newest(lambda e: e.workgroup == workgroup and e.region == request.region)
        begin, size = _place(request), int(request.params.get("MaxResults") or 50)
        following = {"NextToken": str(begin + size)} if begin + size < len(found) else {}
        return {"QueryExecutionIds": [execution.id for execution in found[begin : begin + size]]} | following

    def _rows(self, execution: Execution, result: Result, begin: int, end: int) -> Sequence[Row]:
        """Rows of a result. Raises AwsError when they are in its object alone, and that is gone."""

        def fetch(file: BinaryIO) -> None:
            place = urlsplit(execution.output)
            s3 = self._clients.as_service("s3", PRINCIPAL, execution.region)
            body = s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"]
            shutil.copyfileobj(body, file)

        try:
            return self._results.rows(execution.id, result, begin, end, fetch)
        except ClientError as exc:
            raise AwsError("InvalidRequestException", f"Could not find results: {execution.output}") from exc

    def _resolved(
        self, request: ApiRequest, sql: str, workgroup: str, database: str, given: Sequence[str]
    ) -> tuple[str, str, Sequence[str]]:
        """What is to be parsed: an EXECUTE stands for its statement, a PREPARE or DEALLOCATE is done at once."""
        command = commands.parse(sql, database)
        if command is not None and command.name == "PREPARE":
            self._prepared.put(request.region, workgroup, command.table, command.texts["query"])
        elif command is not None and command.name == "DEALLOCATE_PREPARE":
            self._prepared.remove(request.region, workgroup, command.table)
        sql, parameters = self._prepared.resolved(sql, request.region, workgroup, given)
        return sql, database, parameters

    def _output_location(self, request: ApiRequest, workgroup: str) -> str:
        asked = (request.params.get("ResultConfiguration") or {}).get("OutputLocation")
        configuration = self._workgroup(request.region, workgroup)
        theirs = (configuration.get("ResultConfiguration") or {}).get("OutputLocation")
        location = theirs if theirs and (configuration.get("EnforceWorkGroupConfiguration") or not asked) else asked
        if not location:
            raise AwsError("InvalidRequestException", NO_OUTPUT)
        if not str(location).startswith("s3://"):
            raise AwsError("InvalidRequestException", "outputLocation is not a valid S3 path.")
        return str(location)

    def _workgroup(self, region: str, name: str) -> dict[str, Any]:
        athena = self._clients.as_service("athena", PRINCIPAL, region)
        try:
            group: dict[str, Any] = athena.get_work_group(WorkGroup=name)["WorkGroup"]
        except (ClientError, KeyError, TypeError) as exc:
            if name == "primary":
                return {}
            raise AwsError("InvalidRequestException", f"WorkGroup {name} is not found.") from exc
        return group.get("Configuration") or {}


def _file_of(statement: Statement, name: str) -> str:
    """Where below the results' folder a statement's result is."""
    if statement.target:
        return f"tables/{name}" if statement.target.kind == "CREATE_TABLE_AS_SELECT" else name
    return f"{name}.csv" if statement.is_select else f"{name}.txt"


def _place(request: ApiRequest) -> int:
    token = request.params.get("NextToken") or "0"
    if not token.isdecimal():
        raise AwsError("InvalidRequestException", "Invalid NextToken")
    return int(token)


def _result_set(result: Result, rows: list[tuple[str | None, ...]]) -> dict[str, Any]:
    return {
        "Rows": [{"Data": [{} if text is None else {"VarCharValue": text} for text in row]} for row in rows],
        "ResultSetMetadata": {"ColumnInfo": [_column_info(name, kind) for name, kind in result.columns]},
    }


def _column_info(name: str, kind: str) -> dict[str, Any]:
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": kind,
        "Precision": 2147483647 if kind == "varchar" else 19 if kind == "bigint" else 0,
        "Scale": 0,
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind == "varchar",
    }

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from botocore.stub import ANY, Stubber

from lab_helpers import sql
from lab_helpers.base.clients import Clients
from lab_helpers.base.errors import AwsCallError, WaitTimeoutError
from tests.local_aws.athena.harness import RESULTS, Lab
from tests.support.log_samples import HEALTH_CHECK, gzipped, record, request_line


class AthenaClient:
    """boto3's Athena client over the local service, without HTTP."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.stopped: list[str] = []

    def start_query_execution(self, **params: Any) -> dict[str, Any]:
        return self._lab.call("StartQueryExecution", **params)

    def get_query_execution(self, **params: Any) -> dict[str, Any]:
        return self._lab.call("GetQueryExecution", **params)

    def stop_query_execution(self, **params: Any) -> dict[str, Any]:
        self.stopped.append(params["QueryExecutionId"])
        return self._lab.call("StopQueryExecution", **params)

    def get_paginator(self, operation: str) -> AthenaClient:
        assert operation == "get_query_results"
        return self

    def paginate(self, **params: Any) -> Iterator[dict[str, Any]]:
        page = self._lab.call("GetQueryResults", MaxResults=2, **params)
        yield page
        while "NextToken" in page:
            page = self._lab.call("GetQueryResults", MaxResults=2, NextToken=page["NextToken"], **params)
            yield page


@pytest.fixture
def athena(tmp_path: Path) -> Iterator[AthenaClient]:
    lab = Lab(tmp_path)
    made = [record(request_line(f"r-{n}")) for n in range(3)] + [record(HEALTH_CHECK)]
    lab.s3.objects["logs", "2021/11/07/09/stream-1.gz"] = gzipped(*made)
    lab.service.start()
    yield AthenaClient(lab)
    lab.service.stop()


def ask(athena: Any, text: str, **more: Any) -> pd.DataFrame:
    return sql.query(athena, text, "lab", RESULTS, every_s=0.01, **more)


def test_rows_come_typed_over_several_pages(athena: AthenaClient) -> None:
    """Every page's rows, without the header, each column with its type."""
    frame = ask(
        athena,
        "SELECT n, n * 1.5e0 AS x, n > 1 AS big, CAST(NULL AS varchar) AS nothing, date '2021-11-07' AS day, "
        "timestamp '2021-11-07 09:14:02' AS at FROM (VALUES 1, 2, 3, NULL) t(n) ORDER BY n",
    )
    assert frame["n"].tolist()[:3] == [1, 2, 3]
    assert [str(kind) for kind in frame.dtypes] == [
        "Int32", "float64", "boolean", "string", "datetime64[us]", "datetime64[us, UTC]",
    ]  # fmt: skip
    assert frame["big"].isna().tolist() == [False, False, False, True]
    assert frame["at"].iloc[0] == pd.Timestamp("2021-11-07T09:14:02Z")


def test_logs_are_asked_in_sql(athena: AthenaClient) -> None:
    """The records that Firehose delivered answer a question in Trino SQL; what was scanned is told."""
    frame = ask(athena, "SELECT count(*) AS lines, count_if(log LIKE '%?id=%') AS requests FROM httpd")
    assert frame.to_dict("records") == [{"lines": 4, "requests": 3}]
    assert frame.attrs["scanned_bytes"] > 0


def test_no_rows_and_show(athena: AthenaClient) -> None:
    """An answer without rows has its columns and types; SHOW has no header to drop."""
    empty = ask(athena, "SELECT log, length(log) AS size FROM httpd WHERE datehour = '1999/01/01/00'")
    assert empty.columns.tolist() == ["log", "size"]
    assert str(empty["size"].dtype) == "Int64"
    assert ask(athena, "SHOW TABLES")["tab_name"].tolist() == ["httpd"]


def test_a_failed_query_is_an_error_with_athenas_reason(athena: AthenaClient) -> None:
    """Athena's own words reach the caller."""
    with pytest.raises(AwsCallError, match=r"QueryFailed: TABLE_NOT_FOUND.*lab\.gone"):
        ask(athena, "SELECT * FROM gone")


def test_a_query_that_takes_too_long_is_stopped(athena: AthenaClient) -> None:
    """After the bound the query is stopped, since it would cost all the same, and the error says what was seen last."""
    with pytest.raises(WaitTimeoutError, match=r"Last seen: (QUEUED|RUNNING)"):
        ask(athena, "SELECT count(*) FROM range(100000000000) a, range(1000) b", timeout_s=0.05)
    assert len(athena.stopped) == 1


def test_the_table_is_made_renewed_and_dropped() -> None:
    """Making it twice renews it; dropping it twice is no error; the calls are Glue's."""
    glue = Clients.local("http://127.0.0.1:1", "ap-northeast-1").client("glue")
    table = {"DatabaseName": "lab", "TableInput": sql.logs_table("httpd", "logs")}
    with Stubber(glue) as stub:
        stub.add_response("create_database", {}, {"DatabaseInput": {"Name": "lab"}})
        stub.add_response("create_table", {}, table)
        sql.make_table(glue, "lab", "httpd", "logs")
        stub.add_client_error("create_database", "AlreadyExistsException")
        stub.add_client_error("create_table", "AlreadyExistsException")
        stub.add_response("update_table", {}, table)
        sql.make_table(glue, "lab", "httpd", "logs")
        stub.add_client_error(
            "delete_table", "EntityNotFoundException", expected_params={"DatabaseName": ANY, "Name": ANY}
        )
        stub.add_client_error("delete_database", "EntityNotFoundException")
        sql.drop_table(glue, "lab", "httpd")
        stub.assert_no_pending_responses()

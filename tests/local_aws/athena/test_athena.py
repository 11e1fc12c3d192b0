from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from lab_helpers.local_aws.kit.api import AwsError
from tests.local_aws.athena.harness import Lab
from tests.support.log_samples import HEALTH_CHECK, ndjson, record

STATUS = """SELECT regexp_extract(log, '" (\\d{3}) ', 1) AS status, count(*) AS n FROM httpd
GROUP BY 1 ORDER BY n DESC, status"""


def test_records_in_s3_are_rows(lab: Lab) -> None:
    """A query of the article's kind sees each record of each object once, and no match is NULL as in Trino."""
    assert lab.rows(STATUS) == [["200", "3"], ["404", "1"], [None, "1"]]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) FROM httpd h WHERE h.ecs_task_arn LIKE '%' || 'e8f9'", [["1"]]),
        ("SELECT count(DISTINCT ecs_task_arn) FROM awsdatacatalog.lab.httpd", [["2"]]),
        ('WITH t AS (SELECT log FROM "lab"."httpd") SELECT count(*) FROM t', [["5"]]),
        ("SELECT datehour, count(*) FROM httpd GROUP BY 1 ORDER BY 1",
         [["2021/11/07/09", "3"], ["2021/11/07/10", "2"]]),
        ("SELECT approx_distinct(source), cardinality(split('a b', ' ')) FROM httpd", [["1", "2"]]),
        ("SELECT 1.5e0, 1e8, true, date '2021-11-07', timestamp '2021-11-07 09:14:02', null, array[1, 2]",
         [["1.5", "1.0E8", "true", "2021-11-07", "2021-11-07 09:14:02.000", None, "[1, 2]"]]),
        ("SHOW TABLES", [["httpd"]]),
        ("show databases;", [["lab"]]),
    ],
)  # fmt: skip
def test_trino_sql(lab: Lab, sql: str, rows: list[list[str | None]]) -> None:
    """Names, functions and literals mean what they mean in Trino, and are printed as Athena prints them."""
    assert lab.rows(sql) == rows


def test_question_marks_are_bound_in_order(lab: Lab) -> None:
    """ExecutionParameters are SQL expressions, told again by GetQueryExecution; a `?` inside text is text."""
    name = lab.start("SELECT 1 + ?, '?', ?", ExecutionParameters=["2", "'httpd'"])
    described = lab.ended(name)
    assert described["ExecutionParameters"] == ["2", "'httpd'"]
    rows = lab.call("GetQueryResults", QueryExecutionId=name)["ResultSet"]["Rows"]
    assert [cell["VarCharValue"] for cell in rows[1]["Data"]] == ["3", "?", "httpd"]
    missing = lab.ended(lab.start("SELECT ?"))["Status"]["StateChangeReason"]
    assert missing == "SYNTAX_ERROR: line 1:1: Incorrect number of parameters: expected 1 but found 0"
    with pytest.raises(AwsError, match="InvalidRequestException"):
        lab.start("SELECT 1 + ?", ExecutionParameters=["2; SELECT 3"])


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT count(*), 1 + 1, max(log), source FROM httpd GROUP BY source", ["_col0", "_col1", "_col2", "source"]),
        ("SELECT source AS a, count(*) b FROM httpd GROUP BY 1", ["a", "b"]),
        ("SELECT *, 1 FROM (SELECT count(*), 2 AS two FROM httpd)", ["_col0", "two", "_col2"]),
        ("SELECT 1 UNION ALL SELECT 2", ["_col0"]),
    ],
)
def test_columns_without_a_name_are_called_by_their_place(lab: Lab, sql: str, names: list[str]) -> None:
    """Athena (Trino) says _col0, _col1, … in the result's metadata."""
    name = lab.start(sql)
    assert lab.ended(name)["Status"]["State"] == "SUCCEEDED", lab.ended(name)["Status"]
    columns = lab.call("GetQueryResults", QueryExecutionId=name)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [column["Name"] for column in columns] == names


def test_moments_with_a_time_zone(lab: Lab) -> None:
    """Queries of AWS's examples: now(), current_timestamp, from_unixtime, from_iso8601_timestamp."""
    sql = "SELECT now() > from_unixtime(0), current_timestamp IS NULL, from_iso8601_timestamp('2021-11-07T09:14:02Z')"
    assert lab.rows(sql) == [["true", "false", "2021-11-07 09:14:02.000 UTC"]]


def test_a_condition_on_the_hour_reads_only_its_objects(lab: Lab) -> None:
    """Partition projection: objects of other hours are neither fetched nor counted as scanned."""
    name = lab.start("SELECT count(*) FROM httpd WHERE datehour >= '2021/11/07/10' AND log LIKE '%GET%'")
    statistics = lab.ended(name)["Statistics"]
    assert lab.s3.gets == ["2021/11/07/10/stream-2.gz"]
    assert statistics["DataScannedInBytes"] == len(lab.s3.objects["logs", "2021/11/07/10/stream-2.gz"])
    assert lab.rows("SELECT count(*) FROM httpd WHERE datehour = '1999/01/01/00'") == [["0"]]


def test_an_object_is_fetched_once_and_again_when_it_changes(lab: Lab) -> None:
    """Files are kept by ETag: a second query reads what is here, a changed object is read anew."""
    lab.rows(STATUS)
    lab.rows(STATUS)
    assert len(lab.s3.gets) == 2
    lab.s3.objects["logs", "2021/11/07/10/stream-2.gz"] = ndjson(record(HEALTH_CHECK))
    assert lab.rows("SELECT count(*) FROM httpd") == [["4"]]


def test_malformed_lines_are_null_rows_as_the_table_says(lab: Lab) -> None:
    """With ignore.malformed.json a broken line fails no query."""
    lab.s3.objects["logs", "2021/11/07/11/s.gz"] = b"{bad\n" + ndjson(record(HEALTH_CHECK))
    assert lab.rows("SELECT count(log) FROM httpd WHERE datehour = '2021/11/07/11'") == [["1"]]


def test_the_result_is_written_to_s3(lab: Lab) -> None:
    """The result file lies where the query's description says, as CSV with a header."""
    output = lab.ended(lab.start(STATUS))["ResultConfiguration"]["OutputLocation"]
    body = lab.s3.objects["results", output.removeprefix("s3://results/")]
    assert next(csv.reader(io.StringIO(body.decode()))) == ["status", "n"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT * FROM gone", "TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.lab.gone' does not exist"),
        ("SELECT nothing FROM httpd", "COLUMN_NOT_FOUND"),
        ("SELECT no_such_function(1)", "SYNTAX_ERROR"),
        ("SELECT * FROM httpd, 5", "SYNTAX_ERROR"),
        ("DELETE FROM httpd", "NOT_SUPPORTED"),
        ("INSERT INTO httpd VALUES (1)", "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types"),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
        ("SELECT CAST(log AS bigint) FROM httpd", "GENERIC_USER_ERROR"),
        ("SELECT * FROM read_text('/etc/hostname')", "GENERIC_USER_ERROR: Permission Error"),
    ],
)
def test_a_bad_query_fails_with_a_reason(lab: Lab, sql: str, reason: str) -> None:
    """Failure is a state with Athena's kind of reason; nothing outside the table's objects can be read."""
    if sql == "SELECT * FROM httpd, 5":
        with pytest.raises(AwsError, match="InvalidRequestException"):
            lab.start(sql)
    else:
        assert lab.reason(sql).startswith(reason)


def test_what_athena_refuses_at_once(lab: Lab) -> None:
    """Malformed SQL, several statements, no output location, an unknown workgroup or id: errors of the call itself."""
    for sql in ("SELEC 1 FRM", "SELEC", "SELECT 1; SELECT 2", ""):
        with pytest.raises(AwsError, match="InvalidRequestException"):
            lab.start(sql)
    with pytest.raises(AwsError, match="No output location provided"):
        lab.start("SELECT 1", ResultConfiguration={})
    with pytest.raises(AwsError, match="not a valid S3 path"):
        lab.start("SELECT 1", ResultConfiguration={"OutputLocation": "/tmp"})
    with pytest.raises(AwsError, match="WorkGroup gone is not found"):
        lab.start("SELECT 1", WorkGroup="gone")
    with pytest.raises(AwsError, match="QueryExecution x was not found"):
        lab.call("GetQueryExecution", QueryExecutionId="x")


def test_the_workgroups_place_for_results(lab: Lab) -> None:
    """A workgroup that enforces its configuration decides where results go."""
    name = lab.start("SELECT 1", WorkGroup="lab", ResultConfiguration={"OutputLocation": "s3://elsewhere/"})
    assert lab.ended(name)["ResultConfiguration"]["OutputLocation"].startswith("s3://results/athena/")
    assert lab.call("ListQueryExecutions", WorkGroup="lab") == {"QueryExecutionIds": [name]}
    assert lab.call("ListQueryExecutions") == {"QueryExecutionIds": []}


def test_pages_of_a_result(lab: Lab) -> None:
    """The header is the first row of the first page only; tokens lead to the end."""
    name = lab.start("SELECT * FROM (VALUES 1, 2, 3) t(n) ORDER BY n")
    lab.ended(name)
    pages, token = [], {}
    while True:
        answer = lab.call("GetQueryResults", QueryExecutionId=name, MaxResults=2, **token)
        pages.append([row["Data"][0]["VarCharValue"] for row in answer["ResultSet"]["Rows"]])
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert pages == [["n", "1"], ["2", "3"]]
    assert answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"][0]["Type"] == "integer"


def test_results_of_a_query_that_failed(lab: Lab) -> None:
    """There are none, and the error says how the query ended."""
    name = lab.start("SELECT * FROM gone")
    lab.ended(name)
    with pytest.raises(AwsError, match="Final query state: FAILED"):
        lab.call("GetQueryResults", QueryExecutionId=name)


def test_a_running_query_can_be_stopped(lab: Lab) -> None:
    """A stopped query is cancelled and stays so; its thread ends."""
    name = lab.start("SELECT count(*) FROM range(100000000000) a, range(1000) b")
    lab.call("StopQueryExecution", QueryExecutionId=name)
    assert lab.ended(name)["Status"]["State"] == "CANCELLED"
    lab.service.stop()
    assert lab.service.status() == {"queries": {"CANCELLED": 1}}


def test_the_same_token_starts_one_query(lab: Lab) -> None:
    """A retried call with its token is the same query."""
    assert lab.start("SELECT 1", ClientRequestToken="t" * 32) == lab.start("SELECT 1", ClientRequestToken="t" * 32)


def test_stop_is_safe_before_start_and_twice(tmp_path: Path) -> None:
    """The service's lifecycle is that of all services."""
    service = Lab(tmp_path).service
    service.stop()
    service.start()
    service.stop()
    service.stop()
    assert service.status() == {"queries": {}}


def test_the_service_is_there_without_its_engine() -> None:
    """DuckDB and sqlglot are loaded by the first query: the server's first calls do not wait for them."""
    code = (
        "import sys, lab_helpers.local_aws.athena; print({'duckdb', 'sqlglot', 'pandas', 'pyarrow'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

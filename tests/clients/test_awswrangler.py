"""awswrangler (AWS SDK for pandas) with its defaults."""

from __future__ import annotations

import awswrangler as wr
import pandas as pd
import pytest

from tests.clients.conftest import DATABASE

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_query_with_the_defaults(bucket: str) -> None:
    """The default makes a table of the query, reads its Parquet files and removes both."""
    found = wr.athena.read_sql_query(
        "SELECT log, n, datehour FROM logs ORDER BY n", DATABASE, s3_output=f"s3://{bucket}/out/"
    )
    assert found["n"].tolist() == [0, 1, 2, 3, 4]
    assert str(found["n"].dtype) == "Int32"
    assert found["datehour"].tolist()[-1] == "2021/11/07/10"
    assert wr.catalog.tables(database=DATABASE)["Table"].tolist() == ["logs"]


def test_a_query_without_a_place_for_its_result(bucket: str) -> None:
    """awswrangler makes the bucket that Athena's console makes: aws-athena-query-results-…"""
    assert bucket
    found = wr.athena.read_sql_query("SELECT count(*) AS lines FROM logs", DATABASE)
    assert found["lines"].tolist() == [5]


@pytest.mark.parametrize("way", [{"ctas_approach": False}, {"ctas_approach": False, "unload_approach": True}])
def test_the_other_ways(bucket: str, way: dict[str, bool]) -> None:
    """The CSV result and UNLOAD give the same."""
    sql = "SELECT source, count(*) AS lines, max(n) AS most FROM logs GROUP BY source"
    found = wr.athena.read_sql_query(sql, DATABASE, s3_output=f"s3://{bucket}/un{len(way)}/", **way)
    assert found.to_dict("records") == [{"source": "stdout", "lines": 5, "most": 4}]


def test_parameters(bucket: str) -> None:
    """Question marks are bound by Athena, names by awswrangler."""
    place = {"database": DATABASE, "s3_output": f"s3://{bucket}/qmark/", "ctas_approach": False}
    asked = "SELECT n FROM logs WHERE log LIKE ? AND n > ? ORDER BY n"
    found = wr.athena.read_sql_query(asked, params=["'%200%'", "0"], paramstyle="qmark", **place)
    assert found["n"].tolist() == [1, 3]
    found = wr.athena.read_sql_query("SELECT n FROM logs WHERE n = :n", params={"n": 2}, **place)
    assert found["n"].tolist() == [2]


def test_a_table_of_a_frame(bucket: str) -> None:
    """A frame becomes Parquet with partitions in the catalogue; Athena reads it, and describes it."""
    frame = pd.DataFrame({"name": ["a", "b", "c"], "size": [1.5, 2.5, None], "day": ["07", "07", "08"]})
    place = f"s3://{bucket}/frames/"
    wr.s3.to_parquet(frame, place, dataset=True, database=DATABASE, table="frames", partition_cols=["day"])
    found = wr.athena.read_sql_query(
        "SELECT day, sum(size) AS total FROM frames GROUP BY 1 ORDER BY 1", DATABASE, s3_output=f"s3://{bucket}/out2/"
    )
    assert found["day"].tolist() == ["07", "08"]
    assert found["total"].tolist()[0] == 4.0
    assert pd.isna(found["total"].tolist()[1])
    assert sorted(wr.catalog.get_partitions(DATABASE, "frames").values()) == [["07"], ["08"]]
    assert wr.s3.read_parquet(place, dataset=True)["name"].tolist() == ["a", "b", "c"]
    assert wr.athena.describe_table("frames", DATABASE)["Column Name"].tolist()[:2] == ["name", "size"]
    assert wr.athena.show_create_table("frames", DATABASE).startswith("CREATE EXTERNAL TABLE `logs_db.frames`(")
    wr.athena.repair_table("frames", DATABASE)
    wr.catalog.delete_table_if_exists(DATABASE, "frames")


def test_a_table_of_csv_files(bucket: str) -> None:
    """Delimited text with a header is read as awswrangler registers it."""
    frame = pd.DataFrame({"name": ["a", "b"], "size": [1, 2]})
    wr.s3.to_csv(frame, f"s3://{bucket}/csv/", dataset=True, database=DATABASE, table="texts", index=False)
    found = wr.athena.read_sql_query("SELECT sum(size) AS total FROM texts", DATABASE, ctas_approach=False)
    assert found["total"].tolist() == [3]
    wr.catalog.delete_table_if_exists(DATABASE, "texts")


def test_tables_made_and_inserted_into_by_queries(bucket: str) -> None:
    """create_ctas_table and prepared statements."""
    place = {"ctas_table": "copied", "s3_output": f"s3://{bucket}/copied/"}
    made = wr.athena.create_ctas_table("SELECT n, log FROM logs", DATABASE, wait=True, **place)
    assert made["ctas_table"] == "copied"
    wr.athena.create_prepared_statement("SELECT log FROM copied WHERE n = ?", "by_number")
    found = wr.athena.read_sql_query(
        "EXECUTE by_number", DATABASE, ctas_approach=False, params=["4"], paramstyle="qmark"
    )
    assert found["log"].tolist() == ["GET /index.html 500"]
    assert [each["StatementName"] for each in wr.athena.list_prepared_statements()] == ["by_number"]
    wr.athena.delete_prepared_statement("by_number")
    wr.catalog.delete_table_if_exists(DATABASE, "copied")


def test_log_insights(bucket: str) -> None:
    """CloudWatch Logs through awswrangler."""
    import boto3

    assert bucket
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName="/wrangler")
    logs.create_log_stream(logGroupName="/wrangler", logStreamName="s")
    now = int(pd.Timestamp.now("UTC").timestamp() * 1000)
    logs.put_log_events(logGroupName="/wrangler", logStreamName="s", logEvents=[{"timestamp": now, "message": "hello"}])
    found = wr.cloudwatch.read_logs("fields @message | limit 5", log_group_names=["/wrangler"])
    assert found["message"].tolist() == ["hello"]

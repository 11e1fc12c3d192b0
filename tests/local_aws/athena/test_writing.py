"""Rows that go to S3: CREATE TABLE AS, UNLOAD, INSERT INTO; and tables of other formats than JSON."""

from __future__ import annotations

import gzip
import io

import pyarrow.parquet as pq
import pytest

from tests.local_aws.athena.harness import RESULTS, Lab

COUNTED = "SELECT source, count(*) AS n, max(length(log)) AS longest FROM httpd GROUP BY 1"


def test_a_table_is_made_of_a_query(lab: Lab) -> None:
    """Its columns have the catalogue's types, its objects are Parquet below the place asked for; it can be read."""
    sql = f"CREATE TABLE lab.counted WITH (external_location = 's3://made/counted', format = 'PARQUET') AS {COUNTED}"
    execution = lab.done(sql)
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "CREATE_TABLE_AS_SELECT")
    storage = lab.glue.tables["counted"]["StorageDescriptor"]
    assert storage["Location"] == "s3://made/counted/"
    types = [(column["Name"], column["Type"]) for column in storage["Columns"]]
    assert types == [("source", "string"), ("n", "bigint"), ("longest", "bigint")]
    assert lab.rows("SELECT n FROM counted") == [["5"]]
    result = lab.call("GetQueryResults", QueryExecutionId=execution["QueryExecutionId"])
    assert (result["UpdateCount"], result["ResultSet"]["Rows"]) == (1, [])


def test_the_manifest_lists_what_was_written(lab: Lab) -> None:
    """It is beside the result and names each object; without a place of its own a table is below the results."""
    execution = lab.done(f"CREATE TABLE counted AS {COUNTED}")
    name = execution["QueryExecutionId"]
    assert execution["ResultConfiguration"]["OutputLocation"] == f"{RESULTS}tables/{name}"
    assert execution["Statistics"]["DataManifestLocation"] == f"{RESULTS}tables/{name}-manifest.csv"
    listed = lab.s3.objects["results", f"athena/tables/{name}-manifest.csv"].decode().splitlines()
    assert [("results", uri.removeprefix("s3://results/")) for uri in listed] == [
        key for key in lab.s3.objects if key[1].startswith(f"athena/tables/{name}/")
    ]
    assert lab.glue.tables["counted"]["StorageDescriptor"]["Location"] == f"{RESULTS}tables/{name}/"


def test_partitions_are_folders_and_are_registered(lab: Lab) -> None:
    """A value goes into its folder's name escaped as Hive does, and comes back as it was."""
    lab.done("""CREATE TABLE parts WITH (external_location = 's3://made/parts/', partitioned_by = ARRAY['d', 'e']) AS
        SELECT * FROM (VALUES (1, '2021/11', 'a b'), (2, '2021/12', 'a b')) t(n, d, e)""")
    assert [each["Values"] for each in lab.glue.partitions["parts"]] == [["2021/11", "a b"], ["2021/12", "a b"]]
    assert lab.glue.partitions["parts"][0]["StorageDescriptor"]["Location"] == "s3://made/parts/d=2021%2F11/e=a b"
    assert lab.rows("SELECT n, d, e FROM parts WHERE d = '2021/12'") == [["2", "2021/12", "a b"]]
    assert lab.rows("SHOW PARTITIONS parts") == [["d=2021/11/e=a b"], ["d=2021/12/e=a b"]]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE TABLE httpd AS SELECT 1 a", "TABLE_ALREADY_EXISTS: line 1:1: Destination table '"),
        ("CREATE TABLE t AS SELECT 1", "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1"),
        ("CREATE TABLE t AS SELECT now() a", "NOT_SUPPORTED: Unsupported Hive type: timestamp with time zone"),
        ("CREATE TABLE t WITH (format = 'ORC') AS SELECT 1 a", "NOT_SUPPORTED: ORC is not written locally"),
        ("CREATE TABLE t WITH (external_location = 's3://logs/') AS SELECT 1 a", "HIVE_PATH_ALREADY_EXISTS"),
        ("CREATE TABLE t WITH (partitioned_by = ARRAY['a']) AS SELECT 1 a, 2 b", "HIVE_COLUMN_ORDER_MISMATCH"),
        ("UNLOAD (SELECT 1 a) TO 's3://made/x/' WITH (format = 'PARQUET', compression = 'lz5')", "NOT_SUPPORTED"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_leaves_nothing(lab: Lab, sql: str, reason: str) -> None:
    """The query fails with the reason; neither a table nor an object is made."""
    before = dict(lab.s3.objects)
    assert lab.reason(sql).startswith(reason)
    assert list(lab.glue.tables) == ["httpd"]
    assert lab.s3.objects == before


def test_a_table_that_is_there_may_stay(lab: Lab) -> None:
    """IF NOT EXISTS makes nothing and does not fail."""
    lab.done("CREATE TABLE IF NOT EXISTS httpd AS SELECT 1 a")
    assert len(lab.rows("SELECT * FROM httpd")) == 5


def test_a_result_is_unloaded(lab: Lab) -> None:
    """UNLOAD writes objects and no table, as JSON lines here; its manifest names them."""
    query = "SELECT 'a)' AS a, 1 AS b UNION ALL SELECT NULL, 2 ORDER BY b"
    execution = lab.done(f"UNLOAD ({query}) TO 's3://made/un/' WITH (format = 'JSON', compression = 'gzip')")
    assert execution["SubstatementType"] == "UNLOAD"
    [key] = [key for bucket, key in lab.s3.objects if bucket == "made"]
    assert gzip.decompress(lab.s3.objects["made", key]) == b'{"a":"a)","b":1}\n{"a":null,"b":2}\n'
    manifest = execution["Statistics"]["DataManifestLocation"]
    assert lab.s3.objects["results", manifest.removeprefix("s3://results/")].decode() == f"s3://made/{key}\n"


def test_rows_are_added_to_a_table(lab: Lab) -> None:
    """INSERT takes values and queries, in the order of the columns that it names."""
    lab.done("CREATE TABLE t WITH (external_location = 's3://made/t/') AS SELECT 1 AS a, 'x' AS b")
    lab.done("INSERT INTO t VALUES (2, 'y')")
    lab.done("INSERT INTO t (b, a) SELECT 'z', 3")
    lab.done("INSERT INTO t (a) SELECT 4")
    assert lab.rows("SELECT a, b FROM t ORDER BY a") == [["1", "x"], ["2", "y"], ["3", "z"], ["4", None]]


@pytest.mark.parametrize(
    ("form", "more"),
    [("TEXTFILE", ", field_delimiter = ','"), ("TEXTFILE", ""), ("JSON", ""), ("PARQUET", ", compression = 'SNAPPY'")],
)
def test_what_was_written_reads_as_it_was(lab: Lab, form: str, more: str) -> None:
    """Each format keeps text, NULL, numbers, dates and truth."""
    made = "SELECT 'a \"b\" é' AS t, CAST(NULL AS varchar) n, 7 AS i, 1.5e0 AS d, date '2021-11-07' AS day, true AS b"
    lab.done(f"CREATE TABLE t WITH (external_location = 's3://made/t/', format = '{form}'{more}) AS {made}")
    assert lab.rows("SELECT t, n, i, d, day, b FROM t") == [['a "b" é', None, "7", "1.5", "2021-11-07", "true"]]


def test_parquet_columns_are_found_by_name(lab: Lab) -> None:
    """The order in the file does not matter, a column that it has not is NULL, nested ones are Trino's."""
    lab.done("UNLOAD (SELECT 2 AS b, 1 AS a, array[1, 2] AS c, CAST(row(5) AS row(x integer)) AS r) "
             "TO 's3://made/p' WITH (format = 'PARQUET')")  # fmt: skip
    lab.done("CREATE EXTERNAL TABLE p (a int, later string, b bigint, c array<int>, r struct<x:int>) "
             "STORED AS PARQUET LOCATION 's3://made/p'")  # fmt: skip
    assert lab.rows("SELECT a, later, b, c[1], r.x FROM p") == [["1", None, "2", "1", "5"]]
    [key] = [key for bucket, key in lab.s3.objects if bucket == "made"]
    assert pq.read_table(io.BytesIO(lab.s3.objects["made", key])).column_names == ["b", "a", "c", "r"]

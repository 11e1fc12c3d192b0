"""Statements that are no queries, prepared statements, and what the catalogue tells in SQL."""

from __future__ import annotations

import pytest

from lab_helpers.local_aws.kit.api import AwsError
from tests.local_aws.athena.harness import RESULTS, Lab

CREATE = """CREATE EXTERNAL TABLE IF NOT EXISTS lab.hits (
  `host` string COMMENT 'who', `n` int, `tags` array<struct<k:string,v:string>>)
PARTITIONED BY (d string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' WITH SERDEPROPERTIES ('ignore.malformed.json'='true')
LOCATION 's3://made/hits/' TBLPROPERTIES ('classification'='json')"""


def test_a_table_is_made_and_told_again(lab: Lab) -> None:
    """SHOW CREATE TABLE, DESCRIBE and SHOW COLUMNS say what CREATE EXTERNAL TABLE said."""
    assert lab.done(CREATE)["SubstatementType"] == "CREATE_TABLE"
    lab.done(CREATE)
    assert [row[0] for row in lab.rows("SHOW CREATE TABLE hits")] == [
        "CREATE EXTERNAL TABLE `lab.hits`(",
        "  `host` string COMMENT 'who', ",
        "  `n` int, ",
        "  `tags` array<struct<k:string,v:string>>)",
        "PARTITIONED BY ( ",
        "  `d` string)",
        "ROW FORMAT SERDE ",
        "  'org.openx.data.jsonserde.JsonSerDe' ",
        "WITH SERDEPROPERTIES ( ",
        "  'ignore.malformed.json'='true') ",
        "STORED AS INPUTFORMAT ",
        "  'org.apache.hadoop.mapred.TextInputFormat' ",
        "OUTPUTFORMAT ",
        "  'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'",
        "LOCATION",
        "  's3://made/hits/'",
        "TBLPROPERTIES (",
        "  'classification'='json')",
    ]
    described = [row[0] or "" for row in lab.rows("DESCRIBE hits")]
    assert described[0] == "host                \tstring              \twho                 "
    names = [line.split("\t")[0].strip() for line in described[3:]]
    assert names == ["d", "", "# Partition Information", "# col_name", "", "d"]
    assert [(row[0] or "").strip() for row in lab.rows("SHOW COLUMNS IN hits")] == ["host", "n", "tags", "d"]
    assert lab.rows("SHOW TBLPROPERTIES hits('classification')") == [["classification\tjson"]]


def test_partitions_are_what_is_registered(lab: Lab) -> None:
    """Objects of a folder that no partition names are not read, until MSCK REPAIR or ALTER TABLE adds it."""
    lab.done(CREATE)
    lab.s3.objects["made", "hits/d=1/a.json"] = b'{"host": "a"}\n'
    lab.s3.objects["made", "elsewhere/b.json"] = b'{"host": "b"}\n'
    assert lab.rows("SELECT host FROM hits") == []
    repaired = lab.rows("MSCK REPAIR TABLE hits")
    assert repaired[1] == ["Repair: Added partition to metastore hits:d=1"]
    lab.done(
        "ALTER TABLE hits ADD IF NOT EXISTS PARTITION (d = '1') PARTITION (d = '2') LOCATION 's3://made/elsewhere'"
    )
    assert lab.rows("SELECT host, d FROM hits ORDER BY 1") == [["a", "1"], ["b", "2"]]
    lab.done("ALTER TABLE hits DROP PARTITION (d = '1')")
    assert lab.rows("SHOW PARTITIONS hits") == [["d=2"]]
    assert lab.rows("SELECT host FROM hits") == [["b"]]


def test_tables_and_databases_come_and_go(lab: Lab) -> None:
    """DROP and CREATE DATABASE do what they say once; a second time they say why not."""
    lab.done(CREATE)
    assert lab.rows("SHOW TABLES IN lab '*it*'") == [["hits"]]
    lab.done("DROP TABLE IF EXISTS `lab`.`hits`")
    assert lab.reason("DROP TABLE hits") == "FAILED: SemanticException [Error 10001]: Table not found hits"
    lab.done("DROP TABLE IF EXISTS hits")
    lab.done("CREATE DATABASE IF NOT EXISTS other COMMENT 'x' LOCATION 's3://made/'")
    assert "already exists" in lab.reason("CREATE DATABASE other")
    assert lab.rows("SHOW DATABASES LIKE 'o*'") == [["other"]]
    assert "is not empty" in lab.reason("DROP DATABASE lab")
    lab.done("DROP DATABASE other CASCADE")


def test_kinds_of_statements_and_their_files(lab: Lab) -> None:
    """A query's result is a CSV file with a header; what is no query is a text file, and its type is UTILITY or DDL."""
    shown = lab.done("SHOW TABLES")
    assert (shown["StatementType"], shown["SubstatementType"]) == ("UTILITY", "SHOW_TABLES")
    name = shown["QueryExecutionId"]
    assert shown["ResultConfiguration"]["OutputLocation"] == f"{RESULTS}{name}.txt"
    assert lab.s3.objects["results", f"athena/{name}.txt"] == b"httpd\n"
    assert lab.done("DROP TABLE IF EXISTS gone")["StatementType"] == "DDL"
    assert lab.done("-- a comment\nSELECT 1")["ResultConfiguration"]["OutputLocation"].endswith(".csv")


def test_plans(lab: Lab) -> None:
    """EXPLAIN shows a plan without its rows, and finds a fault; TYPE VALIDATE says that there is none."""
    name = lab.start("EXPLAIN SELECT count(*) FROM httpd")
    assert lab.ended(name)["SubstatementType"] == "EXPLAIN"
    shown = lab.call("GetQueryResults", QueryExecutionId=name)["ResultSet"]
    assert shown["ResultSetMetadata"]["ColumnInfo"][0]["Name"] == "Query Plan"
    assert len(shown["Rows"]) > 1
    assert lab.rows("EXPLAIN (TYPE VALIDATE) SELECT 1") == [["true"]]
    assert lab.reason("EXPLAIN SELECT gone FROM httpd").startswith("COLUMN_NOT_FOUND")


def test_values_are_rows(lab: Lab) -> None:
    """A bare VALUES is a query, whose columns are called by their place."""
    name = lab.start("VALUES (2, 'b'), (1, 'a') ORDER BY 1")
    lab.ended(name)
    shown = lab.call("GetQueryResults", QueryExecutionId=name)["ResultSet"]["Rows"]
    texts = [[cell["VarCharValue"] for cell in row["Data"]] for row in shown]
    assert texts == [["_col0", "_col1"], ["1", "a"], ["2", "b"]]


def test_the_hidden_path(lab: Lab) -> None:
    """ "$path" is the object's URI; a `*` beside it does not show it twice, and without it is as ever."""
    rows = lab.rows('SELECT DISTINCT "$path", datehour FROM httpd ORDER BY 1')
    assert rows[0] == ["s3://logs/2021/11/07/09/stream-1.gz", "2021/11/07/09"]
    width = len(lab.rows("SELECT * FROM httpd LIMIT 1")[0])
    assert len(lab.rows('SELECT "$path", * FROM httpd LIMIT 1')[0]) == width + 1
    assert lab.rows("SELECT count(*) FROM httpd WHERE \"$path\" LIKE '%stream-2%'") == [["2"]]
    assert lab.rows('SELECT count(*) FROM (SELECT "$path" FROM httpd)') == [["5"]]


def test_information_schema(lab: Lab) -> None:
    """Databases, tables and columns can be asked for in SQL, and joined."""
    assert lab.rows("SELECT schema_name FROM information_schema.schemata") == [["lab"], ["information_schema"]]
    tables = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'lab'"
    assert lab.rows(tables) == [["httpd", "BASE TABLE"]]
    columns = "SELECT column_name, data_type, extra_info FROM information_schema.columns WHERE table_name = 'httpd' "
    assert lab.rows(columns + "ORDER BY ordinal_position DESC LIMIT 1") == [["datehour", "varchar", "partition key"]]
    assert lab.reason("SELECT * FROM information_schema.views").startswith("TABLE_NOT_FOUND")


def test_prepared_statements(lab: Lab) -> None:
    """PREPARE keeps a statement of a workgroup, EXECUTE runs it with values, DEALLOCATE forgets it."""
    lab.done("PREPARE by_source FROM SELECT count(*) FROM httpd WHERE source = ? AND length(log) > ?")
    assert lab.rows("EXECUTE by_source USING 'stdout', 1 + 1") == [["5"]]
    name = lab.start("EXECUTE by_source", ExecutionParameters=["'stdout'", "2"])
    assert lab.ended(name)["Query"] == "EXECUTE by_source"
    lab.done("DEALLOCATE PREPARE by_source")
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        lab.start("EXECUTE by_source USING 'stdout', 1")


def test_operations_on_prepared_statements(lab: Lab) -> None:
    """What the API makes SQL runs; a name is made once, listed, changed and removed."""
    named = {"StatementName": "one", "WorkGroup": "primary"}
    lab.call("CreatePreparedStatement", **named, QueryStatement="SELECT ?")
    with pytest.raises(AwsError, match="already exists"):
        lab.call("CreatePreparedStatement", **named, QueryStatement="SELECT ?")
    assert lab.rows("EXECUTE one USING 7") == [["7"]]
    lab.call("UpdatePreparedStatement", **named, QueryStatement="SELECT ? + 1")
    assert lab.rows("EXECUTE one USING 7") == [["8"]]
    told = lab.call("GetPreparedStatement", **named)["PreparedStatement"]
    assert (told["QueryStatement"], told["WorkGroupName"]) == ("SELECT ? + 1", "primary")
    listed = lab.call("ListPreparedStatements", WorkGroup="primary")["PreparedStatements"]
    assert [each["StatementName"] for each in listed] == ["one"]
    several = lab.call("BatchGetPreparedStatement", WorkGroup="primary", PreparedStatementNames=["one", "none"])
    assert len(several["PreparedStatements"]) == len(several["UnprocessedPreparedStatementNames"]) == 1
    lab.call("DeletePreparedStatement", **named)
    with pytest.raises(AwsError, match="was not found"):
        lab.call("GetPreparedStatement", **named)

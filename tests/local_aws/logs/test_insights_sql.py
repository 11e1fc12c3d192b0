"""Insights in SQL: SELECT over log groups; what else is refused."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.logs.log_group import GROUP, put


def asked(logs: Any, sql: str) -> list[dict[str, str]]:
    """Run a query over the last hour; rows as {field: value}."""
    now = int(time.time())
    query = logs.start_query(queryLanguage="SQL", queryString=sql, startTime=now - 3600, endTime=now)
    answer = logs.get_query_results(queryId=query["queryId"])
    assert (answer["status"], answer["queryLanguage"]) == ("Complete", "SQL")
    return [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]


@pytest.fixture
def filled(logs: Any) -> Any:
    """The group with four JSON events of two tasks."""
    put(logs, "from-a", *(json.dumps({"status": 200 + 204 * (n % 2), "ecs": {"task": f"t{n % 2}"}}) for n in range(4)))
    return logs


def test_groups_are_tables_and_fields_are_columns(filled: Any) -> None:
    """Names in backquotes; numbers compare as numbers; nested fields by their path."""
    rows = asked(filled, f"SELECT `status`, COUNT(*) AS n FROM `{GROUP}` GROUP BY `status` ORDER BY n, `status`")
    assert rows == [{"status": "200", "n": "2"}, {"status": "404", "n": "2"}]
    rows = asked(filled, f"SELECT l.ecs.task AS task, `@logStream` FROM `{GROUP}` l WHERE status >= 400 LIMIT 1")
    assert rows == [{"task": "t1", "@logStream": "from-a"}]
    several = f"`logGroups(logGroupIdentifier: ['{GROUP}'])`"
    rows = asked(filled, f"SELECT COUNT(*) AS n FROM {several} WHERE `@message` LIKE '%404%'")
    assert rows == [{"n": "2"}]


@pytest.mark.parametrize(
    ("sql", "part"),
    [
        ("DROP TABLE x", "one SELECT"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("SELECT FROM WHERE", "SQL"),
        ("SELECT * FROM read_text('/etc/passwd')", "no log group"),
        (f"SELECT g.file FROM `{GROUP}`, glob('/*') AS g", "SQL cannot be read"),
        (f"SELECT nosuch FROM `{GROUP}`", "SQL failed"),
        ("SELECT * FROM `/etc/passwd`", "log group does not exist"),
    ],
)
def test_what_is_no_query_of_log_groups_is_refused(filled: Any, sql: str, part: str) -> None:
    """No file, no other statement, no unknown group or field."""
    with pytest.raises(ClientError, match=part) as caught:
        asked(filled, sql)
    assert caught.value.response["Error"]["Code"] in {"MalformedQueryException", "ResourceNotFoundException"}


def test_ppl_is_told_to_be_missing(logs: Any) -> None:
    """The message names what there is."""
    with pytest.raises(ClientError, match="it knows CWLI and SQL"):
        logs.start_query(queryLanguage="PPL", queryString="fields x", startTime=1, endTime=2)


def test_a_temporary_folder_with_an_apostrophe_is_a_folder(
    filled: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder's name is a text of the statement, and no part of it."""
    folder = tmp_path / "somebody's ') --"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert asked(filled, f"SELECT COUNT(*) AS n FROM `{GROUP}`") == [{"n": "4"}]

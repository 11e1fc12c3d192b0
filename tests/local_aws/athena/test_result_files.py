"""Results as files: what is in them, how they are read again, and what they need of memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.athena.engine import opened
from lab_helpers.local_aws.athena.result import Result, Row
from lab_helpers.local_aws.athena.result_files import KEPT_ROWS, ResultFiles
from lab_helpers.local_aws.duck.processes import TooMuchError
from lab_helpers.local_aws.kit.api import AwsError
from tests.local_aws.athena.harness import WORKERS, Lab

COLUMNS = (("n", "varchar"), ("text", "varchar"))
ODD: list[str | None] = [None, "", '"', 'a "quoted" one', "two\nlines", "a,b", "naïve ログ", "\r\n"]
ROWS: list[Row] = [(str(number), ODD[number % len(ODD)]) for number in range(2_500)]
LARGE = "SELECT range AS n, CASE WHEN range % 2 = 0 THEN 'it''s \"' || range END AS t FROM range(2500)"


@pytest.fixture
def files(tmp_path: Path) -> ResultFiles:
    return ResultFiles(tmp_path / "results")


def _never(_: BinaryIO) -> None:
    raise AssertionError("the file is there")


def _blocks(rows: list[Row], size: int = 256) -> Iterator[list[Row]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


@pytest.mark.parametrize(
    ("begin", "end"), [(0, 1), (0, 1000), (999, 1001), (1000, 2000), (1, 2500), (2499, 9999), (2500, 2600), (0, 0)]
)
def test_any_rows_are_found_again(files: ResultFiles, begin: int, end: int) -> None:
    """Across the marks and at the end; NULL and nothing, quotes, commas and lines inside of values."""
    result = files.write("q", COLUMNS, _blocks(ROWS))
    assert result.rows == []
    assert result.size == len(ROWS)
    assert files.rows("q", result, begin, end, _never) == ROWS[begin:end]


def test_a_single_column_may_be_null(files: ResultFiles) -> None:
    """Its line is empty."""
    rows: list[Row] = [(None,), ("",)] * KEPT_ROWS
    assert files.rows("q", files.write("q", COLUMNS[:1], [rows]), 0, len(rows), _never) == rows


def test_a_small_result_is_kept_whole(lab: Lab, tmp_path: Path) -> None:
    """No file stays beside its object."""
    assert lab.rows("SELECT 1, NULL, ''") == [["1", None, ""]]
    (body,) = (body for (bucket, _), body in lab.s3.objects.items() if bucket == "results")
    assert body == b'"_col0","_col1","_col2"\n"1",,""\n'
    assert not list((tmp_path / "results").glob("*"))


def test_a_result_of_an_older_state_has_its_rows(files: ResultFiles) -> None:
    """Results of state format 7 are kept whole, however large, and know of no marks."""
    old = Result.__new__(Result)
    vars(old).update(columns=COLUMNS, rows=ROWS, update_count=0, files=())
    assert old.size == len(ROWS)
    assert files.rows("q", old, 1_000, 1_002, _never) == ROWS[1_000:1_002]


def _pages(lab: Lab, name: str) -> list[list[str | None]]:
    found: list[list[str | None]] = []
    token: dict[str, str] = {}
    while True:
        page = lab.call("GetQueryResults", QueryExecutionId=name, MaxResults=700, **token)
        rows = page["ResultSet"]["Rows"]
        assert len(rows) == 700 or "NextToken" not in page
        found += [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def test_a_large_result_is_paged_from_its_file_and_from_its_object(lab: Lab) -> None:
    """After a restart the file is gone, and fetched once; without its object there is nothing to tell."""
    name = lab.done(LARGE)["QueryExecutionId"]
    expected = [["n", "t"], *([str(n), None if n % 2 else f"it's \"{n}"] for n in range(2_500))]
    assert _pages(lab, name) == expected
    assert lab.s3.gets == []
    lab.service.stop()
    assert _pages(lab, name) == expected
    assert lab.s3.gets == [f"athena/{name}.csv"]
    lab.service.stop()
    lab.s3.get_object = _gone  # type: ignore[method-assign]
    with pytest.raises(AwsError, match=f"Could not find results: s3://results/athena/{name}.csv"):
        _pages(lab, name)


def _gone(**_: str) -> dict[str, object]:
    raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "The specified key does not exist."}}, "GetObject")


def test_a_query_that_fails_on_its_way_leaves_no_file(files: ResultFiles, tmp_path: Path) -> None:
    """What was written of it is removed."""

    def blocks() -> Iterator[list[Row]]:
        yield ROWS
        raise TooMuchError("too much")

    with pytest.raises(TooMuchError):
        files.write("q", COLUMNS, blocks())
    assert not list((tmp_path / "results").glob("*"))


def test_a_result_needs_memory_for_a_block_of_it(files: ResultFiles, tmp_path: Path) -> None:
    """30 MB of rows in less than 3 MB; so does a page of it."""
    sql = "SELECT range AS n, repeat('x', 1000) AS text FROM range(30000)"
    with opened(WORKERS, tmp_path) as engine:
        tracemalloc.start()
        try:
            result = files.write("q", *engine.run(sql))
            page = files.rows("q", result, 15_500, 15_600, _never)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert files.path("q").stat().st_size > 30_000_000
    assert page[0] == ("15500", "x" * 1000)
    assert peak < 6 << 20

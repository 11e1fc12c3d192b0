"""`lab logs` and `lab query` on lines that went the whole way: httpd, router, CloudWatch, Firehose, S3."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pandas as pd
import pytest

from lab_helpers import sql
from lab_helpers.cli.main import main as cli
from tests.integration import arrivals, policies
from tests.integration.stack import Stack

pytestmark = [pytest.mark.account, pytest.mark.timeout(180)]
COUNT = 12
TABLE = "httpd"
Command = Callable[..., str]


@pytest.fixture(scope="module")
def sent(stack: Stack) -> str:
    """The id of requests whose lines have arrived."""
    made = arrivals.send(stack, COUNT)
    arrivals.arrive_once(stack, made, arrivals.ids_of(made, COUNT))
    return made


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[str]:
    """The Glue database of a table over the delivered objects."""
    name, glue = stack.prefix.replace("-", "_"), stack.target.client("glue")
    sql.make_table(glue, name, TABLE, stack.bucket)
    yield name
    sql.drop_table(glue, name, TABLE)


@pytest.fixture
def lab(stack: Stack, database: str, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the commands take for the lab: the stack's names, the operator's clients."""
    outputs = SimpleNamespace(
        httpd_log_group=stack.httpd_log_group,
        log_bucket=stack.bucket,
        alb_log_bucket=f"{stack.bucket}-of-nobody",
        glue_database=database,
        glue_table=TABLE,
    )
    made = SimpleNamespace(outputs=outputs, client=stack.target.client)
    monkeypatch.setattr("lab_helpers.lab.attach", lambda _: made)
    return made


@pytest.fixture
def run(lab: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> Command:  # noqa: ARG001
    """Run a subcommand of `lab`: what it printed when it succeeded, what it complained of when it did not."""

    def run(*arguments: str) -> str:
        status = cli(arguments)
        printed = capsys.readouterr()
        assert status == bool(printed.err), printed
        return printed.err or printed.out

    return run


@pytest.fixture
def visitor(stack: Stack) -> Iterator[Callable[[str], Any]]:
    """Clients of a role that may do nothing."""
    iam, name = stack.target.client("iam"), f"{stack.prefix}-reader"
    trusted = policies.trust({"AWS": f"arn:aws:iam::{stack.target.account}:root"})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    keys = stack.target.client("sts").assume_role(RoleArn=arn, RoleSessionName="visit")["Credentials"]
    yield lambda service: boto3.client(
        service, region_name=stack.target.region, endpoint_url=stack.target.endpoint_url,
        aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )  # fmt: skip
    iam.delete_role(RoleName=name)


@pytest.mark.parametrize("source", ["cloudwatch", "s3"])
def test_every_line_is_put_out_once(sent: str, run: Command, source: str, tmp_path: Path) -> None:
    """As a table, as CSV and as Parquet, whose types are kept."""
    ids = [f"/?id={each}" for each in arrivals.ids_of(sent, COUNT)]
    asked = ("logs", "--source", source, "--filter", f"{sent}-")
    rows = run(*asked).splitlines()[1:]
    assert len(rows) == COUNT
    assert all(row.split()[-3:] == ["200", "45", "-"] for row in rows)
    csv = pd.read_csv(io.StringIO(run(*asked, "--format", "csv")))
    assert sorted(csv["path"] + "?" + csv["query"]) == sorted(ids)
    file = tmp_path / "lines.parquet"
    run(*asked, "--output", str(file))
    frame = pd.read_parquet(file)
    assert sorted(frame["path"] + "?" + frame["query"]) == sorted(ids)
    assert str(frame["request_time"].dtype) == "datetime64[us, UTC]"
    assert frame["status"].dtype == "Int16"


def test_sql_counts_the_same(sent: str, run: Command, tmp_path: Path) -> None:
    """The same lines by Athena, in each form; a condition on the hour reads no other objects."""
    question = f"SELECT source, count(*) AS lines FROM {TABLE} WHERE log LIKE '%{sent}-%' GROUP BY source"
    table = run("query", question).splitlines()
    assert table[1].split() == ["stdout", str(COUNT)]
    assert f"(table {TABLE})" in table[-1]
    assert run("query", question, "--format", "csv") == f"source,lines\nstdout,{COUNT}\n"
    run("query", question, "--output", str(tmp_path / "answer.parquet"))
    assert pd.read_parquet(tmp_path / "answer.parquet")["lines"].tolist() == [COUNT]
    long_ago = run("query", f"SELECT count(*) AS lines FROM {TABLE} WHERE datehour < '2022/01/01/00'")
    assert "1 rows, 0 bytes read" in long_ago


@pytest.mark.parametrize("source", ["cloudwatch", "s3"])
def test_ranges(sent: str, run: Command, source: str) -> None:  # noqa: ARG001
    """Around now, before it, empty, and the wrong way round."""
    now = datetime.now(UTC)
    of = ("logs", "--source", source, "--format", "csv", "--columns", "status")
    assert len(run(*of, "--since", "10m").splitlines()) > COUNT
    assert run(*of, "--until", (now - timedelta(days=1)).isoformat()) == "status\n"
    assert run(*of, "--since", now.isoformat(), "--until", now.isoformat()) == "status\n"
    assert "not after until" in run(*of, "--since", "1m", "--until", "2m")
    assert "'yesterday'" in run(*of, "--since", "yesterday")


def test_what_is_not_there(lab: SimpleNamespace, run: Command) -> None:
    """An unknown group, bucket and table are told by name."""
    assert "NoSuchBucket" in run("logs", "--source", "alb")
    lab.outputs.httpd_log_group = "/nobody/s"
    assert "ResourceNotFoundException" in run("logs")
    assert "nothing' does not exist" in run("query", "SELECT * FROM nothing")
    assert "mismatched input" in run("query", "SELEC 1")


@pytest.mark.parametrize("arguments", [("logs",), ("logs", "--source", "s3"), ("query", "SELECT 1")])
def test_who_may_not_read_is_told_so(
    lab: SimpleNamespace, run: Command, visitor: Callable[[str], Any], arguments: tuple[str, ...]
) -> None:
    """The denial names the action, in AWS's words."""
    lab.client = visitor
    assert "AccessDenied" in run(*arguments)


def test_s3_select_is_history(stack: Stack, lab: SimpleNamespace, sent: str) -> None:  # noqa: ARG001
    """A new account is refused; the objects are read by Athena or by oneself."""
    told = sql.s3_select(lab, arrivals.keys(stack)[0], "SELECT s.log FROM s3object s LIMIT 1")  # type: ignore[arg-type]
    assert told == "SelectObjectContent: MethodNotAllowed: The specified method is not allowed against this resource."

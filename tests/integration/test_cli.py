"""The article's calls by other clients: the aws CLI and awslogs.

They are no dependency of the lab (awscli pins botocore to one version). `aws` and `awslogs` on PATH are used; else,
with TEST_AWSCLI=1, what is missing is installed from PyPI into a temporary virtual environment; else the tests that
need it are skipped. `aws logs tail` is in version 2 of the CLI only, which is not on PyPI.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration import arrivals
from tests.integration.stack import ERRORS, Stack

pytestmark = [pytest.mark.account, pytest.mark.timeout(300)]
PROGRAMS = ("aws", "awslogs")
COUNT, FOLLOWED = 10, 3
Program = Callable[..., str]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The programs' paths by their names."""
    found = {name: path for name in PROGRAMS if (path := shutil.which(name))}
    if len(found) == len(PROGRAMS) or not os.environ.get("TEST_AWSCLI"):
        return found
    folder = tmp_path_factory.mktemp("awscli")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    packages = ["awscli", "awslogs", "setuptools<81"]  # awslogs imports pkg_resources
    subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", *packages], check=True)
    return {name: str(folder / "bin" / name) for name in PROGRAMS} | found


@pytest.fixture(scope="session")
def aws_2() -> str:
    """The path of an aws CLI of version 2: the first on PATH, whatever stands before it."""
    for folder in os.get_exec_path():
        program = shutil.which("aws", path=folder)
        if program and subprocess.run([program, "--version"], capture_output=True, text=True).stdout[:9] == "aws-cli/2":
            return program
    pytest.skip("there is no aws CLI of version 2 on PATH")


@pytest.fixture
def run(stack: Stack, programs: dict[str, str], tmp_path: Path) -> Program:
    """A function that runs a program to its end and returns what it printed."""

    def run(name: str, *arguments: str) -> str:
        if name not in programs:
            pytest.skip(f"{name} is not on PATH; TEST_AWSCLI=1 installs it for the test")
        environment = {**stack.target.environment(), "AWS_PAGER": ""}
        done = subprocess.run(
            [programs[name], *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def aws(run: Program) -> Callable[..., Any]:
    """A function that asks the aws CLI for JSON."""
    return lambda *arguments: json.loads(run("aws", *arguments, "--output", "json"))


@pytest.fixture(scope="module")
def sent(stack: Stack) -> str:
    """The id of requests whose lines have arrived."""
    made = arrivals.send(stack, COUNT)
    arrivals.arrive_once(stack, made, arrivals.ids_of(made, COUNT))
    return made


def test_ecs_and_its_targets(stack: Stack, aws: Callable[..., Any]) -> None:
    """describe-services, list-tasks, describe-task-definition, describe-target-health."""
    service = aws("ecs", "describe-services", "--cluster", stack.prefix, "--services", "httpd")["services"][0]
    tasks = aws("ecs", "list-tasks", "--cluster", stack.prefix, "--service-name", "httpd")["taskArns"]
    family = aws("ecs", "describe-task-definition", "--task-definition", stack.family("httpd"))["taskDefinition"]
    health = aws("elbv2", "describe-target-health", "--target-group-arn", stack.target_group_arn)
    states = [each["TargetHealth"]["State"] for each in health["TargetHealthDescriptions"]]
    assert (service["runningCount"], len(tasks), states) == (2, 2, ["healthy", "healthy"])
    assert [each["name"] for each in family["containerDefinitions"]] == ["httpd", "log_router"]


def test_ecr(stack: Stack, aws: Callable[..., Any], run: Program) -> None:
    """The article's get-login-password, and what describe-images shows of the push."""
    found = aws("ecr", "describe-images", "--repository-name", stack.prefix, "--image-ids", "imageTag=latest")
    assert found["imageDetails"][0]["imageDigest"] == stack.digest
    assert len(run("aws", "ecr", "get-login-password").strip()) > 20


def test_logs(stack: Stack, aws: Callable[..., Any], sent: str) -> None:
    """filter-log-events reads httpd's log; the error stream is there."""
    pattern = ("--filter-pattern", f'"{sent}"')
    events = aws("logs", "filter-log-events", "--log-group-name", stack.httpd_log_group, *pattern)["events"]
    streams = aws("logs", "describe-log-streams", "--log-group-name", stack.log_group)["logStreams"]
    assert len(events) == COUNT
    assert ERRORS in {each["logStreamName"] for each in streams}


def test_logs_tail(stack: Stack, aws_2: str, sent: str, tmp_path: Path) -> None:
    """`aws logs tail --since` shows the lines of httpd with time and stream, `--format short` without the stream."""
    pattern = ("--filter-pattern", f'"{sent}"')
    shown = _tail(stack, aws_2, tmp_path, "--since", "1h", *pattern).communicate(timeout=60)[0].splitlines()
    assert len(shown) == COUNT
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00 from-httpd-firelens-", line) for line in shown)
    short = _tail(stack, aws_2, tmp_path, "--since", "1h", "--format", "short", *pattern).communicate(timeout=60)[0]
    assert short.count(f"id={sent}-") == COUNT
    assert "from-httpd-firelens-" not in short


def test_logs_tail_follow(stack: Stack, aws_2: str, tmp_path: Path) -> None:
    """`aws logs tail --follow` shows what comes while it runs, each line once.

    A line is sent when the one before has arrived: the program asks from the newest time on that it has seen, so one of
    an earlier second that comes later is missed, by any log group.
    """
    sent: list[str] = []
    shown: list[str] = []
    with _tail(stack, aws_2, tmp_path, "--follow", "--since", "1m", "--filter-pattern", '"id="') as following:
        try:
            for _ in range(FOLLOWED):
                run = arrivals.send(stack, 1)
                sent += arrivals.ids_of(run, 1)
                stack.target.wait(
                    lambda run=run: arrivals.in_cloudwatch(stack, run),  # type: ignore[misc]
                    "a line in CloudWatch", timeout_s=arrivals.ROTATED_S, every_s=0.25,
                )  # fmt: skip
            for line in following.stdout or ():
                found = re.search(r"id=(\S+)", line)
                shown += [found[1]] if found and found[1] in sent else []
                if len(shown) == len(sent):
                    break
        finally:
            following.terminate()
    assert shown == sent


def _tail(stack: Stack, program: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**stack.target.environment(), "AWS_PAGER": "", "PYTHONUNBUFFERED": "1"}
    endpoint = stack.target.endpoint_url  # AWS_ENDPOINT_URL is read from version 2.13 on
    where = ["--endpoint-url", endpoint] if endpoint else []
    command = [program, "logs", "tail", stack.httpd_log_group, *where, *arguments]
    return subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True)


def test_s3_and_firehose(stack: Stack, aws: Callable[..., Any], run: Program, sent: str, tmp_path: Path) -> None:
    """`aws s3 ls` and `aws s3 cp` fetch what Firehose delivered; describe-delivery-stream tells how."""
    name = ("--delivery-stream-name", stack.prefix)
    described = aws("firehose", "describe-delivery-stream", *name)["DeliveryStreamDescription"]
    assert described["Destinations"][0]["ExtendedS3DestinationDescription"]["CompressionFormat"] == "GZIP"
    listed = {line.split()[3] for line in run("aws", "s3", "ls", "--recursive", f"s3://{stack.bucket}/").splitlines()}
    delivered = {key for key in listed if key.endswith(".gz")}
    assert delivered
    assert delivered <= set(arrivals.keys(stack))  # health checks are logged meanwhile
    run("aws", "s3", "cp", "--recursive", f"s3://{stack.bucket}/", str(tmp_path / "fetched"))
    text = "".join(gzip.decompress(path.read_bytes()).decode() for path in (tmp_path / "fetched").rglob("*.gz"))
    assert text.count(f"id={sent}-") == COUNT


def test_a_denial_is_told_as_by_aws(stack: Stack, programs: dict[str, str]) -> None:
    """Status 254 or 255, and AWS's code in the CLI's sentence."""
    if "aws" not in programs:
        pytest.skip("aws is not on PATH; TEST_AWSCLI=1 installs it for the test")
    done = subprocess.run(
        [programs["aws"], "sts", "assume-role", "--role-arn", stack.roles["task"], "--role-session-name", "cli"],
        env=stack.target.environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode in {254, 255}
    assert "An error occurred (AccessDenied) when calling the AssumeRole operation" in done.stderr


def test_a_deployment(stack: Stack, aws: Callable[..., Any], run: Program) -> None:
    """update-service --force-new-deployment, then `aws ecs wait services-stable`."""
    before = set(aws("ecs", "list-tasks", "--cluster", stack.prefix, "--service-name", "httpd")["taskArns"])
    service = ("--cluster", stack.prefix, "--service", "httpd")
    aws("ecs", "update-service", *service, "--force-new-deployment")
    stack.steady("httpd")
    run("aws", "ecs", "wait", "services-stable", "--cluster", stack.prefix, "--services", "httpd")
    assert before.isdisjoint(each["taskArn"] for each in stack.tasks("httpd"))


def test_awslogs(stack: Stack, run: Program, sent: str) -> None:
    """`awslogs groups`, `streams` and `get` show httpd's log."""
    assert stack.httpd_log_group in run("awslogs", "groups").splitlines()
    streams = run("awslogs", "streams", stack.httpd_log_group, "--start", "1h").splitlines()
    assert len([each for each in streams if each.startswith("from-httpd-firelens-")]) >= 2
    got = run("awslogs", "get", stack.httpd_log_group, "ALL", "--start", "1h", "--filter-pattern", f'"{sent}"')
    assert got.count(f"id={sent}-") == COUNT

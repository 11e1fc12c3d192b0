"""A call has one reading: what was understood of it, and authorised, is what is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_helpers.local_aws.server import LocalAws
from tests.security.asking import ask
from tests.support.signing import signed

FORM = "application/x-www-form-urlencoded"
LIST = "Version=2010-05-08&Action=ListUsers"
CREATE = "Version=2010-05-08&Action=CreateUser"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    made: Path = tmp_path_factory.mktemp("aws")
    with LocalAws(made) as running:
        yield running


def _groups(aws: LocalAws) -> list[str]:
    return [group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"]]


def _parameters(aws: LocalAws) -> list[str]:
    return [each["Name"] for each in aws.client("ssm").describe_parameters()["Parameters"]]


def _users(aws: LocalAws) -> set[str]:
    return {user["UserName"] for user in aws.client("iam").list_users()["Users"]}


@pytest.mark.parametrize(
    ("method", "url", "body", "kind", "status", "made"),
    [
        ("POST", "/", f"{CREATE}&UserName=u-1&Action=ListUsers", FORM, 400, set()),
        ("POST", "/", f"{CREATE}&UserName=u-2&UserName=u-3", FORM, 400, set()),
        ("POST", f"/?{CREATE}&UserName=u-4", LIST, FORM, 200, set()),
        ("POST", "/?UserName=u-5", f"{CREATE}&UserName=u-6", FORM, 200, {"u-6"}),
        ("GET", f"/?{CREATE}&UserName=u-7", LIST, FORM, 200, set()),
        ("PUT", f"/?{CREATE}&UserName=u-8", LIST, f"{FORM}; charset=utf-8", 200, set()),
        ("POST", f"/?{LIST}", f"{CREATE}&UserName=u-9", "Application/X-WWW-Form-URLencoded", 200, {"u-9"}),
        ("POST", f"/?{LIST}", f"{CREATE}&UserName=u-10", f"{FORM}X", 200, set()),
        ("POST", f"/?{LIST}", f"{CREATE}&UserName=u-11", "text/plain", 200, set()),
        ("GET", f"/?{CREATE}&UserName=u-12", "", "", 200, {"u-12"}),
    ],
)
def test_a_query_is_read_once(
    aws: LocalAws, method: str, url: str, body: str, kind: str, status: int, made: set[str]
) -> None:
    """The form where there is one, else the URL; a parameter that is given twice is refused."""
    before = _users(aws)
    answer = ask(signed(aws, "iam", method, url, body.encode(), {"Content-Type": kind} if kind else {}))
    assert answer.status == status, answer.body
    assert _users(aws) - before == made
    assert status != 400 or b"MalformedQueryString" in answer.body


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/", "application/x-amz-json-1.1"),
        ("/?Action=CreateLogGroup&logGroupName=other", "application/x-amz-json-1.1"),
        ("/", FORM),
        ("/", "multipart/form-data; boundary=x"),
    ],
)
def test_values_in_json_are_no_parameters(aws: LocalAws, url: str, kind: str) -> None:
    """A tag's value with `&` and `=` in it is a value; so is what stands in the URL of such a call.

    moto is one a process: earlier tests may have left groups.
    """
    logs = aws.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix="mine")["logGroups"]:
        logs.create_log_group(logGroupName="mine")
    before = _groups(aws)
    value = "&Action=CreateLogGroup&logGroupName=other&"
    body = json.dumps({"logGroupName": "mine", "tags": {"key": value}}).encode()
    headers = {"X-Amz-Target": "Logs_20140328.TagLogGroup", "Content-Type": kind}
    answer = ask(signed(aws, "logs", "POST", url, body, headers))
    assert answer.status == 200, answer.body
    assert _groups(aws) == before
    assert logs.list_tags_log_group(logGroupName="mine")["tags"] == {"key": value}


def test_a_value_changes_no_other_member(aws: LocalAws) -> None:
    """Nor is a value taken for another parameter of its own call."""
    ssm, before = aws.client("ssm"), _parameters(aws)
    ssm.put_parameter(Name="mine", Value="a=1&Name=other&Overwrite=true&b", Type="String")
    assert sorted(_parameters(aws)) == sorted([*before, "mine"])


def test_a_query_parameter_of_s3_is_given_once(aws: LocalAws) -> None:
    """IAM's s3:prefix would look at the one, the listing at the other."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="read-once", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    answer = ask(signed(aws, "s3", "GET", "/read-once?list-type=2&prefix=a&prefix=b", b"", {}))
    assert answer.status == 400
    assert b"<Code>InvalidArgument</Code>" in answer.body

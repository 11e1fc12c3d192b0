"""ListLogGroups, and the classes that DescribeLogGroups tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.front.protocol import Call
from lab_helpers.local_aws.front.validation import check
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.conftest import TRUST_TASKS

ACCOUNT = "123456789012"
GROUPS: dict[str, dict[str, Any]] = {
    "/aws/lambda/one": {"tags": {"stage": "prod-1", "team": "a"}},
    "/ecs/discovery": {"tags": {"stage": "test"}},
    "/ecs/httpd": {"logGroupClass": "INFREQUENT_ACCESS"},
}


@pytest.fixture(scope="module")
def listed(aws: LocalAws) -> Iterator[Any]:
    """A client, and three groups."""
    client = aws.client("logs")
    for name, settings in GROUPS.items():
        client.create_log_group(logGroupName=name, **settings)
    yield client
    for name in GROUPS:
        client.delete_log_group(logGroupName=name)


def _names(client: Any, **asked: Any) -> list[str]:
    return [group["logGroupName"] for group in client.list_log_groups(**asked)["logGroups"]]


def test_a_group_is_told_by_name_arn_and_class(listed: Any) -> None:
    """LogGroupSummary has these three; the ARN is that without `:*`."""
    found = listed.list_log_groups(logGroupNamePattern="httpd")
    assert found["logGroups"] == [
        {
            "logGroupName": "/ecs/httpd",
            "logGroupArn": f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:/ecs/httpd",
            "logGroupClass": "INFREQUENT_ACCESS",
        }
    ]
    assert "nextToken" not in found
    assert listed.list_log_groups(logGroupNamePattern="no-such-group")["logGroups"] == []  # as recorded


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("^/ecs", ["/ecs/discovery", "/ecs/httpd"]),
        ("^discovery", []),
        ("discovery", ["/ecs/discovery"]),
        ("Discovery", []),
        ("^/aws/lambda|discovery", ["/aws/lambda/one", "/ecs/discovery"]),
        ("ecs.httpd", ["/ecs/httpd"]),
    ],
)
def test_a_pattern_is_a_small_regular_expression(listed: Any, pattern: str, names: list[str]) -> None:
    """`^` is the beginning, `|` another one, else it is a part of the name; case matters."""
    assert _names(listed, logGroupNamePattern=pattern) == names


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([{"key": "stage"}], ["/aws/lambda/one", "/ecs/discovery"]),
        ([{"key": "stage", "values": ["test", "other"]}], ["/ecs/discovery"]),
        ([{"key": "stage", "values": ["PROD*"]}], ["/aws/lambda/one"]),
        ([{"key": "stage", "values": ["Test"]}], []),
        ([{"key": "stage", "values": ["!test"]}], ["/aws/lambda/one"]),
        ([{"key": "stage"}, {"key": "team", "values": ["a"]}], ["/aws/lambda/one"]),
    ],
)
def test_tags_are_filters(listed: Any, filters: list[Any], names: list[str]) -> None:
    """All filters have to fit, of a filter's values one; `!` negates, `*` is a wildcard that ignores case."""
    assert _names(listed, logGroupTags=filters) == names


def test_classes_accounts_and_what_no_group_has(listed: Any) -> None:
    """Filters of all kinds go together; another account is not linked; no group has field indexes or data sources."""
    assert _names(listed, logGroupClass="INFREQUENT_ACCESS") == ["/ecs/httpd"]
    assert _names(listed, logGroupClass="STANDARD", logGroupNamePattern="^/ecs") == ["/ecs/discovery"]
    assert _names(listed, includeLinkedAccounts=True) == list(GROUPS)
    assert _names(listed, includeLinkedAccounts=True, accountIdentifiers=[ACCOUNT]) == list(GROUPS)
    assert _names(listed, includeLinkedAccounts=True, accountIdentifiers=["210987654321"]) == []
    assert _names(listed, fieldIndexNames=["a"]) == _names(listed, dataSources=[{"name": "a"}]) == []
    described = listed.describe_log_groups(logGroupClass="INFREQUENT_ACCESS")["logGroups"]
    assert [(group["logGroupName"], group["logGroupClass"]) for group in described] == [
        ("/ecs/httpd", "INFREQUENT_ACCESS")
    ]


def test_pages(listed: Any) -> None:
    """A token leads to what comes behind the page; one that is none is refused, as FilterLogEvents' is as recorded."""
    first = listed.list_log_groups(limit=2)
    assert [group["logGroupName"] for group in first["logGroups"]] == ["/aws/lambda/one", "/ecs/discovery"]
    last = listed.list_log_groups(limit=2, nextToken=first["nextToken"])
    assert [group["logGroupName"] for group in last["logGroups"]] == ["/ecs/httpd"]
    assert "nextToken" not in last
    for token in ("none of ours!", "/w=="):
        with pytest.raises(ClientError, match=r"The specified nextToken is invalid\.") as refused:
            listed.list_log_groups(nextToken=token)
        assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
    with pytest.raises(ClientError, match=r"The specified nextToken is invalid\."):
        listed.describe_log_groups(logGroupNamePattern="ecs", nextToken="x")


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"logGroupNamePattern": "a*b"}, "at 'logGroupNamePattern' failed to satisfy constraint: Member must satisfy"),
        ({"logGroupNamePattern": "ab"}, "Member must have length greater than or equal to 3"),
        ({"logGroupNamePattern": "aaa|bbb|ccc|ddd|eee|fff"}, "Member must satisfy regular expression pattern"),
        ({"logGroupClass": "CHEAP"}, "enum value set: [STANDARD, INFREQUENT_ACCESS, DELIVERY"),
        ({"limit": 1001}, "Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than"),
        ({"accountIdentifiers": ["123"]}, "at 'accountIdentifiers.1.member' failed to satisfy constraint"),
    ],
)
def test_what_is_not_as_described_is_refused(asked: dict[str, Any], text: str) -> None:
    """In the words of AWS's validation, as InvalidParameterException."""
    with pytest.raises(AwsError) as refused:
        check(Call("json", "logs", "ListLogGroups", "ap-northeast-1", None, None, asked))
    assert refused.value.code == "InvalidParameterException"
    assert text in refused.value.message


def test_iam_is_asked_for_the_list(aws: LocalAws) -> None:
    """A role that has other permissions of logs is refused, in the words of the sibling's refusal."""
    iam = aws.client("iam")
    allows = {"Effect": "Allow", "Action": "logs:Describe*", "Resource": "*"}
    role = iam.create_role(RoleName="lists", AssumeRolePolicyDocument=json.dumps(TRUST_TASKS))["Role"]["Arn"]
    client = aws.clients.as_role("logs", role, "lists", "ecs-tasks.amazonaws.com", "ap-northeast-1")
    for operation, policy, answered in (
        ("describe_log_groups", allows, True),
        ("list_log_groups", allows, False),
        ("list_log_groups", {**allows, "Action": "logs:ListLogGroups"}, True),
    ):
        iam.put_role_policy(RoleName="lists", PolicyName="p", PolicyDocument=_document(policy))
        if answered:
            getattr(client, operation)()
        else:
            with pytest.raises(ClientError, match="not authorized to perform: logs:ListLogGroups on resource") as no:
                getattr(client, operation)()
            assert no.value.response["Error"]["Code"] == "AccessDeniedException"
    iam.delete_role_policy(RoleName="lists", PolicyName="p")
    iam.delete_role(RoleName="lists")


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

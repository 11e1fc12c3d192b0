"""Session policies: what AssumeRole is given limits the session, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import REGION, LocalAws

from .conftest import allow

TASKS = "ecs-tasks.amazonaws.com"
LISTS = {"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*"}
NAMED = "arn:aws:iam::123456789012:policy/lists-groups"


def document(*statements: dict[str, Any]) -> str:
    """A policy as JSON text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def assume(aws: LocalAws, role_arn: str, **limits: Any) -> dict[str, Any]:
    """AssumeRole as the service that the role trusts."""
    sts = aws.clients.as_service("sts", TASKS, REGION)
    return dict(sts.assume_role(RoleArn=role_arn, RoleSessionName="limited", **limits))


def session(aws: LocalAws, service: str, role_arn: str, **limits: Any) -> Any:
    """A client with the credentials of a session that was limited so."""
    keys = assume(aws, role_arn, **limits)["Credentials"]
    return boto3.client(
        service,
        endpoint_url=aws.endpoint_url,
        region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    """Return code and message of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


@pytest.fixture
def managed(aws: LocalAws) -> Any:
    """A managed policy that allows to list log groups."""
    iam = aws.client("iam")
    iam.create_policy(PolicyName="lists-groups", PolicyDocument=document(LISTS))
    yield NAMED
    for version in iam.list_policy_versions(PolicyArn=NAMED)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=NAMED, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=NAMED)


def test_a_session_may_do_what_role_and_session_policy_allow(aws: LocalAws, task_role: str) -> None:
    """The intersection: neither the role's other permissions nor the session policy's are there alone."""
    allow(aws, "logs:*", "*")
    logs = session(aws, "logs", task_role, Policy=document(LISTS, {**LISTS, "Action": "ecs:ListClusters"}))
    logs.describe_log_groups()
    code, message = refusal(logs.describe_log_streams, logGroupName="/any")
    assert code == "AccessDeniedException"
    assert message.endswith(" because no session policy allows the logs:DescribeLogStreams action")
    ecs = session(aws, "ecs", task_role, Policy=document({**LISTS, "Action": "ecs:ListClusters"}))
    assert refusal(ecs.list_clusters)[1].endswith(
        " because no identity-based policy allows the ecs:ListClusters action"
    )


def test_an_explicit_deny_in_a_session_policy(aws: LocalAws, task_role: str) -> None:
    """It is named as such."""
    allow(aws, "logs:*", "*")
    denies = document({**LISTS, "Action": "logs:*"}, {**LISTS, "Effect": "Deny"})
    logs = session(aws, "logs", task_role, Policy=denies)
    assert refusal(logs.describe_log_groups)[1].endswith(" with an explicit deny in a session policy")


def test_other_sessions_of_the_role_are_not_limited(aws: LocalAws, task_role: str) -> None:
    """The limits belong to one session's credentials."""
    allow(aws, "logs:*", "*")
    session(aws, "logs", task_role, Policy=document({**LISTS, "Action": "s3:*"}))
    session(aws, "logs", task_role).describe_log_groups()


def test_managed_policies_limit_a_session_as_they_are_now(aws: LocalAws, task_role: str, managed: str) -> None:
    """PolicyArns count together with Policy; a new version counts from the next call on."""
    allow(aws, "logs:*", "*")
    logs = session(aws, "logs", task_role, PolicyArns=[{"arn": managed}])
    logs.describe_log_groups()
    assert "no session policy" in refusal(logs.describe_log_streams, logGroupName="/any")[1]
    both = session(
        aws, "logs", task_role, PolicyArns=[{"arn": managed}],
        Policy=document({**LISTS, "Action": "logs:DescribeQueries"}),
    )  # fmt: skip
    both.describe_log_groups()
    both.describe_queries()
    other = document({**LISTS, "Action": "logs:DescribeLogStreams"})
    aws.client("iam").create_policy_version(PolicyArn=managed, PolicyDocument=other, SetAsDefault=True)
    assert "no session policy" in refusal(logs.describe_log_groups)[1]


def test_a_managed_policy_of_aws_limits_a_session(aws: LocalAws, task_role: str) -> None:
    """AWS's own policies can be named, too."""
    allow(aws, "logs:*", "*")
    read_only = "arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess"
    logs = session(aws, "logs", task_role, PolicyArns=[{"arn": read_only}])
    logs.describe_log_groups()
    assert "no session policy" in refusal(logs.create_log_group, logGroupName="/not-made")[1]


def test_a_bucket_policy_that_names_the_session_reaches_past_its_limits(aws: LocalAws, task_role: str) -> None:
    """One that names the role does not: the session policy limits that, too."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="limited", CreateBucketConfiguration={"LocationConstraint": REGION})
    named = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::limited"}
    nothing = document({**LISTS, "Action": "logs:*"})
    try:
        s3.put_bucket_policy(Bucket="limited", Policy=document({**named, "Principal": {"AWS": task_role}}))
        limited = session(aws, "s3", task_role, Policy=nothing)
        assert refusal(limited.list_objects_v2, Bucket="limited")[0] == "AccessDenied"
        session_arn = "arn:aws:sts::123456789012:assumed-role/task/limited"
        s3.put_bucket_policy(Bucket="limited", Policy=document({**named, "Principal": {"AWS": session_arn}}))
        assert limited.list_objects_v2(Bucket="limited")["KeyCount"] == 0
    finally:
        s3.delete_bucket(Bucket="limited")


def test_what_aws_refuses_in_a_session_policy(aws: LocalAws, task_role: str) -> None:
    """A document that is none, one that is too long, too many policies, one that is not there."""
    code, _ = refusal(assume, aws=aws, role_arn=task_role, Policy="nonsense")
    assert code == "MalformedPolicyDocument"
    code, _ = refusal(assume, aws=aws, role_arn=task_role, Policy=document(LISTS) + " " * 2048)
    assert code == "ValidationError"
    code, message = refusal(assume, aws=aws, role_arn=task_role, PolicyArns=[{"arn": NAMED}])
    assert (code, NAMED in message) == ("NoSuchEntity", True)
    code, _ = refusal(assume, aws=aws, role_arn=task_role, PolicyArns=[{"arn": NAMED}] * 11)
    assert code == "ValidationError"


def test_the_packed_size_is_told_for_limited_sessions_only(aws: LocalAws, task_role: str) -> None:
    """In per cent of what fits."""
    assert "PackedPolicySize" not in assume(aws, task_role)
    assert 0 < assume(aws, task_role, Policy=document(LISTS))["PackedPolicySize"] <= 100


# session tags

PAINTS = {"Action": ["sts:AssumeRole", "sts:TagSession"], "Effect": "Allow"}


@pytest.fixture
def chain(aws: LocalAws) -> Any:
    """Two roles: `painter`, which the tasks' service may tag, and `gallery`, which painters may assume and tag."""
    iam = aws.client("iam")
    trusts = {"painter": {"Service": TASKS}, "gallery": {"AWS": "arn:aws:iam::123456789012:role/painter"}}
    arns = {}
    for name, who in trusts.items():
        text = document({**PAINTS, "Principal": who})
        arns[name] = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=text, Tags=[{"Key": "Team", "Value": "role"}]
        )["Role"]["Arn"]
        by_tag = {**LISTS, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}
        iam.put_role_policy(RoleName=name, PolicyName="by-tag", PolicyDocument=document(by_tag))
    yield arns
    for name in arns:
        iam.delete_role_policy(RoleName=name, PolicyName="by-tag")
        iam.delete_role(RoleName=name)


def tag(key: str, value: str) -> dict[str, str]:
    """One tag as STS takes it."""
    return {"Key": key, "Value": value}


def test_a_session_tag_takes_the_place_of_the_roles(aws: LocalAws, chain: dict[str, str]) -> None:
    """`aws:PrincipalTag` is the session's; the case of the key does not count."""
    session(aws, "logs", chain["painter"], Tags=[tag("TEAM", "red")]).describe_log_groups()
    blue = session(aws, "logs", chain["painter"], Tags=[tag("team", "blue")])
    assert refusal(blue.describe_log_groups)[0] == "AccessDeniedException"
    assert refusal(session(aws, "logs", chain["painter"]).describe_log_groups)[0] == "AccessDeniedException"


def test_transitive_tags_go_on_to_the_next_session(aws: LocalAws, chain: dict[str, str]) -> None:
    """They are inherited and cannot be set anew; other tags end with their session."""
    goes_on = session(aws, "sts", chain["painter"], Tags=[tag("team", "red")], TransitiveTagKeys=["Team"])
    ends = session(aws, "sts", chain["painter"], Tags=[tag("team", "red")])
    for sts, allowed in ((goes_on, True), (ends, False)):
        keys = sts.assume_role(RoleArn=chain["gallery"], RoleSessionName="next")["Credentials"]
        logs = boto3.client(
            "logs", endpoint_url=aws.endpoint_url, region_name=REGION, aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
        )  # fmt: skip
        if allowed:
            logs.describe_log_groups()
        else:
            assert refusal(logs.describe_log_groups)[0] == "AccessDeniedException"
    again = {"RoleArn": chain["gallery"], "RoleSessionName": "next", "Tags": [tag("TEAM", "blue")]}
    code, message = refusal(goes_on.assume_role, **again)
    assert code == "InvalidParameterValue"
    assert "conflicts with a transitive tag key from the calling session" in message
    ends.assume_role(**again)


def test_tagging_a_session_needs_the_trust_policys_leave(aws: LocalAws, task_role: str) -> None:
    """sts:AssumeRole alone is not enough, and the refusal names sts:TagSession."""
    sts = aws.clients.as_service("sts", TASKS, REGION)
    code, message = refusal(sts.assume_role, RoleArn=task_role, RoleSessionName="tagged", Tags=[tag("team", "red")])
    assert code == "AccessDenied"
    assert f"is not authorized to perform: sts:TagSession on resource: {task_role}" in message


def test_a_trust_policy_may_ask_for_tags(aws: LocalAws, chain: dict[str, str]) -> None:
    """`aws:RequestTag`, `aws:TagKeys` and `sts:TransitiveTagKeys` are there when the role is assumed."""
    asks = {
        "StringEquals": {"aws:RequestTag/team": "red"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team"], "sts:TransitiveTagKeys": ["team"]},
    }
    text = document({**PAINTS, "Principal": {"Service": TASKS}, "Condition": asks})
    aws.client("iam").update_assume_role_policy(RoleName="painter", PolicyDocument=text)
    assume(aws, chain["painter"], Tags=[tag("team", "red")], TransitiveTagKeys=["team"])
    sts = aws.clients.as_service("sts", TASKS, REGION)
    for tags in ([], [tag("team", "blue")], [tag("team", "red"), tag("other", "x")]):
        refused = refusal(sts.assume_role, RoleArn=chain["painter"], RoleSessionName="tagged", Tags=tags)
        assert refused[0] == "AccessDenied", tags


@pytest.mark.parametrize(
    ("tags", "transitive", "code", "words"),
    [
        (["team", "TEAM"], [], "InvalidParameterValue", "Duplicate tag keys found"),
        (["team"], ["other"], "InvalidParameterValue", "must be included in the requested tags"),
        ([f"key{number}" for number in range(51)], [], "ValidationError", "length less than or equal to 50"),
        (["k" * 129], [], "ValidationError", "length less than or equal to 128"),
    ],
)
def test_tags_that_sts_refuses(
    aws: LocalAws, chain: dict[str, str], tags: list[str], transitive: list[str], code: str, words: str
) -> None:
    """STS's codes and sentences."""
    sts = aws.clients.as_service("sts", TASKS, REGION)
    named = {"Tags": [tag(key, "x") for key in tags], "TransitiveTagKeys": transitive}
    refused = refusal(sts.assume_role, RoleArn=chain["painter"], RoleSessionName="tagged", **named)
    assert refused[0] == code
    assert words in refused[1]


def test_keys_that_end_are_good_until_then(aws: LocalAws, task_role: str) -> None:
    """GetSessionToken's keys are the caller's for half a day, with their token only; a role's session gets none."""
    given = aws.client("sts").get_session_token()["Credentials"]
    lasts_s = (given["Expiration"] - datetime.now(UTC)).total_seconds()
    assert 43_100 < lasts_s <= 43_200
    keys = {"aws_access_key_id": given["AccessKeyId"], "aws_secret_access_key": given["SecretAccessKey"]}
    endpoint = {"region_name": REGION, "endpoint_url": aws.client("sts").meta.endpoint_url}
    s3 = boto3.client("s3", aws_session_token=given["SessionToken"], **endpoint, **keys)
    assert s3.list_buckets()["Owner"]
    asked = boto3.client("sts", aws_session_token=given["SessionToken"], **endpoint, **keys).get_caller_identity()
    assert asked["Arn"] == aws.client("sts").get_caller_identity()["Arn"]
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        boto3.client("s3", **endpoint, **keys).list_buckets()
    role = assume(aws, task_role)["Credentials"]
    for session in (role, given):
        client = boto3.client(
            "sts", aws_access_key_id=session["AccessKeyId"], aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"], **endpoint,
        )  # fmt: skip
        with pytest.raises(ClientError, match="Cannot call GetSessionToken with session credentials"):
            client.get_session_token()

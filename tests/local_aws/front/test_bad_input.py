"""Requests that AWS refuses are refused with AWS's code and message."""

from __future__ import annotations

import json
from typing import Any

import botocore.config
import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.front.protocol import Call
from lab_helpers.local_aws.front.validation import check
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.server import REGION, LocalAws
from tests.local_aws.conftest import TRUST_TASKS

TASKS = "ecs-tasks.amazonaws.com"


def _refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def _call(service: str, operation: str, params: dict[str, Any], protocol: str = "json") -> Call:
    return Call(protocol, service, operation, REGION, None, None, params)


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "message"),
    [
        ("logs", "CreateLogGroup", {}, "InvalidParameterException",
         "1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: "
         "Member must not be null"),
        ("logs", "CreateLogGroup", {"logGroupName": "x" * 513}, "InvalidParameterException",
         "both must have length less than or equal to 512"),
        ("logs", "CreateLogStream", {"logGroupName": "g", "logStreamName": "a:b"}, "InvalidParameterException",
         "Value 'a:b' at 'logStreamName' failed to satisfy constraint: "
         "Member must satisfy regular expression pattern: [^:*]*"),
        ("logs", "DescribeLogStreams", {"logGroupName": "g", "orderBy": "Age"}, "InvalidParameterException",
         "Member must satisfy enum value set: [LogStreamName, LastEventTime]"),
        ("logs", "DescribeLogGroups", {"limit": 51}, "InvalidParameterException",
         "Value '51' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50"),
        ("logs", "CreateLogGroup", {"logGroupName": 5}, "SerializationException",
         "NUMBER_VALUE can not be converted to String"),
        ("firehose", "PutRecord", {}, "ValidationException",
         "2 validation errors detected: Value null at 'deliveryStreamName'"),
    ],
)  # fmt: skip
def test_calls_are_held_against_their_description(
    service: str, operation: str, params: dict[str, Any], code: str, message: str
) -> None:
    """What a member must be, AWS says in the same words for every operation."""
    with pytest.raises(AwsError) as caught:
        check(_call(service, operation, params))
    assert caught.value.code == code
    assert message in caught.value.message


def test_query_numbers_are_texts() -> None:
    """A query protocol's DurationSeconds is text, and still held against its limits."""
    role = "arn:aws:iam::123456789012:role/task"
    params = {"RoleArn": role, "RoleSessionName": "session", "DurationSeconds": "3600"}
    check(_call("sts", "AssumeRole", params, "query"))
    with pytest.raises(AwsError, match="greater than or equal to 900"):
        check(_call("sts", "AssumeRole", {**params, "DurationSeconds": "1"}, "query"))


def test_operation_that_aws_does_not_have_is_left_to_others() -> None:
    """Who answers says that the operation is unknown."""
    check(_call("logs", "MakeCoffee", {"cups": 2}))


@pytest.mark.usefixtures("task_role")
@pytest.mark.parametrize(
    ("operation", "params", "document"),
    [
        ("create_role", {"RoleName": "r"}, "AssumeRolePolicyDocument"),
        ("put_role_policy", {"RoleName": "task", "PolicyName": "p"}, "PolicyDocument"),
        ("create_policy", {"PolicyName": "p"}, "PolicyDocument"),
        ("update_assume_role_policy", {"RoleName": "task"}, "PolicyDocument"),
    ],
)
@pytest.mark.parametrize(
    "statement", [{}, {"Effect": "Perhaps"}, {"Effect": "Allow", "Action": "*", "Resouce": "*", "Principal": "*"}]
)
def test_malformed_policies_are_refused_by_iam(
    aws: LocalAws, operation: str, params: dict[str, str], document: str, statement: dict[str, str]
) -> None:
    """IAM stores no policy that it cannot understand."""
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    code, _ = _refusal(getattr(aws.client("iam"), operation), **params, **{document: text})
    assert code == "MalformedPolicyDocument"


def test_trust_policy_with_a_resource_is_malformed(aws: LocalAws) -> None:
    """A trust policy speaks of its own role."""
    document = {**TRUST_TASKS, "Statement": [{**TRUST_TASKS["Statement"][0], "Resource": "*"}]}  # type: ignore[dict-item]
    code, message = _refusal(aws.client("iam").create_role, RoleName="r", AssumeRolePolicyDocument=json.dumps(document))
    assert (code, "prohibited field Resource" in message) == ("MalformedPolicyDocument", True)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("nonsense", "Policies must be valid JSON and the first byte must be '{'"),
        ({"Effect": "Allow", "Principal": "*", "Action": "s3:*"}, "Missing required field Resource"),
        ({"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"},
         "Policy has invalid resource"),
    ],
)  # fmt: skip
def test_malformed_bucket_policies_are_refused_by_s3(aws: LocalAws, policy: Any, message: str) -> None:
    """S3 has its own code and words."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="policed", CreateBucketConfiguration={"LocationConstraint": REGION})
    text = policy if isinstance(policy, str) else json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    refused = _refusal(s3.put_bucket_policy, Bucket="policed", Policy=text)
    good = text.replace(":other/", ":policed/") if "other" in text else None
    s3.delete_public_access_block(Bucket="policed")
    if good:
        s3.put_bucket_policy(Bucket="policed", Policy=good)
    s3.delete_bucket(Bucket="policed")
    assert refused == ("MalformedPolicy", message)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "arn:aws:iam::123456789012:role/nobody"},
        {"AWS": ["123456789012", "arn:aws:iam::123456789012:user/nobody"]},
        {"AWS": "arn:aws:iam::123456789012:role/*"},
        {"AWS": "AROANOBODYHASTHISID00"},
        {"AWS": "nobody"},
        {"Service": "ecs-tasks"},
    ],
)
def test_a_policy_that_names_nobody_is_refused(aws: LocalAws, principal: dict[str, Any]) -> None:
    """By S3 for a bucket policy, by IAM (which names it) for a trust policy; NotPrincipal is no way around."""
    s3, iam = aws.client("s3"), aws.client("iam")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::named/*"}
    s3.create_bucket(Bucket="named", CreateBucketConfiguration={"LocationConstraint": REGION})
    for element, effect in (("Principal", "Allow"), ("NotPrincipal", "Deny")):
        text = _document({**statement, "Effect": effect, element: principal})
        refused = _refusal(s3.put_bucket_policy, Bucket="named", Policy=text)
        assert refused == ("MalformedPolicy", "Invalid principal in policy")
    s3.delete_bucket(Bucket="named")
    trust = _document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
    code, message = _refusal(iam.create_role, RoleName="r", AssumeRolePolicyDocument=trust)
    assert code == "MalformedPolicyDocument"
    (kind, named) = next(iter(principal.items()))
    last = named if isinstance(named, str) else named[-1]
    assert message == f'Invalid principal in policy: "{kind.upper()}":"{last}"'


def test_principals_that_are_somebody_are_taken(aws: LocalAws, task_role: str) -> None:
    """Roles, users and their ids, accounts, sessions, the operator, other accounts' roles, services, everybody."""
    s3, iam = aws.client("s3"), aws.client("iam")
    iam.create_user(UserName="named-ann", Path="/staff/")
    user, role = iam.get_user(UserName="named-ann")["User"], iam.get_role(RoleName="task")["Role"]
    known = [
        task_role, role["RoleId"], user["Arn"], user["UserId"], "*", "123456789012", "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:assumed-role/task/s", aws.client("sts").get_caller_identity()["Arn"],
        "arn:aws:iam::210987654321:role/theirs", "arn:aws:iam::582318560864:root",
    ]  # fmt: skip
    principal = {"AWS": known, "Service": ["ecs-tasks.amazonaws.com", "delivery.logs.amazonaws.com"]}
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::named/*"}
    s3.create_bucket(Bucket="named", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.delete_public_access_block(Bucket="named")
    try:
        s3.put_bucket_policy(Bucket="named", Policy=_document({**statement, "Principal": principal}))
        trust = _document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
        iam.update_assume_role_policy(RoleName="task", PolicyDocument=trust)
    finally:
        s3.delete_bucket(Bucket="named")
        iam.delete_user(UserName="named-ann")


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_users_permissions_boundary_limits_the_user(aws: LocalAws) -> None:
    """A user may do what its policies and its boundary allow; the boundary is shown, and can be taken away."""
    iam = aws.client("iam")
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    made = iam.create_user(UserName="bob", PermissionsBoundary=boundary)["User"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="bob", PolicyName="all", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    session = aws.clients._session()
    session.set_credentials(key["AccessKeyId"], key["SecretAccessKey"])
    config = botocore.config.Config(proxies={})
    logs = session.create_client("logs", REGION, endpoint_url=aws.endpoint_url, config=config)
    refused = _refusal(logs.describe_log_groups)
    shown = iam.get_user(UserName="bob")["User"].get("PermissionsBoundary")
    iam.delete_user_permissions_boundary(UserName="bob")
    groups = logs.describe_log_groups()["logGroups"]
    logs.close()
    iam.delete_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="bob", PolicyName="all")
    iam.delete_user(UserName="bob")
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert (refused[0], "no permissions boundary allows" in refused[1]) == ("AccessDeniedException", True)
    assert (shown["PermissionsBoundaryArn"], groups) == (boundary, [])


def test_boundary_that_does_not_exist_is_refused(aws: LocalAws) -> None:
    """A permissions boundary is a policy that exists."""
    iam = aws.client("iam")
    missing = "arn:aws:iam::123456789012:policy/none"
    assert (
        _refusal(iam.put_user_permissions_boundary, UserName="nobody", PermissionsBoundary=missing)[0] == "NoSuchEntity"
    )


def test_trust_condition_on_the_source_is_met_by_our_services(aws: LocalAws) -> None:
    """AWS's services say for which account and resource they act."""
    iam = aws.client("iam")
    condition = {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{REGION}:123456789012:*"},
    }
    statement = {**TRUST_TASKS["Statement"][0], "Condition": condition}  # type: ignore[dict-item]
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_role(RoleName="deputy", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    issued = aws.clients.assume(arn, "0123456789abcdef", TASKS, REGION)
    iam.delete_role(RoleName="deputy")
    assert issued.role_arn == arn


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("elbv2", "create_rule", {}, "ValidationError"),
        ("elbv2", "create_target_group", {}, "ValidationError"),
        ("ecs", "describe_task_definition", {}, "InvalidParameterException"),
        ("ecr", "create_repository", {}, "InvalidParameterException"),
        ("glue", "create_table", {}, "InvalidInputException"),
        ("ssm", "get_parameters", {}, "ValidationException"),
        ("s3", "put_bucket_tagging", {"Bucket": "nowhere"}, "MalformedXML"),
    ],
)
def test_malformed_calls_are_no_failures_of_ours(
    aws: LocalAws, service: str, operation: str, params: dict[str, str], code: str
) -> None:
    """What moto fails at because it is malformed is refused as the caller's mistake, with status 400."""
    with pytest.raises(ClientError) as caught:
        getattr(aws.client(service), operation)(**params)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("name", ["AB", "a_b", "ab..c", "-ab", "10.0.0.1", "a" * 64])
def test_names_that_no_bucket_can_have(aws: LocalAws, name: str) -> None:
    """Capitals, underscores, neighbouring dots, addresses and the like."""
    call = aws.client("s3").create_bucket
    told = _refusal(call, Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert told == ("InvalidBucketName", "The specified bucket is not valid.")

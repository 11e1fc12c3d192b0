"""Codes and sentences that were recorded from AWS; members that its answers have, and those that they have not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.ecr.operations import unusable_id
from lab_helpers.local_aws.ecs.operations import describe, parameters
from lab_helpers.local_aws.front.moto_answers import finish
from lab_helpers.local_aws.front.protocol import Call, refusal
from lab_helpers.local_aws.front.validation import check, explain_failure
from lab_helpers.local_aws.identity.policy_checks import checks
from lab_helpers.local_aws.identity.sts import sts_checks
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.conftest import TRUST_TASKS

LONG = "x" * 513


def _call(service: str, operation: str, params: dict[str, Any], protocol: str = "json") -> Call:
    return Call(protocol, service, operation, "ap-northeast-1", None, None, params)


@pytest.mark.parametrize(
    ("operation", "params", "code", "message"),
    [
        ("CreateLogGroup", {"logGroupName": LONG}, "InvalidParameterException",
         "Invalid LogGroup or LogStream, both must have length less than or equal to 512."),
        ("DescribeLogStreams", {"logGroupIdentifier": "arn:aws:logs:r:1:log-group:g:*"}, "InvalidParameterException",
         "1 validation error detected: Value at 'logGroupIdentifier' failed to satisfy constraint: Member must satisfy "
         r"regular expression pattern: [\w#+=/:,.@-]*"),
        ("PutMetricFilter", {"logGroupName": "g", "filterName": "f", "filterPattern": "", "metricTransformations": []},
         "InvalidParameterException",
         "1 validation error detected: Value '[]' at 'metricTransformations' failed to satisfy constraint: Member must "
         "have length greater than or equal to 1"),
    ],
)  # fmt: skip
def test_words_of_logs(operation: str, params: dict[str, Any], code: str, message: str) -> None:
    """Source: LocalStack's recordings (logs) and moto's `aws_verified` tests."""
    with pytest.raises(AwsError) as error:
        check(_call("logs", operation, params))
    assert (error.value.code, error.value.message) == (code, message)


def test_a_delivery_destination_is_refused_with_its_own_code() -> None:
    """The delivery operations of CloudWatch Logs say ValidationException."""
    with pytest.raises(AwsError) as error:
        check(_call("logs", "PutDeliveryDestination", {"name": "a", "outputFormat": "nothing"}))
    assert error.value.code == "ValidationException"
    assert error.value.message.endswith("enum value set: [w3c, raw, json, plain, parquet]")


def test_members_are_shown_in_their_order_at_aws() -> None:
    """A metric transformation ends with its unit and its dimensions."""
    two = [{"metricName": f"m{number}", "metricNamespace": "n", "metricValue": "1"} for number in (1, 2)]
    given = {"logGroupName": "g", "filterName": "f", "filterPattern": "", "metricTransformations": two}
    with pytest.raises(AwsError) as error:
        check(_call("logs", "PutMetricFilter", given))
    assert "metricValue=1, defaultValue=null, unit=null, dimensions=null), Metric" in error.value.message


def test_a_namespace_with_a_colon_is_accepted() -> None:
    """AWS does not hold metricNamespace to its model's pattern."""
    metric = {"metricName": "m", "metricNamespace": "A.B-c_d/1#2:metricNamespace", "metricValue": "1"}
    given = {"logGroupName": "g", "filterName": "f", "filterPattern": "", "metricTransformations": [metric]}
    check(_call("logs", "PutMetricFilter", given))


def test_unknown_operations() -> None:
    """JSON: UnknownOperationException; query: InvalidAction; both 400."""
    json_error = explain_failure(_call("ecs", "Nope", {}), b"{}")
    query_error = explain_failure(_call("sts", "Nope", {}, "query"), b"")
    assert json_error is not None
    assert query_error is not None
    assert (json_error.code, query_error.code) == ("UnknownOperationException", "InvalidAction")


@pytest.mark.parametrize("arn", ["nothing-valid-in-here", "arn:a:::something/test-role", "arn:a:a::aaaaaaaaaa:"])
def test_a_role_arn_that_is_none(arn: str) -> None:
    """AssumeRole: ValidationError, before anybody asks whether the caller may."""
    with pytest.raises(AwsError) as error:
        sts_checks()["sts", "AssumeRole"]({"RoleArn": arn}, b"")
    assert (error.value.code, error.value.message) == ("ValidationError", f"{arn} is invalid")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"RoleName": "bad name!", "AssumeRolePolicyDocument": "{}"},
         "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the "
         "following: +=,.@_-"),
        ({"RoleName": "rôle", "AssumeRolePolicyDocument": "{}"},
         "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the "
         "following: +=,.@_-"),
        ({"RoleName": "r", "Path": "no-slash", "AssumeRolePolicyDocument": "{}"},
         "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
         "characters and/or / characters."),
        ({"RoleName": "r" * 65, "AssumeRolePolicyDocument": "{}"},
         "1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must "
         "have length less than or equal to 64"),
    ],
)  # fmt: skip
def test_names_and_paths_of_iam(params: dict[str, str], message: str) -> None:
    """Wrong signs have a sentence of IAM's own; a wrong length has the common one (aws-amplify/amplify-cli#9120),
    without the value, as IAM has it of late."""
    with pytest.raises(AwsError) as error:
        check(_call("iam", "CreateRole", params, "query"))
    assert (error.value.code, error.value.message) == ("ValidationError", message)


def test_values_of_the_load_balancers_calls() -> None:
    """A target type that is none is refused; what ELB words otherwise (lengths, names) is left to who answers."""
    with pytest.raises(AwsError) as error:
        check(_call("elasticloadbalancing", "CreateTargetGroup", {"Name": "x" * 40, "TargetType": "other"}, "query"))
    assert (error.value.code, error.value.message) == (
        "ValidationError",
        "1 validation error detected: Value 'other' at 'targetType' failed to satisfy constraint: Member must satisfy "
        "enum value set: [instance, ip, lambda, alb]",
    )
    check(_call("elasticloadbalancing", "CreateTargetGroup", {"Name": "x" * 40, "TargetType": "ip"}, "query"))
    wrong = {"ListenerArn": "a", "Priority": "1", "Conditions": [], "Actions": [{"Type": "forwards"}]}
    with pytest.raises(AwsError, match=r"at 'actions\.1\.member\.type'"):
        check(_call("elasticloadbalancing", "CreateRule", wrong, "query"))


def _document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "Syntax errors in policy."),
        (_document(Action="s3:GetObject"), "Policy statement must contain resources."),
        (_document(Resource="*"), "Policy statement must contain actions."),
        (_document(Action="GetObject", Resource="*"),
         "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (_document(Action="s3:Get:Object", Resource="*"), "Actions/Condition can contain only one colon."),
        (_document(Action="s3:*", Resource="*", Efect="Deny"), "Syntax errors in policy."),
    ],
)  # fmt: skip
def test_a_malformed_policy(document: str, message: str) -> None:
    """MalformedPolicyDocument with one of IAM's fixed sentences."""
    with pytest.raises(AwsError) as error:
        checks("1" * 12, lambda _: True)["iam", "PutRolePolicy"]({"PolicyDocument": document}, b"")
    assert (error.value.code, error.value.message) == ("MalformedPolicyDocument", message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Resource": "*"}, "Has prohibited field Resource"),
    ],
)
def test_a_malformed_trust_policy(change: Mapping[str, Any], message: str) -> None:
    """A trust policy speaks of its own role and of STS."""
    statement = {"Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole", **change}
    with pytest.raises(AwsError) as error:
        checks("1" * 12, lambda _: True)["iam", "CreateRole"]({"AssumeRolePolicyDocument": _document(**statement)}, b"")
    assert error.value.message == message


@pytest.mark.parametrize(
    ("service", "code", "member"),
    [
        ("athena", "InvalidRequestException", "Message"),
        ("glue", "EntityNotFoundException", "Message"),
        ("glue", "AccessDeniedException", "Message"),
        ("firehose", "ResourceNotFoundException", "message"),
        ("ecs", "ClientException", "message"),
        ("", "InternalFailure", "message"),
    ],
)
def test_what_a_service_calls_an_errors_text(service: str, code: str, member: str) -> None:
    """Source: the error shapes of botocore's descriptions. Ours and moto's refusals are alike."""
    ours = json.loads(refusal("json", AwsError(code, "text"), service=service)[2])
    assert ours == {"__type": code, member: "text"}
    moto = json.dumps({"__type": code, "message": "text"}).encode()
    told = finish("json", service, 400, [("Content-Type", "text/html"), ("Content-Length", str(len(moto)))], moto)
    assert json.loads(told[2]) == ours
    assert ("Content-Type", "application/x-amz-json-1.1") in told[1]


def test_members_of_a_new_role(aws: LocalAws) -> None:
    """CreateRole tells neither MaxSessionDuration nor RoleLastUsed, GetRole does; a policy's name is no ARN."""
    iam = aws.client("iam")
    made = iam.create_role(RoleName="words", AssumeRolePolicyDocument=json.dumps(TRUST_TASKS))["Role"]
    assert not {"MaxSessionDuration", "RoleLastUsed"} & set(made)
    assert made["AssumeRolePolicyDocument"] == TRUST_TASKS
    assert iam.get_role(RoleName="words")["Role"]["MaxSessionDuration"] == 3600
    with pytest.raises(ClientError) as error:
        iam.attach_role_policy(RoleName="words", PolicyArn="longpolicynamebutnoarn")
    told = {"Code": "ValidationError", "Message": "Invalid ARN:  Could not be parsed!", "Type": "Sender"}
    assert error.value.response["Error"] == told
    iam.delete_role(RoleName="words")


def test_log_groups_are_found_by_a_part_of_their_name(aws: LocalAws) -> None:
    """logGroupNamePattern is a part of the name, and excludes a prefix; groups tell class and protection."""
    logs = aws.client("logs")
    for name in ("/words/one", "/words/two", "/words/three"):
        logs.create_log_group(logGroupName=name)
    found = logs.describe_log_groups(logGroupNamePattern="rds/t")["logGroups"]
    assert [group["logGroupName"] for group in found] == ["/words/three", "/words/two"]
    assert {group["logGroupClass"] for group in found} == {"STANDARD"}
    listed = logs.describe_log_groups(logGroupNamePrefix="/words/")["logGroups"]
    assert {(group["logGroupClass"], group["deletionProtectionEnabled"]) for group in listed} == {("STANDARD", False)}
    with pytest.raises(ClientError, match="mutually exclusive"):
        logs.describe_log_groups(logGroupNamePattern="rds", logGroupNamePrefix="/words")
    with pytest.raises(ClientError, match="Log group '/gone' does not exist for account ID"):
        logs.start_query(logGroupName="/gone", startTime=0, endTime=1, queryString="fields @message")
    for name in ("/words/one", "/words/two", "/words/three"):
        logs.delete_log_group(logGroupName=name)


def test_a_strategy_takes_the_launch_types_place() -> None:
    """A service made with a capacity provider strategy tells it and no launch type; both together are refused."""
    given = [{"capacityProvider": "FARGATE", "base": 1, "weight": 100}]
    assert parameters.strategy({"capacityProviderStrategy": given}) == {"capacityProviderStrategy": given}

    class Made:
        settings = parameters.strategy({"capacityProviderStrategy": given})

    shown = describe._with_strategy({"launchType": "FARGATE", "status": "ACTIVE"}, Made())  # type: ignore[arg-type]
    assert shown == {"status": "ACTIVE", "capacityProviderStrategy": given}
    with pytest.raises(AwsError, match="Specifying both a launch type and capacity provider strategy"):
        parameters.check_strategy({"launchType": "FARGATE", "capacityProviderStrategy": given})


@pytest.mark.parametrize(
    ("image_id", "code"),
    [
        ({}, "MissingDigestAndTag"),
        ({"imageDigest": "sha256:invalid-digest"}, "InvalidImageDigest"),
        ({"imageDigest": "sha256:" + "0" * 64}, None),
        ({"imageTag": "latest"}, None),
    ],
)
def test_an_image_id_that_names_nothing(image_id: dict[str, str], code: str | None) -> None:
    """BatchGetImage and BatchDeleteImage tell it as a failure of that id."""
    told = unusable_id(image_id)
    assert (told[0] if told else None) == code


def test_a_listed_roles_document_is_encoded_once(aws: LocalAws) -> None:
    """What stands percent-encoded in a trust policy comes back so, from GetRole and ListRoles alike."""
    iam = aws.client("iam")
    condition = {"StringEquals": {"aws:SourceArn": "arn%3Aaws%3Aapigateway"}}
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
    iam.create_role(RoleName="percent", Path="/percent/", AssumeRolePolicyDocument=json.dumps(trust))
    listed = iam.list_roles(PathPrefix="/percent/")["Roles"][0]
    assert listed["AssumeRolePolicyDocument"] == trust
    assert iam.get_role(RoleName="percent")["Role"]["AssumeRolePolicyDocument"] == trust


def test_a_service_linked_role_has_no_description_of_nothing(aws: LocalAws) -> None:
    """AWS tells a description only where one was given. Source: LocalStack's recordings of iam."""
    iam = aws.client("iam")
    name = iam.create_service_linked_role(AWSServiceName="batch.amazonaws.com")["Role"]["RoleName"]
    assert "Description" not in iam.get_role(RoleName=name)["Role"]


def test_an_instance_profile_tells_its_tags(aws: LocalAws) -> None:
    """In the order in which they came; a profile that is not there says so."""
    iam = aws.client("iam")
    iam.create_instance_profile(InstanceProfileName="tagged", Tags=[{"Key": "a", "Value": "1"}])
    iam.tag_instance_profile(InstanceProfileName="tagged", Tags=[{"Key": "b", "Value": "2"}])
    told = iam.list_instance_profile_tags(InstanceProfileName="tagged")
    assert told["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    with pytest.raises(ClientError, match="Instance Profile none cannot be found"):
        iam.list_instance_profile_tags(InstanceProfileName="none")


def test_a_federation_token_without_a_policy_packs_nothing(aws: LocalAws) -> None:
    """PackedPolicySize is 0. Source: LocalStack's recording of sts."""
    assert aws.client("sts").get_federation_token(Name="ann")["PackedPolicySize"] == 0


def test_there_are_no_instances(aws: LocalAws) -> None:
    """RunInstances says what is not here, instead of failing."""
    with pytest.raises(ClientError, match="does not have ec2:RunInstances") as error:
        aws.client("ec2").run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
    assert error.value.response["Error"]["Code"] == "NotImplemented"

"""`aws:ResourceTag/…` in policies: the tags that the resource has at the moment of the call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.identity.resource_tags import ResourceTags
from lab_helpers.local_aws.server import REGION, LocalAws

ACCOUNT = "123456789012"
TASKS = "ecs-tasks.amazonaws.com"
TAGGED = {"Team": "web"}
FIREHOSE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/firehose-tagged"


def permit(aws: LocalAws, key: str, wanted: str, resource: str = "*") -> None:
    """Allow the task role everything on resources whose tag `key` has this value."""
    statement = {
        "Effect": "Allow", "Action": "*", "Resource": resource, "Condition": {"StringEquals": {key: wanted}},
    }  # fmt: skip
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(RoleName="task", PolicyName="by-tag", PolicyDocument=text)


def is_denied(call: Callable[..., Any], **params: Any) -> bool:
    """Whether IAM refuses a call; another refusal is the service's, which IAM let it come to."""
    try:
        call(**params)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
    return False


@pytest.fixture
def group(aws: LocalAws) -> Any:
    """A log group with a tag."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/tagged", tags=TAGGED)
    yield "/tagged"
    logs.delete_log_group(logGroupName="/tagged")


@pytest.mark.parametrize("prefix", ["aws", "logs"])
def test_a_log_groups_tag_decides(aws: LocalAws, task_role: str, group: str, prefix: str) -> None:
    """For the group and its streams; another value, or no tag, does not do."""
    logs = aws.clients.as_role("logs", task_role, "session", TASKS, REGION)
    permit(aws, f"{prefix}:ResourceTag/Team", "web")
    assert not is_denied(logs.describe_log_streams, logGroupName=group)
    assert not is_denied(logs.create_log_stream, logGroupName=group, logStreamName="s")
    permit(aws, f"{prefix}:ResourceTag/Team", "mail")
    assert is_denied(logs.describe_log_streams, logGroupName=group)
    permit(aws, f"{prefix}:ResourceTag/Other", "web")
    assert is_denied(logs.describe_log_streams, logGroupName=group)


def test_a_changed_tag_counts_from_the_next_call_on(aws: LocalAws, task_role: str, group: str) -> None:
    """Tags are read at each call."""
    logs = aws.clients.as_role("logs", task_role, "session", TASKS, REGION)
    permit(aws, "aws:ResourceTag/Team", "web")
    assert not is_denied(logs.describe_log_streams, logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    aws.client("logs").tag_resource(resourceArn=arn, tags={"Team": "mail"})
    assert is_denied(logs.describe_log_streams, logGroupName=group)


def test_the_resources_tag_must_be_the_principals(aws: LocalAws, task_role: str, group: str) -> None:
    """The usual form of access by attributes: a policy variable on one side."""
    logs = aws.clients.as_role("logs", task_role, "session", TASKS, REGION)
    permit(aws, "aws:ResourceTag/Team", "${aws:PrincipalTag/Team}")
    assert is_denied(logs.describe_log_streams, logGroupName=group), "the role has no tag yet"
    aws.client("iam").tag_role(RoleName="task", Tags=[{"Key": "Team", "Value": "web"}])
    assert not is_denied(logs.describe_log_streams, logGroupName=group)


def test_a_tag_as_variable_in_a_resource(aws: LocalAws, task_role: str, group: str) -> None:
    """The tag's value stands in the ARN."""
    logs = aws.clients.as_role("logs", task_role, "session", TASKS, REGION)
    statement = {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:logs:*:*:log-group:/${aws:ResourceTag/Name}*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(RoleName="task", PolicyName="by-tag", PolicyDocument=text)
    assert is_denied(logs.describe_log_streams, logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    aws.client("logs").tag_resource(resourceArn=arn, tags={"Name": "tagged"})
    assert not is_denied(logs.describe_log_streams, logGroupName=group)


def _stream(aws: LocalAws) -> str:
    trusted = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    aws.client("iam").create_role(RoleName="firehose-tagged", AssumeRolePolicyDocument=text)
    made = aws.client("firehose").create_delivery_stream(
        DeliveryStreamName="tagged",
        ExtendedS3DestinationConfiguration={"RoleARN": FIREHOSE_ROLE, "BucketARN": "arn:aws:s3:::tagged"},
        Tags=[{"Key": "Team", "Value": "web"}],
    )
    return str(made["DeliveryStreamARN"])


def _forget_stream(aws: LocalAws) -> None:
    aws.client("firehose").delete_delivery_stream(DeliveryStreamName="tagged")
    aws.client("iam").delete_role(RoleName="firehose-tagged")


def _repository(aws: LocalAws) -> str:
    made = aws.client("ecr").create_repository(repositoryName="tagged", tags=[{"Key": "Team", "Value": "web"}])
    return str(made["repository"]["repositoryArn"])


def _cluster(aws: LocalAws) -> str:
    made = aws.client("ecs").create_cluster(clusterName="tagged", tags=[{"key": "Team", "value": "web"}])
    return str(made["cluster"]["clusterArn"])


def _role(aws: LocalAws) -> str:
    text = json.dumps({"Version": "2012-10-17", "Statement": []})
    made = aws.client("iam").create_role(
        RoleName="tagged", AssumeRolePolicyDocument=text, Tags=[{"Key": "Team", "Value": "web"}]
    )
    return str(made["Role"]["Arn"])


def _secret(aws: LocalAws) -> str:
    tags = [{"Key": "Team", "Value": "web"}]
    return str(aws.client("secretsmanager").create_secret(Name="tagged", SecretString="s", Tags=tags)["ARN"])


def _parameter(aws: LocalAws) -> str:
    tags = [{"Key": "Team", "Value": "web"}]
    aws.client("ssm").put_parameter(Name="/tagged", Value="v", Type="String", Tags=tags)
    return f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/tagged"


def _vpc(aws: LocalAws) -> str:
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Team", "Value": "web"}]}]
    made = aws.client("ec2").create_vpc(CidrBlock="10.77.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/{made}"


def _target_group(aws: LocalAws) -> str:
    vpc = _vpc(aws).rpartition("/")[2]
    made = aws.client("elbv2").create_target_group(
        Name="tagged", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", Tags=[{"Key": "Team", "Value": "web"}]
    )
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def _forget_target_group(aws: LocalAws) -> None:
    elbv2 = aws.client("elbv2")
    group = elbv2.describe_target_groups(Names=["tagged"])["TargetGroups"][0]
    elbv2.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    aws.client("ec2").delete_vpc(VpcId=group["VpcId"])


@pytest.mark.parametrize(
    ("make", "forget"),
    [
        (_stream, _forget_stream),
        (_repository, lambda aws: aws.client("ecr").delete_repository(repositoryName="tagged")),
        (_cluster, lambda aws: aws.client("ecs").delete_cluster(cluster="tagged")),
        (_role, lambda aws: aws.client("iam").delete_role(RoleName="tagged")),
        (_parameter, lambda aws: aws.client("ssm").delete_parameter(Name="/tagged")),
        (_target_group, _forget_target_group),
    ],
)
def test_every_tagged_kind_of_resource(aws: LocalAws, make: Any, forget: Any) -> None:
    """What the service tells to be the resource's tags is found by its ARN."""
    arn = make(aws)
    try:
        assert ResourceTags(aws.clients).of(arn) == TAGGED
    finally:
        forget(aws)


def test_a_secret_and_a_vpc_by_what_calls_name_them_with(aws: LocalAws) -> None:
    """A secret may be named without the end of its ARN."""
    secret, vpc = _secret(aws), _vpc(aws)
    found = ResourceTags(aws.clients)
    try:
        assert found.of(secret) == TAGGED
        assert found.of(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:tagged-??????") == TAGGED
        assert found.of(vpc) == TAGGED
    finally:
        aws.client("secretsmanager").delete_secret(SecretId="tagged", ForceDeleteWithoutRecovery=True)
        aws.client("ec2").delete_vpc(VpcId=vpc.rpartition("/")[2])


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/none",
        f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/c/*",
        f"arn:aws:iam::{ACCOUNT}:role/none",
        "arn:aws:s3:::bucket",
        "nonsense",
    ],
)
def test_no_tags_where_there_is_nothing_to_ask(aws: LocalAws, arn: str) -> None:
    """No such resource, many resources, a service without such tags, no ARN."""
    assert ResourceTags(aws.clients).of(arn) == {}

"""Our handlers' answers are as AWS describes them: no member that AWS does not have, none of another type."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lab_helpers.local_aws.front.model_files import service_model
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.conftest import TRUST_TASKS
from tests.support.answers_by_model import held, problems

GROUP = "/by-model"
OPERATOR = "arn:aws:iam::123456789012:user/lab-operator"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One local AWS for this file."""
    with LocalAws(tmp_path_factory.mktemp("by-model") / "aws", factories=[]) as running:
        yield running


def test_the_measure_finds_what_is_wrong() -> None:
    """A member too many, one of another type, a value that is none, one that is missing."""
    shape = service_model("logs").operation_model("DescribeLogGroups").output_shape
    classes = shape.members["logGroups"].member.members["logGroupClass"].enum
    wrong = {"logGroups": [{"storedBytes": "1", "logGroupClass": "CHEAP", "name": "g"}], "more": 1}
    assert list(problems(shape, wrong)) == [
        ".logGroups[0].storedBytes: '1' is no long",
        f".logGroups[0].logGroupClass: 'CHEAP' is none of {', '.join(classes)}",
        ".logGroups[0].name: LogGroup has no such member",
        ".more: DescribeLogGroupsResponse has no such member",
    ]
    simulated = service_model("iam").operation_model("SimulatePrincipalPolicy").output_shape
    result = {"EvaluationResults": [{"EvalActionName": "s3:GetObject"}]}
    assert list(problems(simulated, result)) == [".EvaluationResults[0].EvalDecision: is missing"]


def test_answers_of_logs(aws: LocalAws) -> None:
    """A group from its making to its deletion, with a query, filters and policies."""
    logs, now = aws.client("logs"), int(time.time())
    with held() as found:
        logs.create_log_group(logGroupName=GROUP)
        logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
        logs.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
        event = {"timestamp": now * 1000, "message": '{"a": 1}'}
        logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=[event])
        logs.describe_log_groups(logGroupNamePrefix=GROUP)
        logs.describe_log_groups(logGroupNamePattern="by-model")
        logs.list_log_groups(logGroupNamePattern="by-model")
        logs.describe_log_streams(logGroupName=GROUP)
        logs.get_log_events(logGroupName=GROUP, logStreamName="s")
        logs.filter_log_events(logGroupName=GROUP, filterPattern="{ $.a = 1 }")
        span = {"startTime": now - 60, "endTime": now + 60}
        query = logs.start_query(logGroupName=GROUP, queryString="fields @message", **span)["queryId"]
        logs.get_query_results(queryId=query)
        logs.describe_queries(logGroupName=GROUP)
        metric = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}
        named = {"logGroupName": GROUP, "filterName": "f"}
        logs.put_metric_filter(**named, filterPattern="", metricTransformations=[metric])
        logs.describe_metric_filters(logGroupName=GROUP)
        logs.delete_metric_filter(**named)
        logs.describe_subscription_filters(logGroupName=GROUP)
        logs.test_metric_filter(filterPattern="a", logEventMessages=["a b"])
        logs.describe_resource_policies()
        logs.describe_export_tasks(taskId="none")
        logs.delete_log_group(logGroupName=GROUP)
    assert found.problems == []
    assert len(found.operations) >= 18


def test_answers_of_iam_and_sts(aws: LocalAws) -> None:
    """Roles, users and policies, the simulator, sessions."""
    iam, sts = aws.client("iam"), aws.client("sts")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    with held() as found:
        role = iam.create_role(RoleName="by-model", AssumeRolePolicyDocument=json.dumps(TRUST_TASKS))["Role"]
        iam.get_user()
        iam.simulate_principal_policy(
            PolicySourceArn=role["Arn"], ActionNames=["s3:GetObject"], PolicyInputList=[document], ResourceArns=["*"],
            PermissionsBoundaryPolicyInputList=[document],
        )  # fmt: skip
        policy = iam.create_policy(PolicyName="by-model", PolicyDocument=document)["Policy"]["Arn"]
        iam.get_policy(PolicyArn=policy)
        iam.get_policy_version(PolicyArn=policy, VersionId="v1")
        iam.attach_role_policy(RoleName="by-model", PolicyArn=policy)
        iam.create_user(UserName="by-model", PermissionsBoundary=policy)
        iam.get_user(UserName="by-model")
        iam.delete_user(UserName="by-model")
        iam.detach_role_policy(RoleName="by-model", PolicyArn=policy)
        iam.delete_policy(PolicyArn=policy)
        iam.delete_role(RoleName="by-model")
        linked = iam.create_service_linked_role(AWSServiceName="batch.amazonaws.com", Description="d")["Role"]
        iam.delete_service_linked_role(RoleName=linked["RoleName"])
        sts.get_caller_identity()
        service = aws.clients.as_service("sts", "ecs-tasks.amazonaws.com", "ap-northeast-1")
        iam.create_role(RoleName="by-model", AssumeRolePolicyDocument=json.dumps(TRUST_TASKS))
        service.assume_role(RoleArn=role["Arn"], RoleSessionName="session")
        iam.delete_role(RoleName="by-model")
    assert found.problems == []
    assert found.operations >= {"iam:SimulatePrincipalPolicy", "iam:CreateServiceLinkedRole", "sts:AssumeRole"}


def test_answers_of_ec2(aws: LocalAws) -> None:
    """What is mended of moto's answers about networks."""
    ec2: Any = aws.client("ec2")
    with held() as found:
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        filters = [{"Name": "vpc-id", "Values": [vpc]}]
        ec2.describe_availability_zones()
        ec2.describe_route_tables(Filters=filters)
        ec2.describe_security_groups(Filters=filters)
        ec2.describe_vpc_endpoint_services()
        ec2.get_security_groups_for_vpc(VpcId=vpc)
        tags = [{"ResourceType": "dhcp-options", "Tags": [{"Key": "a", "Value": "b"}]}]
        made = ec2.create_dhcp_options(
            DhcpConfigurations=[{"Key": "domain-name", "Values": ["lab.internal"]}], TagSpecifications=tags
        )["DhcpOptions"]
        ec2.delete_dhcp_options(DhcpOptionsId=made["DhcpOptionsId"])
        group = ec2.create_security_group(GroupName="a", Description="a", VpcId=vpc)["GroupId"]
        ec2.delete_security_group(GroupId=group)
        ec2.delete_vpc(VpcId=vpc)
    assert found.problems == []
    assert len(found.operations) >= 7

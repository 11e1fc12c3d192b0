"""Members and words of answers that moto gives otherwise: logs, IAM, EC2. As LocalStack recorded them from AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.identity.linked_services import linked_role
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.conftest import TRUST_TASKS

GROUP = "/members"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One local AWS for this file."""
    with LocalAws(tmp_path_factory.mktemp("members") / "aws", factories=[]) as running:
        yield running


@pytest.fixture
def logs(aws: LocalAws) -> Iterator[Any]:
    """A client, and a log group."""
    client = aws.client("logs")
    client.create_log_group(logGroupName=GROUP)
    yield client
    client.delete_log_group(logGroupName=GROUP)


def _refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**params)
    told = error.value.response["Error"]
    return str(told["Code"]), str(told["Message"])


def test_resource_policies_of_logs(logs: Any) -> None:
    """policyScope ACCOUNT; an unknown one in AWS's sentence (test_delete_resource_policy_not_found)."""
    made = logs.put_resource_policy(policyName="members", policyDocument="{}")["resourcePolicy"]
    listed = logs.describe_resource_policies()["resourcePolicies"]
    logs.delete_resource_policy(policyName="members")
    assert {made["policyScope"], *(each["policyScope"] for each in listed)} == {"ACCOUNT"}
    told = _refused(logs.delete_resource_policy, policyName="non-existent")
    assert told == ("ResourceNotFoundException", "Policy with name [non-existent] does not exist.")


def test_one_way_to_name_a_group(logs: Any) -> None:
    """DescribeLogStreams by name and identifier (test_describe_log_streams_with_log_group_identifier)."""
    told = _refused(logs.describe_log_streams, logGroupName=GROUP, logGroupIdentifier=GROUP)
    assert told == ("ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    assert logs.describe_log_streams(logGroupIdentifier=GROUP)["logStreams"] == []


def test_deliveries_and_exports(logs: Any) -> None:
    """No tags in a destination's answer; an unknown export is an empty list; one full stop."""
    where = {"destinationResourceArn": "arn:aws:s3:::bucket"}
    made = logs.put_delivery_destination(name="d", deliveryDestinationConfiguration=where, tags={"a": "b"})
    logs.delete_delivery_destination(name="d")
    assert "tags" not in made["deliveryDestination"]
    assert logs.describe_export_tasks(taskId="00000000-0000-0000-0000-000000000000")["exportTasks"] == []
    told = _refused(logs.get_delivery_source, name="nobody")
    assert told == ("ResourceNotFoundException", "Requested Delivery Source does not exist in this account.")


def test_subscription_filters_tell_what_they_look_at(logs: Any) -> None:
    """applyOnTransformedLogs is there, and false (test_put_subscription_filter_lambda)."""
    from lab_helpers.local_aws.kit.api import ApiRequest, Caller
    from lab_helpers.local_aws.logs.moto_members import table

    known = {"filterName": "f", "filterPattern": ""}
    caller = Caller("operator", "arn:aws:iam::123456789012:user/lab-operator", "123456789012")
    request = ApiRequest(
        "logs", "DescribeSubscriptionFilters", "ap-northeast-1", "123456789012", caller, {"logGroupName": GROUP},
        forward=lambda _: {"subscriptionFilters": [known]},
    )  # fmt: skip
    told = table()["DescribeSubscriptionFilters"](request)
    assert told == {"subscriptionFilters": [{**known, "applyOnTransformedLogs": False}]}
    assert logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"] == []


@pytest.mark.parametrize(
    ("service", "name", "policy"),
    [
        ("ecs.amazonaws.com", "AWSServiceRoleForECS", "AmazonECSServiceRolePolicy"),
        ("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing",
         "AWSElasticLoadBalancingServiceRolePolicy"),
        ("ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService",
         "AWSApplicationAutoscalingECSServicePolicy"),
        ("replication.ecr.amazonaws.com", "AWSServiceRoleForECRReplication", "ECRReplicationServiceRolePolicy"),
    ],
)  # fmt: skip
def test_a_service_has_a_role_of_its_own(aws: LocalAws, service: str, name: str, policy: str) -> None:
    """Name, path, trust policy and attached policy (test_service_role_lifecycle); once an account."""
    iam = aws.client("iam")
    arn = f"arn:aws:iam::aws:policy/aws-service-role/{policy}"
    iam.create_service_linked_role(AWSServiceName=service)
    try:
        role = iam.get_role(RoleName=name)["Role"]
        assert role["Arn"] == f"arn:aws:iam::123456789012:role/aws-service-role/{service}/{name}"
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        assert role["AssumeRolePolicyDocument"]["Statement"] == [statement]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        assert attached == [{"PolicyName": policy, "PolicyArn": arn}]
        taken = f"Service role name {name} has been taken in this account, please try a different suffix."
        assert _refused(iam.create_service_linked_role, AWSServiceName=service) == ("InvalidInput", taken)
    finally:
        task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/{service}/{name}/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def test_suffixes_of_service_linked_roles(aws: LocalAws) -> None:
    """Where a service may have several (test_service_role_lifecycle_custom_suffix), and refused elsewhere."""
    iam = aws.client("iam")
    made = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="lab")["Role"]
    iam.delete_service_linked_role(RoleName=made["RoleName"])
    assert made["RoleName"] == "AWSServiceRoleForAutoScaling_lab"
    told = _refused(iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com", CustomSuffix="lab")
    assert told == ("InvalidInput", "Custom suffix is not allowed for ecs.amazonaws.com")
    assert linked_role("nobody.amazonaws.com") is None
    gone = _refused(iam.delete_service_linked_role, RoleName="AWSServiceRoleForECS")
    assert gone == ("NoSuchEntity", "The role with name AWSServiceRoleForECS cannot be found.")


def test_who_asks_for_no_user_in_particular(aws: LocalAws) -> None:
    """GetUser without a name is about the caller; a role is none (test_get_user_without_username_as_role)."""
    iam = aws.client("iam")
    user = iam.get_user()["User"]
    identity = aws.client("sts").get_caller_identity()
    assert (user["Arn"], user["UserId"], user["UserName"]) == (identity["Arn"], identity["UserId"], "lab-operator")
    arn = iam.create_role(RoleName="members", AssumeRolePolicyDocument=json.dumps(TRUST_TASKS))["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName="members", PolicyName="own", PolicyDocument=document)
    as_role = aws.clients.as_role("iam", arn, "session", "ecs-tasks.amazonaws.com", "us-east-1")
    told = _refused(as_role.get_user)
    iam.delete_role_policy(RoleName="members", PolicyName="own")
    iam.delete_role(RoleName="members")
    assert told == ("ValidationError", "Must specify userName when calling with non-User credentials")


def test_policies_of_iam(aws: LocalAws) -> None:
    """A new policy is no boundary of anybody; one that is not there is named with AWS's words."""
    iam = aws.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    made = iam.create_policy(PolicyName="members", PolicyDocument=document)["Policy"]
    iam.delete_policy(PolicyArn=made["Arn"])
    assert made["PermissionsBoundaryUsageCount"] == 0
    told = _refused(iam.delete_policy, PolicyArn=made["Arn"])
    assert told == ("NoSuchEntity", f"Policy {made['Arn']} was not found.")


def test_networks(aws: LocalAws) -> None:
    """A zone's long name, route tables' propagating gateways, the groups of a VPC."""
    ec2 = aws.client("ec2")
    assert ec2.describe_availability_zones()["AvailabilityZones"][0]["GroupLongName"] == "Asia Pacific (Tokyo) 1"
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    (group,) = ec2.get_security_groups_for_vpc(VpcId=vpc)["SecurityGroupForVpcs"]
    ec2.delete_vpc(VpcId=vpc)
    assert table["PropagatingVgws"] == []
    assert (group["GroupName"], group["PrimaryVpcId"]) == ("default", vpc)

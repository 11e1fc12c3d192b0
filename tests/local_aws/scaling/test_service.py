"""Targets, tags, policies with their alarms, and a policy that scales a service of the local ECS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Caller
from lab_helpers.local_aws.kit.clock import SystemClock
from lab_helpers.local_aws.scaling.service import ScalingService
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.ecs.kit import eventually

SERVICE = "service/scaled/web"
OF_SERVICE = {"ServiceNamespace": "ecs", "ResourceId": SERVICE, "ScalableDimension": "ecs:service:DesiredCount"}
QUEUE = {"MetricName": "Backlog", "Namespace": "Shop", "Statistic": "Average"}
TRACKING = {"TargetValue": 10.0, "CustomizedMetricSpecification": QUEUE, "ScaleInCooldown": 0, "ScaleOutCooldown": 0}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A whole local AWS with a service that has no task yet."""
    with LocalAws(tmp_path_factory.mktemp("aws")) as running:
        ec2, ecs = running.client("ec2"), running.client("ecs")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        ecs.create_cluster(clusterName="scaled")
        ecs.register_task_definition(
            family="web", networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"],
            containerDefinitions=[{"name": "web", "image": "public.ecr.aws/docker/library/httpd:2.4"}],
        )  # fmt: skip
        ecs.create_service(
            cluster="scaled", serviceName="web", taskDefinition="web", desiredCount=0, launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}},
        )  # fmt: skip
        yield running


@pytest.fixture
def scaling(aws: LocalAws) -> Iterator[Any]:
    """A target between one and four; policies and all go with it."""
    client = aws.client("application-autoscaling")
    client.register_scalable_target(**OF_SERVICE, MinCapacity=1, MaxCapacity=4)
    yield client
    client.deregister_scalable_target(**OF_SERVICE)
    assert client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    assert aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"] == []


def put(scaling: Any, **settings: Any) -> dict[str, Any]:
    answer: dict[str, Any] = scaling.put_scaling_policy(
        **OF_SERVICE, PolicyName="backlog", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={**TRACKING, **settings},
    )  # fmt: skip
    return answer


def test_a_tracking_policy_has_two_alarms(aws: LocalAws, scaling: Any) -> None:
    """Three minutes of too much, fifteen of too little; the policy tells them; another version has others."""
    made = put(scaling)["Alarms"]
    cloudwatch = aws.client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNamePrefix=f"TargetTracking-{SERVICE}-")["MetricAlarms"]
    assert [each["AlarmName"] for each in found] == [each["AlarmName"] for each in made]
    told = [
        (each["ComparisonOperator"], each["Threshold"], each["EvaluationPeriods"], each["Period"], each["MetricName"])
        for each in found
    ]
    assert told == [("GreaterThanThreshold", 10.0, 3, 60, "Backlog"), ("LessThanThreshold", 9.0, 15, 60, "Backlog")]
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert policy["Alarms"] == made
    changed = put(scaling, TargetValue=20.0, DisableScaleIn=True)["Alarms"]
    left = cloudwatch.describe_alarms(AlarmNamePrefix=f"TargetTracking-{SERVICE}-")["MetricAlarms"]
    assert [(each["AlarmName"], each["Threshold"]) for each in left] == [(changed[0]["AlarmName"], 20.0)]


def test_a_change_need_not_say_the_type_again(aws: LocalAws, scaling: Any) -> None:
    """Its alarms are those of the changed policy."""
    put(scaling)
    scaling.put_scaling_policy(
        **OF_SERVICE, PolicyName="backlog",
        TargetTrackingScalingPolicyConfiguration={**TRACKING, "TargetValue": 30.0, "DisableScaleIn": True},
    )  # fmt: skip
    (alarm,) = aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
    assert alarm["Threshold"] == 30.0


def test_a_metric_that_there_is_not(scaling: Any) -> None:
    """Nothing is made of such a policy."""
    predefined = {"PredefinedMetricType": "RDSReaderAverageCPUUtilization"}
    with pytest.raises(ClientError, match="Unsupported metric type"):
        scaling.put_scaling_policy(
            **OF_SERVICE, PolicyName="wrong", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": 1.0, "PredefinedMetricSpecification": predefined},
        )  # fmt: skip
    assert scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []


@pytest.mark.timeout(90)
def test_the_desired_count_follows_the_metric(aws: LocalAws, scaling: Any) -> None:
    """Three minutes above the target: out to the most; the activity tells which alarm and policy did it."""
    cloudwatch, ecs = aws.client("cloudwatch"), aws.client("ecs")
    ecs.update_service(cluster="scaled", service="web", desiredCount=0)
    begin = datetime.now(UTC).replace(second=0, microsecond=0)
    data = [
        {"MetricName": "Backlog", "Timestamp": begin - timedelta(minutes=minute, seconds=-5), "Value": 35.0}
        for minute in (1, 2, 3, 4, 5)
    ]
    cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
    high = put(scaling)["Alarms"][0]["AlarmName"]

    def desired() -> int:
        return int(ecs.describe_services(cluster="scaled", services=["web"])["services"][0]["desiredCount"])

    eventually(lambda: desired() > 0, lambda: cloudwatch.describe_alarms(AlarmNames=[high])["MetricAlarms"], 60)
    assert desired() == 1  # of nothing a ratio makes nothing: the least that the target allows
    (activity,) = scaling.describe_scaling_activities(ServiceNamespace="ecs", ResourceId=SERVICE)["ScalingActivities"]
    assert activity["Description"] == "Setting desired count to 1."
    assert activity["Cause"] == f"monitor alarm {high} in state ALARM triggered policy backlog"
    ecs.update_service(cluster="scaled", service="web", desiredCount=0)


def test_a_scalable_target_is_a_service_of_the_local_ecs() -> None:
    """RegisterScalableTarget finds the services that there are, and refuses others as AWS does."""

    class Ecs:
        def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
            there = cluster == "lab" and services == ["httpd"]
            return {"services": [{"status": "ACTIVE"}] if there else []}

        def as_service(self, *_: str) -> Ecs:
            return self

        def leave_services_to_us(self) -> None:
            """moto is asked for nothing here."""

        def scaling_regions(self) -> list[str]:
            return []

        def scalable_target_tags(self, _: str, arn: str) -> dict[str, str] | None:
            return kept if arn == "t" else None

    targets = ScalingService(Ecs(), Ecs(), SystemClock())  # type: ignore[arg-type]
    register = targets.overrides()["application-autoscaling", "RegisterScalableTarget"]

    def asked(resource: str) -> ApiRequest:
        params = {"ServiceNamespace": "ecs", "ResourceId": resource}
        caller = Caller("operator", "arn:aws:iam::111111111111:root", "111111111111")
        return ApiRequest("application-autoscaling", "RegisterScalableTarget", "r", "1", caller, params)

    kept: dict[str, str] = {}
    assert register(asked("service/lab/httpd")) == {}
    with pytest.raises(AwsError, match="ECS service doesn't exist: service/lab/gone"):
        register(asked("service/lab/gone"))

    def told(operation: str, **params: Any) -> Any:
        request = replace(asked(""), operation=operation, params=params)
        return targets.overrides()["application-autoscaling", operation](request)

    made = replace(asked("service/lab/httpd"), forward=lambda _: {"ScalableTargetARN": "t"})
    register(replace(made, params={**made.params, "Tags": {"team": "logs"}}))
    told("TagResource", ResourceARN="t", Tags={"a": "1", "b": "2"})
    told("UntagResource", ResourceARN="t", TagKeys=["a"])
    assert told("ListTagsForResource", ResourceARN="t") == {"Tags": {"team": "logs", "b": "2"}}
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        told("ListTagsForResource", ResourceARN="u")

"""A lab on the posed account, made by API calls: quick, and with what Terraform's state would not know."""

from __future__ import annotations

import json
import time
from typing import Any

import pandas as pd

from lab_helpers.account.inventory import LabNames
from lab_helpers.base.clients import Clients

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
CONTAINER = {"name": "httpd", "image": "httpd", "memory": 128}


def tags(names: LabNames, expires: str, owner: str = "ann") -> dict[str, str]:
    """The tags of terraform/provider.tf."""
    return {"Lab": names.prefix, "Owner": owner, "Expires": expires, "ManagedBy": "terraform"}


def pairs(given: dict[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in given.items()]


def make(clients: Clients, names: LabNames, expires: str = "2026-01-31") -> None:
    """Make one of nearly everything that a lab has, in the order of Terraform."""
    given = tags(names, expires)
    _network(clients.client("ec2"), clients.client("elbv2"), names, given)
    make_places(clients, names, given)
    _stream(clients.client("firehose"), names, given)
    clients.client("ecr").create_repository(repositoryName=f"{names.prefix}-fluentbit", tags=pairs(given))
    clients.client("glue").create_database(DatabaseInput={"Name": names.database})
    clients.client("cloudwatch").put_metric_alarm(
        AlarmName=names.alarm,
        Namespace="AWS/Firehose",
        MetricName="DeliveryToS3.DataFreshness",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=900,
        ComparisonOperator="GreaterThanThreshold",
    )
    ecs = clients.client("ecs")
    ecs.create_cluster(clusterName=names.cluster, tags=pairs(given, "key", "value"))
    for family in (f"{names.prefix}-httpd", f"{names.prefix}-drill-nothing-arrives"):
        ecs.register_task_definition(family=family, containerDefinitions=[CONTAINER])


def make_places(clients: Clients, names: LabNames, given: dict[str, str] | None = None) -> None:
    """Make what logs go to, and the roles that write them."""
    _roles(clients.client("iam"), names)
    for bucket in names.buckets:
        _bucket(clients.client("s3"), bucket, names.region)
    logs = clients.client("logs")
    for group in (names.log_group, f"{names.log_group}/httpd"):
        logs.create_log_group(logGroupName=group, **({"tags": given} if given else {}))
    logs.create_log_stream(logGroupName=names.log_group, logStreamName="kinesis_error")


def _network(ec2: Any, elbv2: Any, names: LabNames, given: dict[str, str]) -> None:
    tagged = [{"ResourceType": "vpc", "Tags": pairs(given)}]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged)["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{names.region}{zone}")["Subnet"]["SubnetId"]
        for zone, cidr in (("a", "10.0.11.0/24"), ("c", "10.0.12.0/24"))
    ]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[0])
    alb, tasks = (
        ec2.create_security_group(GroupName=f"{names.prefix}-{kind}-sg", Description="x", VpcId=vpc)["GroupId"]
        for kind in ("alb", "ecs")
    )
    from_alb = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": alb}]}
    ec2.authorize_security_group_ingress(GroupId=tasks, IpPermissions=[from_alb])
    elbv2.create_load_balancer(Name=f"{names.prefix}-alb", Subnets=subnets, SecurityGroups=[alb], Tags=pairs(given))
    elbv2.create_target_group(Name=f"{names.prefix}-alb-tg", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")


def _roles(iam: Any, names: LabNames) -> None:
    for role in names.roles:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=json.dumps(allow))


def _bucket(s3: Any, bucket: str, region: str) -> None:
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "Lab", "Value": "ann"}]})


def fill_versioned(s3: Any, bucket: str) -> None:
    """Give a bucket old versions, a delete marker and an unfinished upload."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        s3.put_object(Bucket=bucket, Key="2026/11/22/10/one", Body=body)
    s3.delete_object(Bucket=bucket, Key="2026/11/22/10/one")
    s3.create_multipart_upload(Bucket=bucket, Key="unfinished")


def _stream(firehose: Any, names: LabNames, given: dict[str, str]) -> None:
    firehose.create_delivery_stream(
        DeliveryStreamName=f"{names.prefix}-kinesis-firehose",
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            "RoleARN": f"arn:aws:iam::{names.account}:role/{names.prefix}-firehose-role",
            "BucketARN": f"arn:aws:s3:::{names.buckets[-1]}",
        },
        Tags=pairs(given),
    )


def use(clients: Clients, names: LabNames) -> None:
    """Do what the notebooks do: a service, the image, the logs, the stream, a query."""
    ecs = clients.client("ecs")
    ecs.list_services(cluster=names.cluster)
    ecs.describe_task_definition(taskDefinition=f"{names.prefix}-httpd")
    clients.client("ecr").get_authorization_token()
    logs, group = clients.client("logs"), f"{names.log_group}/httpd"
    logs.filter_log_events(logGroupName=group)
    logs.put_retention_policy(logGroupName=group, retentionInDays=14)
    query = logs.start_query(logGroupName=group, startTime=0, endTime=1, queryString="fields @message")
    logs.get_query_results(queryId=query["queryId"])
    clients.client("s3").list_objects_v2(Bucket=names.buckets[-1])
    clients.client("firehose").describe_delivery_stream(DeliveryStreamName=f"{names.prefix}-kinesis-firehose")


def milliseconds() -> int:
    """The time as CloudWatch Logs wants it."""
    return int(time.time() * 1000)


def sent() -> pd.DataFrame:
    """One request, as traffic.send returns them."""
    return pd.DataFrame({"id": ["one"], "status": [200], "sent_at": [pd.Timestamp.now("UTC")]})


class Outputs:
    """What arrivals asks of Terraform's outputs."""

    log_group = "/ecs/ann"
    log_bucket = "ann-logs"

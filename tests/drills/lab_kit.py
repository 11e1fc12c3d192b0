"""A lab without Terraform: a local AWS in a process of its own, and what the drills need of it, made by boto3."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings
from lab_helpers.lab import Lab, Notes
from lab_helpers.terraform import LabOutputs

ACCOUNT = "123456789012"
CLUSTER, SERVICE, REPOSITORY, BUCKET = "t-cluster", "t-httpd", "t-ecr", "t-logs"
EXECUTION_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
LOGS = ["CreateLogStream", "CreateLogGroup", "DescribeLogStreams", "PutLogEvents", "PutRetentionPolicy"]


def settings(home: Path) -> Settings:
    """Return settings whose programs are the lab's own, so that every machine runs the same."""
    return Settings(prefix="drill-test", home=home, router="builtin", httpd="builtin")


def make_lab(backend: LocalBackend, home: Path, name: str) -> Lab:
    """Return a lab with notes of its own: drills may then run side by side."""
    return Lab(settings(home), backend, Notes(home / "notes" / name, backend.identity()), _outputs=_outputs(backend))


def build(backend: LocalBackend) -> None:
    """Make network, roles, repository, bucket, log group, and a service that runs no task."""
    ecs = backend.client("ecs")
    ecs.create_cluster(clusterName=CLUSTER)
    _make_roles(backend)
    backend.client("ecr").create_repository(repositoryName=REPOSITORY)
    backend.client("logs").create_log_group(logGroupName=settings(Path()).log_group)
    region = {"LocationConstraint": "ap-northeast-1"}
    backend.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=region)
    ecs.create_service(
        cluster=CLUSTER,
        serviceName=SERVICE,
        taskDefinition=_definition(ecs),
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": _subnets(backend.client("ec2"))}},
    )


def _definition(ecs: Any) -> str:
    made = ecs.register_task_definition(
        family="t",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "httpd", "image": "httpd:latest", "essential": True}],
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def _subnets(ec2: Any) -> list[str]:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.11.0/24", AvailabilityZone="ap-northeast-1a")
    return [str(made["Subnet"]["SubnetId"])]


def _make_roles(backend: LocalBackend) -> None:
    iam = backend.client("iam")
    for name, service in (("task", "ecs-tasks"), ("exec", "ecs-tasks"), ("firehose", "firehose")):
        trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName=f"t-{name}", AssumeRolePolicyDocument=_document(trust))
    iam.attach_role_policy(RoleName="t-exec", PolicyArn=EXECUTION_POLICY)
    logs = {"Effect": "Allow", "Action": [f"logs:{action}" for action in LOGS], "Resource": "*"}
    iam.put_role_policy(RoleName="t-task", PolicyName="p", PolicyDocument=_document(logs))
    s3 = {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}
    iam.put_role_policy(RoleName="t-firehose", PolicyName="p", PolicyDocument=_document(s3, logs))


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _outputs(backend: LocalBackend) -> LabOutputs:
    found = backend.client("ecr").describe_repositories(repositoryNames=[REPOSITORY])["repositories"][0]
    role = f"arn:aws:iam::{ACCOUNT}:role/t-"
    known = {
        "cluster_name": CLUSTER,
        "service_name": SERVICE,
        "repository_name": REPOSITORY,
        "repository_url": found["repositoryUri"],
        "log_bucket": BUCKET,
        "log_group": settings(Path()).log_group,
        "task_role_arn": f"{role}task",
        "execution_role_arn": f"{role}exec",
        "firehose_role_arn": f"{role}firehose",
    }
    return LabOutputs(**{field.name: known.get(field.name, "none") for field in fields(LabOutputs)})

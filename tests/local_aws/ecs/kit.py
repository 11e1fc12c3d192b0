"""A local AWS with ECS and what a task needs around it, for tests through the API."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab_helpers.local_aws.ecr import EcrService
from lab_helpers.local_aws.ecs import EcsService
from lab_helpers.local_aws.kit.service import Runtimes
from lab_helpers.local_aws.server import LocalAws

CLUSTER = "lab"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NO_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
AWSLOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "/test", "awslogs-region": "ap-northeast-1", "awslogs-stream-prefix": "p"},
}
ROUTER = {
    "name": "log_router",
    "image": "amazon/aws-for-fluent-bit:latest",
    "essential": True,
    "memoryReservation": 50,
    "logConfiguration": AWSLOGS,
    "firelensConfiguration": {"type": "fluentbit"},
}
ANSWER_S = 20.0


def httpd(**options: str) -> dict[str, Any]:
    """Return the article's httpd container, with awsfirelens log options."""
    return {
        "name": "httpd",
        "image": "httpd:latest",
        "essential": True,
        "portMappings": [{"containerPort": 80, "protocol": "tcp"}],
        "logConfiguration": {"logDriver": "awsfirelens", "options": options},
    }


def shell(script: str, name: str = "sh", **rest: Any) -> dict[str, Any]:
    """Return a container that runs a shell script and logs to /test."""
    command = ["sh", "-c", script]
    return {
        "name": name,
        "image": "busybox",
        "essential": True,
        "command": command,
        "logConfiguration": AWSLOGS,
        **rest,
    }


class Stand:
    """One running local AWS with a cluster, two subnets in two zones, roles and a log group."""

    families = 0  # moto keeps task definitions for the whole process

    def __init__(self, folder: Path, httpd_runtime: str = "builtin") -> None:
        self.aws = LocalAws(folder, runtimes=Runtimes(httpd=httpd_runtime), factories=[EcrService, EcsService])
        self._roles: list[str] = []

    def __enter__(self) -> Stand:
        self.aws.__enter__()
        self.ecs, self.logs = self.aws.client("ecs"), self.aws.client("logs")
        self.ecr = self.aws.client("ecr")
        self.ec2, self.iam, self.elbv2 = self.aws.client("ec2"), self.aws.client("iam"), self.aws.client("elbv2")
        self.add_role("task", TRUST, ALLOW)
        self.add_role("exec", TRUST, ALLOW)
        self.add_role("distrusting", NO_TRUST, ALLOW)
        self.add_role("powerless", TRUST, None)
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self._subnet("10.0.11.0/24", "1a"), self._subnet("10.0.12.0/24", "1c")]
        self.ecs.create_cluster(clusterName=CLUSTER)
        self.logs.create_log_group(logGroupName="/test")
        return self

    def __exit__(self, *exc_info: object) -> None:
        # moto's state is one for the whole process: the next module makes all of it again.
        for each in self.logs.describe_log_groups()["logGroups"]:
            self.logs.delete_log_group(logGroupName=each["logGroupName"])
        for name in self._roles:
            for policy in self.iam.list_role_policies(RoleName=name)["PolicyNames"]:
                self.iam.delete_role_policy(RoleName=name, PolicyName=policy)
            self.iam.delete_role(RoleName=name)
        self.aws.__exit__(*exc_info)

    def add_role(self, short: str, trust: dict[str, Any], policy: dict[str, Any] | None) -> None:
        name = role(short).rsplit("/", 1)[-1]
        self._roles.append(name)
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        if policy:
            self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))

    def _subnet(self, cidr: str, zone: str) -> str:
        made = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=f"ap-northeast-{zone}")
        return str(made["Subnet"]["SubnetId"])

    def define(self, *containers: dict[str, Any], **rest: Any) -> str:
        """Register a task definition of a new family and return its ARN."""
        Stand.families += 1
        defaults = {
            "family": f"family{Stand.families}",
            "taskRoleArn": role("task"),
            "executionRoleArn": role("exec"),
            "cpu": "256",
            "memory": "512",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
        }
        made = self.ecs.register_task_definition(**{**defaults, **rest}, containerDefinitions=list(containers))
        return str(made["taskDefinition"]["taskDefinitionArn"])

    @property
    def network(self) -> dict[str, Any]:
        return {"awsvpcConfiguration": {"subnets": self.subnets}}

    def run(self, definition: str, **rest: Any) -> str:
        """Run one task and return its ARN."""
        made = self.ecs.run_task(
            cluster=CLUSTER, taskDefinition=definition, launchType="FARGATE", networkConfiguration=self.network, **rest
        )
        return str(made["tasks"][0]["taskArn"])

    def serve(self, name: str, definition: str, count: int = 1, **rest: Any) -> dict[str, Any]:
        """Create a service."""
        made = self.ecs.create_service(
            cluster=CLUSTER, serviceName=name, taskDefinition=definition, desiredCount=count, launchType="FARGATE",
            networkConfiguration=self.network, **rest,
        )  # fmt: skip
        return dict(made["service"])

    def task(self, arn: str) -> dict[str, Any]:
        return dict(self.ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"][0])

    def service(self, name: str) -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster=CLUSTER, services=[name])["services"][0])

    def tasks(self, service: str, status: str = "RUNNING") -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster=CLUSTER, serviceName=service, desiredStatus=status)["taskArns"]
        return list(self.ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"]) if arns else []

    def stopped(self, arn: str) -> dict[str, Any]:
        """Wait until the task has stopped and return it."""
        eventually(lambda: self.task(arn)["lastStatus"] == "STOPPED", lambda: self.task(arn))
        return self.task(arn)

    def steady(self, name: str) -> dict[str, Any]:
        """Wait until the service has one completed deployment and return it."""

        def done() -> bool:
            deployments = self.service(name)["deployments"]
            return len(deployments) == 1 and deployments[0]["rolloutState"] == "COMPLETED"

        eventually(done, lambda: self.service(name))
        return self.service(name)

    def gone(self, name: str) -> None:
        """Delete the service and wait until it is inactive."""
        self.ecs.delete_service(cluster=CLUSTER, service=name, force=True)
        eventually(lambda: self.service(name)["status"] == "INACTIVE", lambda: self.service(name))

    def events(self, name: str) -> list[str]:
        return [each["message"] for each in reversed(self.service(name)["events"])]

    def messages(self, group: str, stream: str) -> list[str]:
        """Return a stream's messages."""
        answer = self.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
        return [each["message"] for each in answer["events"]]

    def log_records(self) -> dict[str, Any]:
        """Return what ECS says of its tasks' log lines: tasks, totals."""
        return dict(self.aws.status()["services"]["ecs"]["log_records"])

    def stream_of(self, arn: str, container: str = "sh") -> str:
        return f"p/{container}/{arn.rsplit('/', 1)[-1]}"


def role(short: str) -> str:
    """Return the ARN of one of the stand's roles."""
    return f"arn:aws:iam::123456789012:role/ecs-test-{short}"


def eventually(condition: Callable[[], bool], seen: Callable[[], object], timeout_s: float = ANSWER_S) -> None:
    """Wait until `condition` holds; fail with what `seen` returns."""
    pause = threading.Event()
    for _ in range(int(timeout_s / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError(f"not within {timeout_s:.0f} s; seen: {seen()}")

"""The article's stack, made by boto3 instead of Terraform; `remove` takes it away in the order that AWS asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab_helpers import images
from tests.integration import network, policies
from tests.integration.target import Target

CONTEXT = Path(__file__).resolve().parents[2] / "fluentbit"
EXTRA_CONF = "/fluent-bit/etc/extra.conf"
PUBLIC = "public.ecr.aws/docker/library"
"""Docker's official images in Amazon's registry: Docker Hub limits pulls."""
BUFFER_S = 1
ERRORS = "kinesis_error"
SIDECAR = "httpd-sidecar"


@dataclass
class Stack:
    """Two httpd tasks behind a load balancer, their log router, CloudWatch Logs, Firehose and S3."""

    target: Target
    prefix: str
    net: network.Network | None = None
    repository_url: str = ""
    balancer_arn: str = ""
    target_group_arn: str = ""
    listener_arn: str = ""
    url: str = ""
    digest: str = ""
    roles: dict[str, str] = field(default_factory=dict)

    @property
    def log_group(self) -> str:
        return f"/ecs/{self.prefix}"

    @property
    def httpd_log_group(self) -> str:
        return f"{self.log_group}/httpd"

    @property
    def bucket(self) -> str:
        return f"{self.prefix}-logs-{self.target.account}-{self.target.region}"

    @property
    def stream_arn(self) -> str:
        return f"arn:aws:firehose:{self.target.region}:{self.target.account}:deliverystream/{self.prefix}"

    @property
    def log_group_arn(self) -> str:
        return f"arn:aws:logs:{self.target.region}:{self.target.account}:log-group:{self.log_group}"

    @property
    def network_configuration(self) -> dict[str, Any]:
        net = self.made_network
        config = {"subnets": list(net.subnets), "securityGroups": [net.task_group], "assignPublicIp": "ENABLED"}
        return {"awsvpcConfiguration": config}

    @property
    def made_network(self) -> network.Network:
        assert self.net is not None, "build() comes first"
        return self.net

    def role(self, short: str) -> str:
        """Return the name of the role task, exec or firehose."""
        return f"{self.prefix}-{short}"

    def build(self) -> None:
        """Make everything, and wait until the service is steady and both of its targets are healthy."""
        self.net = network.build(self.target.client("ec2"), self.prefix, self.target.region)
        self._make_roles()
        self._make_logs_and_delivery()
        self._make_image()
        self._make_balancer()
        ecs = self.target.client("ecs")
        ecs.create_cluster(clusterName=self.prefix)
        self.register("httpd", *self.containers())
        self.serve("httpd", self.family("httpd"), 2, loadBalancers=[self._load_balancer()])
        self.steady("httpd")
        self.target.wait(self.healthy_targets, "two healthy targets", done=lambda found: len(found) == 2)

    def family(self, short: str) -> str:
        return f"{self.prefix}-{short}"

    def containers(self, image: str = "") -> list[dict[str, Any]]:
        """Return the article's two containers (terraform/httpd/container_definitions.json)."""
        variables = {
            "AWS_REGION": self.target.region,
            "DELIVERY_STREAM": self.prefix,
            "HTTPD_LOG_GROUP": self.httpd_log_group,
        }
        options = {"config-file-type": "file", "config-file-value": EXTRA_CONF}
        router = {
            "name": "log_router",
            "image": image or f"{self.repository_url}:latest",
            "essential": True,
            "memoryReservation": 50,
            "environment": [{"name": name, "value": value} for name, value in variables.items()],
            "logConfiguration": self.awslogs(SIDECAR),
            "firelensConfiguration": {"type": "fluentbit", "options": options},
        }
        httpd = {
            "name": "httpd",
            "image": f"{PUBLIC}/httpd:latest",
            "essential": True,
            "memoryReservation": 100,
            "portMappings": [{"protocol": "tcp", "containerPort": 80}],
            "logConfiguration": {"logDriver": "awsfirelens"},
        }
        return [httpd, router]

    def shell(self, script: str, **rest: Any) -> dict[str, Any]:
        """Return a container that runs a shell script and logs to the stack's group, stream sh/sh/<task id>."""
        command = ["sh", "-c", script]
        made = {"name": "sh", "image": f"{PUBLIC}/busybox:latest", "essential": True, "command": command}
        return {**made, "logConfiguration": self.awslogs("sh"), **rest}

    def awslogs(self, prefix: str) -> dict[str, Any]:
        options = {"awslogs-group": self.log_group, "awslogs-region": self.target.region}
        return {"logDriver": "awslogs", "options": {**options, "awslogs-stream-prefix": prefix}}

    def register(self, short: str, *containers: dict[str, Any]) -> str:
        """Register a task definition and return its ARN."""
        made = self.target.client("ecs").register_task_definition(
            family=self.family(short), networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256",
            memory="512", taskRoleArn=self.roles["task"], executionRoleArn=self.roles["exec"],
            containerDefinitions=list(containers),
        )  # fmt: skip
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def serve(self, name: str, definition: str, count: int, **rest: Any) -> None:
        """Create a service."""
        self.target.client("ecs").create_service(
            cluster=self.prefix, serviceName=name, taskDefinition=definition, desiredCount=count, launchType="FARGATE",
            platformVersion="1.4.0", networkConfiguration=self.network_configuration, **rest,
        )  # fmt: skip

    def run(self, definition: str) -> str:
        """Run one task and return its ARN."""
        made = self.target.client("ecs").run_task(
            cluster=self.prefix, taskDefinition=definition, launchType="FARGATE",
            networkConfiguration=self.network_configuration,
        )  # fmt: skip
        assert made["failures"] == []
        return str(made["tasks"][0]["taskArn"])

    def service(self, name: str) -> dict[str, Any]:
        found = self.target.client("ecs").describe_services(cluster=self.prefix, services=[name])["services"]
        return dict(found[0])

    def task(self, arn: str) -> dict[str, Any]:
        return dict(self.target.client("ecs").describe_tasks(cluster=self.prefix, tasks=[arn])["tasks"][0])

    def tasks(self, service: str, status: str = "RUNNING") -> list[dict[str, Any]]:
        """Return a service's tasks by their desired status."""
        ecs = self.target.client("ecs")
        arns = ecs.list_tasks(cluster=self.prefix, serviceName=service, desiredStatus=status)["taskArns"]
        return list(ecs.describe_tasks(cluster=self.prefix, tasks=arns)["tasks"]) if arns else []

    def events(self, name: str) -> list[str]:
        """Return a service's events, oldest first."""
        return [each["message"] for each in reversed(self.service(name)["events"])]

    def steady(self, name: str, timeout_s: float = 40.0) -> None:
        """Wait until a service has one completed deployment and as many tasks as it wants."""

        def is_steady(service: dict[str, Any]) -> bool:
            only = service["deployments"][0] if len(service["deployments"]) == 1 else {}
            return only.get("rolloutState") == "COMPLETED" and service["runningCount"] == service["desiredCount"]

        self.target.wait(lambda: self.service(name), f"service {name}", done=is_steady, timeout_s=timeout_s)

    def is_running(self, arn: str) -> None:
        """Wait until a task runs; a task that stops instead ends the wait too."""
        last = self.target.wait(
            lambda: self.task(arn), f"task {arn}", done=lambda task: task["lastStatus"] in {"RUNNING", "STOPPED"}
        )
        assert last["lastStatus"] == "RUNNING", last["stoppedReason"]

    def stopped(self, arn: str) -> dict[str, Any]:
        """Wait until a task has stopped and return it."""
        return self.target.wait(
            lambda: self.task(arn), f"the end of {arn}", done=lambda task: task["lastStatus"] == "STOPPED"
        )

    def stop(self, arn: str, reason: str = "the test is over") -> dict[str, Any]:
        """Stop a task, wait for its end and return it."""
        self.target.client("ecs").stop_task(cluster=self.prefix, task=arn, reason=reason)
        return self.stopped(arn)

    def healthy_targets(self) -> list[str]:
        """Return the addresses of the healthy targets."""
        return [each["Target"]["Id"] for each in self.targets() if each["TargetHealth"]["State"] == "healthy"]

    def targets(self) -> list[dict[str, Any]]:
        elbv2 = self.target.client("elbv2")
        return list(elbv2.describe_target_health(TargetGroupArn=self.target_group_arn)["TargetHealthDescriptions"])

    def publish(self, context: Path, tag: str) -> images.PublishedImage:
        """Build an image from a folder and push it; on an account with a container engine."""
        builder = "builtin" if self.target.is_local else "auto"
        return images.publish(
            context, "Dockerfile", self.repository_url, tag, self.target.client("ecr"), builder, self._base()
        )

    def _base(self) -> dict[str, str]:
        base = self.target.backend.base_image
        return {"BASE_IMAGE": base} if base else {}

    def _make_roles(self) -> None:
        iam = self.target.client("iam")
        for short, service in (("task", "ecs-tasks"), ("exec", "ecs-tasks"), ("firehose", "firehose")):
            trusted = policies.trust({"Service": f"{service}.amazonaws.com"})
            made = iam.create_role(RoleName=self.role(short), AssumeRolePolicyDocument=trusted)
            self.roles[short] = made["Role"]["Arn"]
        iam.attach_role_policy(RoleName=self.role("exec"), PolicyArn=policies.EXECUTION_POLICY)
        policies.put(iam, self.role("task"), *policies.task_statements(self.stream_arn))
        delivery = policies.delivery_statements(f"arn:aws:s3:::{self.bucket}", self.log_group_arn)
        policies.put(iam, self.role("firehose"), *delivery)

    def _make_logs_and_delivery(self) -> None:
        logs, s3 = self.target.client("logs"), self.target.client("s3")
        logs.create_log_group(logGroupName=self.log_group)
        logs.create_log_stream(logGroupName=self.log_group, logStreamName=ERRORS)
        s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": self.target.region})
        self.target.wait(self._made_stream, "Firehose to take its role", every_s=0.5)
        self.target.wait(self.stream_is_active, "the delivery stream")

    def _made_stream(self) -> bool:
        """Create the delivery stream; on an account a new role is unknown to Firehose for some seconds."""
        firehose = self.target.client("firehose")
        destination = {
            "RoleARN": self.roles["firehose"],
            "BucketARN": f"arn:aws:s3:::{self.bucket}",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": BUFFER_S},
            "CompressionFormat": "GZIP",
            "CloudWatchLoggingOptions": {"Enabled": True, "LogGroupName": self.log_group, "LogStreamName": ERRORS},
        }
        try:
            firehose.create_delivery_stream(
                DeliveryStreamName=self.prefix, ExtendedS3DestinationConfiguration=destination
            )
        except firehose.exceptions.InvalidArgumentException:
            if self.target.is_local:
                raise
            return False
        return True

    def stream_is_active(self) -> bool:
        described = self.target.client("firehose").describe_delivery_stream(DeliveryStreamName=self.prefix)
        return bool(described["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE")

    def _make_image(self) -> None:
        made = self.target.client("ecr").create_repository(
            repositoryName=self.prefix, imageScanningConfiguration={"scanOnPush": True}
        )
        self.repository_url = made["repository"]["repositoryUri"]
        self.digest = self.publish(CONTEXT, "latest").digest

    def _make_balancer(self) -> None:
        elbv2, net = self.target.client("elbv2"), self.made_network
        made = elbv2.create_load_balancer(
            Name=self.prefix, Subnets=list(net.subnets), SecurityGroups=[net.balancer_group]
        )["LoadBalancers"][0]
        self.balancer_arn, self.url = made["LoadBalancerArn"], f"http://{made['DNSName']}"
        self.target_group_arn = elbv2.create_target_group(
            Name=self.prefix, Protocol="HTTP", Port=80, TargetType="ip", VpcId=net.vpc, HealthCheckPath="/",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]
        elbv2.modify_target_group_attributes(TargetGroupArn=self.target_group_arn, Attributes=delay)
        forward = [{"Type": "forward", "TargetGroupArn": self.target_group_arn}]
        self.listener_arn = elbv2.create_listener(
            LoadBalancerArn=self.balancer_arn, Protocol="HTTP", Port=80, DefaultActions=forward
        )["Listeners"][0]["ListenerArn"]

    def _load_balancer(self) -> dict[str, Any]:
        return {"targetGroupArn": self.target_group_arn, "containerName": "httpd", "containerPort": 80}

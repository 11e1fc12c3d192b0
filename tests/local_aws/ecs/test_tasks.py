"""RunTask, StopTask, DescribeTasks, ListTasks: a task's life through the API."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.ecs.kit import CLUSTER, Stand, eventually, role, shell


def _container(task: dict[str, Any], name: str = "sh") -> dict[str, Any]:
    return next(each for each in task["containers"] if each["name"] == name)


def test_a_task_that_ends_by_itself(stand: Stand) -> None:
    """Its exit code is the container's, its log is in its stream, its times are in order."""
    arn = stand.run(stand.define(shell("echo hello; echo oops >&2; exit 3")))
    task = stand.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert _container(task)["exitCode"] == 3
    assert sorted(stand.messages("/test", stand.stream_of(arn))) == ["hello", "oops"]
    times = ["createdAt", "connectivityAt", "pullStartedAt", "pullStoppedAt", "stoppingAt", "stoppedAt"]
    assert [task[name] for name in times] == sorted(task[name] for name in times)


def test_what_a_running_task_looks_like(stand: Stand) -> None:
    """ARN, group, network interface in one of the subnets, container id in Fargate's form."""
    arn = stand.run(stand.define(shell("sleep 60")), startedBy="me", tags=[{"key": "a", "value": "b"}])
    eventually(lambda: stand.task(arn)["lastStatus"] == "RUNNING", lambda: stand.task(arn))
    task = stand.task(arn)
    task_id = arn.rsplit("/", 1)[-1]
    assert arn == f"arn:aws:ecs:ap-northeast-1:123456789012:task/{CLUSTER}/{task_id}"
    assert (task["group"], task["startedBy"], task["desiredStatus"]) == (f"family:{_family(task)}", "me", "RUNNING")
    details = {each["name"]: each["value"] for each in task["attachments"][0]["details"]}
    assert details["subnetId"] in stand.subnets
    assert details["privateIPv4Address"].startswith(("10.0.11.", "10.0.12."))
    head, _, number = _container(task)["runtimeId"].partition("-")
    assert (head, len(number), number.isdigit()) == (task_id, 10, True)
    assert arn in stand.ecs.list_tasks(cluster=CLUSTER, startedBy="me")["taskArns"]
    tags = stand.ecs.describe_tasks(cluster=CLUSTER, tasks=[arn], include=["TAGS"])["tasks"][0]["tags"]
    assert tags == [{"key": "a", "value": "b"}]
    stand.ecs.stop_task(cluster=CLUSTER, task=arn, reason="enough")
    task = stand.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert _container(task)["exitCode"] == 143
    found = stand.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert details["networkInterfaceId"] not in [each["NetworkInterfaceId"] for each in found]


def _family(task: dict[str, Any]) -> str:
    return str(task["taskDefinitionArn"]).rsplit("/", 1)[-1].split(":")[0]


def test_stop_timeout_then_kill(stand: Stand) -> None:
    """A container that is deaf to SIGTERM is killed after its stopTimeout: exit code 137."""
    arn = stand.run(stand.define(shell("trap '' TERM; echo ready; while :; do sleep 0.1; done", stopTimeout=1)))
    stream = stand.stream_of(arn)
    eventually(lambda: stand.task(arn)["lastStatus"] == "RUNNING", lambda: stand.task(arn))
    eventually(lambda: stand.messages("/test", stream) == ["ready"], lambda: stand.messages("/test", stream))
    stand.ecs.stop_task(cluster=CLUSTER, task=arn)
    assert _container(stand.stopped(arn))["exitCode"] == 137


def test_a_container_that_is_not_essential_may_end(stand: Stand) -> None:
    """The task runs on without it."""
    arn = stand.run(stand.define(shell("exit 1", "side", essential=False), shell("sleep 60")))
    eventually(lambda: _container(stand.task(arn), "side").get("exitCode") == 1, lambda: stand.task(arn))
    assert stand.task(arn)["lastStatus"] in ("ACTIVATING", "RUNNING", "PENDING")
    stand.ecs.stop_task(cluster=CLUSTER, task=arn)
    stand.stopped(arn)


def test_dependencies_are_waited_for(stand: Stand) -> None:
    """SUCCESS: the second container starts when the first has ended with 0."""
    first = shell("sleep 0.3; echo first", "first", essential=False)
    second = shell("echo second", "second", dependsOn=[{"containerName": "first", "condition": "SUCCESS"}])
    task = stand.stopped(stand.run(stand.define(second, first)))
    assert _container(task, "first")["exitCode"] == _container(task, "second")["exitCode"] == 0


def test_a_failed_dependency_stops_the_task(stand: Stand) -> None:
    """What waits for success does not start after a failure."""
    second = shell("echo", "second", dependsOn=[{"containerName": "first", "condition": "SUCCESS"}])
    task = stand.stopped(stand.run(stand.define(second, shell("exit 1", "first", essential=False))))
    assert task["stopCode"] == "TaskFailedToStart"
    assert "exitCode" not in _container(task, "second")


def test_overrides(stand: Stand) -> None:
    """RunTask may give another command and more environment."""
    definition = stand.define(shell("exit 1", environment=[{"name": "A", "value": "1"}]))
    override = {"name": "sh", "command": ["sh", "-c", "echo $A$B"], "environment": [{"name": "B", "value": "2"}]}
    arn = stand.run(definition, overrides={"containerOverrides": [override]})
    assert _container(stand.stopped(arn))["exitCode"] == 0
    assert stand.messages("/test", stand.stream_of(arn)) == ["12"]


_ASK = """
import json, os, urllib.request
token = {"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
ask = lambda url: json.load(urllib.request.urlopen(urllib.request.Request(url, headers=token)))
base = os.environ["ECS_CONTAINER_METADATA_URI_V4"]
print(json.dumps({
    "container": ask(base), "task": ask(base + "/task"),
    "credentials": ask(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]),
    "env": {name: os.environ.get(name) for name in ("AWS_REGION", "AWS_EXECUTION_ENV", "PYTHONPATH")},
}))
"""


def test_metadata_and_credentials(stand: Stand) -> None:
    """A container learns who it is, and gets its role's credentials, over HTTP."""
    container = {**shell(""), "command": [sys.executable, "-c", _ASK]}
    arn = stand.run(stand.define(container))
    assert _container(stand.stopped(arn))["exitCode"] == 0, stand.messages("/test", stand.stream_of(arn))
    told = json.loads(stand.messages("/test", stand.stream_of(arn))[0])
    assert told["container"]["Name"] == "sh"
    assert (told["task"]["TaskARN"], told["task"]["Revision"]) == (arn, "1")
    assert [each["Name"] for each in told["task"]["Containers"]] == ["sh"]
    assert told["credentials"]["RoleArn"] == role("task")
    assert {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"} <= told["credentials"].keys()
    assert told["env"] == {"AWS_REGION": "ap-northeast-1", "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE", "PYTHONPATH": None}


def test_secrets(stand: Stand) -> None:
    """From Secrets Manager (whole, or one key of JSON) and Parameter Store, read with the execution role."""
    secrets, ssm = stand.aws.client("secretsmanager"), stand.aws.client("ssm")
    arn = secrets.create_secret(Name="pair", SecretString='{"user": "me"}')["ARN"]
    ssm.put_parameter(Name="/lab/word", Value="open", Type="SecureString")
    given = [
        {"name": "WHOLE", "valueFrom": arn},
        {"name": "KEY", "valueFrom": f"{arn}:user::"},
        {"name": "WORD", "valueFrom": "arn:aws:ssm:ap-northeast-1:123456789012:parameter/lab/word"},
    ]
    task = stand.run(stand.define(shell("echo $WHOLE $KEY $WORD", secrets=given)))
    stand.stopped(task)
    assert stand.messages("/test", stand.stream_of(task)) == ['{"user": "me"} me open']
    missing = [{"name": "X", "valueFrom": "/lab/none"}]
    task = stand.stopped(stand.run(stand.define(shell("true", secrets=missing))))["stoppedReason"]
    assert task.startswith("ResourceInitializationError: unable to pull secrets or registry auth")
    secrets.delete_secret(SecretId="pair", ForceDeleteWithoutRecovery=True)
    ssm.delete_parameter(Name="/lab/word")


def test_unknown_subnets_and_groups_are_refused(stand: Stand) -> None:
    """At once and in AWS's words, not when the task starts."""
    definition = stand.define(shell("true"))
    for network in ({"subnets": ["subnet-none"]}, {"subnets": stand.subnets, "securityGroups": ["sg-none"]}):
        with pytest.raises(ClientError, match=r"Error retrieving (subnet|security group) information for") as caught:
            stand.ecs.run_task(
                cluster=CLUSTER, taskDefinition=definition, networkConfiguration={"awsvpcConfiguration": network}
            )
        assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


def test_without_a_task_role_there_are_no_credentials(stand: Stand) -> None:
    """Nothing is handed out that nobody granted."""
    arn = stand.run(stand.define(shell("env | grep -c CREDENTIALS"), taskRoleArn=""))
    stand.stopped(arn)
    assert stand.messages("/test", stand.stream_of(arn)) == ["0"]


@pytest.mark.parametrize(
    ("changes", "image", "reason"),
    [
        (
            {"taskRoleArn": role("distrusting")},
            "busybox",
            f"ECS was unable to assume the role '{role('distrusting')}' that was provided for this task. Please verify "
            "that the role being passed has the proper trust relationship",
        ),
        (
            {},
            "nobody/knows:1",
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref "
            "docker.io/nobody/knows:1: docker.io/nobody/knows:1: not found",
        ),
        (
            {"executionRoleArn": role("powerless")},
            "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/x:1",
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
            "failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): "
            "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/ecs-test-powerless/",
        ),
        (
            {"executionRoleArn": role("powerless")},
            "busybox",
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
            "failed to create Cloudwatch log stream: AccessDeniedException: User: "
            "arn:aws:sts::123456789012:assumed-role/ecs-test-powerless/",
        ),
    ],
    ids=["trust", "unknown image", "pull denied", "awslogs denied"],
)
def test_a_task_that_cannot_start_says_why(stand: Stand, changes: dict[str, Any], image: str, reason: str) -> None:
    """Rows A11, A12: each role is felt where AWS has it felt, in AWS's words."""
    task = stand.stopped(stand.run(stand.define(shell("true", image=image), **changes)))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith(reason)
    assert "startedAt" not in task


def test_awslogs_needs_its_group_unless_it_may_create_it(stand: Stand) -> None:
    """Row E3: a missing group fails the start; with awslogs-create-group it is made."""
    options = {"awslogs-group": "/made", "awslogs-region": "ap-northeast-1", "awslogs-stream-prefix": "p"}
    container = shell("echo made")
    container["logConfiguration"] = {"logDriver": "awslogs", "options": options}
    task = stand.stopped(stand.run(stand.define(container)))
    assert "ResourceNotFoundException: The specified log group does not exist." in task["stoppedReason"]
    options["awslogs-create-group"] = "true"
    arn = stand.run(stand.define(container))
    stand.stopped(arn)
    assert stand.messages("/made", stand.stream_of(arn)) == ["made"]


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("run_task", {"taskDefinition": "none", "networkConfiguration": {}}, "ClientException"),
        ("run_task", {"taskDefinition": "none", "count": 11}, "InvalidParameterException"),
        ("run_task", {"taskDefinition": "none", "cluster": "none"}, "ClusterNotFoundException"),
        ("run_task", {"taskDefinition": "none", "launchType": "EC2"}, "ClientException"),
        ("stop_task", {"task": "0" * 32}, "InvalidParameterException"),
        ("describe_tasks", {"tasks": []}, "InvalidParameterException"),
        ("list_tasks", {"cluster": "none"}, "ClusterNotFoundException"),
    ],
)
def test_bad_input(stand: Stand, operation: str, params: dict[str, Any], code: str) -> None:
    """AWS's code, never a traceback."""
    with pytest.raises(ClientError) as caught:
        getattr(stand.ecs, operation)(**{"cluster": CLUSTER, **params})
    assert caught.value.response["Error"]["Code"] == code


def test_an_unknown_task_is_missing(stand: Stand) -> None:
    """DescribeTasks answers what it does not know as a failure."""
    answer = stand.ecs.describe_tasks(cluster=CLUSTER, tasks=["0" * 32])
    assert (answer["tasks"], answer["failures"][0]["reason"]) == ([], "MISSING")


def test_files_of_strangers_are_not_served(stand: Stand) -> None:
    """The route to a router's files leads nowhere else."""
    http = stand.aws.endpoint_url
    for path in (
        "/_ecs/tasks/x/files/",
        "/_ecs/tasks/../files/..",
        "/_ecs/credentials/none",
        "/_ecs/v4/none",
        "/_ecs/",
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(http + path)
        assert caught.value.code in (400, 404)
        caught.value.close()

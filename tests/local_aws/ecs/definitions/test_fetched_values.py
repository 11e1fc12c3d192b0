"""secretOptions and environmentFiles: read with the execution role before a container starts, or AWS's refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from lab_helpers.local_aws.ecs.containers.environment_files import variables
from lab_helpers.local_aws.ecs.operations.container_rules import check_containers
from lab_helpers.local_aws.kit.api import AwsError
from tests.local_aws.ecs.kit import ROUTER, TRUST, Stand, eventually, role, shell

SECRET_GROUP = "/case/05-kept-secret"
BUCKET = "ecs-test-environment"
FILES = "arn:aws:s3:::" + BUCKET


@pytest.fixture(scope="module")
def store(stand: Stand) -> Iterator[Stand]:
    """A parameter and a bucket with files, and a role that may read neither."""
    allowed = {"Effect": "Allow", "Action": ["logs:*"], "Resource": "*"}
    stand.add_role("unreading", TRUST, {"Version": "2012-10-17", "Statement": [allowed]})
    ssm, s3 = stand.aws.client("ssm"), stand.aws.client("s3")
    ssm.put_parameter(Name="/case05/group", Value=SECRET_GROUP, Type="SecureString")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    s3.put_object(Bucket=BUCKET, Key="a/first.env", Body=b'# A=0\nA=1\nB=two words\nC\nD=\n=E\nQ="q"\n')
    s3.put_object(Bucket=BUCKET, Key="second.env", Body=b"A=2\nF=second\nG=second\n")
    yield stand
    ssm.delete_parameter(Name="/case05/group")
    for key in ("a/first.env", "second.env"):
        s3.delete_object(Bucket=BUCKET, Key=key)
    s3.delete_bucket(Bucket=BUCKET)


def _secret_log(script: str) -> dict[str, Any]:
    """A container that logs to a group whose name only the parameter has."""
    options = {
        "Name": "cloudwatch_logs",
        "region": "ap-northeast-1",
        "log_stream_name": "s",
        "auto_create_group": "true",
    }
    secret = {"name": "log_group_name", "valueFrom": "arn:aws:ssm:ap-northeast-1:123456789012:parameter/case05/group"}
    return shell(
        script, "app", logConfiguration={"logDriver": "awsfirelens", "options": options, "secretOptions": [secret]}
    )


def test_a_secret_option_reaches_its_output_and_no_file(store: Stand) -> None:
    """Case 05: the generated output names a variable, which the router's program has; the value is nowhere on disk."""
    arn = store.run(store.define(ROUTER, _secret_log("echo kept; sleep 60")))
    groups = store.logs.describe_log_groups
    eventually(lambda: bool(groups(logGroupNamePrefix=SECRET_GROUP)["logGroups"]), lambda: store.task(arn))
    files = [path for path in store.aws.data_dir.rglob("*") if path.is_file() and arn.rsplit("/", 1)[-1] in str(path)]
    generated = next(path for path in files if path.name == "fluent-bit.conf").read_text()
    assert "    log_group_name ${log_group_name_1}\n" in generated
    assert not [path for path in files if SECRET_GROUP.encode() in path.read_bytes()]
    store.ecs.stop_task(cluster="lab", task=arn)
    store.stopped(arn)


def test_a_secret_option_that_may_not_be_read(store: Stand) -> None:
    """ssm:GetParameters is the execution role's: the task stops with AWS's words, and no container has started."""
    task = store.stopped(store.run(store.define(ROUTER, _secret_log("true"), executionRoleArn=role("unreading"))))
    assert re.match(
        r"ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        r"unable to retrieve secrets from ssm: service call has been retried 1 time\(s\): AccessDeniedException: User: "
        r".* is not authorized to perform: ssm:GetParameters on resource: ",
        task["stoppedReason"],
    ), task["stoppedReason"]
    assert task["stopCode"] == "TaskFailedToStart"
    assert all("exitCode" not in each for each in task["containers"])


def test_secrets_need_an_execution_role() -> None:
    """Of a container and of its log options alike."""
    for container in (_secret_log("true"), shell("true", secrets=[{"name": "A", "valueFrom": "/a"}])):
        with pytest.raises(AwsError) as caught:
            check_containers({"containerDefinitions": [ROUTER, container, _secret_log("x")]}, fargate=True)
        assert caught.value.message == (
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
        )


def test_variables_of_a_file() -> None:
    """Comments, lines without `=` or without one side are left out; quotation marks and spaces stay."""
    text = '# A=0\r\nA=1\nB=two words\nC\nD=\n=E\nQ="q"\nU=a=b\n x=1\nN=a\0b\n'
    assert variables(text) == {"A": "1", "B": "two words", "Q": '"q"', "U": "a=b", " x": "1"}


def test_files_give_variables(store: Stand) -> None:
    """`environment` wins over files, the first file over the second."""
    container = shell(
        'echo "$A|$B|$F|$G|$Q"',
        environmentFiles=[{"value": f"{FILES}/{name}", "type": "s3"} for name in ("a/first.env", "second.env")],
        environment=[{"name": "G", "value": "own"}],
    )
    arn = store.run(store.define(container))
    assert store.stopped(arn)["containers"][0]["exitCode"] == 0
    assert store.messages("/test", store.stream_of(arn)) == ['1|two words|second|own|"q"']


def test_files_that_may_not_be_read_or_are_not_there(store: Stand) -> None:
    """The stopped reason is Fargate's, with what S3 answered."""
    opening = (
        "ResourceInitializationError: failed to download env files: file download command: non empty error stream: "
    )
    told = opening + "failed to download file {}: failed to write to a temporary file: {} status code: {}, request id: "
    for name, role_name, why, status in (
        ("a/first.env", "unreading", "AccessDenied: ", 403),
        ("none.env", "exec", "NoSuchKey: The specified key does not exist.", 404),
    ):
        container = shell("true", environmentFiles=[{"value": f"{FILES}/{name}", "type": "s3"}])
        task = store.stopped(store.run(store.define(container, executionRoleArn=role(role_name))))
        expected = told.format(name.rsplit("/", 1)[-1], why, status)
        start, _, rest = task["stoppedReason"].partition(why)
        assert start == expected.partition(why)[0], task["stoppedReason"]
        assert f" status code: {status}, request id: " in rest

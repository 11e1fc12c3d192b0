"""IAM: each permission of the three roles is felt where AWS would have it felt; given back, it heals without loss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration import arrivals, policies
from tests.integration.stack import Stack

pytestmark = pytest.mark.account
COUNT = 40


@pytest.mark.parametrize(
    ("action", "reason", "detail"),
    [
        ("ecr:GetAuthorizationToken", "ResourceInitializationError", "unable to pull secrets or registry auth"),
        ("ecr:BatchGetImage", "CannotPullContainerError", "failed to resolve ref"),
        ("ecr:GetDownloadUrlForLayer", "CannotPullContainerError", ""),
        ("logs:CreateLogStream", "ResourceInitializationError", "failed to validate logger args"),
    ],
)
def test_execution_role(stack: Stack, action: str, reason: str, detail: str) -> None:
    """Without one of its permissions no task starts, and the stopped reason names the step; with it one starts."""
    with policies.execution_without(stack.target.client("iam"), stack.role("exec"), action):
        task = stack.target.wait(
            lambda: stack.stopped(stack.run(stack.family("httpd"))),
            f"a task that lacks {action}",
            done=lambda task: task["stoppedReason"].startswith(reason),
        )
    assert task["stopCode"] == "TaskFailedToStart"
    assert detail in task["stoppedReason"]
    assert "exitCode" not in task["containers"][0]
    healed = stack.run(stack.family("httpd"))
    stack.is_running(healed)
    stack.stop(healed)


def test_task_role(stack: Stack) -> None:
    """Without its permissions the router complains in its own log; given back in time, nothing is lost."""
    iam = stack.target.client("iam")
    with policies.inline(iam, stack.role("task"), policies.allow(["sts:GetCallerIdentity"])):
        run = arrivals.send(stack, COUNT)
        told = stack.target.wait(lambda: arrivals.router_log(stack, "AccessDenied"), "the router to complain")
        assert arrivals.in_cloudwatch(stack, run).total() == 0
    assert "AccessDeniedException" in told[0]["message"]
    arrivals.arrive_once(stack, run, arrivals.ids_of(run, COUNT))


def test_firehose_role(stack: Stack) -> None:
    """Rows D1 to D3: one S3.AccessDenied event as in the article; CloudWatch goes on; healed, S3 gets it all."""
    elsewhere = policies.delivery_statements(f"arn:aws:s3:::{stack.bucket}:errortest", stack.log_group_arn)
    before = len(arrivals.delivery_errors(stack))
    with policies.inline(stack.target.client("iam"), stack.role("firehose"), *elsewhere):
        run = arrivals.send(stack, COUNT)
        expected = set(arrivals.ids_of(run, COUNT))
        stack.target.wait(lambda: set(arrivals.in_cloudwatch(stack, run)) == expected, "CloudWatch, not affected")
        errors = stack.target.wait(lambda: arrivals.delivery_errors(stack)[before:], "the delivery error")
        assert arrivals.in_s3(stack, run).total() == 0
    _check_delivery_error(stack, errors[0])
    arrivals.arrive_once(stack, run, sorted(expected))
    assert len(arrivals.delivery_errors(stack)) == before + 1


def _check_delivery_error(stack: Stack, event: dict[str, Any]) -> None:
    assert set(event) == {"deliveryStreamARN", "destination", "deliveryStreamVersionId", "message", "errorCode"}
    assert event["deliveryStreamARN"] == stack.stream_arn
    assert event["destination"] == f"arn:aws:s3:::{stack.bucket}"
    assert event["errorCode"] == "S3.AccessDenied"
    assert event["message"].startswith("Access was denied. Ensure that the trust policy for the provided IAM role")


def test_a_bucket_policy_can_deny_what_the_role_allows(stack: Stack) -> None:
    """An explicit deny of the resource wins; taken away, Firehose delivers what it kept."""
    s3 = stack.target.client("s3")
    before = len(arrivals.delivery_errors(stack))
    statement = policies.deny(["s3:PutObject"], f"arn:aws:s3:::{stack.bucket}/*")
    denied = policies.document({**statement, "Principal": {"AWS": stack.roles["firehose"]}})
    s3.put_bucket_policy(Bucket=stack.bucket, Policy=denied)
    try:
        run = arrivals.send(stack, COUNT)
        stack.target.wait(lambda: len(arrivals.delivery_errors(stack)) > before, "the delivery error")
    finally:
        s3.delete_bucket_policy(Bucket=stack.bucket)
    arrivals.arrive_once(stack, run, arrivals.ids_of(run, COUNT))


def test_a_trust_policy_decides_who_may_be_a_role(stack: Stack) -> None:
    """A role for ecs-tasks is not for people, whatever they may do otherwise."""
    sts = stack.target.client("sts")
    with pytest.raises(ClientError) as error:
        sts.assume_role(RoleArn=stack.roles["task"], RoleSessionName="test")
    told = error.value.response["Error"]
    caller = sts.get_caller_identity()["Arn"]
    assert told["Code"] == "AccessDenied"
    assert told["Message"] == (
        f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {stack.roles['task']}"
    )


@pytest.fixture
def visitor(stack: Stack) -> Iterator[str]:
    """The name of a role that the account's own people may assume, without permissions."""
    iam, name = stack.target.client("iam"), f"{stack.prefix}-visitor"
    trusted = policies.trust({"AWS": f"arn:aws:iam::{stack.target.account}:root"})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)
    policies.put(iam, name, policies.allow(["sts:GetCallerIdentity"]))
    yield name
    iam.delete_role_policy(RoleName=name, PolicyName=policies.INLINE)
    iam.delete_role(RoleName=name)


def _as(stack: Stack, role: str, service: str) -> Any:
    """Return a client with a role's credentials."""
    arn = f"arn:aws:iam::{stack.target.account}:role/{role}"
    sts = stack.target.client("sts")
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="visit")["Credentials"]
    return boto3.client(
        service, region_name=stack.target.region, endpoint_url=stack.target.endpoint_url,
        aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )  # fmt: skip


def test_denials_carry_awss_sentence_and_a_change_counts_from_the_next_call(stack: Stack, visitor: str) -> None:
    """Not allowed, allowed, explicitly denied: told apart in AWS's words."""
    iam, stream = stack.target.client("iam"), stack.stream_arn
    firehose = _as(stack, visitor, "firehose")
    who = f"arn:aws:sts::{stack.target.account}:assumed-role/{visitor}/visit"
    refusal = f"is not authorized to perform: firehose:DescribeDeliveryStream on resource: {stream}"
    head = f"AccessDeniedException: User: {who} {refusal}"
    describe = policies.allow(["firehose:DescribeDeliveryStream"], stream)

    def told() -> str:
        try:
            firehose.describe_delivery_stream(DeliveryStreamName=stack.prefix)
        except ClientError as exc:
            return "{Code}: {Message}".format_map(exc.response["Error"])
        return "allowed"

    nothing = "because no identity-based policy allows the firehose:DescribeDeliveryStream action"
    assert told() == f"{head} {nothing}"
    policies.put(iam, visitor, describe)
    stack.target.wait(told, "the permission", done=lambda text: text == "allowed", timeout_s=2)
    policies.put(iam, visitor, describe, {**describe, "Effect": "Deny"})
    refused = f"{head} with an explicit deny in an identity-based policy"
    stack.target.wait(told, "the denial", done=lambda text: text.startswith(refused), timeout_s=2)


def test_the_simulator_says_what_a_role_may(stack: Stack) -> None:
    """SimulatePrincipalPolicy decides by action and resource, as the calls themselves do."""
    results = stack.target.client("iam").simulate_principal_policy(
        PolicySourceArn=stack.roles["firehose"],
        ActionNames=["s3:PutObject", "s3:DeleteObject"],
        ResourceArns=[f"arn:aws:s3:::{stack.bucket}/key"],
    )["EvaluationResults"]
    decisions = {each["EvalActionName"]: each["EvalDecision"] for each in results}
    assert decisions == {"s3:PutObject": "allowed", "s3:DeleteObject": "implicitDeny"}


def test_a_policy_that_is_no_policy_is_refused(stack: Stack) -> None:
    """MalformedPolicyDocument, not a traceback."""
    iam = stack.target.client("iam")
    wrong = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps", "Action": "*", "Resource": "*"}]})
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.put_role_policy(RoleName=stack.role("task"), PolicyName="wrong", PolicyDocument=wrong)

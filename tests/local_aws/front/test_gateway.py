"""The request chain, through boto3 and plain HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from werkzeug.test import EnvironBuilder

from lab_helpers.backends.local import denials_table
from lab_helpers.local_aws.front import handlers
from lab_helpers.local_aws.front.gateway import Gateway
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Caller
from lab_helpers.local_aws.moto_bridge import MotoBridge
from lab_helpers.local_aws.server import REGION, LocalAws
from tests.local_aws.conftest import allow
from tests.support.signing import signed

OPERATOR = Caller("operator", "arn:aws:iam::123456789012:user/lab-operator", "123456789012")
TASKS = "ecs-tasks.amazonaws.com"


@pytest.fixture
def group(aws: LocalAws) -> Iterator[str]:
    """A log group with a stream."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/test")
    logs.create_log_stream(logGroupName="/test", logStreamName="s")
    yield "/test"
    logs.delete_log_group(logGroupName="/test")


def _authorization(aws: LocalAws) -> str:
    return f"AWS4-HMAC-SHA256 Credential={aws.store.operator.access_key_id}/d/{REGION}/logs/aws4_request"


def _code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_operator_is_known(aws: LocalAws) -> None:
    """The lab operator's keys belong to a user of the account, who may do everything."""
    assert aws.client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/lab-operator"


def test_a_role_session_is_known_by_the_roles_id(aws: LocalAws, task_role: str) -> None:
    """UserId of GetCallerIdentity and AssumedRoleId are the role's id and the session's name."""
    role_id = aws.client("iam").get_role(RoleName="task")["Role"]["RoleId"]
    sts = aws.clients.as_role("sts", task_role, "session", TASKS, REGION)
    assert sts.get_caller_identity()["UserId"] == f"{role_id}:session"
    service = aws.clients.as_service("sts", TASKS, REGION)
    assumed = service.assume_role(RoleArn=task_role, RoleSessionName="other")["AssumedRoleUser"]
    assert assumed["AssumedRoleId"] == f"{role_id}:other"


def test_role_without_policy_is_denied_with_the_sentence_of_aws(aws: LocalAws, task_role: str, group: str) -> None:
    """What no policy allows is denied, naming caller, action and resource."""
    logs = aws.clients.as_role("logs", task_role, "session", TASKS, REGION)
    with pytest.raises(ClientError) as caught:
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": 1, "message": "x"}])
    assert _code(caught) == "AccessDeniedException"
    assert caught.value.response["Error"]["Message"] == (
        "User: arn:aws:sts::123456789012:assumed-role/task/session is not authorized to perform: logs:PutLogEvents on "
        "resource: arn:aws:logs:ap-northeast-1:123456789012:log-group:/test:log-stream:s because no identity-based "
        "policy allows the logs:PutLogEvents action"
    )


def test_policy_change_takes_effect_on_the_next_call(aws: LocalAws, task_role: str, group: str) -> None:
    """The same client, with the same credentials, may do it as soon as the policy says so."""
    logs = aws.clients.as_role("logs", task_role, "session", TASKS, REGION)
    with pytest.raises(ClientError):
        logs.describe_log_streams(logGroupName=group)
    allow(aws, "logs:DescribeLogStreams", "*")
    assert [s["logStreamName"] for s in logs.describe_log_streams(logGroupName=group)["logStreams"]] == ["s"]


def test_s3_denial_is_xml_with_status_403(aws: LocalAws, task_role: str) -> None:
    """S3's refusals are AccessDenied with 403, in S3's form."""
    s3 = aws.clients.as_role("s3", task_role, "session", TASKS, REGION)
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket="some-bucket", Key="k", Body=b"x")
    assert _code(caught) == "AccessDenied"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_many_objects_are_deleted_or_denied_key_by_key(aws: LocalAws, task_role: str) -> None:
    """What may be deleted is; the rest is told in the same answer, and stays."""
    operator = aws.client("s3")
    operator.create_bucket(Bucket="by-key", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("mine/1", "mine/2", "theirs/1"):
        operator.put_object(Bucket="by-key", Key=key, Body=b"x")
    allow(aws, "s3:DeleteObject", "arn:aws:s3:::by-key/mine/*")
    s3 = aws.clients.as_role("s3", task_role, "session", TASKS, REGION)
    keys = [{"Key": key} for key in ("mine/1", "theirs/1", "mine/2")]
    answer = s3.delete_objects(Bucket="by-key", Delete={"Objects": keys})
    assert [each["Key"] for each in answer["Deleted"]] == ["mine/1", "mine/2"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("theirs/1", "AccessDenied")]
    assert "is not authorized to perform: s3:DeleteObject on resource:" in answer["Errors"][0]["Message"]
    answer = s3.delete_objects(Bucket="by-key", Delete={"Objects": [{"Key": "theirs/1"}], "Quiet": True})
    assert ([each["Key"] for each in answer["Errors"]], answer.get("Deleted", [])) == (["theirs/1"], [])
    assert [each["Key"] for each in operator.list_objects_v2(Bucket="by-key")["Contents"]] == ["theirs/1"]
    operator.delete_object(Bucket="by-key", Key="theirs/1")
    operator.delete_bucket(Bucket="by-key")


@pytest.mark.parametrize("objects", [[], [{"Key": str(number)} for number in range(1001)]], ids=["none", "1001"])
def test_a_deletion_of_nothing_or_too_much_is_malformed(aws: LocalAws, objects: list[dict[str, str]]) -> None:
    """One to a thousand keys in a call."""
    with pytest.raises(ClientError) as caught:
        aws.client("s3").delete_objects(Bucket="by-key", Delete={"Objects": objects})
    assert _code(caught) == "MalformedXML"


def test_trust_policy_decides_who_may_assume(aws: LocalAws, task_role: str) -> None:
    """A service that the trust policy does not name gets no credentials."""
    with pytest.raises(ClientError) as caught:
        aws.clients.as_role("s3", task_role, "session", "firehose.amazonaws.com", REGION)
    assert _code(caught) == "AccessDenied"


def test_missing_role_is_denied_not_missing(aws: LocalAws) -> None:
    """AWS does not tell whether a role exists."""
    with pytest.raises(ClientError) as caught:
        aws.clients.as_role("s3", "arn:aws:iam::123456789012:role/nobody", "session", TASKS, REGION)
    assert _code(caught) == "AccessDenied"


def test_managed_policy_of_aws_can_be_attached(aws: LocalAws, task_role: str, group: str) -> None:
    """AWS's own policies are known by name, and what they allow is allowed."""
    arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    aws.client("iam").attach_role_policy(RoleName="task", PolicyArn=arn)
    logs = aws.clients.as_role("logs", task_role, "managed", TASKS, REGION)
    logs.create_log_stream(logGroupName=group, logStreamName="t")
    with pytest.raises(ClientError):
        logs.create_log_group(logGroupName="/other")


def test_unknown_keys_are_refused(aws: LocalAws) -> None:
    """Keys that this server did not issue, such as those of the user's own shell, are not believed."""
    stranger = boto3.client(
        "logs", REGION, endpoint_url=aws.endpoint_url, aws_access_key_id="AKIAX", aws_secret_access_key="x"
    )
    with pytest.raises(ClientError) as caught:
        stranger.describe_log_groups()
    assert _code(caught) == "UnrecognizedClientException"


def test_wrong_session_token_is_refused(aws: LocalAws, task_role: str) -> None:
    """A role's key is worth nothing without its token."""
    issued = aws.clients.assume(task_role, "session", TASKS, REGION)
    thief = boto3.client(
        "logs", REGION, endpoint_url=aws.endpoint_url, aws_access_key_id=issued.access_key_id,
        aws_secret_access_key=issued.secret_access_key, aws_session_token="wrong",
    )  # fmt: skip
    with pytest.raises(ClientError) as caught:
        thief.describe_log_groups()
    assert _code(caught) == "UnrecognizedClientException"


def test_iam_user_is_evaluated(aws: LocalAws) -> None:
    """A user's access key carries the user's policies, not the operator's freedom."""
    iam = aws.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    client = boto3.client(
        "logs", REGION, endpoint_url=aws.endpoint_url, aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )  # fmt: skip
    with pytest.raises(ClientError) as caught:
        client.describe_log_groups()
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="ann")
    assert "user/ann is not authorized" in caught.value.response["Error"]["Message"]


def test_denials_are_recorded(aws: LocalAws, task_role: str) -> None:
    """`lab explain-denials` has principal, action and resource of each refusal."""
    with pytest.raises(ClientError):
        aws.clients.as_role("s3", task_role, "session", TASKS, REGION).list_objects_v2(Bucket="some-bucket")
    page = urllib.request.Request(aws.endpoint_url + "/_lab/denials", headers={"X-Lab-Token": aws.lab_token})
    with urllib.request.urlopen(page) as answer:
        denials = json.load(answer)
    assert [(d["action"], d["resource"]) for d in denials] == [("s3:ListBucket", "arn:aws:s3:::some-bucket")]
    assert denials[0]["decided_by"] == "no identity-based policy allows it"
    assert denials_table(denials).splitlines()[-1].endswith("no identity-based policy allows it")


def test_anonymous_calls_are_denied(aws: LocalAws) -> None:
    """Without a signature nothing is answered."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(aws.endpoint_url + "/some-bucket/key")
    with caught.value as answer:
        assert answer.code == 403
        assert b"<Code>AccessDenied</Code>" in answer.read()


def test_operation_that_nobody_has_is_a_clear_error_and_counted(aws: LocalAws) -> None:
    """Neither we nor moto: the answer says so, without a traceback, and `lab status` counts it."""
    with pytest.raises(ClientError) as caught:
        aws.client("ecs").submit_container_state_change()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert aws.status()["unknown_operations"] == {"ecs:SubmitContainerStateChange": 1}


def test_service_that_nobody_has_is_a_clear_error_and_counted(aws: LocalAws) -> None:
    """A signing name that moto does not know is answered with its name, not with a failure inside moto."""
    with pytest.raises(ClientError, match="does not have lightsail:GetInstances: moto has no such service"):
        aws.client("lightsail").get_instances()
    assert aws.status()["unknown_operations"] == {"lightsail:GetInstances": 1}


def test_garbage_is_refused_in_the_form_of_the_protocol(aws: LocalAws) -> None:
    """A body that is no JSON is AWS's SerializationException, not a traceback."""
    headers = {"X-Amz-Target": "Logs_20140328.DescribeLogGroups"}
    request = signed(aws, "logs", "POST", "/", b"{not json", headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert json.load(answer)["__type"] == "SerializationException"


def test_failing_handler_is_never_answered_by_moto(aws: LocalAws) -> None:
    """A bug of ours is InternalFailure, although moto could have answered the call."""

    def broken(request: ApiRequest) -> dict[str, object]:
        raise RuntimeError(f"bug in {request.operation}")

    table = {("logs", "DescribeLogGroups"): broken}
    gateway = Gateway(aws._entrance, aws._authoriser, MotoBridge(), table, {}, "123456789012")
    environ = {
        "REQUEST_METHOD": "POST",
        "HTTP_X_AMZ_TARGET": "Logs_20140328.DescribeLogGroups",
        "HTTP_AUTHORIZATION": _authorization(aws),
    }
    status, _, body = gateway.answer(environ, b"{}", OPERATOR)
    assert (status, json.loads(body)["message"]) == (500, "RuntimeError: bug in DescribeLogGroups")


def test_override_may_forward_with_other_params(aws: LocalAws) -> None:
    """A handler can let moto answer a changed call, and moto's errors come as AwsError."""

    def renamed(request: ApiRequest) -> dict[str, object]:
        return request.forward({**request.params, "logGroupName": "/missing"})

    gateway = Gateway(aws._entrance, aws._authoriser, MotoBridge(), {("logs", "DescribeLogStreams"): renamed}, {}, "1")
    environ = {
        **EnvironBuilder(method="POST", content_type="application/x-amz-json-1.1").get_environ(),
        "HTTP_X_AMZ_TARGET": "Logs_20140328.DescribeLogStreams",
        "HTTP_AUTHORIZATION": _authorization(aws),
    }
    status, _, body = gateway.answer(environ, b'{"logGroupName": "/there"}', OPERATOR)
    assert (status, json.loads(body)["__type"]) == (400, "ResourceNotFoundException")


def test_two_services_may_not_claim_one_operation() -> None:
    """The table is explicit: a second claim is a mistake in the wiring."""

    class Claims:
        name = "claims"

        def overrides(self) -> dict[tuple[str, str], object]:
            return {("logs", "PutLogEvents"): lambda _: {}}

    with pytest.raises(ValueError, match="PutLogEvents"):
        handlers.overrides([Claims(), Claims()], MotoBridge())  # type: ignore[list-item]


def test_aws_error_carries_code_and_message() -> None:
    """An emulated error reads like AWS's."""
    assert str(AwsError("ResourceNotFoundException", "It is gone.")) == "ResourceNotFoundException: It is gone."


def test_deleted_glue_database_leaves_no_tags(aws: LocalAws) -> None:
    """A listing by tag does not find what was deleted."""
    glue, tags = aws.client("glue"), aws.client("resourcegroupstaggingapi")
    glue.create_database(DatabaseInput={"Name": "logs"}, Tags={"Lab": "t"})
    found = tags.get_resources(TagFilters=[{"Key": "Lab", "Values": ["t"]}])["ResourceTagMappingList"]
    assert [item["ResourceARN"].rsplit(":", 1)[-1] for item in found] == ["database/logs"]
    glue.delete_database(Name="logs")
    assert tags.get_resources(TagFilters=[{"Key": "Lab", "Values": ["t"]}])["ResourceTagMappingList"] == []

"""What the bridge relies on inside moto: that it is there, and that it is still what was read when this was written.

After an upgrade of moto a changed hash is no error of moto's: read the function again, see that moto_bridge.py still
holds, and put the new hash here.
"""

from __future__ import annotations

import gc
import hashlib
import inspect
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, Group, IAMBackend, ManagedPolicy, PolicyVersion, Role, User, iam_backends
from moto.logs.models import LogEvent, LogGroup, LogsBackend, LogStream
from moto.moto_server import werkzeug_app
from moto.s3.models import FakeBucket, FakeKey, FakeMultipart, MultipartChecksumBuilder, S3Backend
from moto.s3.responses import S3Response
from moto.s3.utils import compute_checksum
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from lab_helpers.base.wait import wait_until
from lab_helpers.local_aws.kit.api import AwsError, NobodyAnswersError
from lab_helpers.local_aws.moto_bridge import ACCOUNT_ID, MotoBridge
from lab_helpers.local_aws.server import REGION, LocalAws

READ_ARN = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"

PINNED: list[tuple[Callable[..., Any], str]] = [
    (werkzeug_app.DomainDispatcherApplication.__init__, "fb61347b637f8eff"),
    (werkzeug_app.DomainDispatcherApplication.__call__, "7b12179deceda48d"),
    (werkzeug_app.DomainDispatcherApplication.get_application, "0ff6939685bde917"),
    (werkzeug_app.DomainDispatcherApplication.get_backend_for_host, "1f41972c1e4e660f"),
    (werkzeug_app.create_backend_app, "a317751ebd1c922b"),
    (AWSManagedPolicy.from_data, "9474574f120edc4e"),
    (ManagedPolicy.__init__, "596dbfb50a9af125"),
    (PolicyVersion.__init__, "6f53c1c44b6163c7"),
    (Role.__init__, "5aad9afbd86eefd1"),
    (User.__init__, "a5a4809c25404eb0"),
    (Group.__init__, "4a5a61e6545d398a"),
    (IAMBackend.__init__, "0aab2d3a734fac8b"),
    (IAMBackend.put_role_permissions_boundary, "1c78daeceae38e3b"),
    (IAMBackend.tag_role, "f5392232ec99831e"),
    (IAMBackend.list_user_tags, "2c9ddb5b319dbf97"),
    (FakeBucket.__init__, "8965d4badfeec9f4"),
    (FakeMultipart.__init__, "e01d16d5b2edacd0"),
    (FakeMultipart.complete, "a5cd01f2f2f28c9b"),
    (MultipartChecksumBuilder.__init__, "a05011269a1a5479"),
    (MultipartChecksumBuilder.build, "7acda6d3637d74e3"),
    (FakeKey.value.fget, "5e9a53c3d82cc883"),
    (FakeKey.value.fset, "519ac4d9ad6adcd8"),
    (FakeKey.etag.fget, "aa3062e82e089cb3"),
    (S3Backend.copy_object, "e63e9144071cdad9"),
    (S3Backend.upload_part_copy, "f6f876edf982382e"),
    (S3Response.put_object, "992229be920b6363"),
    (S3Response.upload_part, "3062f353d2dfb7c1"),
    (S3Response.get_object, "e9731229dec14fcd"),
    (S3Response.copy_object, "79d1ef6279944f09"),
    (S3Response.upload_part_copy, "347a7235b0d3a920"),
    (S3Response._handle_range_header, "d6480a54a4dff374"),
    (S3Response._get_checksum, "a7caee72693cf61c"),
    (compute_checksum, "30a7569e3106abf8"),
    (LogEvent.__init__, "bb6367725c297f27"),
    (LogStream.__init__, "3facaa5f12d0cef1"),
    (LogStream.put_log_events, "b07b0d5ae328f7dd"),
    (LogGroup.__init__, "fda907e3f5eb6ab6"),
    (LogsBackend.__init__, "e621554dbb509b1a"),
    (LogsBackend.put_log_events, "9413dbc08c425c24"),
]


@pytest.mark.parametrize(("function", "known"), PINNED, ids=[function.__qualname__ for function, _ in PINNED])
def test_functions_of_moto_are_those_that_were_read(function: Callable[..., Any], known: str) -> None:
    """An upgrade that changes one of them is noticed here, before a trainee notices it."""
    assert hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16] == known


def test_users_have_no_boundary_of_their_own() -> None:
    """moto's users have no permissions boundary, so the bridge keeps one; when they get one, use it."""
    assert not hasattr(IAMBackend, "put_user_permissions_boundary")
    assert "permissions_boundary" not in inspect.signature(User.__init__).parameters


def test_managed_policies_are_found_in_the_text() -> None:
    """A policy's document is cut out of moto's JSON text by its name."""
    assert '\n "AmazonECSTaskExecutionRolePolicy":' in aws_managed_policies_data


def test_managed_policy_becomes_known_once_it_is_named() -> None:
    """Under its ARN, with its default version's document; an unknown name changes nothing."""
    bridge, known = MotoBridge(), iam_backends[ACCOUNT_ID]["aws"].managed_policies
    before = known.pop(READ_ARN, None)
    bridge.ensure_managed_policy(READ_ARN)
    bridge.ensure_managed_policy("arn:aws:iam::aws:policy/NoSuchPolicy")
    made = known[READ_ARN]
    if before is not None:
        known[READ_ARN] = before
    assert [json.loads(v.document)["Statement"][0]["Resource"] for v in made.versions if v.is_default] == ["*"]
    assert not any("NoSuchPolicy" in arn for arn in known)


def test_what_the_bridge_reads_is_what_the_api_wrote(aws: LocalAws, task_role: str) -> None:
    """Trust, inline and attached policies, boundary, bucket policy: as texts, under their names."""
    iam, s3, bridge = aws.client("iam"), aws.client("s3"), MotoBridge()
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::bridged"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    on_bucket = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Principal": "*"}]})
    iam.put_role_policy(RoleName="task", PolicyName="inline", PolicyDocument=document)
    iam.attach_role_policy(RoleName="task", PolicyArn=READ_ARN)
    iam.put_role_permissions_boundary(RoleName="task", PermissionsBoundary=READ_ARN)
    s3.create_bucket(Bucket="bridged", CreateBucketConfiguration={"LocationConstraint": REGION})
    assert bridge.bucket_policy("bridged") is None
    s3.delete_public_access_block(Bucket="bridged")
    s3.put_bucket_policy(Bucket="bridged", Policy=on_bucket)
    policies, kept = bridge.role_policies(task_role), bridge.bucket_policy("bridged")
    s3.delete_bucket(Bucket="bridged")
    assert [name for name, _ in policies.identity] == ["inline", "AmazonS3ReadOnlyAccess"]
    assert json.loads(policies.identity[0][1])["Statement"] == [statement]
    assert policies.boundary is not None
    assert policies.boundary[0] == "AmazonS3ReadOnlyAccess"
    assert json.loads(str(kept)) == json.loads(on_bucket)
    assert policies.unique_id == iam.get_role(RoleName="task")["Role"]["RoleId"]
    assert "ecs-tasks.amazonaws.com" in str(bridge.trust_policy(task_role))


def test_tags_of_roles_and_users(aws: LocalAws, task_role: str) -> None:
    """As IAM's API wrote them, as they are now."""
    iam, bridge, tag = aws.client("iam"), MotoBridge(), {"Key": "team", "Value": "logs"}
    assert bridge.role_policies(task_role).tags == {}
    iam.tag_role(RoleName="task", Tags=[tag])
    iam.create_user(UserName="ann", Tags=[tag])
    user = bridge.user_policies("ann")
    assert bridge.role_policies(task_role).tags == user.tags == {"team": "logs"}
    assert user.unique_id == iam.get_user(UserName="ann")["User"]["UserId"]
    iam.delete_user(UserName="ann")


def test_what_is_not_there_has_no_policies() -> None:
    """A role, user or bucket that is gone has nothing, and is no error."""
    bridge = MotoBridge()
    assert bridge.trust_policy("arn:aws:iam::123456789012:role/gone") is None
    assert bridge.role_policies("arn:aws:iam::123456789012:role/gone").identity == ()
    assert bridge.user_policies("gone").identity == ()
    assert bridge.bucket_policy("gone") is None
    assert bridge.log_group(REGION, "gone") is None


def test_groups_policies_are_the_users(aws: LocalAws) -> None:
    """A user may do what its groups may."""
    iam = aws.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    iam.create_user(UserName="eve")
    iam.create_group(GroupName="staff")
    iam.put_group_policy(GroupName="staff", PolicyName="all", PolicyDocument=document)
    iam.add_user_to_group(GroupName="staff", UserName="eve")
    policies = MotoBridge().user_policies("eve")
    iam.remove_user_from_group(GroupName="staff", UserName="eve")
    iam.delete_group_policy(GroupName="staff", PolicyName="all")
    iam.delete_group(GroupName="staff")
    iam.delete_user(UserName="eve")
    assert [name for name, _ in policies.identity] == ["all"]


def test_events_are_read_with_their_streams(aws: LocalAws) -> None:
    """Events have times, message and a number that grows with arrival."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="bridged")
    logs.put_retention_policy(logGroupName="bridged", retentionInDays=7)
    logs.create_log_stream(logGroupName="bridged", logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": str(n)} for n in range(2)]
    logs.put_log_events(logGroupName="bridged", logStreamName="s", logEvents=events)
    group = MotoBridge().log_group(REGION, "bridged")
    logs.delete_log_group(logGroupName="bridged")
    assert group is not None
    assert (group.retention_days, [e.message for e in group.streams["s"]]) == (7, ["0", "1"])
    first, second = group.streams["s"]
    assert (first.timestamp, first.event_id < second.event_id, first.ingestion_time >= now) == (now, True, True)


def test_no_request_outlives_its_call(aws: LocalAws) -> None:
    """A body would stay with it until the rare collection of the oldest garbage: 110 MiB for each object of 58 MB."""

    def left() -> list[Request]:
        return [each for each in gc.get_objects() if isinstance(each, Request) and each.path == "/bodies/large"]

    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bodies", CreateBucketConfiguration={"LocationConstraint": REGION})
    gc.disable()
    try:
        s3.put_object(Bucket="bodies", Key="large", Body=b"x" * 1_000_000)
        assert s3.get_object(Bucket="bodies", Key="large")["ContentLength"] == 1_000_000
        wait_until(left, 10, 0.1, "the end of the requests", done=lambda found: not found)
    finally:
        gc.enable()


def test_backend_that_moto_does_not_have_is_said() -> None:
    """Neither a failure inside moto nor silence."""
    environ = {
        **EnvironBuilder(method="POST", headers={"Host": "127.0.0.1"}).get_environ(),
        "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=AKIA/20261122/ap-northeast-1/nosuch/aws4_request, x",
    }
    with pytest.raises(NobodyAnswersError, match="no such service"):
        MotoBridge().call(environ, b"{}")


def test_boundary_of_a_user_that_is_gone_is_refused() -> None:
    """With IAM's own code."""
    with pytest.raises(AwsError, match="The user with name gone cannot be found"):
        MotoBridge().set_user_boundary("gone", None)

"""The permissions of the lab's calls, and the article's policies against them."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.iam import managed
from lab_helpers.iam.actions import Access, required
from lab_helpers.iam.evaluate import AccessRequest, NamedPolicy, PolicySet, evaluate

from .builders import ACCOUNT, REGION, SESSION, identity, statement

HERE = f"{REGION}:{ACCOUNT}"
LOGS = f"arn:aws:logs:{HERE}:log-group:"
STREAM = f"arn:aws:firehose:{HERE}:deliverystream/s"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
REPOSITORY = f"arn:aws:ecr:{HERE}:repository/firelens"
ELB = f"arn:aws:elasticloadbalancing:{HERE}:"
ECS = f"arn:aws:ecs:{HERE}:"


def needs(service: str, operation: str, /, **params: Any) -> list[tuple[str, str]]:
    """Actions and resources of a call."""
    return [(each.action, each.resource_arn) for each in required(service, operation, params, REGION, ACCOUNT)]


@pytest.mark.parametrize(
    ("operation", "params", "resource"),
    [
        ("CreateLogGroup", {"logGroupName": "/ecs/x"}, f"{LOGS}/ecs/x:log-stream:"),
        ("PutRetentionPolicy", {"logGroupName": "/ecs/x"}, f"{LOGS}/ecs/x:log-stream:"),
        ("DescribeLogStreams", {"logGroupName": "/ecs/x"}, f"{LOGS}/ecs/x:log-stream:"),
        ("FilterLogEvents", {"logGroupIdentifier": f"{LOGS}/ecs/x:*"}, f"{LOGS}/ecs/x:log-stream:"),
        ("CreateLogStream", {"logGroupName": "/ecs/x", "logStreamName": "a/b"}, f"{LOGS}/ecs/x:log-stream:a/b"),
        ("PutLogEvents", {"logGroupName": "/ecs/x", "logStreamName": "a"}, f"{LOGS}/ecs/x:log-stream:a"),
        ("DescribeLogGroups", {"logGroupNamePrefix": "/ecs"}, f"{LOGS}:log-stream:"),
        ("ListLogGroups", {"logGroupNamePattern": "ecs"}, f"{LOGS}:log-stream:"),
        ("ListTagsForResource", {"resourceArn": f"{LOGS}/ecs/x:*"}, f"{LOGS}/ecs/x"),
        ("StartQuery", {"logGroupName": "/ecs/x"}, f"{LOGS}/ecs/x:log-stream:"),
        ("GetQueryResults", {"queryId": "q"}, "*"),
        ("DescribeResourcePolicies", {}, "*"),
    ],
)
def test_logs_asks_for_groups_and_streams_as_aws_writes_them(
    operation: str, params: dict[str, Any], resource: str
) -> None:
    """A group is asked for with `:log-stream:` and nothing behind it, as AWS's denials show."""
    assert needs("logs", operation, **params) == [(f"logs:{operation}", resource)]


def test_a_query_over_groups_and_a_tagged_group_need_more() -> None:
    """A query needs its permission on every group; tags at creation need logs:TagResource."""
    assert needs("logs", "StartQuery", logGroupNames=["/a", "/b"]) == [
        ("logs:StartQuery", f"{LOGS}/a:log-stream:"),
        ("logs:StartQuery", f"{LOGS}/b:log-stream:"),
    ]
    tagged = needs("logs", "CreateLogGroup", logGroupName="/a", tags={"k": "v"})
    assert tagged[1] == ("logs:TagResource", f"{LOGS}/a")


BUCKET, OBJECT = "arn:aws:s3:::b", "arn:aws:s3:::b/k/x"
OBJECT_CALL = {"Bucket": "b", "Key": "k/x"}


@pytest.mark.parametrize(
    ("operation", "params", "action", "resource"),
    [
        ("PutObject", OBJECT_CALL, "PutObject", OBJECT),
        ("GetObject", OBJECT_CALL, "GetObject", OBJECT),
        ("GetObject", {**OBJECT_CALL, "VersionId": "1"}, "GetObjectVersion", OBJECT),
        ("HeadObject", OBJECT_CALL, "GetObject", OBJECT),
        ("CreateMultipartUpload", OBJECT_CALL, "PutObject", OBJECT),
        ("UploadPart", OBJECT_CALL, "PutObject", OBJECT),
        ("CompleteMultipartUpload", OBJECT_CALL, "PutObject", OBJECT),
        ("AbortMultipartUpload", OBJECT_CALL, "AbortMultipartUpload", OBJECT),
        ("ListParts", OBJECT_CALL, "ListMultipartUploadParts", OBJECT),
        ("ListMultipartUploads", {"Bucket": "b"}, "ListBucketMultipartUploads", BUCKET),
        ("ListObjectsV2", {"Bucket": "b"}, "ListBucket", BUCKET),
        ("HeadBucket", {"Bucket": "b"}, "ListBucket", BUCKET),
        ("GetBucketLocation", {"Bucket": "b"}, "GetBucketLocation", BUCKET),
        ("ListBuckets", {}, "ListAllMyBuckets", "arn:aws:s3:::*"),
        ("PutBucketLifecycleConfiguration", {"Bucket": "b"}, "PutLifecycleConfiguration", BUCKET),
        ("DeletePublicAccessBlock", {"Bucket": "b"}, "PutBucketPublicAccessBlock", BUCKET),
        ("DeleteObject", {**OBJECT_CALL, "VersionId": "1"}, "DeleteObjectVersion", OBJECT),
    ],
)
def test_s3_names_its_actions_otherwise(operation: str, params: dict[str, Any], action: str, resource: str) -> None:
    """S3's actions differ from its operations: to look at an object's head is to get it."""
    assert needs("s3", operation, **params) == [(f"s3:{action}", resource)]


def test_s3_calls_that_do_two_things_need_two_permissions() -> None:
    """A copy reads its source, an ACL and tags have permissions of their own, each deleted key counts."""
    assert needs("s3", "CopyObject", Bucket="b", Key="k/x", CopySource="/c/y%20z?versionId=1") == [
        ("s3:PutObject", OBJECT),
        ("s3:GetObjectVersion", "arn:aws:s3:::c/y z"),
    ]
    assert needs("s3", "CopyObject", Bucket="b", Key="k/x", CopySource={"Bucket": "c", "Key": "y"})[1] == (
        "s3:GetObject",
        "arn:aws:s3:::c/y",
    )
    assert needs("s3", "PutObject", **OBJECT_CALL, ACL="private", Tagging="a=b") == [
        ("s3:PutObject", OBJECT),
        ("s3:PutObjectAcl", OBJECT),
        ("s3:PutObjectTagging", OBJECT),
    ]
    locked = {"ObjectLockMode": "GOVERNANCE", "ObjectLockLegalHoldStatus": "ON"}
    assert needs("s3", "PutObject", **OBJECT_CALL, **locked) == [
        ("s3:PutObject", OBJECT),
        ("s3:PutObjectRetention", OBJECT),
        ("s3:PutObjectLegalHold", OBJECT),
    ]
    for said, more in (("true", [("s3:BypassGovernanceRetention", OBJECT)]), (False, [])):
        bypass = {"BypassGovernanceRetention": said}
        assert needs("s3", "PutObjectRetention", **OBJECT_CALL, **bypass) == [("s3:PutObjectRetention", OBJECT), *more]
    assert needs("s3", "DeleteObjects", Bucket="b", Delete={"Objects": [{"Key": "1"}, {"Key": "2"}]}) == [
        ("s3:DeleteObject", f"{BUCKET}/1"),
        ("s3:DeleteObject", f"{BUCKET}/2"),
    ]


def test_an_s3_call_that_is_not_known_in_full_needs_more_not_less() -> None:
    """Where source or keys are not told, the permission is asked on all that they could be."""
    assert needs("s3", "CopyObject", Bucket="b", Key="k/x")[1] == ("s3:GetObject", "*")
    assert needs("s3", "DeleteObjects", Bucket="b") == [("s3:DeleteObject", f"{BUCKET}/*")]


def test_s3s_own_query_names_are_understood() -> None:
    """A gateway may hand over what the query string says."""
    assert needs("s3", "GetObject", Bucket="b", Key="k/x", versionId="1") == [("s3:GetObjectVersion", OBJECT)]
    (access,) = required("s3", "ListObjectsV2", {"Bucket": "b", "prefix": "a/", "max-keys": "2"}, REGION, ACCOUNT)
    assert (access.context["s3:prefix"], access.context["s3:max-keys"]) == ("a/", "2")


def test_a_listing_tells_its_prefix_to_conditions() -> None:
    """s3:prefix and its like are in the context, so that policies can allow a listing in part."""
    (access,) = required("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "2024/", "MaxKeys": 5}, REGION, ACCOUNT)
    assert access == Access(
        "s3:ListBucket", BUCKET, {"aws:RequestedRegion": REGION, "s3:prefix": "2024/", "s3:max-keys": "5"}
    )


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        ("firehose", "PutRecordBatch", {"DeliveryStreamName": "s"}, [("firehose:PutRecordBatch", STREAM)]),
        ("firehose", "ListDeliveryStreams", {}, [("firehose:ListDeliveryStreams", "*")]),
        (
            "firehose",
            "CreateDeliveryStream",
            {
                "DeliveryStreamName": "s",
                "ExtendedS3DestinationConfiguration": {"RoleARN": ROLE, "S3BackupConfiguration": {"RoleARN": ROLE}},
            },
            [("firehose:CreateDeliveryStream", STREAM), ("iam:PassRole", ROLE)],
        ),
        ("kinesis", "PutRecords", {"StreamName": "k"}, [("kinesis:PutRecords", f"arn:aws:kinesis:{HERE}:stream/k")]),
        ("kinesis", "PutRecords", {"StreamARN": "arn:aws:x"}, [("kinesis:PutRecords", "arn:aws:x")]),
        ("ecr", "GetAuthorizationToken", {}, [("ecr:GetAuthorizationToken", "*")]),
        ("ecr", "BatchGetImage", {"repositoryName": "firelens"}, [("ecr:BatchGetImage", REPOSITORY)]),
        ("ecr", "PutImage", {"repositoryName": "firelens", "registryId": ACCOUNT}, [("ecr:PutImage", REPOSITORY)]),
        ("ecr", "DescribeRepositories", {"repositoryNames": ["firelens"]}, [("ecr:DescribeRepositories", REPOSITORY)]),
        ("sts", "GetCallerIdentity", {}, []),
        ("sts", "AssumeRole", {"RoleArn": ROLE}, [("sts:AssumeRole", ROLE)]),
        ("ssm", "GetParameters", {"Names": ["/a/b"]}, [("ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/a/b")]),
        ("ssm", "GetParameter", {"Name": "a"}, [("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/a")]),
        ("iam", "GetRole", {"RoleName": "r"}, [("iam:GetRole", ROLE)]),
        ("iam", "ListRoles", {}, [("iam:ListRoles", f"arn:aws:iam::{ACCOUNT}:role/")]),
        ("iam", "AttachRolePolicy", {"RoleName": "r", "PolicyArn": "p"}, [("iam:AttachRolePolicy", ROLE)]),
        (
            "iam",
            "GetPolicy",
            {"PolicyArn": "arn:aws:iam::aws:policy/P"},
            [("iam:GetPolicy", "arn:aws:iam::aws:policy/P")],
        ),
        (
            "ecs",
            "RegisterTaskDefinition",
            {"taskRoleArn": "r", "executionRoleArn": ROLE + "x"},
            [("ecs:RegisterTaskDefinition", "*"), ("iam:PassRole", ROLE), ("iam:PassRole", ROLE + "x")],
        ),
        ("ecs", "UpdateService", {"cluster": "c", "service": "w"}, [("ecs:UpdateService", f"{ECS}service/c/w")]),
        ("ecs", "StopTask", {"cluster": f"{ECS}cluster/c", "task": "t"}, [("ecs:StopTask", f"{ECS}task/c/t")]),
        ("ecs", "RunTask", {"taskDefinition": "f:1"}, [("ecs:RunTask", f"{ECS}task-definition/f:1")]),
        ("ecs", "DescribeClusters", {}, [("ecs:DescribeClusters", f"{ECS}cluster/default")]),
        ("ecs", "ListTasks", {"cluster": "c"}, [("ecs:ListTasks", "*")]),
        (
            "elbv2",
            "DescribeTargetHealth",
            {"TargetGroupArn": "t"},
            [("elasticloadbalancing:DescribeTargetHealth", "*")],
        ),
        (
            "elbv2",
            "CreateLoadBalancer",
            {"Name": "web"},
            [("elasticloadbalancing:CreateLoadBalancer", f"{ELB}loadbalancer/app/web/*")],
        ),
        (
            "elasticloadbalancing",
            "RegisterTargets",
            {"TargetGroupArn": f"{ELB}targetgroup/t/1"},
            [("elasticloadbalancing:RegisterTargets", f"{ELB}targetgroup/t/1")],
        ),
        ("ec2", "DescribeVpcs", {"VpcIds": ["vpc-1"]}, [("ec2:DescribeVpcs", "*")]),
        ("ec2", "DeleteVpc", {"VpcId": "vpc-1"}, [("ec2:DeleteVpc", f"arn:aws:ec2:{HERE}:vpc/vpc-1")]),
        (
            "cloudwatch",
            "PutMetricAlarm",
            {"AlarmName": "late"},
            [("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:{HERE}:alarm:late")],
        ),
        (
            "cloudwatch",
            "DeleteAlarms",
            {"AlarmNames": ["a", "b"]},
            [("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:{name}") for name in "ab"],
        ),
        (
            "cloudwatch",
            "DescribeAlarms",
            {},
            [("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:*")],
        ),
        (
            "cloudwatch",
            "GetDashboard",
            {"DashboardName": "d"},
            [("cloudwatch:GetDashboard", "arn:aws:cloudwatch::123456789012:dashboard/d")],
        ),
        ("cloudwatch", "GetMetricData", {}, [("cloudwatch:GetMetricData", "*")]),
        (
            "athena",
            "StartQueryExecution",
            {},
            [("athena:StartQueryExecution", f"arn:aws:athena:{HERE}:workgroup/primary")],
        ),
        (
            "glue",
            "CreateTable",
            {"DatabaseName": "d", "TableInput": {"Name": "t"}},
            [("glue:CreateTable", f"arn:aws:glue:{HERE}:{name}") for name in ("catalog", "database/d", "table/d/t")],
        ),
        ("cloudwatch", "PutMetricData", {}, [("cloudwatch:PutMetricData", "*")]),
        ("madeup", "DoThis", {"Name": "x"}, [("madeup:DoThis", "*")]),
    ],
)
def test_each_service_asks_for_its_real_resources(
    service: str, operation: str, params: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Policies are written with real ARNs, so calls ask for them; an unknown call asks for its own name on `*`."""
    assert needs(service, operation, **params) == expected


def test_a_passed_role_says_to_whom() -> None:
    """iam:PassedToService lets a policy allow a role for ECS tasks only."""
    *_, access = required("ecs", "RegisterTaskDefinition", {"taskRoleArn": ROLE}, REGION, ACCOUNT)
    assert access.context["iam:PassedToService"] == "ecs-tasks.amazonaws.com"


def test_a_secret_by_name_fits_policies_on_its_name() -> None:
    """The six characters behind a secret's name fit both usual ways to write them."""
    ((_, arn),) = needs("secretsmanager", "GetSecretValue", SecretId="db")
    for ending in ("-*", "-??????"):
        own = identity(statement("Allow", "secretsmanager:*", f"arn:aws:secretsmanager:{HERE}:secret:db{ending}"))
        assert allows(own, "secretsmanager", "GetSecretValue", SecretId="db"), (ending, arn)
    assert needs("secretsmanager", "GetSecretValue", SecretId="arn:aws:x")[0][1] == "arn:aws:x"


def allows(policy: NamedPolicy, service: str, operation: str, /, **params: Any) -> bool:
    """Whether a role with this one policy may make the call."""
    return all(
        evaluate(
            AccessRequest(SESSION, ACCOUNT, access.action, access.resource_arn, access.context), PolicySet((policy,))
        ).allowed
        for access in required(service, operation, params, REGION, ACCOUNT)
    )


@pytest.mark.parametrize(
    ("written", "operation", "allowed"),
    [
        (f"{LOGS}/ecs/firelens:log-stream:*", "PutLogEvents", True),
        (f"{LOGS}/ecs/firelens:*", "PutLogEvents", True),
        (f"{LOGS}/ecs/firelens:*", "CreateLogGroup", True),
        (f"{LOGS}/ecs/firelens", "CreateLogGroup", False),
        (f"{LOGS}/ecs/firelens", "PutLogEvents", False),
        (f"{LOGS}/ecs/other:*", "PutLogEvents", False),
        ("arn:aws:logs:*:*:*", "PutLogEvents", True),
    ],
)
def test_log_policies_need_the_star_behind_the_group(written: str, operation: str, allowed: bool) -> None:
    """The ARN of a group alone grants neither writing to its streams nor making it: the usual mistake."""
    params = {"logGroupName": "/ecs/firelens", "logStreamName": "kinesis_error"}
    assert allows(identity(statement("Allow", "logs:*", written)), "logs", operation, **params) is allowed


def test_the_execution_role_pulls_and_logs_but_makes_no_group() -> None:
    """AmazonECSTaskExecutionRolePolicy lacks logs:CreateLogGroup, so awslogs-create-group fails with it (FAQ E3)."""
    document = managed.document("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
    assert document is not None
    policy = NamedPolicy.of("AmazonECSTaskExecutionRolePolicy", document)
    assert allows(policy, "ecr", "GetAuthorizationToken")
    assert allows(policy, "ecr", "BatchGetImage", repositoryName="firelens")
    assert allows(policy, "ecr", "GetDownloadUrlForLayer", repositoryName="firelens")
    assert allows(policy, "logs", "PutLogEvents", logGroupName="/ecs/firelens", logStreamName="x")
    assert not allows(policy, "logs", "CreateLogGroup", logGroupName="/ecs/firelens")
    assert not allows(policy, "firehose", "PutRecordBatch", DeliveryStreamName="s")


def test_the_task_role_of_the_article_writes_to_its_own_stream_only() -> None:
    """firehose:PutRecordBatch on one ARN: neither another stream nor PutRecord is allowed."""
    policy = identity(statement("Allow", "firehose:PutRecordBatch", STREAM))
    assert allows(policy, "firehose", "PutRecordBatch", DeliveryStreamName="s")
    assert not allows(policy, "firehose", "PutRecordBatch", DeliveryStreamName="t")
    assert not allows(policy, "firehose", "PutRecord", DeliveryStreamName="s")

"""The actions that the lab asks for are AWS's: policy-sentry has the Service Authorization Reference."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest
from policy_sentry.querying.actions import get_actions_for_service

from lab_helpers.iam.actions import required

SERVICES = (
    "application-autoscaling", "athena", "cloudtrail", "cloudwatch", "ec2", "ecr", "ecs", "elbv2", "events", "firehose",
    "glue", "iam", "kinesis", "lambda", "logs", "s3", "secretsmanager", "sns", "sqs", "ssm", "sts",
)  # fmt: skip


@cache
def known(prefix: str) -> frozenset[str]:
    """The actions of a prefix, in lower case: IAM does not look at case."""
    return frozenset(action.lower() for action in get_actions_for_service(prefix))


def asked(service: str) -> Iterator[tuple[str, str]]:
    """Each operation with each action that it needs."""
    for operation in botocore.session.get_session().get_service_model(service).operation_names:
        for access in required(service, operation, {}, "ap-northeast-1", "123456789012"):
            yield operation, access.action


@pytest.mark.parametrize("service", SERVICES)
def test_an_action_that_is_named_otherwise_is_there(service: str) -> None:
    """A table that renames or adds an action names one of AWS's."""
    renamed = {action for operation, action in asked(service) if action.partition(":")[2] != operation}
    assert {action for action in renamed if action.lower() not in known(action.partition(":")[0])} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_an_action_of_nearly_the_operations_name_is_not_overlooked(service: str) -> None:
    """Newer than the reference an operation may be; but S3's actions leave out `Bucket`, SQS's and SNS's `Batch`."""
    overlooked = {}
    for operation, action in asked(service):
        prefix = action.partition(":")[0]
        nearly = f"{prefix}:{operation.replace('Bucket', '').removesuffix('Batch')}"
        if action.lower() not in known(prefix) and nearly.lower() in known(prefix):
            overlooked[operation] = nearly
    assert overlooked == {}


@pytest.mark.parametrize("service", ["application-autoscaling", "elbv2", "events", "firehose", "sts"])
def test_every_operation_has_an_action(service: str) -> None:
    """Of services that rarely get operations: none is asked for what AWS does not know."""
    missing = {action for _, action in asked(service) if action.lower() not in known(action.partition(":")[0])}
    assert missing == set()
